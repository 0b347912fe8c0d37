// Every gradient of every neuron within 16 * 2^-24 of the sum of its terms' magnitudes, over three chunks and an odd
// number of steps. A run in which next to nothing spikes, or in which most gradients vanish, proves nothing and fails.
#include <gtest/gtest-spi.h>

#include <algorithm>

#include "ops/target.h"
#include "support/against_reference.h"
#include "support/coverage.h"
#include "support/random_case.h"

namespace spikescan::ops {
namespace {

using support::Case;

struct Firing {
  const char* name;
  spikescan_rule rule;
  spikescan_surrogate surrogate;
  spikescan_gradient gradient;
};
constexpr Firing kFirings[] = {
    {"sigmoid_probability", SPIKESCAN_SIGMOID_BERNOULLI, SPIKESCAN_ARCTAN, SPIKESCAN_PROBABILITY},
    {"sigmoid_derivative", SPIKESCAN_SIGMOID_BERNOULLI, SPIKESCAN_ARCTAN, SPIKESCAN_DERIVATIVE},
    {"refractory_probability", SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI, SPIKESCAN_ARCTAN, SPIKESCAN_PROBABILITY},
    {"refractory_derivative", SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI, SPIKESCAN_ARCTAN, SPIKESCAN_DERIVATIVE},
    {"arctan", SPIKESCAN_HEAVISIDE, SPIKESCAN_ARCTAN, SPIKESCAN_PROBABILITY},
    {"superspike", SPIKESCAN_HEAVISIDE, SPIKESCAN_SUPERSPIKE, SPIKESCAN_PROBABILITY},
    {"triangular", SPIKESCAN_HEAVISIDE, SPIKESCAN_TRIANGULAR, SPIKESCAN_PROBABILITY},
    {"boxcar", SPIKESCAN_HEAVISIDE, SPIKESCAN_BOXCAR, SPIKESCAN_PROBABILITY},
    {"tanh", SPIKESCAN_HEAVISIDE, SPIKESCAN_TANH, SPIKESCAN_PROBABILITY},
    {"none", SPIKESCAN_NONE, SPIKESCAN_ARCTAN, SPIKESCAN_PROBABILITY}};

void PrintTo(const Firing& firing, std::ostream* out) {
  *out << firing.name;
}

class Gradients : public OpsWith<std::tuple<spikescan_recurrence, Firing>> {
 protected:
  // Three chunks, the last one not full and not a whole number of segments.
  Case case_with(bool shared) const {
    Case c;
    const auto& [recurrence, firing] = GetParam();
    c.description.recurrence = recurrence;
    c.description.rule = firing.rule;
    c.description.surrogate = firing.surrogate;
    c.description.gradient = firing.gradient;
    c.description.k = 3;
    c.description.shared_decay = shared;
    c.description.batch = target().fast ? 3 : 2;
    c.description.time = 2 * chunk_steps() + 453;
    c.description.channels = target().fast ? 18 : 2;
    return c;
  }
};
INSTANTIATE_TEST_SUITE_P(All, Gradients,
                         testing::Combine(testing::ValuesIn(support::kRecurrences), testing::ValuesIn(kFirings)),
                         [](const auto& info) {
                           return std::string(support::name_of(std::get<0>(info.param))) + "_" +
                                  std::get<1>(info.param).name;
                         });

void expect_trustworthy(const Case& c, const support::Report& report) {
  if (c.description.rule != SPIKESCAN_NONE) {
    EXPECT_GT(report.spikes, report.elements / 100) << "mistrusted: hardly a spike";
    EXPECT_LT(report.spikes, report.elements - report.elements / 100) << "mistrusted: hardly anything but spikes";
  }
  EXPECT_GT(report.nonzero_gradients, report.elements / 2) << "mistrusted: most gradients are zero";
}

TEST_P(Gradients, AgreeWithFloat64) {
  double worst = 0;
  for (const bool shared : {false, true}) {
    Case c = case_with(shared);
    vary(shared);
    support::fill(c, shared ? 31 : 32, {.highest_decay = 0.99f});
    const support::Report report = support::expect_reference(target(), c, shared ? "shared decay" : "per channel");
    expect_trustworthy(c, report);
    worst = std::max(worst, report.gradient);
  }
  RecordProperty("worst_units", std::to_string(worst));
}

// Through the spikes alone: nothing that the membrane's gradient adds may hide a wrong dS/dM.
TEST_P(Gradients, OfTheSpikesAlone) {
  Case c = case_with(true);
  c.description.k = 1;
  vary(2);
  support::fill(c, 33, {.grad_membrane = false, .grad_final_state = false});
  expect_trustworthy(c, support::expect_reference(target(), c, "spikes alone"));
}

TEST_P(Gradients, OfDecaysAtAndOutsideTheirBounds) {
  Case c = case_with(false);
  support::fill(c, 34);
  constexpr float kRaw[] = {0.0f, 1.0f, -0.25f, 1.25f, -0x1p-140f, 0x1.000002p+0f, 0x1p-140f, 0x1.fffffep-1f};
  for (size_t i = 0; i < c.beta.size(); ++i) c.beta[i] = kRaw[i % 8];
  for (size_t i = 0; i < c.alpha.size(); ++i) c.alpha[i] = kRaw[(i / 2 + 3) % 8];
  support::expect_reference(target(), c, "bounds");
}

// Constant inputs round the same way at every step: sums that lose their small terms, or carries that round too often,
// show over long sequences with a decay near 1.
class LongGradients : public OpsWith<spikescan_recurrence> {};
INSTANTIATE_TEST_SUITE_P(All, LongGradients, testing::ValuesIn(support::kRecurrences),
                         [](const auto& info) { return support::name_of(info.param); });

TEST_P(LongGradients, OfConstantInputs) {
  Case c;
  c.description.recurrence = GetParam();
  c.description.rule = SPIKESCAN_NONE;
  c.description.batch = 1;
  c.description.time = split_steps() + 2 * chunk_steps() + 5;
  c.description.channels = 3;
  support::fill(c, 36);
  c.beta = {1.0f, 0.99999f, 0.999f};
  if (c.has_alpha()) c.alpha = {0.999f, 1.0f, 0.5f};
  c.x.assign(c.x.size(), 0.7f);
  c.grad_spikes.assign(c.x.size(), 0.3f);
  c.grad_membrane.assign(c.x.size(), 0.1f);
  const support::Report report = support::expect_reference(target(), c, "constant inputs");
  RecordProperty("worst_units", std::to_string(report.gradient));
}

// 32 accumulators take the rows in turn, in double, and are added in halves (docs/reproducibility.md); the batch of
// rows[i] is i / chunks. Where terms of 2^60 cancel, what is left of the small ones tells the order.
double sum_in_order(const std::vector<float>& rows) {
  double sums[32] = {};
  for (size_t i = 0; i < rows.size(); ++i) sums[i % 32] += rows[i];
  for (size_t half = 16; half > 0; half /= 2) {
    for (size_t i = 0; i < half; ++i) sums[i] += sums[i + half];
  }
  return sums[0];
}

class DecaySums : public Ops {};

TEST_F(DecaySums, AreAddedInTheOrderPromised) {
  constexpr size_t kBatch = 18, kChunks = 2;
  Case c;
  c.description.rule = SPIKESCAN_NONE;
  c.description.batch = kBatch;
  c.description.time = static_cast<int64_t>(kChunks) * chunk_steps();
  c.description.channels = 1;
  std::vector<float> rows(kBatch * kChunks), by_chunk(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    rows[i] = i % 3 == 0 ? 0x1p60f : i % 3 == 1 ? -0x1p60f : static_cast<float>(i);
    by_chunk[i % kChunks * kBatch + i / kChunks] = rows[i];
  }
  ASSERT_NE(sum_in_order(rows), sum_in_order(by_chunk)) << "mistrusted: another order gives the same";
  for (const bool shared : {false, true}) {
    c.description.shared_decay = shared;
    support::fill(c, 38, {.initial_state = false, .grad_spikes = false, .grad_final_state = false});
    // V is x and its gradient the given one: of each chunk one product is left.
    c.beta.assign(1, 0.0f);
    c.x.assign(c.x.size(), 0.0f);
    c.grad_membrane.assign(c.x.size(), 0.0f);
    for (size_t i = 0; i < rows.size(); ++i) {
      const size_t first = i * static_cast<size_t>(chunk_steps());
      c.x[first + 1] = 1;
      c.grad_membrane[first + 2] = rows[i];
    }
    const support::Backward got = support::backward(target(), c, support::forward(target(), c).saved);
    EXPECT_EQ(got.grad_beta.at(0), static_cast<float>(sum_in_order(rows))) << "shared " << shared;
  }
}

TEST_P(Gradients, AWrongGradientIsSeen) {
  Case c = case_with(false);
  support::fill(c, 35);
  const support::Seen seen = support::run_forward(target(), c);
  const support::Backward got = support::backward(target(), c, seen.call.saved);
  c.grad_membrane[7] += 0.001f;
  EXPECT_GT(support::worst_error(got.grad_x, support::reference_gradients(c, seen).x), 16);
}

// An exponential carries its argument's rounding, which grows with |k U|: none of that is forgiven.
class FarGradients : public Ops {};

TEST_F(FarGradients, AWrongOneIsSeen) {
  Case c;
  c.description.gradient = SPIKESCAN_DERIVATIVE;
  c.description.k = 30;
  c.description.batch = c.description.time = c.description.channels = 1;
  support::fill(c, 37, {.initial_state = false, .grad_membrane = false, .grad_final_state = false});
  c.x[0] = 0;
  const support::Seen seen = support::run_forward(target(), c);
  support::Array grad_x = support::backward(target(), c, seen.call.saved).grad_x;
  const auto error = [&] { return support::worst_error(grad_x, support::reference_gradients(c, seen).x); };
  EXPECT_LE(error(), 16);
  grad_x.bits[0] += 64;  // units in its last place
  EXPECT_GT(error(), 16);
}

TEST(Trust, RunsThatProveNothingFail) {
  Case c;
  support::Report silent = {.elements = 1000, .spikes = 3, .nonzero_gradients = 900};
  EXPECT_NONFATAL_FAILURE(expect_trustworthy(c, silent), "hardly a spike");
  support::Report flat = {.elements = 1000, .spikes = 300, .nonzero_gradients = 400};
  EXPECT_NONFATAL_FAILURE(expect_trustworthy(c, flat), "most gradients are zero");
}

}  // namespace
}  // namespace spikescan::ops
