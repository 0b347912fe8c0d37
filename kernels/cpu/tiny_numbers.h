// Subnormal numbers, below 2^-126, and those that soon will be. States are where nothing comes in any more, gradients
// also where the rule's slope is next to nothing. An Intel processor multiplies them by microcode, some 140 clocks for
// a vector that has one (docs/cpu.md, Subnormal numbers), so there the passes go another way to the same bits.
#pragma once

#include "kernels/cpu/lane_block.h"
#include "kernels/cpu/vector.h"

SPIKESCAN_ELEMENT_BEGIN

// Other processors hold them as any other number, and without a fused multiply-add sums are made in doubles anyway.
constexpr bool kWatchesTiny = HWY_ARCH_X86 && HWY_NATIVE_FMA;

// By the processor's own operations.
struct Plainly {
  static HWY_INLINE Floats product(Floats a, Floats b) { return a * b; }
  static HWY_INLINE Floats fused_sum(Floats a, Floats b, Floats c) { return fused(a, b, c); }
};

// The same bits by way of doubles, to which a subnormal float is a number as any other.
struct InDoubles {
  static HWY_INLINE Floats product(Floats a, Floats b) {
    const HalfFloatTag half;
    return hn::Combine(FloatTag(), rounded_product(hn::UpperHalf(half, a), hn::UpperHalf(half, b)),
                       rounded_product(hn::LowerHalf(half, a), hn::LowerHalf(half, b)));
  }
  static HWY_INLINE Floats fused_sum(Floats a, Floats b, Floats c) { return fused_in_doubles(a, b, c); }

 private:
  static HWY_INLINE HalfFloats rounded_product(HalfFloats a, HalfFloats b) {  // exact until it is rounded
    return hn::DemoteTo(HalfFloatTag(), hn::PromoteTo(DoubleTag(), a) * hn::PromoteTo(DoubleTag(), b));
  }
};

// use() with the one or the other.
template <class Use>
HWY_INLINE void with_arithmetic(bool in_doubles, Use use) {
  if constexpr (kWatchesTiny) {
    if (in_doubles) return use(InDoubles());
  }
  use(Plainly());
}

constexpr float kNormal = 0x1p-126f;  // from here on
constexpr float kTiny = 0x1p-116f;    // below, numbers will be subnormal after a few steps

HWY_INLINE FloatMask smaller_than(float bound, Floats x) {
  return hn::Abs(x) < floats(bound);
}
HWY_INLINE Floats without_tiny(Floats x) {
  return hn::IfThenZeroElse(smaller_than(kTiny, x), x);
}

// Whether rows have numbers smaller than `bound` that are not 0.
class SmallSearch {
 public:
  explicit SmallSearch(float bound) : bound_(bound) {}
  HWY_INLINE void look_at(const float* row, int lanes) {
    for (int l = 0; l < lanes; l += kFloats) {
      const Floats x = load(row + l);
      found_ = hn::Or(found_, hn::And(smaller_than(bound_, x), x != floats(0.0f)));
    }
  }
  HWY_INLINE bool found() const { return !hn::AllFalse(FloatTag(), found_); }

 private:
  const float bound_;
  FloatMask found_ = hn::MaskFromVec(floats(0.0f));
};

// Doubles: powers of decays, and the carries that they are applied to.
constexpr double kNormalDouble = 0x1p-1022, kLift = 0x1p60;

HWY_INLINE bool any_subnormal(Doubles x) {
  return !hn::AllFalse(DoubleTag(), hn::And(hn::Abs(x) < doubles(kNormalDouble), x != doubles(0.0)));
}
// x kLift, exactly, of an x that is not negative. The bits of a subnormal number are a whole number of 2^-1074.
HWY_INLINE Doubles lifted(Doubles x) {
  const hn::RebindToUnsigned<DoubleTag> du;
  const auto normal = doubles(kNormalDouble) <= x;
  const auto behind_2_52 = hn::Or(hn::BitCast(du, x), hn::BitCast(du, doubles(0x1p52)));
  const Doubles units = hn::BitCast(DoubleTag(), behind_2_52) - doubles(0x1p52);
  return hn::IfThenElse(normal, hn::IfThenElseZero(normal, x) * doubles(kLift), units * doubles(0x1p-1074 * kLift));
}
// Whether x / kLift is exact.
HWY_INLINE bool all_sink(Doubles x) {
  return hn::AllTrue(DoubleTag(), hn::Or(doubles(0x1p-900) <= hn::Abs(x), x == doubles(0.0)));
}
HWY_INLINE Doubles sunk(Doubles x) {
  return x * doubles(1.0 / kLift);
}

// A row, in the place of factors that come later.
struct Ones {
  alignas(64) float at[kLanes] = {};
  constexpr Ones() {
    for (float& one : at) one = 1.0f;
  }
};
inline constexpr Ones kOnes;

SPIKESCAN_ELEMENT_END
