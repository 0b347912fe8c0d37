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
  return call.firing.rule == SPIKESCAN_SIGMOID_BERNOULLI && !call.args.uniforms.data &&
         origin.time % kPhiloxSteps == 0 && call.firing.quick.unsure < INFINITY;
}

// Four steps from j on, which one call of the generator serves: their spikes become the lowest bits, the others move
// up. The result is the smallest distance of a test from its limit, or NaN.
template <int kSteps>
__device__ __forceinline__ float add_quick_spikes(const QuickTest& test, const PhiloxWords& words, int j,
                                                  const float (&m)[kSteps], uint32_t& bits) {
  float margin[4];
#pragma unroll
  for (int i = 3; i >= 0; --i) {
    const auto u = static_cast<float>(words.w[i] & 0xffffff00u);
    const float twice_e = approximate_exp2(fused(m[j + i], test.scale, test.offset));
    margin[i] = fused(u, twice_e + 2.0f, -test.limit);
    bits = __funnelshift_l(bits_of(margin[i]), bits, 1);  // its sign
  }
  return lesser_or_nan(lesser_or_nan(magnitude(margin[3]), magnitude(margin[2])),
                       lesser_or_nan(magnitude(margin[1]), magnitude(margin[0])));
}

// Bit j is the j-th step's spike. `draw(first, words)` gives the words of as many four steps, from the first-th on, as
// `words` has places: the generator's calls go kTogether at a time, side by side as far as registers allow. Where one
// of their draws is not sure, all of theirs are tested exactly. A NaN is not sure.
template <int kTogether, int kSteps, class Draw>
__device__ __forceinline__ uint32_t quick_spike_bits(const Firing& firing, const float (&m)[kSteps], Draw draw) {
  const QuickTest test = firing.quick;
  uint32_t bits = 0;
#pragma unroll
  for (int first = kSteps / kPhiloxSteps - kTogether; first >= 0; first -= kTogether) {
    PhiloxWords words[kTogether];
    draw(first, words);
    float closest[kTogether];
#pragma unroll
    for (int i = kTogether - 1; i >= 0; --i) {
      closest[i] = add_quick_spikes(test, words[i], kPhiloxSteps * (first + i), m, bits);
    }
#pragma unroll
    for (int i = 1; i < kTogether; ++i) closest[0] = lesser_or_nan(closest[0], closest[i]);
    if (usually(closest[0] > test.unsure)) continue;
    uint32_t exact = 0;
    draw(first, words);
#pragma unroll
    for (int i = 0; i < kTogether; ++i) {
#pragma unroll
      for (int j = 0; j < kPhiloxSteps; ++j) {
        const uint32_t fires = fires_sigmoid(firing, m[kPhiloxSteps * (first + i) + j], uniform_of(words[i].w[j]));
        exact |= fires << (kPhiloxSteps * i + j);
      }
    }
    constexpr uint32_t kTheirs = (1u << kPhiloxSteps * kTogether) - 1u;
    bits = (bits & ~kTheirs) | exact;
  }
  return bits;
}

}  // namespace spikescan
