// A NaN or an infinity changes its own row alone, from its step on, as IEEE arithmetic has it; a NaN probability does
// not spike (docs/model.md, section 4).
#include <cmath>
#include <limits>

#include "ops/target.h"
#include "reference/passes.h"
#include "support/against_reference.h"
#include "support/coverage.h"
#include "support/random_case.h"

namespace spikescan::ops {
namespace {

using support::Array;
using support::Backward;
using support::Case;
using support::Forward;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kPoisons[] = {kNan, kInfinity, -kInfinity};

class Nonfinite : public OpsWith<std::tuple<spikescan_recurrence, spikescan_rule>> {
 protected:
  // Rows of one segment and a bit, or of two chunks where a poison has to cross a carry.
  Case clean_case(int64_t batch, int64_t time, int64_t channels) const {
    Case c;
    c.description.recurrence = std::get<0>(GetParam());
    c.description.rule = std::get<1>(GetParam());
    c.description.batch = batch;
    c.description.time = time;
    c.description.channels = channels;
    support::fill(c, 61, {.lowest_decay = 0.5f, .highest_decay = 0.9f});
    return c;
  }
};
INSTANTIATE_TEST_SUITE_P(All, Nonfinite,
                         testing::Combine(testing::ValuesIn(support::kRecurrences), testing::ValuesIn(support::kRules)),
                         [](const auto& info) {
                           return std::string(support::name_of(std::get<0>(info.param))) + "_" +
                                  support::name_of(std::get<1>(info.param));
                         });

struct Place {
  int64_t b, t, c;
};

// Counts the elements of `got` that differ from `clean` where the poison at `place` has no business: other rows, and in
// its own row the steps on the far side (before it in the forward pass, after it in the backward pass of a gradient).
int64_t spoiled(const Array& got, const Array& clean, const spikescan_description& d, const Place& place,
                bool reaches_later, bool reaches_earlier) {
  int64_t count = 0;
  for (int64_t b = 0; b < d.batch; ++b) {
    for (int64_t t = 0; t < d.time; ++t) {
      for (int64_t c = 0; c < d.channels; ++c) {
        const bool own_row = b == place.b && c == place.c;
        const bool reached = t == place.t || (t > place.t ? reaches_later : reaches_earlier);
        const auto i = static_cast<size_t>((b * d.time + t) * d.channels + c);
        if (!(own_row && reached)) count += got.bits[i] != clean.bits[i];
      }
    }
  }
  return count;
}

// The same for [B, C] tensors.
int64_t spoiled_rows(const Array& got, const Array& clean, const spikescan_description& d, const Place& place) {
  int64_t count = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    if (static_cast<int64_t>(i) != place.b * d.channels + place.c) count += got.bits[i] != clean.bits[i];
  }
  return count;
}

// NaN, an infinity of one sign, or finite: the class, not the value.
int classify(double value) {
  return std::isnan(value) ? 3 : std::isinf(value) ? (value > 0 ? 1 : 2) : 0;
}

void expect_forward_isolated(const Case& poisoned, const Forward& got, const Forward& clean, const Place& place) {
  const spikescan_description& d = poisoned.description;
  ASSERT_EQ(spoiled(got.membrane, clean.membrane, d, place, true, false), 0) << "membrane";
  ASSERT_EQ(spoiled(got.spikes, clean.spikes, d, place, true, false), 0) << "spikes";
  for (int n = 0; n < 2; ++n) {
    ASSERT_EQ(spoiled_rows(got.final_state[n], clean.final_state[n], d, place), 0) << "final state " << n;
  }
  const reference::States states = reference::states_of(support::problem_of(poisoned));
  for (int64_t t = 0; t < d.time; ++t) {
    const auto i = static_cast<size_t>((place.b * d.time + t) * d.channels + place.c);
    const float v = got.membrane.at(i);
    ASSERT_EQ(classify(v), classify(states.membrane.value[i])) << "V = " << v << " at step " << t;
    if (d.rule != SPIKESCAN_NONE && std::isnan(v)) {
      ASSERT_EQ(got.spikes.at(i), 0) << "a NaN does not spike, step " << t;
    }
  }
}

TEST_P(Nonfinite, AnElementOfX) {
  // In turn at every step and channel of a small tensor: first and last step of a segment, and its middle.
  const Case clean = clean_case(2, 37, 3);
  const Forward want = support::forward(target(), clean);
  const Backward want_gradients = support::backward(target(), clean, want.saved);
  const spikescan_description& d = clean.description;
  for (int64_t t = 0; t < d.time; t += target().fast ? 1 : 6) {
    for (int64_t row = 0; row < d.batch * d.channels; row += target().fast ? 1 : 4) {
      const Place place = {row / d.channels, t, row % d.channels};
      vary(static_cast<uint64_t>(t + row));
      Case c = clean;
      c.x[static_cast<size_t>((place.b * d.time + t) * d.channels + place.c)] = kPoisons[(t + row) % 3];
      SCOPED_TRACE(testing::Message() << "x at b=" << place.b << " t=" << t << " c=" << place.c);
      const Forward got = support::forward(target(), c);
      expect_forward_isolated(c, got, want, place);
      // dS/dM is NaN from t on, and gradients run back: any step of the row may be reached, but no other row.
      const Backward gradients = support::backward(target(), c, got.saved);
      ASSERT_EQ(spoiled(gradients.grad_x, want_gradients.grad_x, d, place, true, true), 0);
      for (int n = 0; n < 2; ++n) {
        ASSERT_EQ(spoiled_rows(gradients.grad_initial[n], want_gradients.grad_initial[n], d, place), 0);
      }
      for (int64_t i = 0; i < d.channels; ++i) {
        if (i == place.c) continue;
        const auto other = static_cast<size_t>(i);
        ASSERT_EQ(gradients.grad_beta.bits[other], want_gradients.grad_beta.bits[other]);
      }
    }
  }
}

// Over the carries of chunks: the poison may neither get lost nor appear before its step.
TEST_P(Nonfinite, AcrossChunks) {
  const Case clean = clean_case(1, 2 * chunk_steps() + 42, 2);
  const Forward want = support::forward(target(), clean);
  const int64_t chunk = chunk_steps();
  for (const int64_t t : {int64_t{0}, int64_t{15}, int64_t{16}, chunk - 2, chunk - 1, chunk, 2 * chunk - 1, 2 * chunk,
                          clean.description.time - 1}) {
    for (const float poison : kPoisons) {
      vary(static_cast<uint64_t>(t));
      Case c = clean;
      c.x[static_cast<size_t>(t * 2 + 1)] = poison;
      SCOPED_TRACE(testing::Message() << "x = " << poison << " at step " << t);
      expect_forward_isolated(c, support::forward(target(), c), want, {0, t, 1});
    }
  }
}

TEST_P(Nonfinite, AnElementOfTheGradients) {
  const Case clean = clean_case(2, chunk_steps() + 37, 3);
  const Forward forward = support::forward(target(), clean);
  const Backward want = support::backward(target(), clean, forward.saved);
  const spikescan_description& d = clean.description;
  for (const int64_t t : {int64_t{0}, int64_t{16}, int64_t{500}, chunk_steps() - 1, chunk_steps(), d.time - 1}) {
    for (const bool of_spikes : {false, true}) {
      const Place place = {1, t, 1};
      Case c = clean;
      std::vector<float>& gradient = of_spikes ? c.grad_spikes : c.grad_membrane;
      gradient[static_cast<size_t>((d.time + t) * d.channels + 1)] = kPoisons[t % 3];
      SCOPED_TRACE(testing::Message() << (of_spikes ? "grad_spikes" : "grad_membrane") << " at step " << t);
      const Backward got = support::backward(target(), c, forward.saved);
      ASSERT_EQ(spoiled(got.grad_x, want.grad_x, d, place, false, true), 0);
      for (int n = 0; n < 2; ++n) {
        ASSERT_EQ(spoiled_rows(got.grad_initial[n], want.grad_initial[n], d, place), 0) << "state " << n;
      }
      for (const size_t channel : {0u, 2u}) ASSERT_EQ(got.grad_beta.bits[channel], want.grad_beta.bits[channel]);
      const float here = got.grad_x.at(static_cast<size_t>((d.time + t) * d.channels + 1));
      // An infinite dL/dS times a slope of zero, or of a rule that sees none of it, may be finite or NaN.
      if (!of_spikes) {
        ASSERT_FALSE(std::isfinite(here));
      }
    }
  }
}

TEST_P(Nonfinite, AnInitialState) {
  const Case clean = clean_case(2, 37, 3);
  const Forward want = support::forward(target(), clean);
  for (int n = 0; n < (clean.has_second() ? 2 : 1); ++n) {
    for (const float poison : kPoisons) {
      Case c = clean;
      c.initial[n][4] = poison;
      const Forward got = support::forward(target(), c);
      ASSERT_EQ(spoiled(got.membrane, want.membrane, c.description, {1, -1, 1}, true, true), 0);
      ASSERT_EQ(spoiled(got.spikes, want.spikes, c.description, {1, -1, 1}, true, true), 0);
    }
  }
}

// Over the empty quarters of a last segment, and over the way to it, nothing is multiplied by zero.
TEST_P(Nonfinite, AnInfiniteGradientOfAFinalState) {
  for (const int64_t time : {int64_t{33}, int64_t{38}, int64_t{48}, chunk_steps() + 5}) {
    Case c = clean_case(1, time, 2);
    const Forward forward = support::forward(target(), c);
    c.grad_final[0][1] = kInfinity;
    const Backward got = support::backward(target(), c, forward.saved);
    for (int64_t t = 0; t < time; ++t) {
      ASSERT_EQ(got.grad_x.at(static_cast<size_t>(t * 2 + 1)), kInfinity) << "step " << t << " of " << time;
      ASSERT_TRUE(std::isfinite(got.grad_x.at(static_cast<size_t>(t * 2)))) << "step " << t << " of " << time;
    }
    ASSERT_EQ(got.grad_initial[0].at(1), kInfinity) << time;
  }
}

// Where the decay is zero an infinite state is one all the same: 0 * infinity is NaN, and stays so.
TEST_P(Nonfinite, AnInfiniteStateUnderADecayOfZero) {
  for (const int64_t time : {int64_t{5}, int64_t{37}, 2 * chunk_steps() + 3}) {
    for (int n = 0; n < 2; ++n) {
      Case c = clean_case(1, time, 2);
      if (n == 1 && !c.has_second()) continue;
      (n == 1 && c.has_alpha() ? c.alpha : c.beta)[1] = 0.0f;
      c.initial[n][1] = kInfinity;
      const Forward got = support::forward(target(), c);
      ASSERT_TRUE(std::isnan(got.final_state[n].at(1))) << "state " << n << " after " << time << " steps";
      if (n == 1 && !c.has_alpha()) continue;  // psu_lif's V does not see R
      ASSERT_TRUE(std::isnan(got.final_state[0].at(1))) << "V after " << time << " steps";
      for (int64_t t = 0; t < time; ++t) {
        ASSERT_TRUE(std::isnan(got.membrane.at(static_cast<size_t>(t * 2 + 1)))) << "step " << t << " of " << time;
        ASSERT_TRUE(std::isfinite(got.membrane.at(static_cast<size_t>(t * 2)))) << "step " << t << " of " << time;
      }
    }
  }
}

// And where it is nearly zero, so that its powers vanish, it stays infinite.
TEST_P(Nonfinite, AnInfiniteStateUnderATinyDecay) {
  for (const int64_t time : {int64_t{37}, 2 * chunk_steps() + 3}) {
    for (int n = 0; n < 2; ++n) {
      Case c = clean_case(1, time, 2);
      if (n == 1 && !c.has_second()) continue;
      (n == 1 && c.has_alpha() ? c.alpha : c.beta)[1] = 1e-30f;
      c.initial[n][1] = kInfinity;
      const Forward got = support::forward(target(), c);
      ASSERT_EQ(got.final_state[n].at(1), kInfinity) << "state " << n << " after " << time << " steps";
      if (n == 1 && !c.has_alpha()) continue;
      for (int64_t t = 0; t < time; ++t) {
        ASSERT_EQ(got.membrane.at(static_cast<size_t>(t * 2 + 1)), kInfinity) << "step " << t << " of " << time;
      }
    }
  }
}

// Nor does one that an input makes, where the powers over the segments after it vanish.
TEST_P(Nonfinite, AnInfiniteInputUnderATinyDecay) {
  Case c = clean_case(1, 60, 2);
  c.beta[1] = 1e-30f;
  c.x[1] = kInfinity;
  const Forward got = support::forward(target(), c);
  for (int64_t t = 0; t < 60; ++t) ASSERT_EQ(got.membrane.at(static_cast<size_t>(t * 2 + 1)), kInfinity) << t;
}

class Sampling : public Ops {};

TEST_F(Sampling, InfiniteMembranes) {
  Case c;
  c.description.batch = 1;
  c.description.time = 40;
  c.description.channels = 3;
  c.description.max_prob = 1;
  c.beta = {0.5f, 0.5f, 0.5f};
  for (int64_t t = 0; t < 40; ++t) c.x.insert(c.x.end(), {kInfinity, -kInfinity, kNan});
  // Sigmoid: certain at +infinity (p = 1), impossible at -infinity and for NaN, whatever the uniform.
  for (const float u : {0.0f, 0.5f, 0x1.fffffep-1f}) {
    c.uniforms.assign(c.x.size(), u);
    const Array spikes = support::forward(target(), c).spikes;
    for (size_t i = 0; i < spikes.size(); ++i) ASSERT_EQ(spikes.at(i), i % 3 == 0 ? 1 : 0) << "uniform " << u;
  }
  // The refractory rule's cosine of an infinity is NaN: no spike.
  c.description.rule = SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI;
  c.uniforms.assign(c.x.size(), 0.0f);
  const Array spikes = support::forward(target(), c).spikes;
  for (size_t i = 0; i < spikes.size(); ++i) ASSERT_EQ(spikes.at(i), 0);
}

TEST(Isolation, ASpoiledElementIsCounted) {
  Case c;
  c.description.batch = 1;
  c.description.time = 3;
  c.description.channels = 2;
  Array clean = {SPIKESCAN_FLOAT32, std::vector<uint32_t>(6)}, got = clean;
  got.bits[1] = 1;  // step 0 of channel 1: before the poison at step 1
  got.bits[3] = 1;  // the poison itself
  got.bits[4] = 1;  // step 2 of channel 0: another row
  EXPECT_EQ(spoiled(got, clean, c.description, {0, 1, 1}, true, false), 2);
}

}  // namespace
}  // namespace spikescan::ops
