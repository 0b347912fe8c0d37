// The float arithmetic that all backends share: fused multiply-add, exp2, reciprocal, sigmoid, sine and cosine of whole
// turns. Only what every device rounds alike, so every device gives the same bits; compile with -ffp-contract=off,
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
#if defined(__CUDA_ARCH__)
  return fabsf(x);  // part of the instruction that takes it
#else
  return float_of(bits_of(x) & 0x7fffffffu);
#endif
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

// The bound where x is beyond it; a NaN stays one.
SPIKESCAN_HD float at_least(float low, float x) {
#if defined(__CUDA_ARCH__)
  float result;
  asm("max.NaN.f32 %0, %1, %2;" : "=f"(result) : "f"(x), "f"(low));
  return result;
#else
  return x < low ? low : x;
#endif
}
SPIKESCAN_HD float at_most(float high, float x) {
#if defined(__CUDA_ARCH__)
  float result;
  asm("min.NaN.f32 %0, %1, %2;" : "=f"(result) : "f"(x), "f"(high));
  return result;
#else
  return x > high ? high : x;
#endif
}
SPIKESCAN_HD float clamp(float x, float low, float high) {
  return at_most(high, at_least(low, x));
}

// As clamp(), but a NaN becomes low.
SPIKESCAN_HD float clamp_number(float x, float low, float high) {
#if defined(__CUDA_ARCH__)
  return fminf(fmaxf(x, low), high);
#else
  x = x > low ? x : low;
  return x < high ? x : high;
#endif
}

constexpr float kLargestFloat = 3.40282347e38f;

// 1 / d for d >= 1, correctly rounded up to d = 2^126 and 0 above it; NaN stays NaN. On a GPU it is one Newton step
// from an approximation, as the toolkit's __frcp_rn has it for d < 2^126: correct from every value within an ulp, but
// for d = 2 - 2^-23 from 1/2 (tests/element/reciprocal_test.cpp) and for that times a power of two. That no GPU gives
// those, and 0 for every d above 2^126, which the step leaves as it is, is not measured yet:
// tests/cross/dense_sweep_test.cpp asks a GPU.
SPIKESCAN_HD float reciprocal(float d) {
#if defined(__CUDA_ARCH__)
  float r;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(d));
  return fused(r, fused(-d, r, 1.0f), r);
#else
  return d > 0x1p126f ? 0.0f : 1.0f / d;
#endif
}

// The same where d may be infinite, which the step on a GPU would make a NaN of.
SPIKESCAN_HD float reciprocal_up_to_infinity(float d) {
#if defined(__CUDA_ARCH__)
  return reciprocal(at_most(kLargestFloat, d));
#else
  return reciprocal(d);
#endif
}

// Added to z, |z| < 2^22, it leaves z rounded to an integer in the sum's low bits, where an exponent can be made of it.
constexpr float kRounder = 12582912.0f;

// 2^f for |f| <= 1/2.
SPIKESCAN_HD float exp2_fraction(float f) {
  float p = 0.0013269532f;
  p = fused(p, f, 0.009671291f);
  p = fused(p, f, 0.05550711f);
  p = fused(p, f, 0.24022247f);
  p = fused(p, f, 0.693147f);
  return fused(p, f, 1.0f);
}

// x * 2^n by x's exponent alone, with shifted = n + kRounder. The caller answers for the exponent's range.
SPIKESCAN_HD float times_power(float x, float shifted) {
  return float_of(bits_of(x) + (bits_of(shifted) << 23));
}

// c * 2^(scale x) as power * fraction: the product, rounded to an integer, gives the one, and what that left the other.
// Two factors, since a NaN fraction would not survive times_power(). `scale_low` is what `scale` has lost to rounding:
// with it the relative error does not grow with x.
struct Exponential {
  float power, fraction;
};
SPIKESCAN_HD Exponential exponential(float scale, float scale_low, float x, float c) {
  const float shifted = fused(scale, x, kRounder);
  const float f = fused(scale_low, x, fused(scale, x, kRounder - shifted));
  return {times_power(c, shifted), exp2_fraction(f)};
}

// s and s (1 - s) = e s^2 for s = 1 / (1 + e): no cancellation where s is near 1.
struct Logistic {
  float value, slope;
};
SPIKESCAN_HD Logistic logistic(const Exponential& parts) {
  const float e = parts.fraction * parts.power;
  const float s = reciprocal(1.0f + e);
  return {s, e * s * s};
}

constexpr float kLog2E = 1.44269504f, kLn2 = 0.693147182f;

// e^-r for |r| <= ln(2) / 2.
SPIKESCAN_HD float exp_fraction(float r) {
  float p = -0.008289357f;
  p = fused(p, r, 0.04189818f);
  p = fused(p, r, -0.16667652f);
  p = fused(p, r, 0.49999148f);
  p = fused(p, r, -0.9999997f);
  return fused(p, r, 1.0f);
}

// The largest float of which kLog2E times it is no more than 127: at -127 the power of the exponential is 0, at 127 the
// reciprocal.
constexpr float kSigmoidReach = 88.029686f;

// exp(-x). As in exponential(), but what the power of two leaves is measured in x itself: kLn2 is a float of luck, off
// by a relative 2^-28, and the error hardly grows with x.
SPIKESCAN_HD Exponential sigmoid_exponential(float x) {
  const float inside = clamp(x, -kSigmoidReach, kSigmoidReach);
  const float shifted = fused(-kLog2E, inside, kRounder);
  return {times_power(1.0f, shifted), exp_fraction(fused(shifted - kRounder, kLn2, inside))};
}

// 1 / (1 + exp(-x)).
SPIKESCAN_HD float sigmoid(float x) {
  const Exponential e = sigmoid_exponential(x);
  return reciprocal(fused(e.fraction, e.power, 1.0f));
}
// The same bits, since the product with a power of two is exact, and the slope.
SPIKESCAN_HD Logistic sigmoid_with_slope(float x) {
  return logistic(sigmoid_exponential(x));
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
