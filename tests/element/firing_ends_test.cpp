// The firing rules where no statistic looks: ties of a uniform and a probability, probabilities of 0 and 1, infinity,
// NaN.
#include <gtest/gtest.h>

#include <iterator>

#include "tests/element/sweep.h"

namespace spikescan::testing {
namespace {

constexpr float kUnit = 0x1p-24f;
constexpr float kLargestUniform = 1.0f - kUnit;
constexpr float kInfinity = INFINITY;
constexpr float kUniforms[] = {0.0f, kUnit, 0.25f, 0.5f, kLargestUniform};
constexpr float kMembranes[] = {-kInfinity, -3e38f, -100.0f, -1.0f, 0.0f, 0.5f, 1.0f, 1.5f, 100.0f, 3e38f, kInfinity};

TEST(FiringEnds, ProbabilityZeroNeverFires) {
  for (const float k : kSlopes) {
    const Firing f = firing(SPIKESCAN_SIGMOID_BERNOULLI, 1.0f, k, 0.0f);
    for (const float m : kMembranes) {
      for (const float u : kUniforms) EXPECT_FALSE(fires_sigmoid(f, m, u)) << k << ' ' << m << ' ' << u;
    }
  }
}

// Far above threshold p is max_prob to the last bit, and u = p does not fire.
TEST(FiringEnds, ATieDoesNotFire) {
  for (const float max_prob : {kUnit, 0.25f, 0.5f, 0.75f, kLargestUniform}) {
    const Firing f = firing(SPIKESCAN_SIGMOID_BERNOULLI, 1.0f, 10.0f, max_prob);
    for (const float m : {100.0f, 3e38f, kInfinity}) {
      EXPECT_TRUE(fires_sigmoid(f, m, max_prob - kUnit)) << max_prob << ' ' << m;
      EXPECT_FALSE(fires_sigmoid(f, m, max_prob)) << max_prob << ' ' << m;
    }
  }
  // At threshold p is half of max_prob.
  const Firing f = firing(SPIKESCAN_SIGMOID_BERNOULLI, 0.7f, 10.0f, 0.5f);
  EXPECT_TRUE(fires_sigmoid(f, 0.7f, 0.25f - kUnit));
  EXPECT_FALSE(fires_sigmoid(f, 0.7f, 0.25f));
}

TEST(FiringEnds, ProbabilityOneAlwaysFires) {
  const Firing f = firing(SPIKESCAN_SIGMOID_BERNOULLI, 1.0f, 10.0f, 1.0f);
  for (const float m : {100.0f, 3e38f, kInfinity}) {
    for (const float u : kUniforms) EXPECT_TRUE(fires_sigmoid(f, m, u)) << m << ' ' << u;
  }
}

// p > 0 and u = 0: a spike, down to where exp(-k U) overflows; there p is below 2^-127.
TEST(FiringEnds, TheSmallestUniformFiresAtTheSmallestProbability) {
  const Firing f = firing(SPIKESCAN_SIGMOID_BERNOULLI, 0.0f, 1.0f, 1e-30f);
  for (const float m : {5.0f, 0.0f, -20.0f, -88.0f}) {
    EXPECT_TRUE(fires_sigmoid(f, m, 0.0f)) << m;
    EXPECT_FALSE(fires_sigmoid(f, m, kUnit)) << m;
  }
  for (const float m : {-89.0f, -3e38f, -kInfinity}) EXPECT_FALSE(fires_sigmoid(f, m, 0.0f)) << m;
}

TEST(FiringEnds, NotANumberNeverFires) {
  for (const int rule : {SPIKESCAN_SIGMOID_BERNOULLI, SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI, SPIKESCAN_HEAVISIDE}) {
    const Firing f = firing(rule, 1.0f, 10.0f, 1.0f);
    // A GPU's own NaN is the second; adding to its exponent would make a number of it.
    for (const uint32_t bits : {0x7fc00000u, 0x7fffffffu, 0xffc00000u, 0x7fc00001u, 0xffc001ffu}) {
      for (const float u : kUniforms) EXPECT_EQ(spike_of(f, float_of(bits), u), 0.0f) << rule << ' ' << bits;
    }
    EXPECT_EQ(spike_of(f, 5.0f, NAN), rule == SPIKESCAN_HEAVISIDE ? 1.0f : 0.0f) << rule;
  }
}

TEST(FiringEnds, RefractoryFiresNeverWhereTheCosineIsNotPositive) {
  const Firing f = firing(SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI, 1.0f, 50.0f, 1.0f);
  for (const float distance : {0.25f, 0.375f, 0.5f, 0.625f, 0.75f}) {
    EXPECT_FALSE(fires_refractory(f, 1.0f + distance, 0.0f)) << distance;
    EXPECT_FALSE(fires_refractory(f, 1.0f - distance, 0.0f)) << distance;
  }
  EXPECT_TRUE(fires_refractory(f, 2.0f, 0.99f));  // one turn above
  // The cosine of infinitely many turns is no number, a large finite product's is 1.
  for (const float u : kUniforms) {
    EXPECT_FALSE(fires_refractory(f, kInfinity, u));
    EXPECT_FALSE(fires_refractory(f, -kInfinity, u));
  }
  const Firing steep = firing(SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI, 100.0f, 50.0f, 1.0f);
  EXPECT_TRUE(fires_refractory(steep, 3e38f, 0.99f));
}

TEST(FiringEnds, RefractoryWithThresholdZeroIsASigmoid) {
  const Firing r = firing(SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI, 0.0f, 10.0f, 0.1f);
  const Firing s = firing(SPIKESCAN_SIGMOID_BERNOULLI, 0.0f, 10.0f, 1.0f);
  for (float m = -2.0f; m < 2.0f; m += 1.0f / 128) {
    for (float u = 0.0f; u < 1.0f; u += 1.0f / 64) EXPECT_EQ(fires_refractory(r, m, u), fires_sigmoid(s, m, u)) << m;
  }
}

TEST(FiringEnds, SpikeOfFollowsTheRule) {
  const Firing heaviside = firing(SPIKESCAN_HEAVISIDE, 0.5f, 10.0f, 1.0f);
  EXPECT_EQ(spike_of(heaviside, 0.5f, 0.0f), 0.0f);
  EXPECT_EQ(spike_of(heaviside, 0.50000006f, 0.0f), 1.0f);
  EXPECT_EQ(spike_of(heaviside, -kInfinity, 0.0f), 0.0f);
  EXPECT_EQ(spike_of(heaviside, kInfinity, 0.0f), 1.0f);
  // The difference of these two is subnormal, and still above 0.
  const Firing tiny = firing(SPIKESCAN_HEAVISIDE, 0x1p-126f, 10.0f, 1.0f);
  EXPECT_EQ(spike_of(tiny, 0x1.000002p-126f, 0.0f), 1.0f);
  const Firing none = firing(SPIKESCAN_NONE, 0.25f, 10.0f, 1.0f);
  EXPECT_EQ(spike_of(none, 1.0f, 0.0f), 0.75f);
  EXPECT_EQ(spike_of(none, -kInfinity, 0.0f), -kInfinity);
  EXPECT_TRUE(std::isnan(spike_of(none, NAN, 0.0f)));
  for (const float m : kMembranes) {
    for (const float u : kUniforms) {
      const Firing s = firing(SPIKESCAN_SIGMOID_BERNOULLI, 1.0f, 2.0f, 0.8f);
      const Firing r = firing(SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI, 1.0f, 2.0f, 0.8f);
      EXPECT_EQ(spike_of(s, m, u), fires_sigmoid(s, m, u) ? 1.0f : 0.0f);
      EXPECT_EQ(spike_of(r, m, u), fires_refractory(r, m, u) ? 1.0f : 0.0f);
    }
  }
}

TEST(FiringEnds, OnlyTheBernoulliRulesDraw) {
  EXPECT_TRUE(draws_uniforms(firing(SPIKESCAN_SIGMOID_BERNOULLI, 1.0f, 1.0f, 1.0f)));
  EXPECT_TRUE(draws_uniforms(firing(SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI, 1.0f, 1.0f, 1.0f)));
  EXPECT_FALSE(draws_uniforms(firing(SPIKESCAN_HEAVISIDE, 1.0f, 1.0f, 1.0f)));
  EXPECT_FALSE(draws_uniforms(firing(SPIKESCAN_NONE, 1.0f, 1.0f, 1.0f)));
}

}  // namespace
}  // namespace spikescan::testing
