// float16 and bfloat16 to and from float32: exact one way, nearest even the other. The same bits on every device. A NaN
// is narrowed to the one that CUDA's own host functions give (tests/element/convert_test.cpp), so that a GPU may take
// what its conversion instruction makes. That this is the same NaN is not measured.
#pragma once

#include <cstddef>
#include <cstdint>

#include "include/spikescan/spikescan.h"
#include "kernels/element/real.h"

SPIKESCAN_ELEMENT_BEGIN

struct Half {
  uint16_t bits;
};
struct BFloat16 {
  uint16_t bits;
};

SPIKESCAN_HD float to_float(float x) {
  return x;
}
SPIKESCAN_HD float to_float(BFloat16 x) {
  return float_of(static_cast<uint32_t>(x.bits) << 16);
}
SPIKESCAN_HD float to_float(Half x) {
#if defined(__CUDA_ARCH__)
  float wide;
  asm("cvt.f32.f16 %0, %1;" : "=f"(wide) : "h"(x.bits));
  return wide;
#else
  const uint32_t sign = static_cast<uint32_t>(x.bits & 0x8000u) << 16;
  const uint32_t rest = x.bits & 0x7fffu;
  // Shifted into float32's place the exponent is 112 too small; the product is exact, also from a subnormal.
  const float scaled = float_of(rest << 13) * float_of(0x77800000u);
  const uint32_t special = rest >= 0x7c00u ? 0x7f800000u | (rest << 13) : bits_of(scaled);
  return float_of(sign | special);
#endif
}

constexpr uint16_t kNarrowNaN = 0x7fff;  // in both formats

template <class T>
SPIKESCAN_HD T from_float(float x);

template <>
SPIKESCAN_HD float from_float<float>(float x) {
  return x;
}

template <>
SPIKESCAN_HD BFloat16 from_float<BFloat16>(float x) {
#if defined(__CUDA_ARCH__)
  uint16_t rounded;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(rounded) : "f"(x));
  return {rounded};
#else
  const uint32_t b = bits_of(x);
  return {static_cast<uint16_t>(x != x ? kNarrowNaN : (b + 0x7fffu + ((b >> 16) & 1u)) >> 16)};
#endif
}

template <>
SPIKESCAN_HD Half from_float<Half>(float x) {
#if defined(__CUDA_ARCH__)
  uint16_t rounded;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(rounded) : "f"(x));
  return {rounded};
#else
  const uint32_t b = bits_of(x), sign = (b >> 16) & 0x8000u, rest = b & 0x7fffffffu;
  uint32_t half;
  if (rest > 0x7f800000u) return {kNarrowNaN};
  if (rest >= 0x47800000u) {
    half = 0x7c00u;
  } else if (rest < 0x38800000u) {
    // Subnormal: adding 1/2 puts the half's last bit at the float's last bit, rounded to nearest even on the way.
    half = bits_of(float_of(rest) + 0.5f) - 0x3f000000u;
  } else {
    half = (rest + 0xc8000fffu + ((rest >> 13) & 1u)) >> 13;
  }
  return {static_cast<uint16_t>(sign | half)};
#endif
}

SPIKESCAN_HD size_t dtype_bytes(int dtype) {
  return dtype == SPIKESCAN_FLOAT32 || dtype == SPIKESCAN_BITS32 ? 4 : dtype == SPIKESCAN_UINT8 ? 1 : 2;
}

SPIKESCAN_ELEMENT_END
