// Buffers and calls of one benchmark case.
#include "scan_case.h"

#include <algorithm>
#include <bit>

#include "copy.h"
#include "inputs.h"

namespace spikescan::bench {
namespace {

constexpr size_t kMostSets = 512;
constexpr uint64_t kSeed = 2026;

spikescan_forward_args forward_args() {
  spikescan_forward_args args = {};
  args.struct_size = sizeof(args);
  return args;
}

spikescan_backward_args backward_args() {
  spikescan_backward_args args = {};
  args.struct_size = sizeof(args);
  return args;
}

}  // namespace

std::string ScanCase::name() const {
  std::string text = backward ? "scan/backward/" : "scan/forward/";
  text += std::string(kRecurrences[recurrence]) + "/" + kRules[rule] + "/" + kDtypes[dtype] + "/";
  text += backward ? "-" : kDtypes[spikes];
  text += "/" + std::to_string(shape.batch) + "x" + std::to_string(shape.time) + "x" + std::to_string(shape.channels);
  return text + "/" + kBackends[backend];
}

double ScanCase::bytes() const {
  const double x = static_cast<double>(tensor_bytes(dtype, shape));
  return backward ? 3.0 * x : x + static_cast<double>(tensor_bytes(spikes, shape));
}

ScanBuffers::ScanBuffers(const ScanCase& scan_case) : case_(scan_case), stream_(scan_case.backend) {
  const Shape& shape = case_.shape;
  const spikescan_backend backend = case_.backend;
  description_.backend = backend;
  description_.recurrence = case_.recurrence;
  description_.rule = case_.rule;
  description_.dtype = case_.dtype;
  description_.batch = shape.batch;
  description_.time = shape.time;
  description_.channels = shape.channels;
  sizes_.struct_size = sizeof(sizes_);
  check(spikescan_query_sizes(&description_, &sizes_), "spikescan_query_sizes");

  const auto decay_bytes = static_cast<size_t>(shape.channels) * sizeof(float);
  beta_ = Memory(backend, decay_bytes);
  beta_.upload(values_in(1, shape.channels, 0.5f, 0.95f).data(), stream());
  if (case_.recurrence == SPIKESCAN_CUBA_LIF) {
    alpha_ = Memory(backend, decay_bytes);
    alpha_.upload(values_in(2, shape.channels, 0.5f, 0.95f).data(), stream());
    grad_alpha_ = Memory(backend, decay_bytes);
  }
  grad_beta_ = Memory(backend, decay_bytes);
  workspace_ = Memory(backend, case_.backward ? sizes_.backward_workspace : sizes_.forward_workspace);
  // Backward's set-up runs forward once a set.
  const Memory setup_workspace(backend, case_.backward ? sizes_.forward_workspace : 0);

  const Range range = driving_range(case_.recurrence);
  const auto x = encode(values_in(3, shape.elements(), range.low, range.high), case_.dtype);
  const size_t wanted = 2 * beyond_cache_bytes(backend) / static_cast<size_t>(std::max(case_.bytes(), 1.0)) + 2;
  const size_t set_count = std::min(wanted, kMostSets);
  for (size_t i = 0; i < set_count; ++i) {
    Set set;
    set.x = Memory(backend, x.size());
    set.x.upload(x.data(), stream());
    if (case_.backward) {
      set.saved = Memory(backend, sizes_.saved);
      set.grad_spikes = Memory(backend, x.size());
      set.grad_spikes.upload(x.data(), stream());  // any gradient will do: no pass branches on its value
      set.grad_x = Memory(backend, x.size());
      set.grad_x.fill(0, stream());
      forward(set, setup_workspace);
    } else {
      set.spikes = Memory(backend, tensor_bytes(case_.spikes, shape));
      set.spikes.fill(0, stream());
    }
    sets_.push_back(std::move(set));
  }
  stream_.synchronize();
  pass();  // the first pass pays for code loading and threads
  stream_.synchronize();
}

void ScanBuffers::pass() {
  Set& set = sets_[next_];
  next_ = (next_ + 1) % sets_.size();
  if (case_.backward) {
    backward(set);
  } else {
    forward(set, workspace_);
  }
}

void ScanBuffers::forward(Set& set, const Memory& workspace) {
  spikescan_forward_args args = forward_args();
  args.x = contiguous(set.x.data(), case_.dtype, case_.shape);
  args.beta = beta_.floats();
  args.alpha = alpha_.floats();
  args.seed = kSeed;
  if (set.spikes.data() != nullptr) args.spikes = contiguous(set.spikes.data(), case_.spikes, case_.shape);
  args.saved = set.saved.data();
  args.saved_bytes = set.saved.bytes();
  args.workspace = workspace.data();
  args.workspace_bytes = workspace.bytes();
  check(spikescan_forward(&description_, &args, stream()), "spikescan_forward");
}

void ScanBuffers::backward(Set& set) {
  spikescan_backward_args args = backward_args();
  args.x = contiguous(set.x.data(), case_.dtype, case_.shape);
  args.beta = beta_.floats();
  args.alpha = alpha_.floats();
  args.saved = set.saved.data();
  args.saved_bytes = set.saved.bytes();
  args.grad_spikes = contiguous(set.grad_spikes.data(), case_.dtype, case_.shape);
  args.grad_x = contiguous(set.grad_x.data(), case_.dtype, case_.shape);
  args.grad_beta = grad_beta_.floats();
  args.grad_alpha = grad_alpha_.floats();
  args.workspace = workspace_.data();
  args.workspace_bytes = workspace_.bytes();
  check(spikescan_backward(&description_, &args, stream()), "spikescan_backward");
}

double ScanBuffers::firing_rate() {
  if (case_.rule == SPIKESCAN_NONE || case_.backward || case_.shape.elements() == 0) return -1.0;
  const auto bytes = sets_.front().spikes.download(stream());
  int64_t ones = 0;
  if (case_.spikes == SPIKESCAN_BITS32) {
    for (const unsigned char byte : bytes) ones += std::popcount(byte);
  } else {
    // A spike is 1.0 or 0.0, so any element with a bit set is a spike.
    const size_t size = case_.spikes == SPIKESCAN_FLOAT32 ? 4 : case_.spikes == SPIKESCAN_UINT8 ? 1 : 2;
    for (size_t i = 0; i < bytes.size(); i += size) {
      ones += std::any_of(&bytes[i], &bytes[i] + size, [](unsigned char byte) { return byte != 0; });
    }
  }
  return static_cast<double>(ones) / static_cast<double>(case_.shape.elements());
}

}  // namespace spikescan::bench
