#include "host/settle.h"

#include <initializer_list>

#include "host/validate_description.h"

namespace spikescan {
namespace {

void clear_idle(const spikescan_description& d, spikescan_tensor& tensor) {
  if (d.batch <= 1) tensor.stride_batch = 0;
  if (d.time <= 1) tensor.stride_time = 0;
}

void clear_idle(const spikescan_description& d, spikescan_state (&states)[2]) {
  if (d.batch > 1) return;
  for (spikescan_state& state : states) state.stride_batch = 0;
}

}  // namespace

void settle(ForwardCall& call) {
  const spikescan_description& d = call.description;
  spikescan_forward_args& args = call.args;
  for (spikescan_tensor* tensor : {&args.x, &args.uniforms, &args.spikes, &args.membrane}) clear_idle(d, *tensor);
  clear_idle(d, args.initial_state);
  clear_idle(d, args.final_state);
  if (element_count(d) > 0) return;
  args.beta = args.alpha = nullptr;
  args.device_key = nullptr;
}

void settle(BackwardCall& call) {
  const spikescan_description& d = call.description;
  spikescan_backward_args& args = call.args;
  for (spikescan_tensor* tensor : {&args.x, &args.grad_spikes, &args.grad_membrane, &args.grad_x}) {
    clear_idle(d, *tensor);
  }
  clear_idle(d, args.initial_state);
  clear_idle(d, args.grad_final_state);
  clear_idle(d, args.grad_initial_state);
  if (element_count(d) == 0) args.beta = args.alpha = nullptr;
}

}  // namespace spikescan
