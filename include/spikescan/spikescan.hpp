// The C++20 face of spikescan, header only, over the C functions of spikescan.h; docs/api.md is its guide.
// Shapes: x, spikes, membrane and their gradients [B, T, C]; states [B, 1, C]; decays and their gradients [1, 1, C].
// Every failing call throws Error. The sizes and dtypes that a view carries beyond the C structs are checked here, all
// else by the library; of a call refused either way nothing was enqueued and nothing written. What a pass leaves that
// fails with out_of_memory, cuda_error or internal_error is undefined (spikescan.h).
#ifndef SPIKESCAN_SPIKESCAN_HPP_
#define SPIKESCAN_SPIKESCAN_HPP_

#include <spikescan/spikescan.h>
#include <spikescan/tensor.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace spikescan {

// ---- The neuron -----------------------------------------------------------------------------------------------------

enum class Recurrence {
  lif = SPIKESCAN_LIF,
  spsn = SPIKESCAN_SPSN,
  cuba_lif = SPIKESCAN_CUBA_LIF,
  psu_lif = SPIKESCAN_PSU_LIF
};
enum class Rule {
  sigmoid_bernoulli = SPIKESCAN_SIGMOID_BERNOULLI,
  refractory_sigmoid_bernoulli = SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI,
  heaviside = SPIKESCAN_HEAVISIDE,
  none = SPIKESCAN_NONE
};
enum class Surrogate {
  arctan = SPIKESCAN_ARCTAN,
  superspike = SPIKESCAN_SUPERSPIKE,
  triangular = SPIKESCAN_TRIANGULAR,
  boxcar = SPIKESCAN_BOXCAR,
  tanh = SPIKESCAN_TANH
};
enum class Gradient { probability = SPIKESCAN_PROBABILITY, derivative = SPIKESCAN_DERIVATIVE };

// A recurrence with a firing rule; every pair is allowed. Defaults are those of Spyx's sigmoid_bernoulli.
struct Neuron {
  Recurrence recurrence = Recurrence::lif;
  Rule rule = Rule::sigmoid_bernoulli;
  Surrogate surrogate = Surrogate::arctan;    // read by heaviside's backward only
  Gradient gradient = Gradient::probability;  // read by the Bernoulli rules' backward only
  float threshold = 1.0f;                     // finite
  float k = 10.0f;                            // slope, from 2^-120 to 2^120
  float max_prob = 0.8f;                      // in [0, 1]; read by sigmoid_bernoulli only
  bool shared_decay = false;                  // one beta (and alpha) for all channels
};

// Spyx's classes with their defaults: copy one and change what you like.
inline constexpr Neuron kStochasticAssociativeLif{.k = 100.0f};
inline constexpr Neuron kStochasticAssociativeCubaLif{
    .recurrence = Recurrence::cuba_lif, .rule = Rule::refractory_sigmoid_bernoulli, .k = 100.0f};
inline constexpr Neuron kSpsn{.recurrence = Recurrence::spsn, .k = 10.0f};
inline constexpr Neuron kPsuLif{.recurrence = Recurrence::psu_lif, .rule = Rule::heaviside, .k = 2.0f};
// PSU_LIF of Spyx 1.0 is another neuron: no R, SuperSpike(25).
inline constexpr Neuron kPsuLifSpyx1{.rule = Rule::heaviside, .surrogate = Surrogate::superspike, .k = 25.0f};

// ---- The problem ----------------------------------------------------------------------------------------------------

// Where element (0, 0, 0) of a call lies in the whole. Enters the random numbers only.
struct Origins {
  int64_t batch = 0, time = 0, channels = 0;
};

// The random numbers' key: `stream` tells layers and training steps apart.
struct Key {
  uint64_t seed = 0;
  uint32_t stream = 0;
};

// A key in the device's memory, read when the kernel runs: what a captured CUDA graph needs to draw anew at each
// replay.
class DeviceKey {
 public:
  explicit DeviceKey(Device device) : memory_(device, sizeof(spikescan_device_key)) { set({}); }
  // Ordered on the stream: calls enqueued earlier still see the old key. Waits; not for use while capturing.
  void set(Key key, Origins origins = {}, StreamRef stream = {}) {
    const spikescan_device_key c{key.seed, key.stream, 0, origins.batch, origins.time, origins.channels};
    const auto backend = static_cast<spikescan_backend>(memory_.device());
    check(spikescan_copy(backend, memory_.data(), &c, sizeof c, stream.raw()));
    check(spikescan_stream_synchronize(backend, stream.raw()));
  }
  const spikescan_device_key* get() const noexcept { return static_cast<const spikescan_device_key*>(memory_.data()); }

 private:
  Memory memory_;
};

