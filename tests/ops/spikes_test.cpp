// Spikes: p within 2^-21 of float64 as a function of the float32 U, every decision but ties equal to float64's, the
// generator's place in the whole, and the spike formats (docs/model.md, sections 1, 3 and 5).
#include <gtest/gtest-spi.h>

#include <algorithm>
#include <cmath>

#include "ops/target.h"
#include "reference/philox.h"
#include "support/against_reference.h"
#include "support/coverage.h"
#include "support/forms.h"
#include "support/random_case.h"

namespace spikescan::ops {
namespace {

using support::Case;

constexpr double kProbabilityError = 0x1p-21;

Case small_case(spikescan_recurrence recurrence, spikescan_rule rule, int64_t batch, int64_t time, int64_t channels) {
  Case c;
  c.description.recurrence = recurrence;
  c.description.rule = rule;
  c.description.batch = batch;
  c.description.time = time;
  c.description.channels = channels;
  return c;
}

struct Slope {
  spikescan_rule rule;
  float k, threshold, max_prob;
};
constexpr Slope kSlopes[] = {
    {SPIKESCAN_SIGMOID_BERNOULLI, 10, 1, 0.8f},           {SPIKESCAN_SIGMOID_BERNOULLI, 0.3f, -2.5f, 1},
    {SPIKESCAN_SIGMOID_BERNOULLI, 100, 0.125f, 1},        {SPIKESCAN_SIGMOID_BERNOULLI, 2, 0, 0.001f},
    {SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI, 50, 1, 1},   {SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI, 3, 0.6f, 1},
    {SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI, 7, -4.3f, 1}};

class Probability : public OpsWith<Slope> {
 protected:
  // A decay of 0 makes V = x, so that U = x - threshold is at hand.
  Case case_with(const std::vector<float>& x) const {
    Case c = small_case(SPIKESCAN_LIF, GetParam().rule, 1, 64, static_cast<int64_t>(x.size() / 64));
    c.description.k = GetParam().k;
    c.description.threshold = GetParam().threshold;
    c.description.max_prob = GetParam().max_prob;
    c.description.shared_decay = 1;
    c.beta = {0};
    c.x = x;
    c.wanted = {true, false, {false, false}, false, false, false, false, {false, false}};
    return c;
  }
  // Membranes over the whole range of p, most of them where it moves.
  std::vector<float> membranes() const {
    support::Random random(3);
    std::vector<float> out;
    for (int64_t i = 0; i < (target().fast ? 64 * 4096 : 64 * 64); ++i) {
      const float reach = random.chance(8) ? 100.0f : 6.0f / GetParam().k;
      out.push_back(GetParam().threshold + random.uniform(-reach, reach));
    }
    return out;
  }
};
INSTANTIATE_TEST_SUITE_P(Slopes, Probability, testing::ValuesIn(kSlopes));

struct Probes {
  std::vector<float> uniforms;
  std::vector<bool> asked;  // false: no uniform lies on that side of p
};

// Uniforms on one side of every p, a little beyond the bound: those below must fire, those above must not.
Probes probes_beside(const reference::Rule& rule, float threshold, const std::vector<float>& membranes, bool below) {
  Probes out;
  for (const float m : membranes) {
    const double p = reference::probability(rule, m - threshold);  // U rounded to float32 first
    const float u = below ? std::nextafter(static_cast<float>(p - kProbabilityError), -1.0f)
                          : std::nextafter(static_cast<float>(p + kProbabilityError), 2.0f);
    out.asked.push_back(u >= 0 && u < 1);
    out.uniforms.push_back(out.asked.back() ? u : 0.5f);
  }
  return out;
}

int64_t wrong_answers(Case c, const Probes& probes, bool below) {
  c.uniforms = probes.uniforms;
  const support::Array spikes = support::forward(target(), c).spikes;
  int64_t wrong = 0;
  for (size_t i = 0; i < spikes.size(); ++i) wrong += probes.asked[i] && spikes.at(i) != (below ? 1 : 0);
  return wrong;
}

TEST_P(Probability, IsWithinTheBoundOfFloat64) {
  const Case c = case_with(membranes());
  for (const bool below : {true, false}) {
    const Probes probes = probes_beside(reference::rule_of(c.description), GetParam().threshold, c.x, below);
    EXPECT_EQ(wrong_answers(c, probes, below), 0) << (below ? "below" : "above") << " p";
    EXPECT_GT(std::count(probes.asked.begin(), probes.asked.end(), true), c.elements() / 8) << "too few probes";
  }
}

TEST_P(Probability, AWrongOneIsSeen) {
  Case c = case_with(membranes());
  reference::Rule rule = reference::rule_of(c.description);
  rule.k *= 1.001;
  rule.max_prob *= 0.999;
  const Probes probes = probes_beside(rule, GetParam().threshold, c.x, false);
  EXPECT_GT(wrong_answers(c, probes, false), 0);
}

class Decisions : public OpsWith<std::tuple<spikescan_recurrence, spikescan_rule>> {
 protected:
  Case random_case(bool own_uniforms) const {
    Case c = target().fast ? small_case(recurrence(), rule(), 4, 2 * chunk_steps() + 52, 24)
                           : small_case(recurrence(), rule(), 2, chunk_steps() + 76, 3);
    support::fill(c, 17, {.own_uniforms = own_uniforms});
    return c;
  }
  spikescan_recurrence recurrence() const { return std::get<0>(GetParam()); }
  spikescan_rule rule() const { return std::get<1>(GetParam()); }
};
INSTANTIATE_TEST_SUITE_P(All, Decisions,
                         testing::Combine(testing::ValuesIn(support::kRecurrences), testing::ValuesIn(support::kRules)),
                         [](const auto& info) {
                           return std::string(support::name_of(std::get<0>(info.param))) + "_" +
                                  support::name_of(std::get<1>(info.param));
                         });

// As a function of the float32 U, and end to end as float64 decides from its own membrane: there a decision may differ
// where the uniform lies nearer to p than p's bound plus what the membrane's bound moves p by.
TEST_P(Decisions, EqualFloat64ButForTies) {
  for (const bool own_uniforms : {false, true}) {
    const Case c = random_case(own_uniforms);
    const support::Seen seen = support::run_forward(target(), c);
    support::Report report;
    support::expect_spikes(c, seen, report);
    if (!c.is_bernoulli()) continue;
    EXPECT_GT(report.spikes, report.elements / 100);
    EXPECT_LT(report.spikes, report.elements - report.elements / 100);

    const reference::Problem p = support::problem_of(c);
    const reference::States states = reference::states_of(p);
    const reference::Values u = reference::distance_of(p, states);
    const std::vector<double> uniforms = support::uniforms_of(c);
    // The steepest that p can be: max_prob k / 4, and with the cosine k / 4 + 2 pi threshold.
    const double steepness = p.rule.k / 4 + 2 * M_PI * std::fabs(p.rule.threshold);
    int64_t wrong = 0, near = 0;
    for (size_t i = 0; i < u.size(); ++i) {
      double moved = 8 * states.membrane.magnitude[i] + 2 * std::fabs(u[i]) + std::fabs(p.rule.threshold);
      // R's own rounding, and V's carried into it: sigmoid is a quarter as steep as its argument at most.
      if (p.recurrence == SPIKESCAN_PSU_LIF) moved += 10 * states.second.magnitude[i];
      const double band = kProbabilityError + steepness * moved * 0x1p-24;
      const double p64 = reference::probability(p.rule, u[i]);
      if (std::fabs(uniforms[i] - p64) <= band) {
        ++near;
      } else {
        wrong += seen.call.spikes.at(i) != (uniforms[i] < p64 ? 1 : 0);
      }
    }
    EXPECT_EQ(wrong, 0);
    EXPECT_LT(near, 3 + report.elements / 500) << "the test leaves too many decisions open";
  }
}

TEST_P(Decisions, AWrongSpikeIsSeen) {
  const Case c = random_case(false);
  support::Seen seen = support::run_forward(target(), c);
  support::Report report;
  const size_t place = 100;
  seen.call.spikes.bits[place] = support::narrow(seen.call.spikes.at(place) == 0 ? 1.0f : 0.0f, SPIKESCAN_FLOAT32);
  EXPECT_NONFATAL_FAILURE(support::expect_spikes(c, seen, report), "decision in float64");
}

TEST_P(Decisions, EveryFormatHoldsTheSameSpikes) {
  for (const int64_t time : {1, 31, 32, 33, 64, 100}) {
    Case c = small_case(recurrence(), rule(), 2, time, 5);
    support::fill(c, 23);
    const support::Array spikes = support::forward(target(), c).spikes;
    for (const spikescan_dtype dtype : support::kSpikeDtypes) {
      if (!support::can_spike_as(rule(), dtype)) continue;
      Case form = c;
      form.spikes_dtype = dtype;
      const support::Array got = support::forward(target(), form).spikes;
      if (dtype != SPIKESCAN_BITS32) {
        EXPECT_EQ(support::difference(got, support::array_of(spikes.floats(), dtype)), "") << support::name_of(dtype);
        continue;
      }
      int64_t stray = 0;
      const support::Array bits = support::unpack(got, 2, time, 5, &stray);
      EXPECT_EQ(support::difference(bits, support::array_of(spikes.floats(), SPIKESCAN_UINT8)), "") << "T = " << time;
      EXPECT_EQ(stray, 0) << "bits past the last step, T = " << time;
    }
  }
}

class Generator : public Ops {};

// p = max_prob, whatever U: the spikes then are the uniforms' comparison with it and nothing else.
Case coin_case(float probability) {
  Case c = small_case(SPIKESCAN_LIF, SPIKESCAN_SIGMOID_BERNOULLI, 3, 37, 5);
  c.description.shared_decay = 1;
  c.description.max_prob = probability;
  c.beta = {0};
  c.x.assign(static_cast<size_t>(c.elements()), 1000.0f);
  c.wanted = {true, false, {false, false}, false, false, false, false, {false, false}};
  return c;
}

void expect_coins(const Case& c, const char* what) {
  const std::vector<double> uniforms = support::uniforms_of(c);
  const support::Array spikes = support::forward(target(), c).spikes;
  const double p = c.description.max_prob;
  int64_t heads = 0;
  for (size_t i = 0; i < uniforms.size(); ++i) {
    ASSERT_EQ(spikes.at(i), uniforms[i] < p ? 1 : 0) << what << ", element " << i;
    heads += spikes.at(i) != 0;
  }
  EXPECT_TRUE(heads > 0 && heads < c.elements()) << what;
}

TEST_F(Generator, TakesTheUniformsOfTheSpecification) {
  // A max_prob that no multiple of 2^-24 equals: u < p has no tie here.
  const float p = 0.3f;
  for (const uint64_t seed : {uint64_t{0}, uint64_t{1}, uint64_t{0x0123456789abcdef}, ~uint64_t{0}}) {
    for (const uint32_t stream : {0u, 7u, 0xffffffffu}) {
      for (const bool device_key : {false, true}) {
        for (const bool far : {false, true}) {
          Case c = coin_case(p);
          c.seed = seed;
          c.stream = stream;
          c.device_key = device_key;
          if (far) {
            c.description.batch_origin = (int64_t{1} << 32) - c.description.batch;
            c.description.time_origin = (int64_t{1} << 34) - c.description.time;
            c.description.channel_origin = (int64_t{1} << 32) - c.description.channels;
          }
          expect_coins(c, device_key ? "device key" : "key by value");
        }
      }
    }
  }
}

TEST_F(Generator, TimeMayStartInsideACounter) {
  for (int64_t origin = 1; origin < 8; ++origin) {
    Case c = coin_case(0.3f);
    c.description.time_origin = origin;
    expect_coins(c, "time origin");
  }
}

TEST_F(Generator, PackedSpikesOfAPieceAreTheWholesWords) {
  Case whole = coin_case(0.3f);
  whole.description.time = 100;
  whole.x.assign(static_cast<size_t>(whole.elements()), 1000.0f);
  whole.spikes_dtype = SPIKESCAN_BITS32;
  const support::Forward all = support::forward(target(), whole);
  const support::Box box = {{1, 64, 2}, {2, 36, 3}};
  EXPECT_EQ(support::difference(support::forward(target(), support::part_of(whole, box)).spikes,
                                support::part_of(all, whole, box).spikes),
            "");
}

// max_prob 0 never fires, not even for u = 0; max_prob 1 far above threshold always does.
TEST_F(Generator, CertainProbabilities) {
  for (const float p : {0.0f, 1.0f}) {
    for (const bool own_uniforms : {false, true}) {
      Case c = coin_case(p);
      if (own_uniforms) c.uniforms.assign(static_cast<size_t>(c.elements()), p == 0 ? 0.0f : 0x1.fffffep-1f);
      const support::Array spikes = support::forward(target(), c).spikes;
      for (size_t i = 0; i < spikes.size(); ++i) ASSERT_EQ(spikes.at(i), p);
    }
  }
}

}  // namespace
}  // namespace spikescan::ops
