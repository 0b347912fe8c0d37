// The sigmoid rule's spikes of a segment by the special-function unit's 2^z, which is one instruction in place of
// fourteen but not the library's own exp. Where a draw lies so close to its probability that the two could differ, the
// segment is left to the exact rule: the same spikes, bit for bit.
#pragma once

#include "kernels/cuda/generator.h"
#include "kernels/element/chunking.h"
#include "kernels/element/firing.h"

namespace spikescan {

// A draw u spikes where u (1 + e) < max_prob, u >= 2^-24. Relative to it the unit's e is wrong by at most 3 * 2^-23,
// and by 2^-20 for its argument's rounding (up to 24, e being at most 2^24 at a tie), the exact rule's e by 2^-22, each
// sum by 2^-24: together less than 2^-19.
constexpr float kUnsure = 3.814697265625e-6f;  // 2^-18
// Below it e's smallest values, where the two differ by more, would count.
constexpr float kLeastQuickProbability = 9.5367431640625e-7f;  // 2^-20

// The call's draws, where four steps of the generator are four steps of a segment.
__device__ __forceinline__ bool fires_quickly(const ForwardCall& call, const RandomOrigin& origin) {
  return call.firing.rule == SPIKESCAN_SIGMOID_BERNOULLI && !call.args.uniforms.data && origin.time % 4 == 0 &&
         call.firing.max_prob >= kLeastQuickProbability;
}

// Four steps from j on, which one call of the generator serves: their spikes become the lowest bits, the others move
// up. A NaN is too close as well.
__device__ __forceinline__ void add_quick_spikes(const Firing& firing, const PhiloxWords& words, int j,
                                                 const float (&m)[kSegmentSteps], uint32_t& bits) {
  const float scaled = firing.max_prob * 4294967296.0f;  // draws stay multiples of 2^8 below 2^32
  float closest = scaled;
#pragma unroll
  for (int i = 3; i >= 0; --i) {
    const auto u = static_cast<float>(words.w[i] & 0xffffff00u);
    const float x = fused(m[j + i], firing.steepness.unit, firing.steepness.offset);
    const float margin = fused(u, approximate_exp2(firing.steepness.scale * x), u) - scaled;
    bits = __funnelshift_l(bits_of(margin), bits, 1);  // its sign
    closest = lesser_or_nan(closest, magnitude(margin));
  }
  if (usually(closest > kUnsure * scaled)) return;
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const uint32_t fires = fires_sigmoid(firing, m[j + i], uniform_of(words.w[i]));
    bits = (bits & ~(1u << i)) | fires << i;
  }
}

// Bit j is step t + j's spike.
__device__ __forceinline__ uint32_t quick_spike_bits(const Firing& firing, const RandomOrigin& origin, int64_t b,
                                                     int64_t t, int64_t c, const float (&m)[kSegmentSteps]) {
  const auto batch = static_cast<uint32_t>(origin.batch + b), channel = static_cast<uint32_t>(origin.channel + c);
  const auto call = static_cast<uint32_t>((origin.time + t) / 4);
  uint32_t bits = 0;
#pragma unroll
  for (int group = kSegmentSteps / 4 - 1; group >= 0; --group) {
    const PhiloxWords words = generate(call + group, channel, batch, origin.stream, origin.key);
    add_quick_spikes(firing, words, 4 * group, m, bits);
  }
  return bits;
}

}  // namespace spikescan
