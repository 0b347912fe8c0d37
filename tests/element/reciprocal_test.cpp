// reciprocal(): a GPU takes one Newton step from an approximation within an ulp. Here the step is taken from every such
// approximation, on all mantissas: it rounds correctly, but for one case that is known by name.
#include <gtest/gtest.h>

#include "tests/element/sweep.h"

namespace spikescan::testing {
namespace {

float step(float d, float r) {
  return fused(r, fused(-d, r, 1.0f), r);
}

TEST(Reciprocal, ANewtonStepFromWithinAnUlpRoundsCorrectly) {
  const float largest = float_of(0x3fffffffu);  // below 2
  int64_t steps = 0;
  for (uint32_t mantissa = 0; mantissa < (1u << 23); mantissa += kThinning) {
    const float d = float_of(0x3f800000u | mantissa);
    const double exact = 1.0 / d;
    const uint32_t nearest = bits_of(static_cast<float>(exact));
    for (uint32_t bits = nearest - 2; bits <= nearest + 2; ++bits) {
      const float r = float_of(bits);
      if (std::fabs(r - exact) > ulp_at(exact)) continue;
      ++steps;
      // Half an ulp away from 1 / d on the wrong side: the step ends on a tie. GPUs approximate by the other neighbour,
      // or the toolkit's correctly rounded __frcp_rn, which is this step for d < 2^126, would not be one.
      if (d == largest && r == 0.5f) continue;
      ASSERT_EQ(step(d, r), static_cast<float>(exact)) << d << ' ' << r;
    }
  }
  EXPECT_GT(steps, (int64_t{2} << 23) / kThinning - 16);
  EXPECT_NE(step(largest, 0.5f), reciprocal(largest)) << "the named case is one";
}

TEST(Reciprocal, IsRoundedCorrectlyUpTo2To126AndThen0) {
  for (uint32_t bits = bits_of(1.0f); bits <= bits_of(0x1p126f); bits += 4099) {
    const float d = float_of(bits);
    ASSERT_EQ(reciprocal(d), static_cast<float>(1.0 / d)) << d;
  }
  EXPECT_EQ(reciprocal(0x1p126f), 0x1p-126f);
  for (const float d : {0x1.000002p126f, 0x1p127f, kLargestFloat}) {
    EXPECT_EQ(reciprocal(d), 0.0f) << d;
    // What a GPU's step makes of an approximation of 0.
    EXPECT_EQ(step(d, 0.0f), 0.0f) << d;
  }
  EXPECT_TRUE(std::isnan(reciprocal(NAN)));
  EXPECT_EQ(reciprocal_up_to_infinity(INFINITY), 0.0f);
  EXPECT_TRUE(std::isnan(reciprocal_up_to_infinity(NAN)));
}

}  // namespace
}  // namespace spikescan::testing
