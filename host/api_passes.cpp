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

spikescan_status spikescan_forward(const spikescan_description* description, const spikescan_forward_args* args,
                                   void* stream) {
  const FloatEnvironment ours;
  return guarded([&](Sentence& error) {
    Prepared prepared;
    if (const auto s = prepare(description, &prepared, error)) return s;
    ForwardCall call = {};
    if (const auto s = take_struct(args, "args", &call.args, error)) return s;
    call.description = prepared.description;
    call.plan = plan_forward(call.description, prepared.facts);
    if (const auto s = validate_forward(call, prepared.backend->host_memory, error)) return s;
    if (const auto s = validate_executor(call.description, stream, error)) return s;
    call.firing = make_firing(call.description);
    clear_idle(call);
    return report(prepared.backend->forward(call, stream), error);
  });
}

spikescan_status spikescan_backward(const spikescan_description* description, const spikescan_backward_args* args,
                                    void* stream) {
  const FloatEnvironment ours;
  return guarded([&](Sentence& error) {
    Prepared prepared;
    if (const auto s = prepare(description, &prepared, error)) return s;
    BackwardCall call = {};
    if (const auto s = take_struct(args, "args", &call.args, error)) return s;
    call.description = prepared.description;
    call.plan = plan_backward(call.description, prepared.facts);
    if (const auto s = validate_backward(call, prepared.backend->host_memory, error)) return s;
    if (const auto s = validate_executor(call.description, stream, error)) return s;
    call.firing = make_firing(call.description);
    clear_idle(call);
    return report(prepared.backend->backward(call, stream), error);
  });
}
