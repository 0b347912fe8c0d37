// The firing rule over 16 steps of one channel: uniforms from the generator or the caller, then spikes.
#pragma once

#include "kernels/cuda/generator.h"
#include "kernels/cuda/segment_io.h"
#include "kernels/element/firing.h"

namespace spikescan {

// `m` is what the rule sees; it becomes the spikes. Steps t .. t + steps - 1 of (b, c).
__device__ __forceinline__ void fire_segment(const ForwardCall& call, int64_t b, int64_t t, int64_t c, int steps,
                                             float (&m)[kSegmentSteps]) {
  float u[kSegmentSteps];
  if (call.args.uniforms.data) {
    load_segment(call.args.uniforms, b, t, c, steps, u);
  } else if (draws_uniforms(call.firing)) {
    draw_segment(random_origin(call), b, t, c, u);
  }
  switch (call.firing.rule) {
    case SPIKESCAN_SIGMOID_BERNOULLI:
#pragma unroll
      for (int j = 0; j < kSegmentSteps; ++j) m[j] = fires_sigmoid(call.firing, m[j], u[j]) ? 1.0f : 0.0f;
      break;
    case SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI:
#pragma unroll
      for (int j = 0; j < kSegmentSteps; ++j) m[j] = fires_refractory(call.firing, m[j], u[j]) ? 1.0f : 0.0f;
      break;
    default:
#pragma unroll
      for (int j = 0; j < kSegmentSteps; ++j) m[j] = spike_of(call.firing, m[j], 0.0f);
      break;
  }
}

// Half a word of packed spikes.
__device__ __forceinline__ uint32_t pack_segment(int steps, const float (&spikes)[kSegmentSteps]) {
  uint32_t bits = 0;
#pragma unroll
  for (int j = 0; j < kSegmentSteps; ++j) bits |= j < steps && spikes[j] != 0.0f ? 1u << j : 0u;
  return bits;
}

__device__ __forceinline__ void store_word(const ForwardCall& call, int64_t b, int64_t t, int64_t c, uint32_t word) {
  static_cast<uint32_t*>(call.args.spikes.data)[element_at(call.args.spikes, b, t / 32, c)] = word;
}

}  // namespace spikescan
