// The maps that carry a state over n steps (kernels/element/carry.h): powers, their floor above zero, responses,
// identity.
#include "kernels/element/carry.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "kernels/element/recurrence.h"

namespace spikescan::testing {
namespace {

constexpr float kDecays[] = {0.0f, 1e-45f, 1.2e-38f, 1e-10f,  1e-3f,      0.1f,        0.37f, 0.5f,
                             0.9f, 0.95f,  0.99f,    0.9999f, 0.9999999f, 0.99999994f, 1.0f};
constexpr int kExponents[] = {1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 48, 63, 64, 255, 256, 1000, 1008, 1023, 1024};

// Every squaring doubles the relative error so far and adds half an ulp: n steps end below n ulps of a double, which is
// 2^-43 for a chunk. Under the doubles' normal range the spacing is absolute.
double tolerance(int n, long double exact) {
  return n * 0x1p-53 * static_cast<double>(exact) * 1.001 + (exact < 0x1p-1022L ? n * 0x1p-1074 : 0.0);
}

TEST(CarryPower, FirstOrderAgainstLongDouble) {
  for (const float decay : kDecays) {
    for (const int n : kExponents) {
      const long double exact = std::pow(static_cast<long double>(decay), n);
      const double got = power(Map<1>{decay}, n).a;
      // A power below the smallest double is lifted to it.
      const long double wanted = decay > 0.0f ? std::max(exact, 0x1p-1074L) : exact;
      EXPECT_NEAR(got, static_cast<double>(wanted), tolerance(n, wanted)) << decay << '^' << n;
    }
  }
}

// M^n by n single steps in long double.
struct Exact {
  long double a = 1, m = 0, b = 1;
  void step(const Map<2>& map) {
    m = m * map.a + b * map.m;
    a *= map.a;
    b *= map.b;
  }
};

TEST(CarryPower, SecondOrderAgainstLongDouble) {
  for (const float first : kDecays) {
    for (const float second : kDecays) {
      if (first == 1e-45f || second == 1e-45f) continue;  // the floor, below
      for (const Map<2>& map : {state_map(Decays<2>{first, second}), gradient_map(Decays<2>{first, second})}) {
        Exact exact;
        int reached = 0;
        for (const int n : kExponents) {
          for (; reached < n; ++reached) exact.step(map);
          const Map<2> got = power(map, n);
          const auto floor = [](double base, long double p) { return base > 0.0 ? std::max(p, 0x1p-1074L) : p; };
          const long double m = floor(map.m, exact.m);
          EXPECT_NEAR(got.a, static_cast<double>(floor(map.a, exact.a)), tolerance(n, exact.a)) << first << ' ' << n;
          EXPECT_NEAR(got.b, static_cast<double>(floor(map.b, exact.b)), tolerance(n, exact.b)) << second << ' ' << n;
          // A sum of products, so up to three roundings a level where a has one.
          EXPECT_NEAR(got.m, static_cast<double>(m), 3 * tolerance(n, m)) << first << ' ' << second << ' ' << n;
        }
      }
    }
  }
}

TEST(CarryPower, ZerothPowerIsTheIdentity) {
  for (const double base : {0.0, 0.5, 1.0, static_cast<double>(NAN)}) {
    EXPECT_EQ(power(Map<1>{base}, 0).a, 1.0);
    const Map<2> identity = power(Map<2>{base, base, base}, 0);
    EXPECT_EQ(identity.a, 1.0);
    EXPECT_EQ(identity.m, 0.0);
    EXPECT_EQ(identity.b, 1.0);
  }
}

TEST(CarryPower, FirstPowerIsTheMapItself) {
  const Map<2> map = {0.9, 0.7, 0.8};
  const Map<2> same = power(map, 1);
  EXPECT_EQ(same.a, 0.9);
  EXPECT_EQ(same.m, 0.7);
  EXPECT_EQ(same.b, 0.8);
}

TEST(CarryPower, ComposeAppliesItsFirstArgumentLast) {
  const Map<2> x = {0.5, 2.0, 0.25}, y = {0.75, 3.0, 0.125};
  const Map<2> both = compose(x, y);
  EXPECT_EQ(both.a, 0.375);
  EXPECT_EQ(both.m, 2.0 * 0.75 + 0.25 * 3.0);
  EXPECT_EQ(both.b, 0.03125);
}

TEST(CarryPower, APositiveDecayNeverUnderflowsToZeroAndZeroStaysZero) {
  for (const float decay : {1e-45f, 1e-30f, 0.1f}) {
    EXPECT_GT(power(Map<1>{decay}, 1024).a, 0.0) << decay;
    const Map<2> both = power(state_map(Decays<2>{decay, decay}), 1024);
    EXPECT_GT(both.a, 0.0);
    EXPECT_GT(both.m, 0.0);
    EXPECT_GT(both.b, 0.0);
    EXPECT_GT(round_power(power(Map<1>{decay}, 1024).a), 0.0f) << decay;
  }
  EXPECT_EQ(power(Map<1>{0.0}, 1024).a, 0.0);
  EXPECT_EQ(power(Map<2>{0.0, 0.0, 0.0}, 1024).m, 0.0);
  EXPECT_EQ(round_power(0.0), 0.0f);
  EXPECT_TRUE(std::isnan(power(Map<1>{static_cast<double>(NAN)}, 1024).a));
  EXPECT_TRUE(std::isnan(round_power(static_cast<double>(NAN))));
}

TEST(CarryPower, RoundPowerIsTheNearestFloatAboveTheSmallest) {
  EXPECT_EQ(round_power(0.1), 0.1f);
  EXPECT_EQ(round_power(1.0 - 0x1p-25), 1.0f);  // a tie goes to even
  EXPECT_EQ(round_power(0x1p-149), 0x1p-149f);
  EXPECT_EQ(round_power(0x1p-151), 0x1p-149f);  // lifted
  EXPECT_EQ(round_power(0x1.8p-149), 0x1p-148f);
}

// Where powers are subnormal, or lifted to the least float, what they make of a state is wrong by no more than that
// float times the state (docs/reproducibility.md, where the bounds end); above, by the power's rounding and the
// product's.
TEST(CarryPower, OfTinyDecaysIsWrongByTheLeastFloat) {
  constexpr double kLeast = 0x1p-149;
  for (float decay = 1e-45f; decay < 1e-6f; decay *= 1.7f) {
    for (const float state : {1.0f, 3e10f, -1e30f, 3.4e38f}) {
      for (int steps = 1; steps <= 4; ++steps) {
        const Map<1> map = power(Map<1>{decay}, steps);
        float value[1] = {0.0f};
        respond(state_response(map), {state}, value);
        const double exact = map.a * state, size = std::fabs(static_cast<double>(state));
        ASSERT_LE(std::fabs(value[0] - exact), kLeast * (1 + size) + 0x1p-23 * std::fabs(exact))
            << decay << ", " << state << ", " << steps << " steps";
      }
    }
  }
}

// An infinite state stays infinite however many steps it is carried, also over none; only a decay of 0 makes a NaN of
// it, as 0 * infinity does in the formula.
TEST(CarryInfinity, CarriedOverSteps) {
  for (const float decay : kDecays) {
    for (const int n : {0, 1, 16, 1024}) {
      double one[1] = {INFINITY}, none[1] = {0.0};
      double entry[1];
      enter_segment(power(Map<1>{decay}, n), one, none, entry);
      const bool lost = decay == 0.0f && n > 0;
      EXPECT_EQ(std::isnan(entry[0]), lost) << decay << ' ' << n;
      if (!lost) {
        EXPECT_EQ(entry[0], INFINITY) << decay << ' ' << n;
      }
    }
  }
}

TEST(CarryInfinity, SecondOrderKeepsAFiniteStateOverNoSteps) {
  const Map<2> identity = power(state_map(Decays<2>{0.5f, 0.5f}), 0);
  const double d[2] = {0.0, 0.25};
  double entry[2];
  const double first_infinite[2] = {-INFINITY, 3.0};
  enter_segment(identity, first_infinite, d, entry);
  EXPECT_EQ(entry[0], -INFINITY);
  EXPECT_EQ(entry[1], 3.25);
  const double both_infinite[2] = {-INFINITY, -INFINITY};
  enter_segment(identity, both_infinite, d, entry);
  EXPECT_EQ(entry[0], -INFINITY);
  EXPECT_EQ(entry[1], -INFINITY);
  const double first_nan[2] = {NAN, 3.0};
  enter_segment(identity, first_nan, d, entry);
  EXPECT_TRUE(std::isnan(entry[0]));
  EXPECT_EQ(entry[1], 3.25);
}

TEST(CarryInfinity, SecondOrderCarriedOverSteps) {
  for (const float first : kDecays) {
    for (const float second : kDecays) {
      if (first == 0.0f || second == 0.0f) continue;
      for (const int n : {1, 16, 1024}) {
        const double state[2] = {INFINITY, 1.0}, none[2] = {0.0, 0.0};
        double entry[2];
        enter_segment(power(state_map(Decays<2>{first, second}), n), state, none, entry);
        EXPECT_EQ(entry[0], INFINITY) << first << ' ' << second << ' ' << n;
        EXPECT_EQ(entry[1], INFINITY) << first << ' ' << second << ' ' << n;
      }
    }
  }
}

TEST(CarryInfinity, AnInfiniteEntryReachesEveryStepOfASegment) {
  for (const float decay : {1e-45f, 1e-3f, 0.5f, 1.0f}) {
    for (int n = 0; n <= kQuarterSteps; ++n) {
      float one[1] = {-1e30f};
      respond(gradient_response(power(Map<1>{decay}, n)), {INFINITY}, one);
      EXPECT_EQ(one[0], INFINITY) << decay << ' ' << n;
      float two[2] = {-1e30f, 1e30f};
      respond(gradient_response(power(gradient_map(Decays<2>{decay, decay}), n)), {INFINITY, 0.0f}, two);
      EXPECT_EQ(two[0], INFINITY) << decay << ' ' << n;
      EXPECT_EQ(two[1], INFINITY) << decay << ' ' << n;
    }
  }
}

TEST(CarryRounding, AggregatesAndSplitsRoundToFloatAndNothingElseDoes) {
  const double third = 1.0 / 3.0;
  float aggregate[1];
  const double d[1] = {third};
  round_aggregate(d, aggregate);
  EXPECT_EQ(aggregate[0], static_cast<float>(third));
  double carry[1] = {third};
  const float none[1] = {0.0f};
  advance_chunk(Map<1>{1.0}, carry, none, false);
  EXPECT_EQ(carry[0], third);
  advance_chunk(Map<1>{1.0}, carry, none, true);
  EXPECT_EQ(carry[0], static_cast<float>(third));
  double segment[1] = {third};
  const double local[1] = {1.0 + 0x1p-40};
  advance_segment(Map<1>{0.5}, segment, local);
  EXPECT_EQ(segment[0], std::fma(0.5, third, 1.0 + 0x1p-40));
  const double state[1] = {third};
  float entry[1];
  round_entry(state, entry);
  EXPECT_EQ(entry[0], static_cast<float>(third));
}

// Two states side by side: GCC 12 packs them into a vector and would drop the rounding.
__attribute__((noinline)) void advance_pair(double (&carry)[2], const double (&d)[2], bool at_split) {
  float aggregate[2];
  round_aggregate(d, aggregate);
  advance_chunk(Map<2>{1.0, 0.0, 1.0}, carry, aggregate, at_split);
}

TEST(CarryRounding, SurvivesThePackingOfTwoStates) {
  const double third = 1.0 / 3.0, fifth = 0.2, d[2] = {third, fifth};
  double carry[2] = {0.0, 0.0};
  advance_pair(carry, d, false);
  EXPECT_EQ(carry[0], static_cast<double>(0x1.555556p-2f));
  EXPECT_EQ(carry[1], static_cast<double>(0x1.99999ap-3f));
  const double none[2] = {0.0, 0.0};
  double other[2] = {third, fifth};
  advance_pair(other, none, true);
  EXPECT_EQ(other[0], static_cast<double>(0x1.555556p-2f));
  EXPECT_EQ(other[1], static_cast<double>(0x1.99999ap-3f));
}

// The quarters of a segment: each is carried over the steps of those after it, in double.
TEST(CarryQuarters, AreJoinedAndEntered) {
  const float left[4][2] = {{3.0f, 5.0f}, {0.0f, 0.0f}, {0.0f, 0.0f}, {0.25f, 0x1p-30f}};
  const Map<2> map = {0.5, 0.125, 0.75};
  double joined[2];
  join_quarters(map, left, joined);
  EXPECT_EQ(joined[0], 0.125 * 3.0 + 0.25);
  // M^3's lower terms: b^3, and b^2 m + b m a + m a^2.
  EXPECT_EQ(joined[1], (0.5625 + 0.375 + 0.25) * 0.125 * 3.0 + 0.421875 * 5.0 + 0x1p-30);
  double state[2] = {2.0, 4.0};
  enter_quarter(map, true, left[0], state);
  EXPECT_EQ(state[0], 0.5 * 2.0 + 3.0);
  EXPECT_EQ(state[1], 0.125 * 2.0 + 0.75 * 4.0 + 5.0);
}

}  // namespace
}  // namespace spikescan::testing