// Which neuron, on which device, of which shape, and where this block lies in the whole. Plain data: copy and change
// it.
struct Problem {
  Device device = Device::automatic;
  Neuron neuron{};
  Shape shape{};
  Origins origins{};
  Dtype dtype = Dtype::float32;  // of x and of its gradient: float32, float16 or bfloat16

  spikescan_description description() const {
    spikescan_description c = SPIKESCAN_DESCRIPTION_INIT;
    c.backend = static_cast<spikescan_backend>(device);
    c.recurrence = static_cast<spikescan_recurrence>(neuron.recurrence);
    c.rule = static_cast<spikescan_rule>(neuron.rule);
    c.surrogate = static_cast<spikescan_surrogate>(neuron.surrogate);
    c.gradient = static_cast<spikescan_gradient>(neuron.gradient);
    c.shared_decay = neuron.shared_decay ? 1 : 0;
    c.threshold = neuron.threshold;
    c.k = neuron.k;
    c.max_prob = neuron.max_prob;
    c.batch = shape.batch;
    c.time = shape.time;
    c.channels = shape.channels;
    c.batch_origin = origins.batch;
    c.time_origin = origins.time;
    c.channel_origin = origins.channels;
    c.dtype = static_cast<spikescan_dtype>(dtype);
    return c;
  }
  // Bytes of scratch for each pass, and of `saved`.
  spikescan_sizes sizes() const {
    const spikescan_description c = description();
    spikescan_sizes sizes{};
    sizes.struct_size = sizeof sizes;
    check(spikescan_query_sizes(&c, &sizes));
    return sizes;
  }
  // What a call would do, as text.
  std::string plan() const {
    const spikescan_description c = description();
    std::string text(4096, '\0');
    check(spikescan_describe_plan(&c, text.data(), text.size()));
    text.resize(text.find('\0'));
    return text;
  }
  // Shapes of what goes with x.
  Shape state_shape() const { return {shape.batch, 1, shape.channels}; }
  Shape decay_shape() const { return {1, 1, neuron.shared_decay ? 1 : shape.channels}; }
};

// Scratch for calls of one device and one stream at a time. Calls never allocate: reserve beforehand.
class Workspace {
 public:
  Workspace() = default;
  explicit Workspace(const Problem& problem) { reserve(problem); }

  // Grows to what both passes of the problem need. Growing frees the old scratch, so no call that uses it may be in
  // flight. It shrinks only when the device changes.
  void reserve(const Problem& problem) {
    const spikescan_sizes sizes = problem.sizes();
    const size_t wanted = std::max(sizes.forward_workspace, sizes.backward_workspace);
    const Device device = resolve(problem.device);
    if (wanted > memory_.size() || device != memory_.device()) memory_ = Memory(device, wanted);
  }
  size_t size() const noexcept { return memory_.size(); }
  operator std::span<std::byte>() noexcept { return memory_.bytes(); }

 private:
  Memory memory_;
};

// What forward saves for backward: one for each call whose backward is still to come. Give it to both.
inline Memory make_saved(const Problem& problem) {
  return Memory(problem.device, problem.sizes().saved);
}

// ---- The two passes -------------------------------------------------------------------------------------------------

// States: [0] is V; [1] is I for cuba_lif, R for psu_lif, absent for the others. Only x and the decays are required.
struct ForwardArgs {
  ConstTensorView x{};                       // [B, T, C]
  ConstTensorView beta{};                    // [1, 1, C], or [1, 1, 1] where shared; float32
  ConstTensorView alpha{};                   // the same; cuba_lif only
  ConstTensorView initial_state[2]{};        // [B, 1, C] float32; absent means zero
  Key key{};                                 // of the generator
  const spikescan_device_key* device_key{};  // see DeviceKey; overrides key and origins
  ConstTensorView uniforms{};                // [B, T, C] float32, in place of the generator
  TensorView spikes{};                       // out: [B, T, C], or packed(shape) as bits32
  TensorView membrane{};                     // out: [B, T, C] V, a float dtype
  TensorView final_state[2]{};               // out: [B, 1, C] float32
  std::span<std::byte> saved{};              // out: what backward needs; see make_saved
};

struct BackwardArgs {
  ConstTensorView x{}, beta{}, alpha{};   // as in the forward call
  ConstTensorView initial_state[2]{};     // as in the forward call
  std::span<const std::byte> saved{};     // what the forward call saved
  ConstTensorView grad_spikes{};          // [B, T, C]; absent means zero, as in the next two
  ConstTensorView grad_membrane{};        // [B, T, C]
  ConstTensorView grad_final_state[2]{};  // [B, 1, C] float32
  TensorView grad_x{};                    // out: [B, T, C], the problem's dtype; may be grad_spikes itself: the same
                                          // memory, dtype and strides, whose values are then replaced
  TensorView grad_beta{};                 // out: as beta
  TensorView grad_alpha{};                // out: as alpha
  TensorView grad_initial_state[2]{};     // out: [B, 1, C] float32
};

