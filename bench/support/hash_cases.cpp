// The list of hashed configurations, and one run of each.
#include "hash_cases.h"

#include <algorithm>
#include <memory>

#include "c_api.h"
#include "inputs.h"

namespace spikescan::bench {
namespace {

// T around the lengths that the contract names: 8 and 16 (half and segment), 1024 (chunk), 262144 (split); odd B and C.
constexpr Shape kShapes[] = {{2, 1, 5},    {3, 7, 1},      {1, 16, 33},   {2, 17, 8},   {5, 33, 3},
                             {7, 100, 9},  {1, 1000, 17},  {3, 1024, 7},  {2, 1025, 5}, {1, 2049, 31},
                             {3, 4099, 3}, {1, 262145, 1}, {1, 263001, 2}};

class Choices {
 public:
  explicit Choices(int number) : state_(mix(static_cast<uint64_t>(number))) {}
  int below(int count) {
    state_ = mix(state_);
    return static_cast<int>((state_ >> 32) % static_cast<uint64_t>(count));
  }
  bool one_in(int count) { return below(count) == 0; }

 private:
  uint64_t state_;
};

HashCase make_case(int number, const Shape& shape, int recurrence, int rule) {
  Choices choices(number);
  HashCase out = {};
  out.number = number;
  out.shape = shape;
  spikescan_description& d = out.description;
  d = SPIKESCAN_DESCRIPTION_INIT;
  d.recurrence = static_cast<spikescan_recurrence>(recurrence);
  d.rule = static_cast<spikescan_rule>(rule);
  d.surrogate = static_cast<spikescan_surrogate>(choices.below(5));
  d.gradient = static_cast<spikescan_gradient>(choices.below(2));
  d.shared_decay = choices.one_in(3);
  d.threshold = choices.one_in(3) ? 0.5f : 1.0f;
  d.k = choices.one_in(2) ? 10.0f : 2.0f;
  d.batch = shape.batch;
  d.time = shape.time;
  d.channels = shape.channels;
  if (choices.one_in(3)) {
    d.batch_origin = 5;
    d.time_origin = 3200;  // a multiple of 32, as packed spikes need
    d.channel_origin = 1000003;
  }
  d.dtype = static_cast<spikescan_dtype>(choices.below(3));
  out.spikes = static_cast<spikescan_dtype>(choices.below(rule == SPIKESCAN_NONE ? 3 : 5));
  out.membrane = static_cast<spikescan_dtype>(choices.below(3));
  out.time_first = choices.one_in(3);
  out.initial_state = choices.one_in(2);
  out.own_uniforms = choices.one_in(5);
  out.device_key = choices.one_in(3);
  out.grad_membrane = choices.one_in(2);
  out.grad_final_state = choices.one_in(2);
  const bool clipped = choices.one_in(4);  // some raw decays outside [0, 1]
  out.lowest_decay = clipped ? -0.125f : 0.5f;
  out.highest_decay = clipped ? 1.125f : 0.9375f;

  char digits[8];
  std::snprintf(digits, sizeof(digits), "%03d", number);
  out.name = std::string(digits) + "/" + kRecurrences[recurrence] + "/" + kRules[rule] + "/" + kDtypes[d.dtype] + "/" +
             kDtypes[out.spikes] + "/" + std::to_string(shape.batch) + "x" + std::to_string(shape.time) + "x" +
             std::to_string(shape.channels);
  return out;
}

uint64_t fnv1a(const std::vector<unsigned char>& bytes) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const unsigned char byte : bytes) hash = (hash ^ byte) * 0x100000001b3u;
  return hash;
}

// All buffers of one run, in the order they are asked for.
class Run {
 public:
  Run(const HashCase& hash_case, spikescan_backend backend, int poison)
      : case_(hash_case), backend_(backend), poison_(poison), stream_(backend) {
    description_ = case_.description;
    description_.backend = backend;
    sizes_.struct_size = sizeof(sizes_);
    check(spikescan_query_sizes(&description_, &sizes_), case_.name.c_str());
  }

