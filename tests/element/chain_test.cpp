// The whole chain of one channel as docs/reproducibility.md tells it, quarters, segments, chunks and splits, built here
// from kernels/element alone and held against the sequential recursion in long double.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <random>
#include <vector>

#include "kernels/element/recurrence.h"

namespace spikescan::testing {
namespace {

template <int N>
using State = std::array<double, N>;

template <int N>
struct Trace {
  std::vector<std::array<float, N>> outputs;  // in the scan's own order
  State<N> carry;                             // after the last chunk
};

template <class Scan>
struct Chain {
  static constexpr int N = Scan::kOrder;
  Decays<N> decays;
  double carry[N];
  Trace<N> trace;

  // Appends the quarter's outputs, its response to `state` included; `left` is what its own steps leave.
  void quarter(const float* inputs, int steps, const double (&state)[N], float (&left)[N]) {
    float entry[N];
    round_entry(state, entry);
    for (int n = 0; n < N; ++n) left[n] = 0.0f;
    for (int reached = 0; reached < steps; ++reached) {
      float out[N];
      Scan::step(reached, decays, inputs[reached], left, out);
      respond(Scan::response(power(Scan::map(decays), Scan::response_exponent(reached))), entry, out);
      std::array<float, N>& kept = trace.outputs.emplace_back();
      for (int n = 0; n < N; ++n) kept[n] = out[n];
    }
  }

  void segment(const float* inputs, int steps, int distance, double (&d)[N]) {
    const Map<N> map = Scan::map(decays);
    float left[kSegmentQuarters][N];
    double state[N], local[N];
    enter_segment(power(map, distance), carry, d, state);
    for (int i = 0; i < kSegmentQuarters; ++i) {
      const int count = quarter_steps(Scan::quarter(i), steps);
      quarter(inputs, count, state, left[i]);
      enter_quarter(power(map, count), steps == kSegmentSteps, left[i], state);
      inputs += count;
    }
    join_quarters(power(map, kQuarterSteps), left, local);
    advance_segment(power(map, kSegmentSteps), d, local);
  }

