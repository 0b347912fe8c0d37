// The float arithmetic that all backends share: fused multiply-add, exp2, sigmoid, sine and cosine of whole turns.
// Only IEEE operations and explicit fma, so every device gives the same bits; compile with -ffp-contract=off,
// --fmad=false and without flush-to-zero. Error bounds: tests/element/error_bounds_test.cpp.
#pragma once

#include <cstdint>

#include "kernels/element/compat.h"

SPIKESCAN_ELEMENT_BEGIN

#if defined(__CUDA_ARCH__)
SPIKESCAN_HD float fused(float a, float b, float c) {
  return __fmaf_rn(a, b, c);
}
SPIKESCAN_HD double fused(double a, double b, double c) {
  return __fma_rn(a, b, c);
}
SPIKESCAN_HD float nearest_integer(float x) {
  return rintf(x);
}
SPIKESCAN_HD uint32_t bits_of(float x) {
  return __float_as_uint(x);
}
SPIKESCAN_HD float float_of(uint32_t bits) {
  return __uint_as_float(bits);
}
#else
SPIKESCAN_HD float fused(float a, float b, float c) {
  return __builtin_fmaf(a, b, c);
}
SPIKESCAN_HD double fused(double a, double b, double c) {
  return __builtin_fma(a, b, c);
}
SPIKESCAN_HD float nearest_integer(float x) {
  return __builtin_rintf(x);
}
SPIKESCAN_HD uint32_t bits_of(float x) {
  uint32_t bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  return bits;
}
SPIKESCAN_HD float float_of(uint32_t bits) {
  float x;
  __builtin_memcpy(&x, &bits, sizeof x);
  return x;
}
#endif

SPIKESCAN_HD float magnitude(float x) {
  return float_of(bits_of(x) & 0x7fffffffu);
}

// A double rounded to float32 whose value goes on as a double. Without the barrier GCC 12 drops both conversions where
// it has put two doubles into one vector (seen with 12.2 at -O2).
SPIKESCAN_HD float round_to_float(double x) {
  float rounded = static_cast<float>(x);
#if defined(__GNUC__) && !defined(__CUDA_ARCH__)
  __asm__("" : "+m"(rounded));
#endif
  return rounded;
}

constexpr float kLog2E = 1.44269504f;
constexpr float kLog2ELow = 1.92596299e-8f;  // log2(e) - kLog2E

// 2^z. Below -126 the result stays at 2^-126, from 127.5 on it is infinite, NaN stays NaN.
SPIKESCAN_HD float exp2_real(float z) {
  // Comparisons that are false for NaN let it through.
  z = z < -126.0f ? -126.0f : z;
  z = z > 128.0f ? 128.0f : z;
  // Adding 1.5 * 2^23 leaves round(z) in the low bits, already where the exponent is made from.
  const float shifted = z + 12582912.0f;
  const float f = z - (shifted - 12582912.0f);
  float p = 0.00015453163f;
  p = fused(p, f, 0.0013390863f);
  p = fused(p, f, 0.009618083f);
  p = fused(p, f, 0.05550357f);
  p = fused(p, f, 0.2402265f);
  p = fused(p, f, 0.6931472f);
  p = fused(p, f, 1.0f);
  return p * float_of((bits_of(shifted) << 23) + 0x3f800000u);
}

// exp(-|a b|). The argument keeps what the product and log2(e) lose to rounding, so the relative error does not grow
// with it; below 2^-126 the result is 0. What depends on `a` alone is hoisted out of loops over b.
SPIKESCAN_HD float decaying_exp(float a, float b) {
  const float scale = -kLog2E * magnitude(a);
  const float scale_low = fused(-kLog2E, magnitude(a), -scale) - kLog2ELow * magnitude(a);
  const float z = scale * magnitude(b);
  const float z_low = fused(scale_low, magnitude(b), fused(scale, magnitude(b), -z));
  const float e = exp2_real(z);
  // Written so that a NaN stays one.
  return z < -126.0f ? 0.0f : fused(0.6931472f * e, z_low, e);
}

// 1 / (1 + exp(-x)).
SPIKESCAN_HD float sigmoid(float x) {
  return 1.0f / (1.0f + exp2_real(-kLog2E * x));
}

// s (1 - s) for s = sigmoid(x), as e / (1 + e)^2 with e = exp(-|x|): no cancellation where s is near 1, no overflow.
SPIKESCAN_HD float sigmoid_slope(float x) {
  const float e = decaying_exp(1.0f, x);
  const float d = 1.0f + e;
  return e / (d * d);
}

// sin(2 pi y) for |y| <= 1/4.
SPIKESCAN_HD float sine_quarter_turn(float y) {
  const float s = y * y;
  float p = 39.7598267f;
  p = fused(p, s, -76.5811691f);
  p = fused(p, s, 81.6024780f);
  p = fused(p, s, -41.3416824f);
  p = fused(p, s, 6.28318548f);
  return p * y;
}

// a * b reduced to [-1/2, 1/2] turns; the product is not rounded before the reduction. A product of 2^48 or more is a
// whole number, also where it overflows; infinity and NaN give NaN.
SPIKESCAN_HD float turns_of_product(float a, float b) {
  const float high = a * b;
  const float low = fused(a, b, -high);
  const float r = (high - nearest_integer(high)) + (low - nearest_integer(low));
  return magnitude(high) < 281474976710656.0f ? r - nearest_integer(r) : (a - a) + (b - b);
}

// cos(2 pi r) and sin(2 pi r) for |r| <= 1/2.
SPIKESCAN_HD float cosine_turn(float r) {
  return sine_quarter_turn(0.25f - magnitude(r));
}
SPIKESCAN_HD float sine_turn(float r) {
  const float folded = 0.5f - magnitude(r);
  const float y = magnitude(r) > 0.25f ? (r < 0.0f ? -folded : folded) : r;
  return sine_quarter_turn(y);
}

SPIKESCAN_ELEMENT_END
