// float16 and bfloat16 to and from float32 (kernels/element/convert.h) against double arithmetic and, where there is a
// toolkit, against CUDA's own host functions.
#include <gtest/gtest.h>

#include <random>

#include "kernels/element/convert.h"
#include "tests/element/sweep.h"

#if __has_include(<cuda_fp16.h>) && __has_include(<cuda_bf16.h>)
#define SPIKESCAN_CUDA_CONVERSIONS 1
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#endif

namespace spikescan::testing {
namespace {

// A 16-bit format by its definition: `mantissa` stored bits, exponents from `lowest` (subnormal spacing there) up.
struct Format {
  int mantissa, lowest, largest_exponent;
};
constexpr Format kHalf = {10, -14, 15};
constexpr Format kBFloat16 = {7, -126, 127};

double decoded(Format f, uint16_t bits) {
  const int exponent = (bits & 0x7fff) >> f.mantissa;
  const int fraction = bits & ((1 << f.mantissa) - 1);
  const int all_ones = f.largest_exponent * 2 + 1;
  const double sign = bits & 0x8000 ? -1.0 : 1.0;
  if (exponent == all_ones) return fraction ? NAN : sign * INFINITY;
  const double significand = exponent ? 1 + std::ldexp(fraction, -f.mantissa) : std::ldexp(fraction, -f.mantissa);
  return sign * std::ldexp(significand, (exponent ? exponent : 1) - f.largest_exponent);
}

// The nearest value of the format, ties to even, as a double; x is no NaN.
double nearest(Format f, double x) {
  int exponent;
  std::frexp(x, &exponent);
  const int spacing = (exponent - 1 < f.lowest ? f.lowest : exponent - 1) - f.mantissa;
  const double rounded = std::ldexp(std::nearbyint(std::ldexp(x, -spacing)), spacing);
  return std::fabs(rounded) >= std::ldexp(1.0, f.largest_exponent + 1) ? std::copysign(INFINITY, x) : rounded;
}

template <class T>
void expect_all_decoded(Format f) {
  int finite = 0;
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const T value = {static_cast<uint16_t>(bits)};
    const float got = to_float(value);
    const double exact = decoded(f, value.bits);
    if (std::isnan(exact)) {
      ASSERT_TRUE(std::isnan(got)) << std::hex << bits;
      continue;
    }
    ASSERT_EQ(got, exact) << std::hex << bits;
    ASSERT_EQ(std::signbit(got), (bits & 0x8000) != 0) << std::hex << bits;
    ASSERT_EQ(from_float<T>(got).bits, bits) << "there and back";
    ++finite;
  }
  EXPECT_EQ(finite, 0x10000 - 2 * ((1 << f.mantissa) - 1));
}

TEST(Convert, EveryHalfIsExactAndComesBack) {
  expect_all_decoded<Half>(kHalf);
}
TEST(Convert, EveryBFloat16IsExactAndComesBack) {
  expect_all_decoded<BFloat16>(kBFloat16);
}

// True if `got` is the nearest value to the float with these bits, sign included.
bool is_nearest(Format f, uint32_t bits, uint16_t got) {
  const float x = float_of(bits);
  if (std::isnan(x)) return std::isnan(decoded(f, got));
  return (got >> 15) == (bits >> 31) && decoded(f, got) == nearest(f, x);
}

template <class T>
bool rounds_right(Format f, uint32_t bits) {
  return is_nearest(f, bits, from_float<T>(float_of(bits)).bits);
}

// The places where rounding turns: every upper half with lower halves around 0, around a tie, and all ones; half's
// ties lie at bit 12, bfloat16's at bit 15.
template <class T>
void expect_ties_round_right(Format f) {
  for (uint32_t upper = 0; upper < 0x10000; ++upper) {
    for (uint32_t lower = 0; lower < 0x10000; lower += 0x1000) {
      for (const uint32_t near : {0u, 1u, 0xfffu}) {
        const uint32_t bits = upper << 16 | lower | near;
        ASSERT_TRUE(rounds_right<T>(f, bits)) << std::hex << bits;
      }
    }
  }
}
TEST(Convert, TiesRoundToEvenHalf) {
  expect_ties_round_right<Half>(kHalf);
}
TEST(Convert, TiesRoundToEvenBFloat16) {
  expect_ties_round_right<BFloat16>(kBFloat16);
}

// 2^32 floats in prime strides, and every 5th float of the binades that become subnormal halves, whose ties lie
// anywhere.
template <class T>
void expect_samples_round_right(Format f, uint32_t stride) {
  for (uint64_t bits = 0; bits <= 0xffffffffu; bits += stride * kThinning) {
    ASSERT_TRUE(rounds_right<T>(f, static_cast<uint32_t>(bits))) << std::hex << bits;
  }
}
TEST(Convert, SampledFloatsHalf) {
  expect_samples_round_right<Half>(kHalf, 211);
  for (uint32_t bits = bits_of(0x1p-26f); bits < bits_of(0x1p-13f); bits += 5 * kThinning) {
    ASSERT_TRUE(rounds_right<Half>(kHalf, bits)) << std::hex << bits;
  }
}
TEST(Convert, SampledFloatsBFloat16) {
  expect_samples_round_right<BFloat16>(kBFloat16, 211);
}

TEST(Convert, EndsOfTheFormats) {
  EXPECT_EQ(from_float<Half>(65504.0f).bits, 0x7bff);
  EXPECT_EQ(from_float<Half>(65519.996f).bits, 0x7bff);
  EXPECT_EQ(from_float<Half>(65520.0f).bits, 0x7c00);  // the tie above the largest half
  EXPECT_EQ(from_float<Half>(-1e9f).bits, 0xfc00);
  EXPECT_EQ(from_float<Half>(INFINITY).bits, 0x7c00);
  EXPECT_EQ(from_float<Half>(0x1p-25f).bits, 0x0000);  // a tie between 0 and the smallest subnormal
  EXPECT_EQ(from_float<Half>(0x1.000002p-25f).bits, 0x0001);
  EXPECT_EQ(from_float<Half>(-0x1p-149f).bits, 0x8000);
  EXPECT_EQ(to_float(Half{0x0001}), 0x1p-24f);
  EXPECT_EQ(from_float<BFloat16>(3.4028235e38f).bits, 0x7f80);
  EXPECT_EQ(from_float<BFloat16>(-INFINITY).bits, 0xff80);
  EXPECT_EQ(to_float(BFloat16{0x0001}), 0x1p-133f);
}

// One NaN, whatever the sign and payload: the one that CUDA's host functions give (below).
TEST(Convert, ANaNIsNarrowedToOne) {
  for (const uint32_t payload : {1u, 0x1fffu, 0x2000u, 0xffffu, 0x400000u, 0x7fffffu}) {
    for (const uint32_t sign : {0u, 0x80000000u}) {
      EXPECT_EQ(from_float<Half>(float_of(sign | 0x7f800000u | payload)).bits, 0x7fff) << payload;
      EXPECT_EQ(from_float<BFloat16>(float_of(sign | 0x7f800000u | payload)).bits, 0x7fff) << payload;
    }
    EXPECT_EQ(bits_of(from_float<float>(float_of(0x7fc00000u | payload))), 0x7fc00000u | payload);
  }
}

TEST(Convert, BytesByDtype) {
  EXPECT_EQ(dtype_bytes(SPIKESCAN_FLOAT32), 4u);
  EXPECT_EQ(dtype_bytes(SPIKESCAN_FLOAT16), 2u);
  EXPECT_EQ(dtype_bytes(SPIKESCAN_BFLOAT16), 2u);
  EXPECT_EQ(dtype_bytes(SPIKESCAN_UINT8), 1u);
  EXPECT_EQ(dtype_bytes(SPIKESCAN_BITS32), 4u);
}

TEST(Convert, CudasOwnHostFunctionsAgree) {
#if !defined(SPIKESCAN_CUDA_CONVERSIONS)
  GTEST_SKIP() << "no cuda_fp16.h: double arithmetic was the only witness";
#else
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    __half_raw h;
    h.x = static_cast<uint16_t>(bits);
    const float half = __half2float(h);
    if (std::isnan(half)) {
      ASSERT_TRUE(std::isnan(to_float(Half{h.x}))) << std::hex << bits;
    } else {
      ASSERT_EQ(bits_of(half), bits_of(to_float(Half{h.x}))) << std::hex << bits;
    }
  }
  for (uint64_t bits = 0; bits <= 0xffffffffu; bits += 997 * kThinning) {
    const float x = float_of(static_cast<uint32_t>(bits));
    ASSERT_EQ(static_cast<__half_raw>(__float2half_rn(x)).x, from_float<Half>(x).bits) << std::hex << bits;
    ASSERT_EQ(static_cast<__nv_bfloat16_raw>(__float2bfloat16_rn(x)).x, from_float<BFloat16>(x).bits)
        << std::hex << bits;
  }
#endif
}

// The checker itself: truncation, a lost sign and a NaN turned into infinity are seen.
TEST(Convert, WrongConversionsAreSeen) {
  const uint32_t above_one = bits_of(1.0f + 0x1.8p-11f);  // three quarters of a spacing above 1
  EXPECT_FALSE(is_nearest(kHalf, above_one, 0x3c00));
  EXPECT_TRUE(is_nearest(kHalf, above_one, 0x3c01));
  EXPECT_FALSE(is_nearest(kHalf, bits_of(-0.0f), 0x0000));
  EXPECT_FALSE(is_nearest(kHalf, 0x7f800001u, 0x7c00));
}

}  // namespace
}  // namespace spikescan::testing
