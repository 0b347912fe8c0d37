// The vector unit of one instruction set, through Google Highway's static dispatch: types, tags and the fused
// multiply-add. CMake compiles each translation unit for one instruction set and instruction_sets.cpp finds at run
// time which of them the processor has, so nothing of Highway has to be linked.
#pragma once

#ifndef HWY_COMPILE_ONLY_STATIC
#define HWY_COMPILE_ONLY_STATIC
#endif
// Highway's own debug checks would need its library.
#define HWY_IS_DEBUG_BUILD 0
// Each unit's instructions are its compiler's flags: Highway is to ask neither for the two that its x86 targets want
// beside theirs nor, of ARM's GCC, for others by pragmas, which reach its functions alone and keep them from being
// inlined into ours.
#define HWY_DISABLE_PCLMUL_AES
#define TOOLCHAIN_MISS_SYS_AUXV_H
// Where a compiler is told of newer processors (-march=native), Highway takes AVX3_DL, of which 1.0.3 has a wrong
// TruncateTo of 32-bit lanes to bytes, or SVE, whose vectors have no length that the compiler knows.
#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#endif
#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include "kernels/element/real.h"

// What Highway has no name for is written in AVX-512's own intrinsics, beside a way that serves every target.
#if HWY_TARGET <= HWY_AVX3 && HWY_ARCH_X86
#define SPIKESCAN_AVX512 1
#else
#define SPIKESCAN_AVX512 0
#endif

SPIKESCAN_ELEMENT_BEGIN

namespace hn = hwy::HWY_NAMESPACE;

using FloatTag = hn::ScalableTag<float>;
using WordTag = hn::RebindToUnsigned<FloatTag>;
using PairTag = hn::Repartition<uint64_t, WordTag>;
using DoubleTag = hn::ScalableTag<double>;
using HalfFloatTag = hn::Rebind<float, DoubleTag>;  // as many floats as a vector has doubles

using Floats = hn::Vec<FloatTag>;
using Words = hn::Vec<WordTag>;
using Pairs = hn::Vec<PairTag>;  // 64-bit lanes
using Doubles = hn::Vec<DoubleTag>;
using HalfFloats = hn::Vec<HalfFloatTag>;
using FloatMask = hn::Mask<FloatTag>;

constexpr int kFloats = static_cast<int>(hn::MaxLanes(FloatTag()));
constexpr int kDoubles = static_cast<int>(hn::MaxLanes(DoubleTag()));

HWY_INLINE Floats floats(float x) {
  return hn::Set(FloatTag(), x);
}
HWY_INLINE Words words(uint32_t x) {
  return hn::Set(WordTag(), x);
}
HWY_INLINE Doubles doubles(double x) {
  return hn::Set(DoubleTag(), x);
}
HWY_INLINE Words bits_of(Floats x) {
  return hn::BitCast(WordTag(), x);
}
HWY_INLINE Floats float_of(Words x) {
  return hn::BitCast(FloatTag(), x);
}
HWY_INLINE Floats load(const float* p) {
  return hn::Load(FloatTag(), p);
}
HWY_INLINE void store(Floats x, float* p) {
  hn::Store(x, FloatTag(), p);
}
HWY_INLINE Doubles load(const double* p) {
  return hn::Load(DoubleTag(), p);
}
HWY_INLINE void store(Doubles x, double* p) {
  hn::Store(x, DoubleTag(), p);
}
HWY_INLINE bool is_plus_zero(Doubles x) {
  return hn::AllTrue(PairTag(), hn::BitCast(PairTag(), x) == hn::Zero(PairTag()));
}
// kDoubles lanes between float in memory and a vector of doubles.
HWY_INLINE Doubles load_wide(const float* p) {
  return hn::PromoteTo(DoubleTag(), hn::Load(HalfFloatTag(), p));
}
HWY_INLINE void store_narrow(Doubles x, float* p) {
  hn::Store(hn::DemoteTo(HalfFloatTag(), x), HalfFloatTag(), p);
}
HWY_INLINE Floats choose(FloatMask m, Floats yes, Floats no) {
  return hn::IfThenElse(m, yes, no);
}

