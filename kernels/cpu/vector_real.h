// kernels/element/real.h for a vector of floats, or four (vector_four.h): the same operations in the same order, so the
// same bits.
#pragma once

#include "kernels/cpu/vector.h"

SPIKESCAN_ELEMENT_BEGIN

HWY_INLINE Floats magnitude(Floats x) {
  return float_of(hn::And(bits_of(x), words(0x7fffffffu)));
}
HWY_INLINE Floats negated(Floats x) {
  return hn::Neg(x);
}
HWY_INLINE Floats nearest_integer(Floats x) {
  return hn::Round(x);
}

// On x86 min and max give their second operand where one is a NaN.
HWY_INLINE Floats at_least(Floats low, Floats x) {
#if HWY_ARCH_X86 && HWY_TARGET != HWY_EMU128
  return hn::Max(low, x);
#else
  return choose(x < low, low, x);
#endif
}
HWY_INLINE Floats at_most(Floats high, Floats x) {
#if HWY_ARCH_X86 && HWY_TARGET != HWY_EMU128
  return hn::Min(high, x);
#else
  return choose(high < x, high, x);
#endif
}
HWY_INLINE Floats clamp(Floats x, Floats low, Floats high) {
  return at_most(high, at_least(low, x));
}
HWY_INLINE Floats clamp_number(Floats x, Floats low, Floats high) {
#if HWY_ARCH_X86 && HWY_TARGET != HWY_EMU128
  return hn::Min(hn::Max(x, low), high);
#else
  x = choose(low < x, x, low);
  return choose(x < high, x, high);
#endif
}

HWY_INLINE Floats reciprocal(Floats d) {
#if SPIKESCAN_AVX512
  const __mmask16 wanted = _mm512_cmp_ps_mask(d.raw, floats(0x1p126f).raw, _CMP_NGT_UQ);
  return Floats{_mm512_maskz_div_ps(wanted, floats(1.0f).raw, d.raw)};
#else
  // Not 1 / d there: a division with a subnormal result takes an Intel processor 160 clocks, wanted or not.
  return hn::IfThenZeroElse(floats(0x1p126f) < d, floats(1.0f)) / d;
#endif
}

// 2^f for |f| <= 1/2.
template <class T>
HWY_INLINE T exp2_fraction(T f) {
  T p = fused(floats(0.0013269532f), f, floats(0.009671291f));
  p = fused(p, f, floats(0.05550711f));
  p = fused(p, f, floats(0.24022247f));
  p = fused(p, f, floats(0.693147f));
  return fused(p, f, floats(1.0f));
}

HWY_INLINE Floats times_power(Floats x, Floats shifted) {
  return float_of(bits_of(x) + hn::ShiftLeft<23>(bits_of(shifted)));
}

#if SPIKESCAN_AVX512
// AVX-512 scales by a power of two without bounds on it: 0 and infinity lie beyond, where a sum 1 + e is 1 and a
// reciprocal of it 0. So a bound on the argument of an exponential e is spared; only what the power leaves of it, the
// polynomial's argument, has to be kept from where that makes no sense. A NaN survives in the power.
HWY_INLINE Floats scaled(Floats x, Floats power) {
  return Floats{_mm512_scalef_ps(x.raw, power.raw)};
}
// The same for a sum 1 + e. On the way to 0 lie subnormal numbers, for which an Intel processor takes some 230 clocks.
HWY_INLINE Floats scaled_for_sum(Floats x, Floats power) {
  return scaled(x, at_least(floats(-100.0f), power));
}
HWY_INLINE Floats no_larger_than(float size, Floats x) {
  constexpr int kSmallerMagnitude = 2;  // with the first operand's sign; a NaN gives the bound
  return Floats{_mm512_range_ps(x.raw, floats(size).raw, kSmallerMagnitude)};
}
HWY_INLINE FloatMask less_in_bits(Floats a, Floats b) {
  return hn::RebindMask(FloatTag(), bits_of(a) < bits_of(b));
}
HWY_INLINE Floats fused_less(Floats a, Floats b, Floats c) {
  return Floats{_mm512_fmsub_ps(a.raw, b.raw, c.raw)};
}
#endif

struct Exponentials {
  Floats power, fraction;
};
HWY_INLINE Exponentials exponential(Floats scale, Floats scale_low, Floats x, Floats c) {
  const Floats shifted = fused(scale, x, floats(kRounder));
  const Floats f = fused(scale_low, x, fused(scale, x, floats(kRounder) - shifted));
  return {times_power(c, shifted), exp2_fraction(f)};
}

struct Logistics {
  Floats value, slope;
};
HWY_INLINE Logistics logistic(const Exponentials& parts) {
  const Floats e = parts.fraction * parts.power;
  const Floats s = reciprocal(floats(1.0f) + e);
  return {s, e * s * s};
}

// e^-r for |r| <= ln(2) / 2.
HWY_INLINE Floats exp_fraction(Floats r) {
  Floats p = floats(-0.008289357f);
  p = fused(p, r, floats(0.04189818f));
  p = fused(p, r, floats(-0.16667652f));
  p = fused(p, r, floats(0.49999148f));
  p = fused(p, r, floats(-0.9999997f));
  return fused(p, r, floats(1.0f));
}

HWY_INLINE Exponentials sigmoid_exponential(Floats x) {
  const Floats inside = clamp(x, floats(-kSigmoidReach), floats(kSigmoidReach));
  const Floats shifted = fused(floats(-kLog2E), inside, floats(kRounder));
  const Floats r = fused(shifted - floats(kRounder), floats(kLn2), inside);
  return {times_power(floats(1.0f), shifted), exp_fraction(r)};
}
HWY_INLINE Floats sigmoid(Floats x) {
#if SPIKESCAN_AVX512
  const Floats n = fused(floats(-kLog2E), x, floats(kRounder)) - floats(kRounder);
  const Floats fraction = exp_fraction(no_larger_than(1.0f, fused(n, floats(kLn2), x)));
  return reciprocal(fused(fraction, scaled_for_sum(floats(1.0f), n), floats(1.0f)));
#else
  const Exponentials e = sigmoid_exponential(x);
  return reciprocal(fused(e.fraction, e.power, floats(1.0f)));
#endif
}
HWY_INLINE Logistics sigmoid_with_slope(Floats x) {
  return logistic(sigmoid_exponential(x));
}

template <class T>
HWY_INLINE T sine_quarter_turn(T y) {
  const T s = y * y;
  T p = fused(floats(39.7598267f), s, floats(-76.5811691f));
  p = fused(p, s, floats(81.6024780f));
  p = fused(p, s, floats(-41.3416824f));
  p = fused(p, s, floats(6.28318548f));
  return p * y;
}

template <class T>
HWY_INLINE T turns_of_product(Floats a, T b) {
  const T high = a * b;
  const T low = fused(a, b, negated(high));
  const T r = (high - nearest_integer(high)) + (low - nearest_integer(low));
  return choose(magnitude(high) < floats(281474976710656.0f), r - nearest_integer(r), (a - a) + (b - b));
}

template <class T>
HWY_INLINE T cosine_turn(T r) {
  return sine_quarter_turn(floats(0.25f) - magnitude(r));
}
HWY_INLINE Floats sine_turn(Floats r) {
  const Floats size = magnitude(r);
  const Floats folded = floats(0.5f) - size;
  const Floats turned = choose(r < floats(0.0f), hn::Neg(folded), folded);
  return sine_quarter_turn(choose(floats(0.25f) < size, turned, r));
}

SPIKESCAN_ELEMENT_END
