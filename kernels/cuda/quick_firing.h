// The sigmoid rule's spikes of a segment by the special-function unit's 2^z, which is one instruction in place of
// fourteen but not the library's own exp. Where a draw lies so close to its probability that the two could differ, the
// segment is left to the exact rule: the same spikes, bit for bit.
#pragma once

#include "kernels/cuda/generator.h"
#include "kernels/element/chunking.h"
#include "kernels/element/firing.h"

namespace spikescan {

// The call's draws, where four steps of the generator are four steps of a segment.
__device__ __forceinline__ bool fires_quickly(const ForwardCall& call, const RandomOrigin& origin) {
  return call.firing.rule == SPIKESCAN_SIGMOID_BERNOULLI && !call.args.uniforms.data && origin.time % 4 == 0 &&
         call.firing.quick.unsure < INFINITY;
}

// Four steps from j on, which one call of the generator serves: their spikes become the lowest bits, the others move
// up. `closest`: the smallest distance of a test from its limit so far, or NaN.
__device__ __forceinline__ void add_quick_spikes(const QuickTest& test, const PhiloxWords& words, int j,
                                                 const float (&m)[kSegmentSteps], uint32_t& bits, float& closest) {
#pragma unroll
  for (int i = 3; i >= 0; --i) {
    const auto u = static_cast<float>(words.w[i] & 0xffffff00u);
    const float e = approximate_exp2(fused(m[j + i], test.scale, test.offset));
    const float margin = fused(u, e, u) - test.limit;
    bits = __funnelshift_l(bits_of(margin), bits, 1);  // its sign
    closest = lesser_or_nan(closest, magnitude(margin));
  }
}

// Bit j is step t + j's spike. The generator's calls go kTogether at a time, side by side as far as registers allow;
// where one of their draws is not sure, all of theirs are tested exactly. A NaN is not sure.
template <int kTogether>
__device__ __forceinline__ uint32_t quick_spike_bits(const Firing& firing, const RandomOrigin& origin, int64_t b,
                                                     int64_t t, int64_t c, const float (&m)[kSegmentSteps]) {
  const auto batch = static_cast<uint32_t>(origin.batch + b), channel = static_cast<uint32_t>(origin.channel + c);
  const auto call = static_cast<uint32_t>(origin.time >> 2) + static_cast<uint32_t>(t >> 2);
  const QuickTest test = firing.quick;
  const PhiloxKey key = origin.key;
  const uint32_t stream = origin.stream;
  uint32_t bits = 0;
#pragma unroll
  for (int first = kSegmentSteps / 4 - kTogether; first >= 0; first -= kTogether) {
    float closest = test.limit;
#pragma unroll
    for (int i = first + kTogether - 1; i >= first; --i) {
      add_quick_spikes(test, generate(call + i, channel, batch, stream, key), 4 * i, m, bits, closest);
    }
    if (usually(closest > test.unsure)) continue;
    uint32_t exact = 0;
#pragma unroll
    for (int i = first; i < first + kTogether; ++i) {
      const PhiloxWords words = generate(call + i, channel, batch, stream, key);
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        const uint32_t fires = fires_sigmoid(firing, m[4 * i + j], uniform_of(words.w[j]));
        exact |= fires << (4 * (i - first) + j);
      }
    }
    constexpr uint32_t kTheirs = (1u << 4 * kTogether) - 1u;
    bits = (bits & ~kTheirs) | exact;
  }
  return bits;
}

}  // namespace spikescan