  std::vector<OutputHash> hashes(bool busy);

 private:
  void* input(const std::vector<float>& values, spikescan_dtype dtype) {
    const auto bytes = encode(values, dtype);
    memories_.emplace_back(backend_, bytes.size());
    memories_.back().upload(bytes.data(), stream_.get());
    return memories_.back().data();
  }
  void* scratch(size_t bytes) {
    memories_.emplace_back(backend_, bytes);
    memories_.back().fill(poison_, stream_.get());
    return memories_.back().data();
  }
  void* output(const char* name, size_t bytes) {
    void* data = scratch(bytes);
    outputs_.push_back({name, memories_.size() - 1});
    return data;
  }
  std::vector<float> random(uint64_t salt, int64_t count, float low, float high) const {
    return values_in(salt + 16 * static_cast<uint64_t>(case_.number), count, low, high);
  }
  spikescan_tensor tensor(void* data, spikescan_dtype dtype) const {
    if (!case_.time_first) return contiguous(data, dtype, case_.shape);
    return {data, dtype, case_.shape.channels, case_.shape.batch * case_.shape.channels};
  }
  spikescan_state state(void* data) const { return {static_cast<float*>(data), case_.shape.channels}; }
  int64_t states() const { return case_.shape.batch * case_.shape.channels; }
  size_t state_bytes() const { return static_cast<size_t>(states()) * sizeof(float); }
  int64_t decays() const { return description_.shared_decay ? 1 : case_.shape.channels; }

  void set_inputs();
  void forward();
  void backward();

  const HashCase& case_;
  spikescan_backend backend_;
  int poison_;
  Stream stream_;
  spikescan_description description_;
  spikescan_sizes sizes_ = {};
  spikescan_forward_args forward_ = {};
  std::vector<Memory> memories_;
  std::vector<std::pair<const char*, size_t>> outputs_;
};

void Run::set_inputs() {
  const Range range = driving_range(description_.recurrence);
  const bool cuba = description_.recurrence == SPIKESCAN_CUBA_LIF;
  forward_.struct_size = sizeof(forward_);
  forward_.x =
      tensor(input(random(1, case_.shape.elements(), range.low, range.high), description_.dtype), description_.dtype);
  const auto decay = [&](uint64_t salt) {
    return static_cast<float*>(
        input(random(salt, decays(), case_.lowest_decay, case_.highest_decay), SPIKESCAN_FLOAT32));
  };
  forward_.beta = decay(2);
  if (cuba) forward_.alpha = decay(3);
  if (case_.initial_state) {
    for (int i = 0; i < state_count(description_.recurrence); ++i) {
      forward_.initial_state[i] = state(input(random(4 + i, states(), -1.0f, 1.0f), SPIKESCAN_FLOAT32));
    }
  }
  forward_.seed = 0x0123456789abcdefu + static_cast<uint64_t>(case_.number);
  forward_.stream = static_cast<uint32_t>(case_.number);
  if (case_.device_key) {
    const spikescan_device_key key = {forward_.seed ^ 0xffu,     forward_.stream + 1,      0,
                                      description_.batch_origin, description_.time_origin, description_.channel_origin};
    memories_.emplace_back(backend_, sizeof(key));
    memories_.back().upload(&key, stream_.get());
    forward_.device_key = static_cast<const spikescan_device_key*>(memories_.back().data());
  }
  if (case_.own_uniforms) {
    // [0, 1): 0 + 1 * unit_value is exact.
    forward_.uniforms =
        tensor(input(random(6, case_.shape.elements(), 0.0f, 1.0f), SPIKESCAN_FLOAT32), SPIKESCAN_FLOAT32);
  }
}

