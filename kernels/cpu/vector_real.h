// kernels/element/real.h for a vector of floats: the same operations in the same order, so the same bits.
#pragma once

#include "kernels/cpu/vector.h"

SPIKESCAN_ELEMENT_BEGIN

HWY_INLINE Floats magnitude(Floats x) {
  return float_of(hn::And(bits_of(x), words(0x7fffffffu)));
}
HWY_INLINE Floats nearest_integer(Floats x) {
  return hn::Round(x);
}

// x < low ? low : x, and x > high ? high : x; a NaN stays. On x86 min and max give their second operand to a NaN.
HWY_INLINE Floats not_below(float low, Floats x) {
#if HWY_ARCH_X86 && HWY_TARGET != HWY_EMU128
  return hn::Max(floats(low), x);
#else
  return choose(x < floats(low), floats(low), x);
#endif
}
HWY_INLINE Floats not_above(float high, Floats x) {
#if HWY_ARCH_X86 && HWY_TARGET != HWY_EMU128
  return hn::Min(floats(high), x);
#else
  return choose(floats(high) < x, floats(high), x);
#endif
}

// 2^f for |f| <= 1/2.
HWY_INLINE Floats exp2_fraction(Floats f) {
  Floats p = floats(0.00015453163f);
  p = fused(p, f, floats(0.0013390863f));
  p = fused(p, f, floats(0.009618083f));
  p = fused(p, f, floats(0.05550357f));
  p = fused(p, f, floats(0.2402265f));
  p = fused(p, f, floats(0.6931472f));
  return fused(p, f, floats(1.0f));
}

HWY_INLINE Floats exp2_real(Floats z) {
  z = not_above(128.0f, not_below(-126.0f, z));
  const Floats shifted = z + floats(12582912.0f);
  const Floats p = exp2_fraction(z - (shifted - floats(12582912.0f)));
  return p * float_of(hn::ShiftLeft<23>(bits_of(shifted)) + words(0x3f800000u));
}

// exp2_real() for z <= 0 where what is below -126 does not count: AVX-512 rounds to an integer and scales by a power of
// two in one instruction each.
HWY_INLINE Floats exp2_decaying(Floats z) {
#if HWY_TARGET <= HWY_AVX3 && HWY_ARCH_X86
  const __m512 n = _mm512_roundscale_ps(z.raw, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  return Floats{_mm512_scalef_ps(exp2_fraction(z - Floats{n}).raw, n)};
#else
  return exp2_real(z);
#endif
}

// What decaying_exp(a, .) makes of a.
struct DecayingScale {
  Floats high, low;
  explicit DecayingScale(float a) : high(floats(0)), low(floats(0)) {
    const float scale = -kLog2E * magnitude(a);
    high = floats(scale);
    low = floats(fused(-kLog2E, magnitude(a), -scale) - kLog2ELow * magnitude(a));
  }
};

HWY_INLINE Floats decaying_exp(const DecayingScale& scale, Floats b) {
  const Floats size = magnitude(b);
  const Floats z = scale.high * size;
  const Floats z_low = fused(scale.low, size, fused(scale.high, size, hn::Neg(z)));
  const Floats e = exp2_decaying(z);
  return choose(z < floats(-126.0f), floats(0.0f), fused(floats(0.6931472f) * e, z_low, e));
}

HWY_INLINE Floats sigmoid(Floats x) {
  return floats(1.0f) / (floats(1.0f) + exp2_real(floats(-kLog2E) * x));
}

HWY_INLINE Floats sigmoid_slope(Floats x) {
  const Floats e = decaying_exp(DecayingScale(1.0f), x);
  const Floats d = floats(1.0f) + e;
  return e / (d * d);
}

HWY_INLINE Floats sine_quarter_turn(Floats y) {
  const Floats s = y * y;
  Floats p = floats(39.7598267f);
  p = fused(p, s, floats(-76.5811691f));
  p = fused(p, s, floats(81.6024780f));
  p = fused(p, s, floats(-41.3416824f));
  p = fused(p, s, floats(6.28318548f));
  return p * y;
}

HWY_INLINE Floats turns_of_product(Floats a, Floats b) {
  const Floats high = a * b;
  const Floats low = fused(a, b, hn::Neg(high));
  const Floats r = (high - nearest_integer(high)) + (low - nearest_integer(low));
  return choose(magnitude(high) < floats(281474976710656.0f), r - nearest_integer(r), (a - a) + (b - b));
}

HWY_INLINE Floats cosine_turn(Floats r) {
  return sine_quarter_turn(floats(0.25f) - magnitude(r));
}
HWY_INLINE Floats sine_turn(Floats r) {
  const Floats size = magnitude(r);
  const Floats folded = floats(0.5f) - size;
  const Floats turned = choose(r < floats(0.0f), hn::Neg(folded), folded);
  return sine_quarter_turn(choose(floats(0.25f) < size, turned, r));
}

SPIKESCAN_ELEMENT_END
