// The firing rule over 16 steps of one channel: uniforms from the generator or the caller, then spikes.
#pragma once

#include "kernels/cuda/generator.h"
#include "kernels/cuda/segment_io.h"
#include "kernels/element/firing.h"

namespace spikescan {

constexpr int kGroup = 4;  // steps that one call of the generator serves

__device__ __forceinline__ void load_uniforms(const spikescan_tensor& uniforms, int64_t b, int64_t t, int64_t c,
                                              int steps, float (&u)[kGroup]) {
  const float* first = static_cast<const float*>(uniforms.data) + element_at(uniforms, b, t, c);
#pragma unroll
  for (int i = 0; i < kGroup; ++i) u[i] = i < steps ? first[i * uniforms.stride_time] : 0.0f;
}

// `m` is what the rule sees; it becomes the spikes. Steps t .. t + steps - 1 of (b, c). Group by group, so that few
// random numbers are alive at a time.
__device__ __forceinline__ void fire_segment(const ForwardCall& call, int64_t b, int64_t t, int64_t c, int steps,
                                             float (&m)[kSegmentSteps]) {
  const bool own = call.args.uniforms.data != nullptr;
  if (own || !draws_uniforms(call.firing)) {
#pragma unroll
    for (int j = 0; j < kSegmentSteps; j += kGroup) {
      float u[kGroup] = {};
      if (own) load_uniforms(call.args.uniforms, b, t + j, c, steps - j, u);
#pragma unroll
      for (int i = 0; i < kGroup; ++i) m[j + i] = spike_of(call.firing, m[j + i], u[i]);
    }
    return;
  }
  UniformSource source(random_origin(call), b, t, c);
#pragma unroll
  for (int j = 0; j < kSegmentSteps; j += kGroup) {
    float u[kGroup];
    source.next(j + kGroup == kSegmentSteps, u);
#pragma unroll
    for (int i = 0; i < kGroup; ++i) m[j + i] = spike_of(call.firing, m[j + i], u[i]);
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
