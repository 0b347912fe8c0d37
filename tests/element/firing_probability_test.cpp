// The spike probability of both Bernoulli rules as a function of the float32 U (docs/model.md, section 5: within
// 2^-21). What is measured is the share of the 2^24 possible uniforms that fire, so the test's own rounding is in it.
#include <gtest/gtest.h>

#include <cstdio>
#include <random>

#include "tests/element/sweep.h"

namespace spikescan::testing {
namespace {

constexpr uint32_t kUniforms = 1u << 24;
constexpr double kUnit = 0x1p-24;
constexpr double kPromised = 8 * kUnit;  // 2^-21
constexpr float kMaxProbs[] = {0.0f, 1e-9f, 1e-7f, 1e-3f, 0.3f, 0.8f, 1.0f};

float uniform_at(uint32_t i) {
  return static_cast<float>(i) * 0x1p-24f;
}

struct SigmoidRule {
  static constexpr int kRule = SPIKESCAN_SIGMOID_BERNOULLI;
  static bool fires(const Firing& f, float m, float u) { return fires_sigmoid(f, m, u); }
  static double exact(const Firing& f, float m) {
    const float distance = m - f.threshold;
    return f.max_prob / (1.0 + std::exp(-static_cast<double>(f.k) * distance));
  }
};

struct RefractoryRule {
  static constexpr int kRule = SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI;
  static bool fires(const Firing& f, float m, float u) { return fires_refractory(f, m, u); }
  static double exact(const Firing& f, float m) {
    const float distance = m - f.threshold;
    const long double product = static_cast<long double>(f.threshold) * distance;
    const double turns = static_cast<double>(product - std::rint(product));
    const double p = std::cos(6.283185307179586 * turns) / (1.0 + std::exp(-static_cast<double>(f.k) * distance));
    return p > 0.0 ? p : 0.0;
  }
};

// How many uniforms fire. They are the smallest ones: EveryUniformBelowAFiringOneFires.
template <class Rule>
uint32_t count_firing(const Firing& f, float m) {
  uint32_t low = 0, high = kUniforms;
  while (low < high) {
    const uint32_t middle = (low + high) / 2;
    if (Rule::fires(f, m, uniform_at(middle))) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

template <class Rule>
double probability_error(const Firing& f, float m) {
  return std::fabs(count_firing<Rule>(f, m) * kUnit - Rule::exact(f, m));
}

// M such that half of the U lie where sigmoid(k U) moves, and half spread over scales from 2^-23 to 1, times 18.
float draw_membrane(std::mt19937_64& random, const Firing& f) {
  std::uniform_real_distribution<double> of(-1.0, 1.0);
  const double inside = 18.0 * of(random) / f.k;
  const double wide = 18.0 * of(random) * std::exp2(-11.5 + 11.5 * of(random));
  return static_cast<float>(f.threshold + (of(random) < 0.0 ? inside : wide));
}

template <class Rule>
double worst_probability_error(int samples) {
  std::mt19937_64 random(1);
  double worst = 0.0;
  for (const float k : kSlopes) {
    for (const float other : kThresholds) {
      for (const float max_prob : kMaxProbs) {
        if (Rule::kRule == SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI && max_prob != 1.0f) continue;
        const Firing f = firing(Rule::kRule, other, k, max_prob);
        for (int i = 0; i < samples / static_cast<int>(kThinning); ++i) {
          const double e = probability_error<Rule>(f, draw_membrane(random, f));
          if (!(e <= worst)) worst = e;
        }
      }
    }
  }
  return worst;
}

// The scale's rounding times |x| p (1 - p) and exp2's error times p (1 - p) give 0.6 units, u (1 + e) rounds by half a
// unit of p at most, and the uniforms' grid adds up to one.
TEST(FiringProbability, SigmoidBernoulli) {
  const double worst = worst_probability_error<SigmoidRule>(10000);
  std::printf("p of sigmoid_bernoulli: %.3f of 2 * 2^-24\n", worst / kUnit);
  EXPECT_LE(worst, 2 * kUnit);
  EXPECT_GE(worst, kUnit / 2);
}

// The same, and the cosine's error of 2.7 units at its top, or 3.1 of its argument's rounding where it is steep.
TEST(FiringProbability, RefractorySigmoidBernoulli) {
  const double worst = worst_probability_error<RefractoryRule>(60000);
  std::printf("p of refractory_sigmoid_bernoulli: %.3f of 5 * 2^-24\n", worst / kUnit);
  EXPECT_LE(worst, 5 * kUnit);
  EXPECT_GE(worst, kUnit);
}

// Every U of interest at the ends of the floats, with slopes and thresholds at the ends of theirs.
template <class Rule>
void expect_promise_at_the_ends() {
  for (const float k : {0x1p-120f, 1e-30f, 1e-3f, 1.0f, 100.0f, 1e30f, 0x1p120f}) {
    for (const float threshold : {0.0f, 1e-45f, 1e-30f, 0.01f, 1.0f, 100.0f, 1e30f, 3e38f}) {
      for (const float magnitude :
           {0.0f, 1e-45f, 1.2e-38f, 1e-38f, 7e-39f, 1e-20f, 0x1p-24f, 1.0f, 87.5f, 88.1f, 1e10f, 1e37f, 3.4e38f}) {
        for (const float distance : {magnitude, -magnitude}) {
          const Firing f = firing(Rule::kRule, threshold, k, 0.8f);
          EXPECT_LE(probability_error<Rule>(f, distance + threshold), kPromised)
              << "k " << k << " threshold " << threshold << " M " << distance + threshold;
        }
      }
    }
  }
}
TEST(FiringProbability, SigmoidBernoulliAtTheEnds) {
  expect_promise_at_the_ends<SigmoidRule>();
}
TEST(FiringProbability, RefractorySigmoidBernoulliAtTheEnds) {
  expect_promise_at_the_ends<RefractoryRule>();
}

template <class Rule>
void expect_smallest_uniforms_fire() {
  std::mt19937_64 random(2);
  int firing_ones = 0;
  for (const float k : kSlopes) {
    for (int i = 0; i < 20000; ++i) {
      const Firing f = firing(Rule::kRule, kThresholds[i % std::size(kThresholds)], k, 0.8f);
      const float m = draw_membrane(random, f);
      const uint32_t count = count_firing<Rule>(f, m);
      const uint32_t any = static_cast<uint32_t>(random()) % kUniforms;
      const bool fires = Rule::fires(f, m, uniform_at(any));
      ASSERT_EQ(fires, any < count) << "k " << k << " M " << m << " uniform " << any;
      firing_ones += fires;
    }
  }
  EXPECT_GT(firing_ones, 20000);
}
TEST(FiringProbability, EveryUniformBelowAFiringOneFires) {
  expect_smallest_uniforms_fire<SigmoidRule>();
  expect_smallest_uniforms_fire<RefractoryRule>();
}

// A slope wrong by 2^-16 must be seen.
TEST(FiringProbability, AWrongExponentIsSeen) {
  std::mt19937_64 random(3);
  double worst = 0.0;
  for (int i = 0; i < 3000; ++i) {
    Firing f = firing(SPIKESCAN_SIGMOID_BERNOULLI, 1.0f, 10.0f, 0.8f);
    f.steepness.scale *= 1.0f + 0x1p-16f;
    worst = std::fmax(worst, probability_error<SigmoidRule>(f, draw_membrane(random, f)));
  }
  EXPECT_GT(worst, kPromised);
}

}  // namespace
}  // namespace spikescan::testing
