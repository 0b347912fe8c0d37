#include "host/clear_idle.h"

#include <initializer_list>

#include "host/description_sizes.h"
#include "kernels/packed_spikes.h"

namespace spikescan {
namespace {

void clear_tensor(const spikescan_description& d, spikescan_tensor& tensor) {
  if (!tensor.data) tensor = {};
  const bool none = element_count(d) == 0;
  if (none || d.batch == 1) tensor.stride_batch = 0;
  if (none || elements_in_time(tensor.dtype, d.time) == 1) tensor.stride_time = 0;
}

// Without a step there are states still.
void clear_strides(const spikescan_description& d, spikescan_state (&states)[2]) {
  if (d.batch > 1 && d.channels > 0) return;
  for (spikescan_state& state : states) state.stride_batch = 0;
}

}  // namespace

void clear_idle(ForwardCall& call) {
  const spikescan_description& d = call.description;
  spikescan_forward_args& args = call.args;
  for (spikescan_tensor* tensor : {&args.x, &args.uniforms, &args.spikes, &args.membrane}) clear_tensor(d, *tensor);
  clear_strides(d, args.initial_state);
  clear_strides(d, args.final_state);
  if (element_count(d) > 0) return;
  args.beta = args.alpha = nullptr;
  args.device_key = nullptr;
}

void clear_idle(BackwardCall& call) {
  const spikescan_description& d = call.description;
  spikescan_backward_args& args = call.args;
  for (spikescan_tensor* tensor : {&args.x, &args.grad_spikes, &args.grad_membrane, &args.grad_x}) {
    clear_tensor(d, *tensor);
  }
  clear_strides(d, args.initial_state);
  clear_strides(d, args.grad_final_state);
  clear_strides(d, args.grad_initial_state);
  if (element_count(d) == 0) args.beta = args.alpha = nullptr;
}

}  // namespace spikescan
