// The generator on the device: cuRAND's own Philox4x32-10 where its header is at hand, else ours, which gives the same
// words (tests/element). Uniforms for one segment of one channel, one call for four steps (SPEC section 3).
#pragma once

#include "kernels/cuda/device.h"
#include "kernels/element/chunking.h"
#include "kernels/random_origin.h"

#if __has_include(<curand_philox4x32_x.h>)
#define SPIKESCAN_HAVE_CURAND 1
#if defined(SPIKESCAN_SIMT)
#define QUALIFIERS static inline
#endif
#include <curand_philox4x32_x.h>
#endif

namespace spikescan {

__device__ __forceinline__ PhiloxWords generate(uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3, PhiloxKey key) {
#if defined(SPIKESCAN_HAVE_CURAND)
  const uint4 w = curand_Philox4x32_10(make_uint4(c0, c1, c2, c3), make_uint2(key.low, key.high));
  return {{w.x, w.y, w.z, w.w}};
#else
  return philox4x32_10(c0, c1, c2, c3, key);
#endif
}

// Uniforms of steps t .. t + 15 of (b, c), counted from the call's start.
__device__ __forceinline__ void draw_segment(const RandomOrigin& origin, int64_t b, int64_t t, int64_t c,
                                             float (&u)[kSegmentSteps]) {
  constexpr int kCalls = kSegmentSteps / 4;
  const int64_t time = origin.time + t;
  const auto batch = static_cast<uint32_t>(origin.batch + b);
  const auto channel = static_cast<uint32_t>(origin.channel + c);
  const int phase = static_cast<int>(time & 3);  // a segment may start inside a call's four steps
  uint32_t words[kSegmentSteps + 4];
#pragma unroll
  for (int i = 0; i <= kCalls; ++i) {
    if (i == kCalls && phase == 0) break;
    const PhiloxWords w = generate(static_cast<uint32_t>((time >> 2) + i), channel, batch, origin.stream, origin.key);
#pragma unroll
    for (int n = 0; n < 4; ++n) words[4 * i + n] = w.w[n];
  }
  if (phase == 0) {
#pragma unroll
    for (int j = 0; j < kSegmentSteps; ++j) u[j] = uniform_of(words[j]);
    return;
  }
  // Selects over constant places, so that the words stay in registers.
#pragma unroll
  for (int j = 0; j < kSegmentSteps; ++j) {
    u[j] = uniform_of(phase == 1 ? words[j + 1] : phase == 2 ? words[j + 2] : words[j + 3]);
  }
}

}  // namespace spikescan