namespace detail {

// C has one tensor type, whose data is not const.
inline void* mutable_data(const ConstTensorView& view) {
  return const_cast<void*>(view.data);
}

inline void check_shape(const char* name, const ConstTensorView& view, Shape shape) {
  if (view.data == nullptr || view.shape == shape) return;
  throw Error(Status::invalid_argument,
              std::string(name) + " has shape " + view.shape.text() + "; the problem needs " + shape.text());
}

inline void check_float32(const char* name, const ConstTensorView& view) {
  if (view.data == nullptr || view.dtype == Dtype::float32) return;
  throw Error(Status::invalid_argument, std::string(name) + " has dtype " +
                                            std::to_string(static_cast<int>(view.dtype)) + "; it must be float32 (0)");
}

inline spikescan_tensor tensor(const char* name, const ConstTensorView& view, Shape shape) {
  check_shape(name, view, view.dtype == Dtype::bits32 ? packed(shape) : shape);
  return {mutable_data(view), static_cast<spikescan_dtype>(view.dtype), view.stride_batch, view.stride_time};
}

inline spikescan_state state(const char* name, const ConstTensorView& view, const Problem& problem) {
  check_shape(name, view, problem.state_shape());
  check_float32(name, view);
  return {static_cast<float*>(mutable_data(view)), view.stride_batch};
}

// Both, and their names.
template <class View>
void states(const char* const (&names)[2], const View (&views)[2], const Problem& problem, spikescan_state (&out)[2]) {
  for (int i = 0; i < 2; ++i) out[i] = state(names[i], views[i], problem);
}

inline float* decay(const char* name, const ConstTensorView& view, const Problem& problem) {
  check_shape(name, view, problem.decay_shape());
  check_float32(name, view);
  return static_cast<float*>(mutable_data(view));
}

}  // namespace detail

// Runs (CPU) or enqueues on the stream (CUDA). A Workspace converts to the span; so does any 256-byte aligned memory.
inline void forward(const Problem& problem, const ForwardArgs& args, std::span<std::byte> workspace,
                    StreamRef stream = {}) {
  spikescan_forward_args c{};
  c.struct_size = sizeof c;
  c.x = detail::tensor("x", args.x, problem.shape);
  c.beta = detail::decay("beta", args.beta, problem);
  c.alpha = detail::decay("alpha", args.alpha, problem);
  detail::states({"initial_state[0]", "initial_state[1]"}, args.initial_state, problem, c.initial_state);
  detail::states({"final_state[0]", "final_state[1]"}, args.final_state, problem, c.final_state);
  c.seed = args.key.seed;
  c.stream = args.key.stream;
  c.device_key = args.device_key;
  c.uniforms = detail::tensor("uniforms", args.uniforms, problem.shape);
  c.spikes = detail::tensor("spikes", args.spikes, problem.shape);
  c.membrane = detail::tensor("membrane", args.membrane, problem.shape);
  c.saved = args.saved.data();
  c.saved_bytes = args.saved.size();
  c.workspace = workspace.data();
  c.workspace_bytes = workspace.size();
  const spikescan_description description = problem.description();
  check(spikescan_forward(&description, &c, stream.raw()));
}

// As forward; needs no random numbers.
inline void backward(const Problem& problem, const BackwardArgs& args, std::span<std::byte> workspace,
                     StreamRef stream = {}) {
  spikescan_backward_args c{};
  c.struct_size = sizeof c;
  c.x = detail::tensor("x", args.x, problem.shape);
  c.beta = detail::decay("beta", args.beta, problem);
  c.alpha = detail::decay("alpha", args.alpha, problem);
  detail::states({"initial_state[0]", "initial_state[1]"}, args.initial_state, problem, c.initial_state);
  detail::states({"grad_final_state[0]", "grad_final_state[1]"}, args.grad_final_state, problem, c.grad_final_state);
  detail::states({"grad_initial_state[0]", "grad_initial_state[1]"}, args.grad_initial_state, problem,
                 c.grad_initial_state);
  c.saved = args.saved.data();
  c.saved_bytes = args.saved.size();
  c.grad_spikes = detail::tensor("grad_spikes", args.grad_spikes, problem.shape);
  c.grad_membrane = detail::tensor("grad_membrane", args.grad_membrane, problem.shape);
  c.grad_x = detail::tensor("grad_x", args.grad_x, problem.shape);
  c.grad_beta = detail::decay("grad_beta", args.grad_beta, problem);
  c.grad_alpha = detail::decay("grad_alpha", args.grad_alpha, problem);
  c.workspace = workspace.data();
  c.workspace_bytes = workspace.size();
  const spikescan_description description = problem.description();
  check(spikescan_backward(&description, &c, stream.raw()));
}

}  // namespace spikescan

#endif  // SPIKESCAN_SPIKESCAN_HPP_
