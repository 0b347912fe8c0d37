// The steps of docs/model.md, sections 1 and 2 (kernels/element/recurrence.h): clipping, single steps, and the response
// of every step of a quarter to the state carried in, against the same steps in long double.
#include "kernels/element/recurrence.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace spikescan::testing {
namespace {

TEST(Recurrence, DecaysAreClipped) {
  EXPECT_EQ(clip_decay(-0.5f), 0.0f);
  EXPECT_EQ(clip_decay(-INFINITY), 0.0f);
  EXPECT_EQ(clip_decay(1.0000001f), 1.0f);
  EXPECT_EQ(clip_decay(INFINITY), 1.0f);
  for (const float inside : {0.0f, 1e-45f, 0.5f, 0.99999994f, 1.0f}) EXPECT_EQ(clip_decay(inside), inside);
  EXPECT_TRUE(std::isnan(clip_decay(NAN)));
}

TEST(Recurrence, TheGradientPassesInsideAndAtTheBounds) {
  for (const float passes : {0.0f, -0.0f, 1e-45f, 0.5f, 1.0f}) EXPECT_TRUE(decay_has_gradient(passes)) << passes;
  for (const float outside : {-1e-45f, -1.0f, 1.0000001f, INFINITY, -INFINITY}) {
    EXPECT_FALSE(decay_has_gradient(outside)) << outside;
  }
  // The sum is NaN already: hiding it behind a zero would hide the cause.
  EXPECT_TRUE(decay_has_gradient(NAN));
}

// Values with few bits, so that every step is exact and the formulas can be read off.
TEST(Recurrence, StateSteps) {
  float s1[1] = {8.0f}, out1[1];
  step_state(Decays<1>{0.5f, 0.0f}, 3.0f, s1, out1);
  EXPECT_EQ(s1[0], 7.0f);
  EXPECT_EQ(out1[0], 7.0f);
  float s2[2] = {8.0f, 16.0f}, out2[2];
  step_state(Decays<2>{0.5f, 0.25f}, 3.0f, s2, out2);
  EXPECT_EQ(out2[0], 7.0f);                  // I = 0.5 * 8 + 3
  EXPECT_EQ(out2[1], 0.25f * 16.0f + 7.0f);  // V = 0.25 * 16 + I
  EXPECT_EQ(s2[0], out2[0]);
  EXPECT_EQ(s2[1], out2[1]);
}

TEST(Recurrence, GradientSteps) {
  float s1[1] = {8.0f}, out1[1];
  step_gradient(Decays<1>{0.5f, 0.0f}, 3.0f, s1, out1);
  EXPECT_EQ(out1[0], 11.0f);  // the gradient at the step
  EXPECT_EQ(s1[0], 5.5f);     // and before it
  float s2[2] = {8.0f, 16.0f}, out2[2];
  step_gradient(Decays<2>{0.5f, 0.25f}, 3.0f, s2, out2);
  EXPECT_EQ(out2[0], 11.0f);
  EXPECT_EQ(out2[1], 27.0f);  // Q = G + alpha Q'
  EXPECT_EQ(s2[0], 5.5f);
  EXPECT_EQ(s2[1], 6.75f);
}

// The first step of a forward quarter is a step from zero, but that the sign of a zero stays.
template <int N>
void expect_step_from_zero(const Decays<N>& decays) {
  const auto is_same = [](float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)); };
  for (const float input : {3.0f, -0.75f, 0.0f, -0.0f, 1e-45f, INFINITY, -INFINITY, NAN}) {
    float started[N] = {7.0f}, from_zero[N] = {}, out[N], want[N];
    StateScan<N>::step(0, decays, input, started, out);
    step_state(decays, input, from_zero, want);
    for (int n = 0; n < N; ++n) {
      EXPECT_TRUE(is_same(out[n], want[n]) && is_same(started[n], want[n])) << input;
      EXPECT_TRUE(std::isnan(input) || std::signbit(out[n]) == std::signbit(input)) << input;
    }
  }
}
TEST(Recurrence, AStartIsAStepFromZero) {
  expect_step_from_zero(Decays<1>{0.5f, 0.0f});
  expect_step_from_zero(Decays<2>{0.5f, 0.25f});
}