// a b + c rounded once. In double the product is exact and the sum's error is known; where there is one, the sum moves
// to the odd one of its two neighbours, which keeps all that the rounding to float has to know, since 53 bits are more
// than 24 + 2 (Boldo and Melquiond, "Emulation of FMA and correctly rounded sums: proved algorithms using rounding to
// odd", 2008). AVX-512 rounds up, down and toward zero to the same end. No intermediate of float operands overflows or
// underflows in double.
HWY_INLINE HalfFloats fused_half(HalfFloats a, HalfFloats b, HalfFloats c) {
  const DoubleTag d;
#if SPIKESCAN_AVX512
  const __m512d x = hn::PromoteTo(d, a).raw, y = hn::PromoteTo(d, b).raw, z = hn::PromoteTo(d, c).raw;
  const __m512d low = _mm512_fmadd_round_pd(x, y, z, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
  const __m512d high = _mm512_fmadd_round_pd(x, y, z, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC);
  const __m512d cut = _mm512_fmadd_round_pd(x, y, z, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
  const __mmask8 inexact = _mm512_cmp_pd_mask(low, high, _CMP_LT_OQ);
  const __m512i bits = _mm512_castpd_si512(cut);
  const __m512i odd = _mm512_mask_or_epi64(bits, inexact, bits, _mm512_set1_epi64(1));
  return HalfFloats{_mm512_cvtpd_ps(_mm512_castsi512_pd(odd))};
#else
  const hn::RebindToUnsigned<DoubleTag> du;
  const Doubles product = hn::PromoteTo(d, a) * hn::PromoteTo(d, b);
  const Doubles addend = hn::PromoteTo(d, c);
  const Doubles sum = product + addend;
  const Doubles back = sum - product;
  const Doubles error = (product - (sum - back)) + (addend - back);
  const auto bits = hn::BitCast(du, sum);
  const auto one = hn::Set(du, uint64_t{1});
  // The error of an infinite or NaN sum is NaN, and neither comparison holds.
  const auto inexact = hn::Or(hn::VecFromMask(d, error < hn::Zero(d)), hn::VecFromMask(d, hn::Zero(d) < error));
  const auto even = hn::And(bits, one) - one;  // all bits, or none
  const auto away = one - hn::Add(hn::ShiftRight<63>(hn::Xor(bits, hn::BitCast(du, error))),
                                  hn::ShiftRight<63>(hn::Xor(bits, hn::BitCast(du, error))));
  const auto step = hn::And(away, hn::And(even, hn::BitCast(du, inexact)));
  return hn::DemoteTo(HalfFloatTag(), hn::BitCast(d, bits + step));
#endif
}
HWY_INLINE Floats fused_by_odd(Floats a, Floats b, Floats c) {
  const FloatTag d;
  return hn::Combine(
      d,
      fused_half(hn::UpperHalf(HalfFloatTag(), a), hn::UpperHalf(HalfFloatTag(), b), hn::UpperHalf(HalfFloatTag(), c)),
      fused_half(hn::LowerHalf(HalfFloatTag(), a), hn::LowerHalf(HalfFloatTag(), b), hn::LowerHalf(HalfFloatTag(), c)));
}

#if SPIKESCAN_AVX512
HWY_INLINE Floats fused_in_doubles(Floats a, Floats b, Floats c) {
  return fused_by_odd(a, b, c);
}
#else
// Nearly always two numbers around the sum tell: either is an ulp of a double away or more, the exact sum at most half
// an ulp. Where both round to one float, so does that.
struct Around {
  HalfFloats smaller, larger;
};
HWY_INLINE Around around_sum(HalfFloats a, HalfFloats b, HalfFloats c) {
  const DoubleTag d;
  const Doubles sum = hn::PromoteTo(d, a) * hn::PromoteTo(d, b) + hn::PromoteTo(d, c);
  return {hn::DemoteTo(HalfFloatTag(), sum * doubles(1.0 - 0x1p-52)),
          hn::DemoteTo(HalfFloatTag(), sum * doubles(1.0 + 0x1p-52))};
}
HWY_NOINLINE inline Floats fused_near_tie(Floats a, Floats b, Floats c) {
  return fused_by_odd(a, b, c);
}
HWY_INLINE Floats fused_in_doubles(Floats a, Floats b, Floats c) {
  const FloatTag d;
  const HalfFloatTag half;
  const Around low = around_sum(hn::LowerHalf(half, a), hn::LowerHalf(half, b), hn::LowerHalf(half, c));
  const Around high = around_sum(hn::UpperHalf(half, a), hn::UpperHalf(half, b), hn::UpperHalf(half, c));
  const Floats smaller = hn::Combine(d, high.smaller, low.smaller), larger = hn::Combine(d, high.larger, low.larger);
  return HWY_LIKELY(hn::AllTrue(d, smaller == larger)) ? smaller : fused_near_tie(a, b, c);
}
#endif

#if HWY_NATIVE_FMA
HWY_INLINE Floats fused(Floats a, Floats b, Floats c) {
  return hn::MulAdd(a, b, c);
}
HWY_INLINE Doubles fused(Doubles a, Doubles b, Doubles c) {
  return hn::MulAdd(a, b, c);
}
#else
HWY_INLINE Floats fused(Floats a, Floats b, Floats c) {
  return fused_in_doubles(a, b, c);
}
HWY_INLINE Doubles fused(Doubles a, Doubles b, Doubles c) {
  alignas(64) double x[kDoubles], y[kDoubles], z[kDoubles];
  store(a, x);
  store(b, y);
  store(c, z);
  for (int i = 0; i < kDoubles; ++i) z[i] = fused(x[i], y[i], z[i]);
  return load(z);
}
#endif

SPIKESCAN_ELEMENT_END