void Run::forward() {
  spikescan_forward_args& args = forward_;
  args.spikes = tensor(output("spikes", tensor_bytes(case_.spikes, case_.shape)), case_.spikes);
  args.membrane = tensor(output("membrane", tensor_bytes(case_.membrane, case_.shape)), case_.membrane);
  args.final_state[0] = state(output("final_v", state_bytes()));
  if (state_count(description_.recurrence) == 2) args.final_state[1] = state(output("final_2", state_bytes()));
  args.saved = scratch(sizes_.saved);
  args.saved_bytes = sizes_.saved;
  args.workspace = scratch(sizes_.forward_workspace);
  args.workspace_bytes = sizes_.forward_workspace;
  check(spikescan_forward(&description_, &args, stream_.get()), case_.name.c_str());
}

void Run::backward() {
  spikescan_backward_args args = {};
  args.struct_size = sizeof(args);
  args.x = forward_.x;
  args.beta = forward_.beta;
  args.alpha = forward_.alpha;
  std::copy_n(forward_.initial_state, 2, args.initial_state);
  args.saved = forward_.saved;
  args.saved_bytes = forward_.saved_bytes;
  const auto gradient = [&](uint64_t salt, spikescan_dtype dtype) {
    return tensor(input(random(salt, case_.shape.elements(), -1.0f, 1.0f), dtype), dtype);
  };
  args.grad_spikes = gradient(7, description_.dtype);
  if (case_.grad_membrane) args.grad_membrane = gradient(8, SPIKESCAN_FLOAT32);
  const int state_total = state_count(description_.recurrence);
  if (case_.grad_final_state) {
    for (int i = 0; i < state_total; ++i) {
      args.grad_final_state[i] = state(input(random(9 + i, states(), -1.0f, 1.0f), SPIKESCAN_FLOAT32));
    }
  }
  const auto decay_bytes = static_cast<size_t>(decays()) * sizeof(float);
  args.grad_x = tensor(output("grad_x", tensor_bytes(description_.dtype, case_.shape)), description_.dtype);
  args.grad_beta = static_cast<float*>(output("grad_beta", decay_bytes));
  if (args.alpha != nullptr) args.grad_alpha = static_cast<float*>(output("grad_alpha", decay_bytes));
  args.grad_initial_state[0] = state(output("grad_v0", state_bytes()));
  if (state_total == 2) args.grad_initial_state[1] = state(output("grad_s0", state_bytes()));
  args.workspace = scratch(sizes_.backward_workspace);
  args.workspace_bytes = sizes_.backward_workspace;
  check(spikescan_backward(&description_, &args, stream_.get()), case_.name.c_str());
}

std::vector<OutputHash> Run::hashes(bool busy) {
  set_inputs();
  stream_.synchronize();
  constexpr size_t kBusyBytes = size_t{64} << 20;
  std::unique_ptr<Stream> other;
  Memory busy_memory;
  if (busy) {
    other = std::make_unique<Stream>(backend_);
    busy_memory = Memory(backend_, kBusyBytes);
    for (int i = 0; i < 8; ++i) busy_memory.fill(i, other->get());
  }
  forward();
  backward();
  std::vector<OutputHash> hashes;
  for (const auto& [name, index] : outputs_) {
    hashes.push_back({name, fnv1a(memories_[index].download(stream_.get()))});
  }
  if (busy) other->synchronize();
  return hashes;
}

}  // namespace

std::vector<HashCase> hash_cases() {
  std::vector<HashCase> cases;
  for (const Shape& shape : kShapes) {
    for (int recurrence = SPIKESCAN_LIF; recurrence <= SPIKESCAN_PSU_LIF; ++recurrence) {
      for (int rule = SPIKESCAN_SIGMOID_BERNOULLI; rule <= SPIKESCAN_NONE; ++rule) {
        cases.push_back(make_case(static_cast<int>(cases.size()), shape, recurrence, rule));
      }
    }
  }
  return cases;
}

std::vector<OutputHash> run_hash_case(const HashCase& hash_case, spikescan_backend backend, int poison, bool busy) {
  return Run(hash_case, backend, poison).hashes(busy);
}

}  // namespace spikescan::bench
