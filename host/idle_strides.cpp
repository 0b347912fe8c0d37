#include "host/idle_strides.h"

#include <initializer_list>

namespace spikescan {
namespace {

void clear(const spikescan_description& d, spikescan_tensor& tensor) {
  if (d.batch <= 1) tensor.stride_batch = 0;
  if (d.time <= 1) tensor.stride_time = 0;
}

void clear(const spikescan_description& d, spikescan_state (&states)[2]) {
  if (d.batch > 1) return;
  for (spikescan_state& state : states) state.stride_batch = 0;
}

}  // namespace

void clear_idle_strides(ForwardCall& call) {
  const spikescan_description& d = call.description;
  spikescan_forward_args& args = call.args;
  for (spikescan_tensor* tensor : {&args.x, &args.uniforms, &args.spikes, &args.membrane}) clear(d, *tensor);
  clear(d, args.initial_state);
  clear(d, args.final_state);
}

void clear_idle_strides(BackwardCall& call) {
  const spikescan_description& d = call.description;
  spikescan_backward_args& args = call.args;
  for (spikescan_tensor* tensor : {&args.x, &args.grad_spikes, &args.grad_membrane, &args.grad_x}) clear(d, *tensor);
  clear(d, args.initial_state);
  clear(d, args.grad_final_state);
  clear(d, args.grad_initial_state);
}

}  // namespace spikescan
