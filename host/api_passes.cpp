// The two passes: check everything, then hand one call to the backend.
#include "host/clear_idle.h"
#include "host/description_sizes.h"
#include "host/firing_setup.h"
#include "host/guard.h"
#include "host/plan.h"
#include "host/prepare.h"
#include "host/validate_arguments.h"
#include "host/validate_executor.h"
#include "host/validate_struct.h"
#include "kernels/float_environment.h"

using namespace spikescan;

namespace {

// Without elements there are none in a tensor either.
bool writes_nothing(const ForwardCall& call) {
  const spikescan_forward_args& args = call.args;
  const bool tensors = (args.spikes.data || args.membrane.data) && element_count(call.description) > 0;
  const bool saves = args.saved && saved_bytes(call.description) > 0;
  return !tensors && !saves && !args.final_state[0].data && !args.final_state[1].data;
}

bool writes_nothing(const BackwardCall& call) {
  const spikescan_backward_args& args = call.args;
  const bool tensor = args.grad_x.data && element_count(call.description) > 0;
  return !tensor && !args.grad_beta && !args.grad_alpha && !args.grad_initial_state[0].data &&
         !args.grad_initial_state[1].data;
}

// `plan`, `validate`: host/plan.h's and host/validate_arguments.h's for the pass; `pass`: the backend's.
template <class Call, class Args, class Plan, class Validate, class Pass>
spikescan_status run_pass(const spikescan_description* description, const Args* args, void* stream, Plan plan,
                          Validate validate, Pass Backend::*pass) {
  const FloatEnvironment ours;
  return guarded([&](Sentence& error) {
    Prepared prepared;
    if (const auto s = prepare(description, stream, &prepared, error)) return s;
    Call call = {};
    if (const auto s = take_struct(args, "args", &call.args, error)) return s;
    call.description = prepared.description;
    call.plan = plan(call.description, prepared.facts);
    if (const auto s = validate(call, prepared.backend->host_memory, error)) return s;
    if (const auto s = validate_executor(call.description, stream, error)) return s;
    if (writes_nothing(call)) return SPIKESCAN_OK;
    call.firing = make_firing(call.description);
    clear_idle(call);
    return report((prepared.backend->*pass)(call, stream), error);
  });
}

}  // namespace

spikescan_status spikescan_forward(const spikescan_description* description, const spikescan_forward_args* args,
                                   void* stream) {
  return run_pass<ForwardCall>(description, args, stream, plan_forward, validate_forward, &Backend::forward);
}

spikescan_status spikescan_backward(const spikescan_description* description, const spikescan_backward_args* args,
                                    void* stream) {
  return run_pass<BackwardCall>(description, args, stream, plan_backward, validate_backward, &Backend::backward);
}
