// The two passes: check everything, then hand one call to the backend.
#include "host/clear_idle.h"
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

// `plan`, `validate`: host/plan.h's and host/validate_arguments.h's for the pass; `pass`: the backend's.
template <class Call, class Args, class Plan, class Validate, class Pass>
spikescan_status run_pass(const spikescan_description* description, const Args* args, void* stream, Plan plan,
                          Validate validate, Pass Backend::*pass) {
  const FloatEnvironment ours;
  return guarded([&](Sentence& error) {
    Prepared prepared;
    if (const auto s = prepare(description, &prepared, error)) return s;
    Call call = {};
    if (const auto s = take_struct(args, "args", &call.args, error)) return s;
    call.description = prepared.description;
    call.plan = plan(call.description, prepared.facts);
    if (const auto s = validate(call, prepared.backend->host_memory, error)) return s;
    if (const auto s = validate_executor(call.description, stream, error)) return s;
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
