// The forms of a call that kernels are compiled for. What a form settles (dtypes, the rule, tensors that are absent) is
// asked once on the host and at no step in a kernel; a sixth of the instructions of a step would be such questions, and
// their answers' code would push the loop out of the instruction cache. `General` settles nothing and serves every
// call.
#pragma once

#include "kernels/backend.h"
#include "kernels/cuda/device.h"

namespace spikescan {

struct General {
  static constexpr int kFewerBlocks = 1;  // that fit a multiprocessor in backward: questions take registers
  template <class Call>
  __device__ __forceinline__ static const Call& settle(const Call& call) {
    return call;
  }
};

// Spikes are drawn from the generator; nothing else is written but states.
template <spikescan_dtype kX, spikescan_dtype kSpikes>
struct DrawnSpikes {
  static bool fits(const ForwardCall& call) {
    return call.firing.rule == SPIKESCAN_SIGMOID_BERNOULLI && call.args.x.dtype == kX && call.args.spikes.data &&
           call.args.spikes.dtype == kSpikes && !call.args.membrane.data && !call.args.uniforms.data;
  }
  __device__ __forceinline__ static ForwardCall settle(const ForwardCall& given) {
    ForwardCall call = given;
    call.firing.rule = SPIKESCAN_SIGMOID_BERNOULLI;
    call.args.x.dtype = kX;
    call.args.spikes.dtype = kSpikes;
    if (!call.args.spikes.data) __builtin_unreachable();
    call.args.membrane.data = nullptr;
    call.args.uniforms.data = nullptr;
    return call;
  }
};

// The same rule's gradient, from the spikes' gradient alone, to x's.
template <spikescan_dtype kX>
struct SpikesGradient {
  static constexpr int kFewerBlocks = 0;
  static bool fits(const BackwardCall& call) {
    return call.firing.rule == SPIKESCAN_SIGMOID_BERNOULLI && call.args.x.dtype == kX && call.args.grad_spikes.data &&
           call.args.grad_spikes.dtype == kX && call.args.grad_x.data && !call.args.grad_membrane.data;
  }
  __device__ __forceinline__ static BackwardCall settle(const BackwardCall& given) {
    BackwardCall call = given;
    call.firing.rule = SPIKESCAN_SIGMOID_BERNOULLI;
    call.args.x.dtype = call.args.grad_spikes.dtype = call.args.grad_x.dtype = kX;
    if (!call.args.grad_spikes.data || !call.args.grad_x.data) __builtin_unreachable();
    call.args.grad_membrane.data = nullptr;
    return call;
  }
};

}  // namespace spikescan