  void chunk(const float* inputs, int length, bool at_split) {
    double d[N] = {};
    // Segments lie at multiples of 16 in time, so a scan from the end starts with the short one.
    const int last = (length - 1) % kSegmentSteps + 1;
    for (int distance = 0; distance < length;) {
      const int steps = Scan::kReverse && distance == 0 ? last : std::min(kSegmentSteps, length - distance);
      segment(inputs + distance, steps, distance, d);
      distance += steps;
    }
    float aggregate[N];
    round_aggregate(d, aggregate);
    advance_chunk(power(Scan::map(decays), length), carry, aggregate, at_split);
  }
};

// `inputs` in the scan's order.
template <class Scan>
Trace<Scan::kOrder> run(const Decays<Scan::kOrder>& decays, const std::vector<float>& inputs,
                        State<Scan::kOrder> initial) {
  Chain<Scan> chain{decays, {}, {}};
  for (int n = 0; n < Scan::kOrder; ++n) chain.carry[n] = initial[n];
  const int64_t time = static_cast<int64_t>(inputs.size()), chunks = chunk_count(time);
  for (int64_t i = 0, done = 0; i < chunks; ++i) {
    const int64_t k = Scan::kReverse ? chunks - 1 - i : i;
    chain.chunk(inputs.data() + done, chunk_steps(time, k), Scan::leaves_split(k));
    done += chunk_steps(time, k);
  }
  for (int n = 0; n < Scan::kOrder; ++n) chain.trace.carry[n] = chain.carry[n];
  return chain.trace;
}

// The recursions of docs/model.md, sections 1 and 2, with an input, and once more over magnitudes for the bound.
void exact_step(StateScan<1>, const Decays<1>& d, long double x, long double (&s)[1], long double (&out)[1]) {
  out[0] = s[0] = d.first * s[0] + x;
}
void exact_step(StateScan<2>, const Decays<2>& d, long double x, long double (&s)[2], long double (&out)[2]) {
  out[0] = s[0] = d.first * s[0] + x;
  out[1] = s[1] = d.second * s[1] + s[0];
}
void exact_step(GradientScan<1>, const Decays<1>& d, long double x, long double (&s)[1], long double (&out)[1]) {
  out[0] = x + s[0];
  s[0] = d.first * out[0];
}
void exact_step(GradientScan<2>, const Decays<2>& d, long double x, long double (&s)[2], long double (&out)[2]) {
  out[0] = x + s[0];
  s[0] = d.first * out[0];
  out[1] = out[0] + s[1];
  s[1] = d.second * out[1];
}

// The largest error over all outputs in units of 2^-24 of the sum of the magnitudes that went into them.
template <class Scan>
double worst_error(const Decays<Scan::kOrder>& decays, const std::vector<float>& inputs, State<Scan::kOrder> initial) {
  constexpr int N = Scan::kOrder;
  const Trace<N> got = run<Scan>(decays, inputs, initial);
  long double s[N], magnitudes[N], out[N], sums[N];
  for (int n = 0; n < N; ++n) magnitudes[n] = std::fabs(s[n] = initial[n]);
  double worst = 0.0;
  for (size_t t = 0; t < inputs.size(); ++t) {
    exact_step(Scan{}, decays, inputs[t], s, out);
    exact_step(Scan{}, decays, std::fabs(inputs[t]), magnitudes, sums);
    for (int n = 0; n < N; ++n) {
      const double e = static_cast<double>(std::fabs(got.outputs[t][n] - out[n]) / (sums[n] + 1e-30L)) * 0x1p24;
      if (!(e <= worst)) worst = e;
    }
  }
  return worst;
}

enum class Kind { kOneSigned, kNormal, kSparse };

std::vector<float> make_inputs(Kind kind, int steps, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> inputs(static_cast<size_t>(steps));
  for (float& x : inputs) {
    const float value = normal(random);
    x = kind == Kind::kOneSigned ? 0.7f : kind == Kind::kNormal ? value : random() % 50 == 0 ? value : 0.0f;
  }
  return inputs;
}

constexpr float kDecays[] = {0.0f, 0.01f, 0.3f, 0.5f, 0.9f, 0.99f, 0.9999f, 0.9999999f, 1.0f};

// docs/model.md, section 5, promises 8 for V. Of dense inputs a one-signed one reaches most: the roundings of a
// quarter's float32 steps add up.
template <class Scan>
double worst_over_inputs(int steps) {
  double worst = 0.0;
  for (const float first : kDecays) {
    for (const float second : kDecays) {
      if (Scan::kOrder == 1 && second != 0.0f) continue;
      for (const Kind kind : {Kind::kOneSigned, Kind::kNormal, Kind::kSparse}) {
        State<Scan::kOrder> initial;
        initial.fill(0.625);
        const double e = worst_error<Scan>({first, second}, make_inputs(kind, steps, 5), initial);
        if (!(e <= worst)) worst = e;
      }
    }
  }
  return worst;
}
TEST(Chain, FirstOrderIsWithinThePromise) {
  EXPECT_LE(worst_over_inputs<StateScan<1>>(3000), 8.0);
  EXPECT_LE(worst_over_inputs<GradientScan<1>>(3000), 8.0);
}
TEST(Chain, SecondOrderIsWithinThePromise) {
  EXPECT_LE(worst_over_inputs<StateScan<2>>(1500), 8.0);
  EXPECT_LE(worst_over_inputs<GradientScan<2>>(1500), 8.0);
}

// An impulse among zeros has no other term to hide its roundings behind. From many random ones, always on to a
// neighbour that is no better: with 8 steps scanned from zero this finds more than 8.
template <class Scan>
double worst_impulse() {
  constexpr int kSteps = 96;
  struct Impulse {
    double decays[2], size;
    size_t place;
  };
  std::mt19937_64 random(3);
  const auto uniform = [&] { return static_cast<double>(random() >> 11) * 0x1p-53; };
  const auto error = [](const Impulse& impulse) {
    std::vector<float> inputs(kSteps);
    inputs[impulse.place] = static_cast<float>(impulse.size);
    const Decays<Scan::kOrder> decays = {static_cast<float>(impulse.decays[0]), static_cast<float>(impulse.decays[1])};
    return worst_error<Scan>(decays, inputs, {});
  };
  double worst = 0.0;
  for (int start = 0; start < 400; ++start) {
    const auto decay = [&] { return start % 2 == 0 ? uniform() : 1.0 - std::pow(10.0, -5.0 * uniform()); };
    Impulse best = {{decay(), decay()}, 1.0 + uniform(), random() % kSegmentSteps};
    double found = error(best), width = 0.01;
    for (int i = 0; i < 400; ++i) {
      Impulse next = best;
      for (double& d : next.decays) d = std::clamp(d + (uniform() - 0.5) * width * (1.0 - d + 1e-7), 0.0, 1.0);
      next.size = std::clamp(next.size + (uniform() - 0.5) * width, 1.0, 2.0);
      if (i % 10 == 0) next.place = random() % kSegmentSteps;
      const double e = error(next);
      if (e >= found) {
        best = next;
        found = e;
      }
      if (i % 60 == 59) width /= 2;
    }
    worst = std::fmax(worst, found);
  }
  return worst;
}
TEST(Chain, ImpulsesAreWithinThePromise) {
  const double forward[] = {worst_impulse<StateScan<1>>(), worst_impulse<StateScan<2>>()};
  const double backward[] = {worst_impulse<GradientScan<1>>(), worst_impulse<GradientScan<2>>()};
  for (const double error : {forward[0], forward[1], backward[0], backward[1]}) {
    EXPECT_LE(error, 8.0);
    EXPECT_GE(error, 3.0) << "not searched";
  }
}

TEST(Chain, LongSequences) {
  for (const float decay : {0.99999f, 1.0f}) {
    EXPECT_LE(worst_error<StateScan<1>>({decay, 0.0f}, make_inputs(Kind::kOneSigned, 200000, 1), {0.0}), 8.0);
    EXPECT_LE(worst_error<GradientScan<1>>({decay, 0.0f}, make_inputs(Kind::kNormal, 200000, 2), {0.0}), 8.0);
  }
  EXPECT_LE(worst_error<StateScan<2>>({1.0f, 0.99f}, make_inputs(Kind::kOneSigned, 140000, 3), {0.0, 0.0}), 8.0);
}

// The checker: a float32 loop, which drifts where a decay of 1 meets a constant input, exceeds the bound.
TEST(Chain, APlainFloatLoopWouldExceedThePromise) {
  float v = 0.0f;
  long double exact = 0.0L;
  double worst = 0.0;
  for (const float x : make_inputs(Kind::kOneSigned, 200000, 1)) {
    v = std::fma(1.0f, v, x);
    exact += x;
    worst = std::fmax(worst, static_cast<double>(std::fabs(v - exact) / exact) * 0x1p24);
  }
  EXPECT_GT(worst, 8.0);
}

// A call may end at a split and another go on from its float32 state: the same bits.
template <class Scan>
void expect_split_continues(const Decays<Scan::kOrder>& decays) {
  constexpr int N = Scan::kOrder;
  const std::vector<float> inputs = make_inputs(Kind::kNormal, kSplitSteps + 2048, 9);
  State<N> initial;
  initial.fill(0.3125);
  const Trace<N> whole = run<Scan>(decays, inputs, initial);
  // Backwards the last piece in time runs first.
  const int64_t first = Scan::kReverse ? 2048 : kSplitSteps;
  const Trace<N> head = run<Scan>(decays, {inputs.begin(), inputs.begin() + first}, initial);
  State<N> between = head.carry;
  for (double& c : between) {
    EXPECT_EQ(c, static_cast<float>(c)) << "the carry at a split is a float32 state";
  }
  const Trace<N> tail = run<Scan>(decays, {inputs.begin() + first, inputs.end()}, between);
  for (size_t t = 0; t < inputs.size(); ++t) {
    const std::array<float, N>& piece =
        t < static_cast<size_t>(first) ? head.outputs[t] : tail.outputs[t - static_cast<size_t>(first)];
    ASSERT_EQ(whole.outputs[t], piece) << t;
  }
}
TEST(Chain, ASplitContinuesWithTheSameBits) {
  expect_split_continues<StateScan<1>>({0.9999f, 0.0f});
  expect_split_continues<StateScan<2>>({0.9999f, 0.97f});
  expect_split_continues<GradientScan<1>>({0.9999f, 0.0f});
  expect_split_continues<GradientScan<2>>({0.9999f, 0.97f});
}

// An infinite first state makes the second infinite from its next step on, and never NaN.
TEST(Chain, AnInfiniteStateStaysInfinite) {
  const std::vector<float> inputs = make_inputs(Kind::kNormal, 1100, 4);
  for (const float decay : {1e-30f, 0.5f, 1.0f}) {
    for (const auto& out : run<StateScan<2>>({decay, decay}, inputs, {INFINITY, 0.0}).outputs) {
      ASSERT_EQ(out[0], INFINITY) << decay;
      ASSERT_EQ(out[1], INFINITY) << decay;
    }
    for (const auto& out : run<GradientScan<2>>({decay, decay}, inputs, {-INFINITY, 0.0}).outputs) {
      ASSERT_EQ(out[0], -INFINITY) << decay;
      ASSERT_EQ(out[1], -INFINITY) << decay;
    }
  }
}

}  // namespace
}  // namespace spikescan::testing
