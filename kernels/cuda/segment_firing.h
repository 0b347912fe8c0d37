// The firing rule over steps of one channel, a segment of them or a quarter: uniforms from the generator or the caller,
// then spikes as bits, and their way to memory.
#pragma once

#include "kernels/cuda/quick_firing.h"
#include "kernels/cuda/segment_io.h"
#include "kernels/packed_spikes.h"

namespace spikescan {

__device__ __forceinline__ void load_uniforms(const spikescan_tensor& uniforms, int64_t b, int64_t t, int64_t c,
                                              int steps, float (&u)[kPhiloxSteps]) {
  const float* first = static_cast<const float*>(uniforms.data) + element_at(uniforms, b, t, c);
#pragma unroll
  for (int i = 0; i < kPhiloxSteps; ++i) u[i] = i < steps ? first[i * uniforms.stride_time] : 0.0f;
}

// The exact rule, step by step: `draw(j, u)` gives the uniforms of the steps from j on. Few of them are alive at a
// time.
template <int kSteps, class Draw>
__device__ __forceinline__ uint32_t exact_spike_bits(const Firing& firing, const float (&m)[kSteps], Draw draw) {
  uint32_t bits = 0;
#pragma unroll
  for (int j = 0; j < kSteps; j += kPhiloxSteps) {
    float u[kPhiloxSteps] = {};
    draw(j, u);
#pragma unroll
    for (int i = 0; i < kPhiloxSteps; ++i) bits |= spike_of(firing, m[j + i], u[i]) != 0.0f ? 1u << (j + i) : 0u;
  }
  return bits;
}

// `m` is what the rule sees at the steps t .. t + steps - 1 of (b, c); bit j of the result is step t + j's spike, and
// zero past the last. `quick`: fires_quickly(call, origin), and then `draw` gives the generator's words, those of
// kTogether calls at a time (quick_firing.h). Not for the rule `none`.
template <int kTogether, int kSteps, class Draw>
__device__ __forceinline__ uint32_t spike_bits(const ForwardCall& call, const RandomOrigin& origin, bool quick,
                                               int64_t b, int64_t t, int64_t c, int steps, const float (&m)[kSteps],
                                               Draw draw) {
  const uint32_t wanted = (1u << steps) - 1u;
  if (call.args.uniforms.data || !draws_uniforms(call.firing)) {
    return wanted & exact_spike_bits(call.firing, m, [&](int j, float(&u)[kPhiloxSteps]) {
             if (call.args.uniforms.data) load_uniforms(call.args.uniforms, b, t + j, c, steps - j, u);
           });
  }
  if (usually(quick)) return wanted & quick_spike_bits<kTogether>(call.firing, m, draw);
  UniformSource source(origin, b, t, c);
  return wanted & exact_spike_bits(call.firing, m,
                                   [&](int j, float(&u)[kPhiloxSteps]) { source.next(j + kPhiloxSteps == kSteps, u); });
}

// Where the steps of a channel are neighbours in memory (C = 1), and all are there: 16 bytes at a time.
template <int kSteps, class Word>
__device__ __forceinline__ bool store_neighbours(Word* first, int64_t stride, int steps, uint32_t bits, Word one) {
  constexpr int kPacked = 4 / sizeof(Word);  // in 32 bits
  if constexpr (kSteps < 4 * kPacked) {
    return false;
  } else {
    if (usually(stride != 1) || steps != kSteps || reinterpret_cast<uintptr_t>(first) % sizeof(uint4) != 0) {
      return false;
    }
#pragma unroll
    for (int j = 0; j < kSteps; j += 4 * kPacked) {
      uint32_t four[4] = {};
#pragma unroll
      for (int i = 0; i < 4 * kPacked; ++i) {
        four[i / kPacked] |= bits >> (j + i) & 1u ? uint32_t{one} << (i % kPacked * 8 * sizeof(Word)) : 0u;
      }
      *reinterpret_cast<uint4*>(first + j) = {four[0], four[1], four[2], four[3]};
    }
    return true;
  }
}

// One element a step: 0 or 1 in the tensor's dtype. At most kSteps of them.
template <int kSteps>
__device__ __forceinline__ void store_spikes(const spikescan_tensor& tensor, int64_t b, int64_t t, int64_t c, int steps,
                                             uint32_t bits) {
  const int64_t first = element_at(tensor, b, t, c), stride = tensor.stride_time;
  const auto store = [&](auto* words, auto one) {
    auto* to = words + first;
    if (store_neighbours<kSteps>(to, stride, steps, bits, one)) return;
    for_steps<false, kSteps>(steps, [&](int j, bool) {
      *to = bits >> j & 1u ? one : decltype(one){0};
      to += stride;
    });
  };
  switch (tensor.dtype) {
    case SPIKESCAN_FLOAT16:
      return store(static_cast<uint16_t*>(tensor.data), from_float<Half>(1.0f).bits);
    case SPIKESCAN_BFLOAT16:
      return store(static_cast<uint16_t*>(tensor.data), from_float<BFloat16>(1.0f).bits);
    case SPIKESCAN_UINT8:
      return store(static_cast<uint8_t*>(tensor.data), uint8_t{1});
    default:
      return store(static_cast<uint32_t*>(tensor.data), bits_of(1.0f));
  }
}

__device__ __forceinline__ void store_word(const ForwardCall& call, int64_t b, int64_t t, int64_t c, uint32_t word) {
  static_cast<uint32_t*>(call.args.spikes.data)[element_at(call.args.spikes, b, t / kPackedSteps, c)] = word;
}

// The rule `none` writes U itself.
template <int kSteps>
__device__ __forceinline__ void store_distances(const ForwardCall& call, int64_t b, int64_t t, int64_t c, int steps,
                                                const float (&m)[kSteps]) {
  float distance[kSteps];
#pragma unroll
  for (int j = 0; j < kSteps; ++j) distance[j] = spike_of(call.firing, m[j], 0.0f);
  store_steps(call.args.spikes, b, t, c, steps, distance);
}

}  // namespace spikescan
