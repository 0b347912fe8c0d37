// What the host makes of k, the threshold and max_prob for the kernels (host/firing_setup.cpp): the bounds of x are the
// floats next to the exact ones, over all k that a description may have.
#include <gtest/gtest.h>

#include <cmath>
#include <iterator>

#include "tests/element/sweep.h"

namespace spikescan::testing {
namespace {

constexpr double kLog2OfE = 1.4426950408889634;

// -scale x, exact.
double product(const Steepness& s, float x) {
  return -static_cast<double>(s.scale) * x;
}

void expect_bounds(const Steepness& s, float k, float max_prob) {
  EXPECT_TRUE(std::isfinite(s.highest) && std::isfinite(s.lowest)) << k;
  EXPECT_LE(product(s, s.highest), 127.0) << k;
  EXPECT_GT(product(s, std::nextafter(s.highest, INFINITY)), 127.0) << k;
  EXPECT_GE(product(s, -s.lowest), 128.0) << k;
  EXPECT_LT(product(s, std::nextafter(-s.lowest, 0.0f)), 128.0) << k;
  // At the bound the power is finite, and d so large that the reciprocal is 0.
  const Exponential e = exponential(s.scale, s.scale_low, s.lowest_gradient, s.ceiling);
  const float d = fused(e.fraction, e.power, s.ceiling);
  EXPECT_TRUE(d > 0x1.8p126f && d <= kLargestFloat) << k << ' ' << max_prob << ' ' << d;
  EXPECT_EQ(reciprocal(d), 0.0f);
}

TEST(Steepness, BoundsAreTheNearestFloats) {
  for (const spikescan_gradient form : {SPIKESCAN_PROBABILITY, SPIKESCAN_DERIVATIVE}) {
    for (const float max_prob :
         {1.0f, 0.99999994f, 0.8f, 0.75f, 0.7071068f, 0.5f, 1e-3f, 1e-20f, 1e-38f, 1e-45f, 0.0f}) {
      for (float k = 0x1p-120f; k < 0x1p120f; k *= 1.7f) {
        expect_bounds(firing(SPIKESCAN_SIGMOID_BERNOULLI, 1.0f, k, max_prob, form).steepness, k, max_prob);
      }
      expect_bounds(firing(SPIKESCAN_SIGMOID_BERNOULLI, 1.0f, 0x1p120f, max_prob, form).steepness, 0x1p120f, max_prob);
    }
  }
}

TEST(Steepness, TheScaleIsRoundedOnceAndItsLowPartIsWhatThatLost) {
  for (int i = 1; i <= 1000; ++i) {
    const float k = 0.1f * static_cast<float>(i);
    const Firing f = firing(SPIKESCAN_SIGMOID_BERNOULLI, 0.75f, k, 0.8f);
    const Steepness& s = f.steepness;
    const double exact = -kLog2OfE * k;
    ASSERT_EQ(s.scale, static_cast<float>(exact)) << k;
    EXPECT_LE(std::fabs(static_cast<double>(s.scale) + s.scale_low - exact), std::fabs(exact) * 0x1p-47) << k;
    EXPECT_EQ(s.threshold, 0.75f);
    EXPECT_EQ(s.ceiling, 1.0f / 0.8f);
    EXPECT_EQ(f.k, k);
    EXPECT_EQ(f.threshold, 0.75f);
    EXPECT_EQ(f.max_prob, 0.8f);
  }
}

// Finite U reach the bounds.
TEST(Steepness, InfiniteUIsCutAtTheLeastSlope) {
  const Firing f = firing(SPIKESCAN_SIGMOID_BERNOULLI, 1e30f, 0x1p-120f, 1.0f);
  EXPECT_EQ(rule_gradient(f, INFINITY), 1.0f);
  EXPECT_EQ(rule_gradient(f, -INFINITY), 0.0f);
  EXPECT_EQ(rule_gradient(f, 1e30f), 0.5f);
}

TEST(Steepness, OnlyAGradientThatIsOneDivisionTakesMaxProbIntoTheDivisor) {
  EXPECT_EQ(firing(SPIKESCAN_SIGMOID_BERNOULLI, 0.0f, 1.0f, 0.5f, SPIKESCAN_PROBABILITY).steepness.ceiling, 2.0f);
  EXPECT_EQ(firing(SPIKESCAN_SIGMOID_BERNOULLI, 0.0f, 1.0f, 0.5f, SPIKESCAN_DERIVATIVE).steepness.ceiling, 1.0f);
  EXPECT_EQ(firing(SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI, 0.0f, 1.0f, 0.5f).steepness.ceiling, 1.0f);
  EXPECT_EQ(firing(SPIKESCAN_SIGMOID_BERNOULLI, 0.0f, 6.0f, 0.5f, SPIKESCAN_DERIVATIVE).slope_factor, 3.0f);
}

}  // namespace
}  // namespace spikescan::testing
