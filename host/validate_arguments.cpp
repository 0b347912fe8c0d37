#include "host/validate_arguments.h"

#include "host/argument_check.h"
#include "host/description_sizes.h"
#include "host/names.h"

namespace spikescan {
namespace {

constexpr size_t kSavedAlignment = alignof(double);

constexpr Dtypes kFloat32 = {1u << SPIKESCAN_FLOAT32, "FLOAT32 (0)"};
constexpr Dtypes kFloating = {1u << SPIKESCAN_FLOAT32 | 1u << SPIKESCAN_FLOAT16 | 1u << SPIKESCAN_BFLOAT16,
                              "FLOAT32 (0), FLOAT16 (1) or BFLOAT16 (2)"};
constexpr Dtypes kFloatingSpikes = {kFloating.allowed, "FLOAT32 (0), FLOAT16 (1) or BFLOAT16 (2) with the rule none"};
constexpr Dtypes kSpikes = {kFloating.allowed | 1u << SPIKESCAN_UINT8 | 1u << SPIKESCAN_BITS32,
                            "FLOAT32 (0), FLOAT16 (1), BFLOAT16 (2), UINT8 (3) or BITS32 (4)"};

Dtypes described(spikescan_dtype dtype) {
  static constexpr const char* kWords[] = {"the description's, FLOAT32 (0)", "the description's, FLOAT16 (1)",
                                           "the description's, BFLOAT16 (2)"};
  return {1u << dtype, kWords[dtype]};
}

// What both passes are given alike.
template <class Args>
void check_inputs(const spikescan_description& d, const Args& args, bool host_memory, ArgumentCheck& check) {
  check.tensor("x", args.x, described(d.dtype), Use::kInput, Need::kRequired);
  check.decay("beta", args.beta, host_memory);
  if (d.recurrence == SPIKESCAN_CUBA_LIF) {
    check.decay("alpha", args.alpha, host_memory);
  } else {
    check.must_be_null("alpha", args.alpha, SPIKESCAN_INVALID_ARGUMENT, "only cuba_lif has it");
  }
  check.states({"initial_state[0]", "initial_state[1]"}, args.initial_state, Use::kInput);
}

// The passes read an element of `in` on the thread that writes the same one of `out`, and before it does.
bool takes_the_place_of(const spikescan_tensor& out, const spikescan_tensor& in, const spikescan_description& d) {
  return out.data && out.data == in.data && number_of(out.dtype) == number_of(in.dtype) &&
         (d.batch == 1 || out.stride_batch == in.stride_batch) && (d.time == 1 || out.stride_time == in.stride_time);
}

}  // namespace

spikescan_status validate_forward(const ForwardCall& call, bool host_memory, Sentence& error) {
  const spikescan_description& d = call.description;
  const spikescan_forward_args& args = call.args;
  ArgumentCheck check(d, error);
  check_inputs(d, args, host_memory, check);
  const bool packed = args.spikes.data && number_of(args.spikes.dtype) == SPIKESCAN_BITS32;
  check.device_key(args.device_key, host_memory, packed);
  check.tensor("uniforms", args.uniforms, kFloat32, Use::kInput);
  check.tensor("spikes", args.spikes, d.rule == SPIKESCAN_NONE ? kFloatingSpikes : kSpikes, Use::kOutput);
  check.tensor("membrane", args.membrane, kFloating, Use::kOutput);
  check.states({"final_state[0]", "final_state[1]"}, args.final_state, Use::kOutput);
  if (args.saved) check.buffer("saved", args.saved, args.saved_bytes, saved_bytes(d), kSavedAlignment, Use::kOutput);
  check.buffer("workspace", args.workspace, args.workspace_bytes, call.plan.workspace_bytes, kWorkspaceAlignment,
               Use::kOutput);
  check.must_be_null("spike_counts", args.spike_counts, SPIKESCAN_UNSUPPORTED, "it is reserved");
  check.all_apart();
  if (packed && !args.device_key) check.packed_origin("", d.time_origin);
  return check.status();
}

spikescan_status validate_backward(const BackwardCall& call, bool host_memory, Sentence& error) {
  const spikescan_description& d = call.description;
  const spikescan_backward_args& args = call.args;
  ArgumentCheck check(d, error);
  check_inputs(d, args, host_memory, check);
  check.buffer("saved", args.saved, args.saved_bytes, saved_bytes(d), kSavedAlignment, Use::kInput);
  const bool in_place = takes_the_place_of(args.grad_x, args.grad_spikes, d);
  check.tensor("grad_spikes", args.grad_spikes, kFloating, in_place ? Use::kReplacedInput : Use::kInput);
  check.tensor("grad_membrane", args.grad_membrane, kFloating, Use::kInput);
  check.states({"grad_final_state[0]", "grad_final_state[1]"}, args.grad_final_state, Use::kInput);
  check.tensor("grad_x", args.grad_x, described(d.dtype), Use::kOutput);
  check.decay_gradient("grad_beta", args.grad_beta);
  if (d.recurrence == SPIKESCAN_CUBA_LIF) {
    check.decay_gradient("grad_alpha", args.grad_alpha);
  } else {
    check.must_be_null("grad_alpha", args.grad_alpha, SPIKESCAN_INVALID_ARGUMENT, "only cuba_lif has it");
  }
  check.states({"grad_initial_state[0]", "grad_initial_state[1]"}, args.grad_initial_state, Use::kOutput);
  check.buffer("workspace", args.workspace, args.workspace_bytes, call.plan.workspace_bytes, kWorkspaceAlignment,
               Use::kOutput);
  check.all_apart();
  return check.status();
}

}  // namespace spikescan
