// The exponentials, and the gradients made of them, where x meets its bounds, at infinity and at NaN: what the formulas
// say, and never a NaN of their own making.
#include <gtest/gtest.h>

#include "tests/element/sweep.h"

namespace spikescan::testing {
namespace {

constexpr float kInfinity = INFINITY;

TEST(ExponentialEnds, PowersOfTwoAreExact) {
  for (int n = -126; n <= 127; ++n) {
    const Exponential e = exponential(1.0f, 0.0f, static_cast<float>(n), 1.0f);
    EXPECT_EQ(e.power, std::ldexp(1.0f, n));
    EXPECT_EQ(e.fraction, 1.0f);
    EXPECT_EQ(times_power(1.5f, kRounder + static_cast<float>(n)), std::ldexp(1.5f, n));
  }
  // One step further down the power is 0.
  EXPECT_EQ(exponential(1.0f, 0.0f, -127.0f, 1.0f).power, 0.0f);
}

TEST(ExponentialEnds, ABoundKeepsANaNOrMakesItTheLowerOne) {
  EXPECT_EQ(clamp(3.0f, -1.0f, 2.0f), 2.0f);
  EXPECT_EQ(clamp(-kInfinity, -1.0f, 2.0f), -1.0f);
  EXPECT_TRUE(std::isnan(clamp(NAN, -1.0f, 2.0f)));
  EXPECT_EQ(clamp_number(3.0f, -1.0f, 2.0f), 2.0f);
  EXPECT_EQ(clamp_number(-kInfinity, -1.0f, 2.0f), -1.0f);
  EXPECT_EQ(clamp_number(NAN, -1.0f, 2.0f), -1.0f);
}

// From 2^128 on no uniform fires, 0 included: u e + u is infinite or NaN.
TEST(ExponentialEnds, ASpikesExponentialIsNoNumberFrom128On) {
  for (const float k : kSlopes) {
    const Firing f = firing(SPIKESCAN_SIGMOID_BERNOULLI, 0.0f, k, 1.0f);
    const double reach = 128.0 / std::fabs(static_cast<double>(f.steepness.scale));
    for (const double by : {1.0000002, 1.1, 1e20}) {
      EXPECT_FALSE(std::isfinite(spike_exponential(f.steepness, static_cast<float>(-reach * by)))) << k << ' ' << by;
      const float e = spike_exponential(f.steepness, static_cast<float>(reach * by));
      EXPECT_TRUE(e >= 0.0f && e <= 0x1p-125f) << k << ' ' << by;
    }
    EXPECT_TRUE(std::isfinite(spike_exponential(f.steepness, static_cast<float>(-reach * 0.9999998)))) << k;
    EXPECT_FALSE(std::isfinite(spike_exponential(f.steepness, -kInfinity))) << k;
    EXPECT_FALSE(std::isfinite(spike_exponential(f.steepness, NAN))) << k;
  }
}

TEST(ExponentialEnds, SigmoidsEnds) {
  EXPECT_EQ(sigmoid(0.0f), 0.5f);
  EXPECT_EQ(sigmoid(kInfinity), 1.0f);
  for (const float x : {-89.0f, -3e38f, -kInfinity}) EXPECT_EQ(sigmoid(x), 0.0f) << x;
  EXPECT_TRUE(std::isnan(sigmoid(NAN)));
  EXPECT_EQ(sigmoid_with_slope(0.0f).slope, 0.25f);
  for (const float x : {-89.0f, 89.0f, 3e38f, kInfinity, -kInfinity}) EXPECT_EQ(sigmoid_with_slope(x).slope, 0.0f) << x;
  EXPECT_TRUE(std::isnan(sigmoid_with_slope(NAN).slope));
}

// A NaN's payload must not matter: adding to an exponent would make numbers of some.
TEST(ExponentialEnds, EveryNaNStaysOne) {
  for (const uint32_t bits : {0x7fc00000u, 0xffc00000u, 0x7fffffffu, 0x7fc00001u, 0xffc001ffu}) {
    const float nan = float_of(bits);
    EXPECT_TRUE(std::isnan(sigmoid(nan))) << bits;
    EXPECT_TRUE(std::isnan(sigmoid_with_slope(nan).slope)) << bits;
    for (const spikescan_gradient form : {SPIKESCAN_PROBABILITY, SPIKESCAN_DERIVATIVE}) {
      for (const int rule : {SPIKESCAN_SIGMOID_BERNOULLI, SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI}) {
        const Firing f = firing(rule, 1.0f, 10.0f, 0.8f, form);
        EXPECT_TRUE(std::isnan(rule_gradient(f, nan))) << bits;
      }
    }
  }
}

TEST(ExponentialEnds, ProbabilityGradient) {
  for (const float max_prob : {1.0f, 0.8f, 0.3f, 1e-3f, 1e-30f}) {
    for (const float k : {0x1p-120f, 1e-30f, 1.0f, 10.0f, 1e36f, 0x1p120f}) {
      const Firing f = firing(SPIKESCAN_SIGMOID_BERNOULLI, 0.0f, k, max_prob);
      EXPECT_LE(error_in_ulps(rule_gradient(f, kInfinity), max_prob), 1.0) << max_prob << ' ' << k;
      EXPECT_EQ(rule_gradient(f, -kInfinity), 0.0f) << max_prob << ' ' << k;
      EXPECT_LE(error_in_ulps(rule_gradient(f, 0.0f), 0.5 * max_prob), 1.0) << max_prob << ' ' << k;
    }
  }
  EXPECT_EQ(rule_gradient(firing(SPIKESCAN_SIGMOID_BERNOULLI, 0.0f, 10.0f, 0.8f), kInfinity), 0.8f);
  for (const float max_prob : {0.0f, 1e-45f}) {
    const Firing f = firing(SPIKESCAN_SIGMOID_BERNOULLI, 0.0f, 10.0f, max_prob);
    for (const float m : {kInfinity, -kInfinity, 0.0f, 1.0f}) EXPECT_EQ(rule_gradient(f, m), 0.0f) << max_prob;
    EXPECT_TRUE(std::isnan(rule_gradient(f, NAN)));
  }
}

TEST(ExponentialEnds, DerivativeGradient) {
  for (const float k : {1e-30f, 1.0f, 10.0f, 1e36f, 0x1p120f}) {
    const Firing f = firing(SPIKESCAN_SIGMOID_BERNOULLI, 0.0f, k, 0.8f, SPIKESCAN_DERIVATIVE);
    for (const float m : {kInfinity, -kInfinity}) EXPECT_EQ(rule_gradient(f, m), 0.0f) << k << ' ' << m;
  }
  Firing f = firing(SPIKESCAN_SIGMOID_BERNOULLI, 0.0f, 10.0f, 0.8f, SPIKESCAN_DERIVATIVE);
  EXPECT_EQ(rule_gradient(f, 0.0f), 2.0f);
  for (const float m : {1e38f, -1e38f, 9.0f, -9.0f}) EXPECT_EQ(rule_gradient(f, m), 0.0f) << m;
  EXPECT_TRUE(std::isnan(rule_gradient(f, NAN)));
  f = firing(SPIKESCAN_SIGMOID_BERNOULLI, 0.0f, 10.0f, 0.0f, SPIKESCAN_DERIVATIVE);
  EXPECT_EQ(rule_gradient(f, 0.3f), 0.0f);
}

TEST(ExponentialEnds, RefractoryGradient) {
  Firing f = firing(SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI, 1.0f, 50.0f, 1.0f);
  EXPECT_EQ(rule_gradient(f, 1.5f), 0.0f);  // the cosine is -1
  EXPECT_TRUE(std::isnan(rule_gradient(f, kInfinity)));
  f = firing(SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI, 3e38f, 1.0f, 1.0f, SPIKESCAN_DERIVATIVE);
  EXPECT_EQ(rule_gradient(f, 3e38f), 0.25f);  // 2 pi threshold overflows, the sine is 0
}

TEST(ExponentialEnds, Surrogates) {
  for (int i = SPIKESCAN_ARCTAN; i <= SPIKESCAN_TANH; ++i) {
    const auto surrogate = static_cast<spikescan_surrogate>(i);
    const Firing f = firing(SPIKESCAN_HEAVISIDE, 0.0f, 100.0f, 1.0f, SPIKESCAN_PROBABILITY, surrogate);
    for (const float m : {kInfinity, -kInfinity, 3e38f}) EXPECT_EQ(rule_gradient(f, m), 0.0f) << surrogate << ' ' << m;
    EXPECT_EQ(std::isnan(rule_gradient(f, NAN)), surrogate != SPIKESCAN_BOXCAR) << surrogate;
    const Firing steepest = firing(SPIKESCAN_HEAVISIDE, 0.0f, 0x1p120f, 1.0f, SPIKESCAN_PROBABILITY, surrogate);
    EXPECT_GT(rule_gradient(steepest, 0.0f), 0.3f) << surrogate;
  }
  EXPECT_EQ(rule_gradient(firing(SPIKESCAN_NONE, 0.0f, 100.0f, 1.0f), 5.0f), 1.0f);
}

}  // namespace
}  // namespace spikescan::testing
