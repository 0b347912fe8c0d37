// The generator on the device: cuRAND's own Philox4x32-10 where its header is at hand, else ours, which gives the same
// words (tests/element). One call serves four steps of one channel (docs/model.md, section 3).
#pragma once

#include "kernels/cuda/device.h"
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

// The words of a segment of (b, c) that starts with a call's four steps: of K times four from the first-th on.
class SegmentGenerator {
 public:
  // `t` counts from the call's start.
  __device__ __forceinline__ SegmentGenerator(const RandomOrigin& origin, int64_t b, int64_t t, int64_t c)
      : key_(origin.key),
        stream_(origin.stream),
        batch_(static_cast<uint32_t>(origin.batch + b)),
        channel_(static_cast<uint32_t>(origin.channel + c)),
        call_(static_cast<uint32_t>(origin.time >> 2) + static_cast<uint32_t>(t >> 2)) {}
  template <int K>
  __device__ __forceinline__ void draw(int first, PhiloxWords (&words)[K]) const {
#pragma unroll
    for (int i = 0; i < K; ++i) {
      words[i] = generate(call_ + static_cast<uint32_t>(first + i), channel_, batch_, stream_, key_);
    }
  }

 private:
  const PhiloxKey key_;
  const uint32_t stream_, batch_, channel_, call_;
};

// The uniforms of a segment of (b, c), four steps at a time. Where the segment starts inside a call's four steps
// (`phase`), a group takes from two calls.
class UniformSource {
 public:
  // `t` counts from the call's start.
  __device__ __forceinline__ UniformSource(const RandomOrigin& origin, int64_t b, int64_t t, int64_t c)
      : origin_(origin),
        batch_(static_cast<uint32_t>(origin.batch + b)),
        channel_(static_cast<uint32_t>(origin.channel + c)),
        call_(static_cast<uint32_t>((origin.time + t) >> 2)),
        phase_(static_cast<int>((origin.time + t) & 3)),
        words_(generate(call_, channel_, batch_, origin.stream, origin.key)) {}

  // `last`: the segment's last group.
  __device__ __forceinline__ void next(bool last, float (&u)[4]) {
    if (last && phase_ == 0) {
      take(words_, words_, u);
      return;
    }
    const PhiloxWords following = generate(++call_, channel_, batch_, origin_.stream, origin_.key);
    take(words_, following, u);
    words_ = following;
  }

 private:
  // Selects over constant places, so that the words stay in registers.
  __device__ __forceinline__ void take(const PhiloxWords& a, const PhiloxWords& b, float (&u)[4]) const {
    const uint32_t w[8] = {a.w[0], a.w[1], a.w[2], a.w[3], b.w[0], b.w[1], b.w[2], b.w[3]};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      u[i] = uniform_of(phase_ == 0 ? w[i] : phase_ == 1 ? w[i + 1] : phase_ == 2 ? w[i + 2] : w[i + 3]);
    }
  }

  const RandomOrigin origin_;
  const uint32_t batch_, channel_;
  uint32_t call_;
  const int phase_;
  PhiloxWords words_;
};

}  // namespace spikescan
