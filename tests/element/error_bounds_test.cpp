// The error bound of every function of kernels/element/real.h and every gradient of firing.h: one table of name, range,
// bound and reason. The spike probabilities' bounds are in firing_probability_test.cpp.
#include <gtest/gtest.h>

#include <cctype>
#include <cstdio>
#include <random>
#include <string>

#include "tests/element/sweep.h"

namespace spikescan::testing {
namespace {

// Units of a bound: spacings of floats at the exact value; 2^-24; 2^-24 of the sum of the terms' magnitudes.
constexpr const char* kUlp = "ulp";
constexpr const char* kAbsolute = "* 2^-24";
constexpr const char* kOfTerms = "* 2^-24 of the terms";

struct Row {
  const char* function;
  const char* range;
  double bound;
  const char* unit;
  const char* reason;
  double (*measure)();
};

constexpr double kTurn = 6.283185307179586;

double exact_slope(double x) {
  const double e = std::exp(-std::fabs(x));
  return e / ((1.0 + e) * (1.0 + e));
}
double exact_sigmoid(double x) {
  const double e = std::exp(-std::fabs(x));
  return (x < 0.0 ? e : 1.0) / (1.0 + e);
}

// Two floats' product has 48 bits: exact in long double, and so is what is left of whole turns.
double exact_turns(float a, float b) {
  const long double product = static_cast<long double>(a) * b;
  return static_cast<double>(product - std::rint(product));
}

float distance_of(const Firing& f, float m) {
  return m - f.threshold;
}

// The largest error(f, M) over slopes k, thresholds, and M whose U cover |k U| <= reach densely as well as |U| <= 8.
template <class Error>
double worst_over_rules(const Firing& form, double reach, int samples, Error error) {
  std::mt19937_64 random(20240817);
  std::uniform_real_distribution<double> of(-1.0, 1.0);
  double worst = 0.0;
  for (const float threshold : kThresholds) {
    for (const float k : kSlopes) {
      const Firing f = firing(form.rule, threshold, k, 0.8f, static_cast<spikescan_gradient>(form.gradient),
                              static_cast<spikescan_surrogate>(form.surrogate));
      for (int i = 0; i < samples / static_cast<int>(kThinning); ++i) {
        const float wide = static_cast<float>(of(random) * reach / k);
        const float near = static_cast<float>(of(random) * 8.0 * std::exp2(-20.0 * std::fabs(of(random))));
        for (const float m : {threshold + wide, threshold + near}) {
          if (std::fabs(static_cast<double>(k) * distance_of(f, m)) > reach) continue;
          const double e = error(f, m);
          if (!(e <= worst)) worst = e;
        }
      }
    }
  }
  return worst;
}

template <class Exact>
double worst_surrogate(spikescan_surrogate surrogate, double reach, double (*distance)(float, double), Exact exact) {
  const Firing form = firing(SPIKESCAN_HEAVISIDE, 0.0f, 1.0f, 1.0f, SPIKESCAN_PROBABILITY, surrogate);
  return worst_over_rules(form, reach, 3000, [&](const Firing& f, float m) {
    return distance(surrogate_gradient(f, m), exact(static_cast<double>(f.k) * distance_of(f, m)));
  });
}

double measure_product() {
  std::mt19937_64 random(7);
  double worst = 0.0;
  for (uint32_t i = 0; i < 8000000 / kThinning; ++i) {
    const uint64_t word = random();
    // Products from 2^-40 to 2^60, so that integers, halves and fractions all come.
    const float a = float_of(((107u + (word & 31u)) << 23) | (static_cast<uint32_t>(word >> 8) & 0x7fffffu));
    const float b = float_of(((word & 64u) << 25) | ((107u + (word >> 32) % 70u) << 23) |
                             (static_cast<uint32_t>(word >> 41) & 0x7fffffu));
    const double off = turns_of_product(a, b) - exact_turns(a, b);
    const double e = std::fabs(off - std::rint(off)) * 0x1p24;  // half a turn either way is the same place
    if (!(e <= worst)) worst = e;
  }
  return worst;
}

double measure_sigmoid_gradient(spikescan_gradient form) {
  const Firing any = firing(SPIKESCAN_SIGMOID_BERNOULLI, 0.0f, 1.0f, 1.0f, form);
  return worst_over_rules(any, 87.0, 6000, [=](const Firing& f, float m) {
    const double x = static_cast<double>(f.k) * distance_of(f, m), p = static_cast<double>(f.max_prob);
    const double exact = form == SPIKESCAN_PROBABILITY ? p * exact_sigmoid(x) : f.k * p * exact_slope(x);
    return error_in_ulps(sigmoid_gradient(f, m), exact);
  });
}

double measure_refractory_gradient(spikescan_gradient form) {
  const Firing any = firing(SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI, 0.0f, 1.0f, 1.0f, form);
  return worst_over_rules(any, 80.0, 6000, [=](const Firing& f, float m) {
    const float u = distance_of(f, m);
    const double x = static_cast<double>(f.k) * u, turns = kTurn * exact_turns(f.threshold, u);
    const double cosine = std::cos(turns), s = exact_sigmoid(x), rise = f.k * exact_slope(x);
    // p's sign is a matter of rounding here, and the derivative steps to 0 with it.
    if (std::fabs(cosine) < 8 * 0x1p-24) return 0.0;
    if (form == SPIKESCAN_PROBABILITY) {
      return error_in_units(refractory_gradient(f, m), cosine > 0.0 ? cosine * s : 0.0) / s;
    }
    const double swing = kTurn * f.threshold * s;
    const double exact = cosine > 0.0 ? rise * cosine - swing * std::sin(turns) : 0.0;
    return error_in_units(refractory_gradient(f, m), exact) / (rise + swing);
  });
}

// 2^z.
float exp2_of(float z) {
  const Exponential e = exponential(1.0f, 0.0f, z, 1.0f);
  return e.power * e.fraction;
}

const Row kTable[] = {
    {"exp2_fraction", "every float with 2^-24 <= |f| <= 1/2", 2.5, kUlp,
     "a polynomial of degree 5 good to 1.57 * 2^-24 of the value, up to 1.57 ulp below 1; its last steps' roundings",
     [] {
       return worst_over(0x1p-24f, 0.5f, 1,
                         [](float f) { return error_in_ulps(exp2_fraction(f), std::exp2(static_cast<double>(f))); });
     }},
    {"exponential", "1/2 <= |z| <= 126", 2.5, kUlp, "the same polynomial: z - round(z) and the power of two are exact",
     [] {
       return worst_over(0.5f, 126.0f, 61,
                         [](float z) { return error_in_ulps(exp2_of(z), std::exp2(static_cast<double>(z))); });
     }},
    {"spike_exponential", "-87 <= k U <= 87", 2.5, kUlp, "exponential's, and the power goes on without a rounding",
     [] {
       const Firing f = firing(SPIKESCAN_SIGMOID_BERNOULLI, 0.0f, 1.0f, 1.0f);
       const double base = static_cast<double>(f.steepness.scale);  // whose rounding is not this function's
       return worst_over(0x1p-26f, 87.0f, 7, [=](float m) {
         return error_in_ulps(spike_exponential(f.steepness, m), std::exp2(base * m));
       });
     }},
    {"gradient_exponential", "|k U| <= 87", 2.5, kUlp,
     "exponential's, and f rounds once more where the low part is added",
     [] {
       return worst_over_rules(firing(SPIKESCAN_HEAVISIDE, 0.0f, 1.0f, 1.0f), 43.0, 6000, [](const Firing& f, float m) {
         const Exponential e = gradient_exponential(f.steepness, m);
         // Of the slope 2 k, for tanh.
         return error_in_ulps(e.power * e.fraction, std::exp(-2.0 * f.k * distance_of(f, m)));
       });
     }},
    {"exp_fraction", "every float with 2^-24 <= |r| <= ln(2) / 2", 2.5, kUlp,
     "as exp2_fraction, whose coefficients times powers of ln 2 these nearly are",
     [] {
       return worst_over(0x1p-24f, 0.34657359f, 1,
                         [](float r) { return error_in_ulps(exp_fraction(r), std::exp(-static_cast<double>(r))); });
     }},
    {"sigmoid", "|x| <= 80", 2.0, kAbsolute,
     "the exponential's error times s (1 - s), at most a quarter; 2 roundings of values up to 1",
     [] {
       return worst_over(0x1p-26f, 80.0f, 3, [](float x) { return error_in_units(sigmoid(x), exact_sigmoid(x)); });
     }},
    {"sigmoid, slope", "|x| <= 87", 7.0, kUlp,
     "the exponential's 2.5, where s < 1/2 half of it again, 1 + e's and s's roundings twice, 2 more roundings",
     [] {
       return worst_over(0x1p-26f, 87.0f, 5,
                         [](float x) { return error_in_ulps(sigmoid_with_slope(x).slope, exact_slope(x)); });
     }},
    {"turns_of_product", "products up to 2^60", 0.5, kAbsolute, "one rounding, of a sum of two fractions below 1",
     measure_product},
    {"sine_turn", "|r| <= 1/2", 3.0, kAbsolute, "terms of the polynomial up to 6.3 y and their roundings",
     [] {
       return worst_over(0x1p-30f, 0.5f, 3, [](float r) { return error_in_units(sine_turn(r), std::sin(kTurn * r)); });
     }},
    {"sine_turn", "|r| <= 1/4", 3.0, kUlp, "the polynomial is r times a series in r^2: relative, no cancellation",
     [] {
       return worst_over(0x1p-100f, 0.25f, 17,
                         [](float r) { return error_in_ulps(sine_turn(r), std::sin(kTurn * r)); });
     }},
    {"cosine_turn", "|r| <= 1/2", 3.0, kAbsolute,
     "sine_turn's, a quarter further; 1/4 - |r| rounds where cosine is flat",
     [] {
       return worst_over(0x1p-30f, 0.5f, 3,
                         [](float r) { return error_in_units(cosine_turn(r), std::cos(kTurn * r)); });
     }},
    {"sigmoid_gradient, probability", "|k U| <= 87", 4.0, kUlp,
     "gradient_exponential's error, and the roundings of 1 / max_prob, d and 1 / d",
     [] { return measure_sigmoid_gradient(SPIKESCAN_PROBABILITY); }},
    {"sigmoid_gradient, derivative", "|k U| <= 87", 7.0, kUlp,
     "logistic()'s, as of the sigmoid's slope, and the roundings of k max_prob and the last product",
     [] { return measure_sigmoid_gradient(SPIKESCAN_DERIVATIVE); }},
    {"refractory_gradient, probability", "|k U| <= 80", 8.0, kOfTerms,
     "cosine's error and 2 pi times that of its argument, at most 5; sigmoid's 3; relative to sigmoid(k U)",
     [] { return measure_refractory_gradient(SPIKESCAN_PROBABILITY); }},
    {"refractory_gradient, derivative", "|k U| <= 80", 10.0, kOfTerms,
     "the same and 4 roundings, relative to k s (1 - s) + 2 pi threshold s",
     [] { return measure_refractory_gradient(SPIKESCAN_DERIVATIVE); }},
    {"surrogate_gradient, arctan", "|k U| <= 1e6", 7.0, kUlp,
     "the square doubles the roundings of w and its factor; then 3 more",
     [] {
       return worst_surrogate(SPIKESCAN_ARCTAN, 1e6, error_in_ulps, [](double z) {
         const double w = kTurn / 2 * z;
         return 1.0 / ((1.0 + w * w) * (kTurn / 2));
       });
     }},
    {"surrogate_gradient, superspike", "|k U| <= 1e6", 4.0, kUlp, "the square doubles 2 roundings; then 2 more",
     [] {
       return worst_surrogate(SPIKESCAN_SUPERSPIKE, 1e6, error_in_ulps,
                              [](double z) { return 1.0 / ((1.0 + std::fabs(z)) * (1.0 + std::fabs(z))); });
     }},
    {"surrogate_gradient, triangular", "|k U| <= 2", 1.0, kAbsolute, "the roundings of z and of 1 - |z|",
     [] {
       return worst_surrogate(SPIKESCAN_TRIANGULAR, 2.0, error_in_units,
                              [](double z) { return std::fmax(0.0, 1.0 - std::fabs(z)); });
     }},
    {"surrogate_gradient, tanh", "|k U| <= 43", 7.0, kUlp, "logistic()'s",
     [] {
       return worst_surrogate(SPIKESCAN_TANH, 43.0, error_in_ulps, [](double z) { return 4.0 * exact_slope(2.0 * z); });
     }},
};

class ErrorBoundTable : public ::testing::TestWithParam<Row> {};

TEST_P(ErrorBoundTable, Holds) {
  const Row& row = GetParam();
  const double measured = row.measure();
  std::printf("%s, %s: %.3f of %g %s\n", row.function, row.range, measured, row.bound, row.unit);
  EXPECT_LE(measured, row.bound) << row.reason;
  // A bound far above what is measured, or an error of 0, tells of a sweep that stopped sweeping.
  EXPECT_GE(measured, row.bound / 3);
}

std::string row_name(const ::testing::TestParamInfo<Row>& info) {
  std::string name = std::to_string(info.index) + "_" + info.param.function;
  for (char& c : name) {
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return name;
}
INSTANTIATE_TEST_SUITE_P(Function, ErrorBoundTable, ::testing::ValuesIn(kTable), row_name);

// What a sweep measures must be able to exceed a bound.
TEST(ErrorBounds, AWrongFunctionIsSeen) {
  EXPECT_GT(worst_over(0.25f, 0.5f, 97,
                       [](float z) { return error_in_ulps(exp2_of(z * 1.00001f), std::exp2(static_cast<double>(z))); }),
            2.0);
  const double nan = worst_over(1.0f, 2.0f, 997, [](float) { return static_cast<double>(NAN); });
  EXPECT_FALSE(nan <= 1e30);
}

// docs/model.md, section 5: gradients within 16 * 2^-24 of their terms. The argument's rounding alone, or that of
// log2(e), would spoil that far from U = 0; that of ln 2 does not.
TEST(ErrorBounds, ARoundedArgumentWouldExceedTheGradientsBound) {
  const auto worst = [](auto exp_of) {
    return worst_over(10.0f, 87.0f, 997, [&](float x) {
      return std::fabs(exp_of(magnitude(x)) / std::exp(-std::fabs(static_cast<double>(x))) - 1.0) * 0x1p24;
    });
  };
  EXPECT_GT(worst([](float x) { return exp2_of(-kLog2E * x); }), 16.0);
  EXPECT_GT(worst([](float x) { return std::exp2(-static_cast<double>(kLog2E) * x); }), 16.0);
  EXPECT_LT(worst([](float x) {
              const double n = std::rint(static_cast<double>(kLog2E) * x);
              return std::exp2(-n) * std::exp(n * static_cast<double>(kLn2) - x);
            }),
            5.0);
}

TEST(ErrorBounds, TurnsEnds) {
  EXPECT_EQ(turns_of_product(0.0f, 3.0f), 0.0f);
  EXPECT_EQ(turns_of_product(3.0f, 7.0f), 0.0f);
  EXPECT_EQ(turns_of_product(0.25f, 5.0f), 0.25f);
  // The product's low bits decide: 4097.5 * 4097.5 = 16789506.25 is no float.
  EXPECT_EQ(turns_of_product(4097.5f, 4097.5f), 0.25f);
  // From 2^48 on a product is a whole number, also past the largest float.
  for (const float b : {0x1p60f, -0x1.8p100f, 3e38f}) EXPECT_EQ(turns_of_product(1.7f, b), 0.0f) << b;
  EXPECT_EQ(turns_of_product(100.0f, 1e37f), 0.0f);
  EXPECT_EQ(turns_of_product(3e38f, -3e38f), 0.0f);
  for (const float b : {INFINITY, -INFINITY, NAN}) {
    EXPECT_TRUE(std::isnan(turns_of_product(1.0f, b))) << b;
    EXPECT_TRUE(std::isnan(turns_of_product(b, 0.0f))) << b;
  }
  EXPECT_EQ(cosine_turn(0.0f), cosine_turn(-0.0f));
  EXPECT_NEAR(cosine_turn(0.5f), -1.0, 3 * 0x1p-24);
  EXPECT_EQ(cosine_turn(0.25f), 0.0f);
  EXPECT_EQ(sine_turn(0.5f), 0.0f);
  EXPECT_EQ(sine_turn(-0.125f), -sine_turn(0.125f));
}

TEST(ErrorBounds, BoxcarIsExactButForTheRoundingOfItsEdge) {
  for (const float k : kSlopes) {
    const Firing f = firing(SPIKESCAN_HEAVISIDE, 0.0f, k, 1.0f, SPIKESCAN_PROBABILITY, SPIKESCAN_BOXCAR);
    for (double z = 0.0; z < 2.0; z += 1.0 / 1024) {
      const float u = static_cast<float>(z / k);
      if (std::fabs(static_cast<double>(k) * u - 1.0) < 0x1p-24) continue;
      EXPECT_EQ(surrogate_gradient(f, u), z < 1.0 ? 0.5f : 0.0f) << k << ' ' << z;
      EXPECT_EQ(surrogate_gradient(f, -u), z < 1.0 ? 0.5f : 0.0f) << k << ' ' << z;
    }
  }
  const Firing f = firing(SPIKESCAN_HEAVISIDE, 0.0f, 2.0f, 1.0f, SPIKESCAN_PROBABILITY, SPIKESCAN_BOXCAR);
  EXPECT_EQ(surrogate_gradient(f, -0.5f), 0.5f);  // the edge belongs to the box
}

}  // namespace
}  // namespace spikescan::testing
