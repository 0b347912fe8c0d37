// Buffers and calls of one benchmark case.
#include "scan_case.h"

#include <algorithm>
#include <bit>
#include <tuple>

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

// The last one stays: neighbouring cases want the same, and making it takes longer than measuring with it.
const std::vector<unsigned char>& driving_input(int64_t elements, const Range& range, spikescan_dtype dtype) {
  static std::tuple<int64_t, float, float, spikescan_dtype> known = {-1, 0.0f, 0.0f, dtype};
  static std::vector<unsigned char> x;
  const auto wanted = std::make_tuple(elements, range.low, range.high, dtype);
  if (known != wanted) {
    x = encode(values_in(3, elements, range.low, range.high), dtype);
    known = wanted;
  }
  return x;
}

}  // namespace

std::string ScanCase::name() const {
  std::string text = series;
  if (!series.empty()) text += "/";
  text += std::string("scan/") + kPasses[static_cast<int>(pass)] + "/";
  text += std::string(kRecurrences[recurrence]) + "/" + kRules[rule] + "/" + kDtypes[dtype] + "/";
  text += pass == Pass::kBackward ? "-" : kDtypes[spikes];
  text += '/';
  text += std::to_string(shape.batch) + "x" + std::to_string(shape.time) + "x" + std::to_string(shape.channels);
  return text + "/" + kBackends[backend];
}

double ScanCase::bytes() const {
  const double x = static_cast<double>(tensor_bytes(dtype, shape));
  const double forward = has_forward() ? x + static_cast<double>(tensor_bytes(spikes, shape)) : 0.0;
  return forward + (has_backward() ? 3.0 * x : 0.0);
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
  if (case_.has_backward()) grad_beta_ = Memory(backend, decay_bytes);
  if (case_.recurrence == SPIKESCAN_CUBA_LIF) {
    alpha_ = Memory(backend, decay_bytes);
    alpha_.upload(values_in(2, shape.channels, 0.5f, 0.95f).data(), stream());
    if (case_.has_backward()) grad_alpha_ = Memory(backend, decay_bytes);
  }
  if (case_.has_forward()) forward_workspace_ = Memory(backend, sizes_.forward_workspace);
  if (case_.has_backward()) backward_workspace_ = Memory(backend, sizes_.backward_workspace);
  // Backward alone needs a forward call a set beforehand.
  const Memory setup_workspace(backend, case_.has_forward() ? 0 : sizes_.forward_workspace);

  const Range range = driving_range(case_.recurrence);
  const std::vector<unsigned char>& x = driving_input(shape.elements(), range, case_.dtype);
  // The sets together pass twice through the largest cache; one set that does so by itself is enough.
  const size_t wanted = 2 * beyond_cache_bytes(backend) / static_cast<size_t>(std::max(case_.bytes(), 1.0)) + 1;
  for (size_t i = 0; i < std::min(wanted, kMostSets); ++i) {
    sets_.push_back(make_set(x));
    if (!case_.has_forward()) forward(sets_.back(), setup_workspace);
  }
  stream_.synchronize();
  pass();  // the first pass pays for code loading and threads
  stream_.synchronize();
}

// Every byte is written, so that no page is touched for the first time while the clock runs.
ScanBuffers::Set ScanBuffers::make_set(const std::vector<unsigned char>& x) const {
  const spikescan_backend backend = case_.backend;
  Set set;
  set.x = Memory(backend, x.size());
  set.x.upload(x.data(), stream());
  if (case_.has_forward()) {
    set.spikes = Memory(backend, tensor_bytes(case_.spikes, case_.shape));
    set.spikes.fill(0, stream());
  }
  if (case_.has_backward()) {
    set.saved = Memory(backend, sizes_.saved);
    set.saved.fill(0, stream());
    set.grad_spikes = Memory(backend, x.size());
    set.grad_spikes.upload(x.data(), stream());  // any gradient will do: no pass branches on its value
    set.grad_x = Memory(backend, x.size());
    set.grad_x.fill(0, stream());
  }
  return set;
}

const ScanBuffers::Set& ScanBuffers::next_set() {
  const Set& set = sets_[next_];
  next_ = (next_ + 1) % sets_.size();
  return set;
}

void ScanBuffers::pass() {
  const Set& set = next_set();
  if (case_.has_forward()) forward(set, forward_workspace_);
  if (case_.has_backward()) backward(set);
}

size_t ScanBuffers::bytes_needed() const {
  const Set& set = sets_.front();
  size_t bytes = 0;
  for (const Memory* memory : {&beta_, &alpha_, &grad_beta_, &grad_alpha_, &forward_workspace_, &backward_workspace_,
                               &set.x, &set.spikes, &set.saved, &set.grad_spikes, &set.grad_x}) {
    bytes += memory->bytes();
  }
  return bytes;
}

spikescan_forward_args ScanBuffers::forward_of(const Set& set, const Memory& workspace) const {
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
  return args;
}

spikescan_backward_args ScanBuffers::backward_of(const Set& set) const {
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
  args.workspace = backward_workspace_.data();
  args.workspace_bytes = backward_workspace_.bytes();
  return args;
}

void ScanBuffers::forward(const Set& set, const Memory& workspace) const {
  const spikescan_forward_args args = forward_of(set, workspace);
  check(spikescan_forward(&description_, &args, stream()), "spikescan_forward");
}

void ScanBuffers::backward(const Set& set) const {
  const spikescan_backward_args args = backward_of(set);
  check(spikescan_backward(&description_, &args, stream()), "spikescan_backward");
}

double ScanBuffers::firing_rate() {
  if (case_.rule == SPIKESCAN_NONE || !case_.has_forward() || case_.shape.elements() == 0) return -1.0;
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