TEST(Recurrence, AStepIsOneFusedMultiplyAdd) {
  const float a = 1.0f - 0x1p-24f, s = 1.0f + 0x1p-23f;
  float state[1] = {s}, out[1];
  step_state(Decays<1>{a, 0.0f}, -1.0f, state, out);
  EXPECT_EQ(out[0], std::fma(a, s, -1.0f));
  EXPECT_NE(out[0], a * s - 1.0f);
}

TEST(Recurrence, ResponsesCountSteps) {
  EXPECT_EQ(StateScan<1>::response_exponent(0), 1);
  EXPECT_EQ(StateScan<2>::response_exponent(7), 8);
  EXPECT_EQ(GradientScan<1>::response_exponent(0), 0);
  EXPECT_EQ(GradientScan<2>::response_exponent(7), 7);
}

TEST(Recurrence, QuartersAreTakenInTheScansDirection) {
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(StateScan<1>::quarter(i), i);
    EXPECT_EQ(StateScan<2>::quarter(i), i);
    EXPECT_EQ(GradientScan<1>::quarter(i), 3 - i);
    EXPECT_EQ(GradientScan<2>::quarter(i), 3 - i);
  }
}

TEST(Recurrence, SplitsLieAtMultiplesOfSplitSteps) {
  EXPECT_FALSE(StateScan<1>::leaves_split(0));
  EXPECT_TRUE(StateScan<1>::leaves_split(kSplitChunks - 1));
  EXPECT_FALSE(StateScan<2>::leaves_split(kSplitChunks));
  EXPECT_TRUE(StateScan<2>::leaves_split(5 * kSplitChunks - 1));
  // Backwards the state leaves a chunk at its first step.
  EXPECT_TRUE(GradientScan<1>::leaves_split(0));
  EXPECT_FALSE(GradientScan<1>::leaves_split(kSplitChunks - 1));
  EXPECT_TRUE(GradientScan<2>::leaves_split(kSplitChunks));
}

void exact_step(StateScan<1>, const Decays<1>& d, long double (&s)[1], long double (&out)[1]) {
  out[0] = s[0] = d.first * s[0];
}
void exact_step(StateScan<2>, const Decays<2>& d, long double (&s)[2], long double (&out)[2]) {
  out[0] = s[0] = d.first * s[0];
  out[1] = s[1] = d.second * s[1] + s[0];
}
void exact_step(GradientScan<1>, const Decays<1>& d, long double (&s)[1], long double (&out)[1]) {
  out[0] = s[0];
  s[0] = d.first * out[0];
}
void exact_step(GradientScan<2>, const Decays<2>& d, long double (&s)[2], long double (&out)[2]) {
  out[0] = s[0];
  s[0] = d.first * out[0];
  out[1] = out[0] + s[1];
  s[1] = d.second * out[1];
}

// A response is a power rounded once, then one fma a term: at most 2 units of 2^-24 of the terms' sum, 3 with a second
// fma. The states are positive, so the sum is the value itself. Below 2^-126 a power's own spacing is 2^-149.
template <class Scan>
void expect_responses() {
  constexpr int N = Scan::kOrder;
  std::mt19937_64 random(11);
  std::uniform_real_distribution<float> of(0.0f, 1.0f);
  for (int sample = 0; sample < 3000; ++sample) {
    const auto decay = [&] { return sample % 3 == 0 ? of(random) : 1.0f - std::exp2(-24.0f * of(random)); };
    const Decays<N> d = {decay(), decay()};
    float entry[N];
    long double s[N], out[N];
    long double entered = 0;
    for (int n = 0; n < N; ++n) entered += s[n] = entry[n] = of(random);
    for (int reached = 0; reached < kQuarterSteps; ++reached) {
      exact_step(Scan{}, d, s, out);
      float value[N] = {};
      respond(Scan::response(power(Scan::map(d), Scan::response_exponent(reached))), entry, value);
      for (int n = 0; n < N; ++n) {
        const double bound =
            (N + 1) * 0x1p-24 * static_cast<double>(out[n]) + 0x1p-149 * static_cast<double>(1 + entered);
        ASSERT_NEAR(value[n], static_cast<double>(out[n]), bound)
            << "state " << n << " step " << reached << " decays " << d.first << ' ' << d.second;
      }
    }
  }
}
TEST(Recurrence, StateResponses) {
  expect_responses<StateScan<1>>();
  expect_responses<StateScan<2>>();
}
TEST(Recurrence, GradientResponses) {
  expect_responses<GradientScan<1>>();
  expect_responses<GradientScan<2>>();
}

}  // namespace
}  // namespace spikescan::testing
