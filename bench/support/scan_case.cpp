// Buffers and calls of one benchmark case.
#include "scan_case.h"

#include <algorithm>
#include <bit>

#include "copy.h"
#include "driving_input.h"
#include "inputs.h"

namespace spikescan::bench {
namespace {

constexpr size_t kMostSets = 512;
constexpr uint64_t kSeed = 2026;
constexpr size_t kMostRateBytes = size_t{8} << 20;
constexpr int64_t kActiveSteps = 4, kSilentPeriod = 256;

// A spike is 1.0 or 0.0, so any element with a bit set is a spike.
double share_of_elements(const std::vector<unsigned char>& bytes, size_t size) {
  int64_t ones = 0;
  for (size_t i = 0; i < bytes.size(); i += size) {
    ones += std::any_of(&bytes[i], &bytes[i] + size, [](unsigned char byte) { return byte != 0; });
  }
  return static_cast<double>(ones) * static_cast<double>(size) / static_cast<double>(bytes.size());
}

// The last word of a row holds fewer than 32 steps.
double share_of_bits(const std::vector<unsigned char>& bytes, const Shape& shape) {
  const int64_t words_of_row = (shape.time + 31) / 32;
  int64_t ones = 0, steps = 0;
  for (size_t i = 0; i < bytes.size(); i += 4) {
    for (size_t byte = i; byte < i + 4; ++byte) ones += std::popcount(bytes[byte]);
    const int64_t word = static_cast<int64_t>(i / 4) / shape.channels % words_of_row;
    steps += std::min<int64_t>(32, shape.time - 32 * word);
  }
  return static_cast<double>(ones) / static_cast<double>(steps);
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
  const double v = has_membrane() ? static_cast<double>(tensor_bytes(SPIKESCAN_FLOAT32, shape)) : 0.0;
  const double forward = has_forward() ? x + static_cast<double>(tensor_bytes(spikes, shape)) + v : 0.0;
  return forward + (has_backward() ? 3.0 * x : 0.0);
}

ScanBuffers::ScanBuffers(const ScanCase& scan_case) : case_(scan_case), stream_(scan_case.backend) {
  const Shape& shape = case_.shape;
  const spikescan_backend backend = case_.backend;
  description_.backend = backend;
  description_.recurrence = case_.recurrence;
  description_.rule = case_.rule;
  description_.dtype = case_.dtype;
  if (case_.is_steep()) description_.k = 100.0f;
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
  const Memory& x = driving_input(backend, shape.elements(), range, case_.dtype, stream());
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

Memory ScanBuffers::copy_of(const Memory& source) const {
  Memory made(case_.backend, source.bytes());
  made.upload(source.data(), stream());
  return made;
}

void ScanBuffers::silence(const Memory& x) const {
  const Shape& shape = case_.shape;
  const size_t step_bytes = x.bytes() / static_cast<size_t>(shape.batch * shape.time);
  auto* const steps = static_cast<unsigned char*>(x.data());
  for (int64_t b = 0; b < shape.batch; ++b) {
    for (int64_t t = 0; t < shape.time; t += kSilentPeriod) {
      const int64_t first = std::min(t + kActiveSteps, shape.time), end = std::min(t + kSilentPeriod, shape.time);
      check(spikescan_fill(case_.backend, steps + static_cast<size_t>(b * shape.time + first) * step_bytes, 0,
                           static_cast<size_t>(end - first) * step_bytes, stream()),
            "spikescan_fill");
    }
  }
}

// Every byte is written, so that no page is touched for the first time while the clock runs.
ScanBuffers::Set ScanBuffers::make_set(const Memory& x) const {
  const spikescan_backend backend = case_.backend;
  Set set;
  set.x = copy_of(x);
  if (case_.is_silent()) silence(set.x);
  if (case_.has_forward()) {
    set.spikes = Memory(backend, tensor_bytes(case_.spikes, case_.shape));
    set.spikes.fill(0, stream());
  }
  if (case_.has_membrane()) {
    set.membrane = Memory(backend, tensor_bytes(SPIKESCAN_FLOAT32, case_.shape));
    set.membrane.fill(0, stream());
  }
  if (case_.has_backward()) {
    set.saved = Memory(backend, sizes_.saved);
    set.saved.fill(0, stream());
    set.grad_spikes = copy_of(x);  // any gradient will do: no pass branches on its value
    set.grad_x = Memory(backend, x.bytes());
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
                               &set.x, &set.spikes, &set.membrane, &set.saved, &set.grad_spikes, &set.grad_x}) {
    bytes += memory->bytes();
  }
  return bytes;
}

spikescan_tensor ScanBuffers::tensor_of(const Memory& memory, spikescan_dtype dtype) const {
  spikescan_tensor tensor = contiguous(memory.data(), dtype, case_.shape);
  if (case_.is_time_first()) {
    tensor.stride_batch = case_.shape.channels;
    tensor.stride_time = case_.shape.batch * case_.shape.channels;
  }
  return tensor;
}

spikescan_forward_args ScanBuffers::forward_of(const Set& set, const Memory& workspace) const {
  spikescan_forward_args args = {};
  args.struct_size = sizeof(args);
  args.x = tensor_of(set.x, case_.dtype);
  args.beta = beta_.floats();
  args.alpha = alpha_.floats();
  args.seed = kSeed;
  if (set.spikes.data() != nullptr) args.spikes = tensor_of(set.spikes, case_.spikes);
  if (case_.has_membrane()) args.membrane = tensor_of(set.membrane, SPIKESCAN_FLOAT32);
  args.saved = set.saved.data();
  args.saved_bytes = set.saved.bytes();
  args.workspace = workspace.data();
  args.workspace_bytes = workspace.bytes();
  return args;
}

spikescan_backward_args ScanBuffers::backward_of(const Set& set) const {
  spikescan_backward_args args = {};
  args.struct_size = sizeof(args);
  args.x = tensor_of(set.x, case_.dtype);
  args.beta = beta_.floats();
  args.alpha = alpha_.floats();
  args.saved = set.saved.data();
  args.saved_bytes = set.saved.bytes();
  args.grad_spikes = tensor_of(set.grad_spikes, case_.dtype);
  args.grad_x = tensor_of(set.grad_x, case_.dtype);
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
  const Memory& spikes = sets_.front().spikes;
  const auto bytes = spikes.download(std::min(spikes.bytes(), kMostRateBytes), stream());
  return case_.spikes == SPIKESCAN_BITS32 ? share_of_bits(bytes, case_.shape)
                                          : share_of_elements(bytes, tensor_bytes(case_.spikes, {1, 1, 1}));
}

}  // namespace spikescan::bench
