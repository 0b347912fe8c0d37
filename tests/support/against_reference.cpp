#include "support/against_reference.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "reference/philox.h"

namespace spikescan::support {
namespace {

using reference::Sum;
using reference::Values;

// The promises, in units of 2^-24 of a sum of magnitudes.
constexpr double kMembraneUnits = 8;
constexpr double kGradientUnits = 16;
// p, as a function of the float32 U, is exact to this: a uniform nearer to p may fall on either side.
constexpr double kProbabilityError = 0x1p-21;

Values doubles(const std::vector<float>& values) {
  return Values(values.begin(), values.end());
}

double units(double got, double want, double magnitude) {
  if (std::isnan(want)) return std::isnan(got) ? 0 : std::numeric_limits<double>::infinity();
  if (got == want) return 0;
  // Below float32's normal range a rounding is absolute, and a reciprocal is 0 there.
  const double error = std::fabs(got - want) / (0x1p-24 * magnitude + 0x1p-122);
  return std::isnan(error) ? std::numeric_limits<double>::infinity() : error;
}

// What float32 rounding may add to |dS/dM| where its error is absolute, in the promise's terms (kGradientUnits = 16): a
// cosine and a difference from one are exact to an absolute error; where dS/dM jumps, U may lie on either side. The
// other rules' errors are relative and within the promise.
double rule_slack(const reference::Rule& rule, double u) {
  const double z = std::fabs(rule.k * u), unit = 0x1p-24 / (kGradientUnits * 0x1p-24);
  if (rule.rule == SPIKESCAN_HEAVISIDE) {
    if (rule.surrogate == SPIKESCAN_TRIANGULAR) return 2 * unit;
    if (rule.surrogate == SPIKESCAN_BOXCAR) return std::fabs(z - 1) < 0x1p-22 ? 0.5 * 0x1p24 * unit : 0;
  }
  if (rule.rule != SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI) return 0;
  const double absolute = kProbabilityError * 0x1p24 * unit;
  if (rule.gradient == SPIKESCAN_PROBABILITY) return absolute;
  const double turn = 2 * M_PI * std::fabs(rule.threshold);
  const bool at_zero = std::fabs(std::cos(turn * u)) < kProbabilityError;
  return (rule.k / 4 + turn) * (at_zero ? 0x1p24 * unit : absolute);
}

}  // namespace

reference::Problem problem_of(const Case& c) {
  const spikescan_description& d = c.description;
  return {d.recurrence,
          reference::rule_of(d),
          d.shared_decay != 0,
          d.batch,
          d.time,
          d.channels,
          doubles(c.x),
          doubles(c.beta),
          doubles(c.alpha),
          {doubles(c.initial[0]), doubles(c.initial[1])}};
}

reference::Incoming incoming_of(const Case& c) {
  return {doubles(c.grad_spikes), doubles(c.grad_membrane), {doubles(c.grad_final[0]), doubles(c.grad_final[1])}};
}

std::vector<double> uniforms_of(const Case& c) {
  if (!c.uniforms.empty()) return doubles(c.uniforms);
  const spikescan_description& d = c.description;
  std::vector<double> out;
  out.reserve(static_cast<size_t>(c.elements()));
  for (int64_t b = 0; b < d.batch; ++b) {
    for (int64_t t = 0; t < d.time; ++t) {
      for (int64_t i = 0; i < d.channels; ++i) {
        out.push_back(
            reference::uniform(c.seed, c.stream, d.batch_origin + b, d.time_origin + t, d.channel_origin + i));
      }
    }
  }
  return out;
}

double worst_error(const Array& got, const Sum& want) {
  if (got.size() != want.value.size()) return std::numeric_limits<double>::infinity();
  double worst = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    worst = std::fmax(worst, units(got.at(i), want.value[i], want.magnitude[i]));
  }
  return worst;
}

Seen run_forward(const Target& target, const Case& c) {
  Case none = c;
  none.description.rule = SPIKESCAN_NONE;
  none.wanted = {};
  Seen seen = {forward(target, c), forward(target, none).spikes};
  return seen;
}

void expect_spikes(const Case& c, const Seen& seen, Report& report) {
  const reference::Rule rule = reference::rule_of(c.description);
  const std::vector<double> uniforms = c.is_bernoulli() ? uniforms_of(c) : std::vector<double>();
  int64_t wrong = 0, ties = 0;
  for (size_t i = 0; i < seen.call.spikes.size(); ++i) {
    const double u = seen.distance.at(i), got = seen.call.spikes.at(i);
    const double uniform = c.is_bernoulli() ? uniforms[i] : 0;
    const bool tie = c.is_bernoulli() && std::fabs(uniform - reference::probability(rule, u)) <= kProbabilityError;
    ties += tie;
    report.spikes += got == 1;
    const double want = reference::spike(rule, u, uniform);
    if (got != want && !(std::isnan(got) && std::isnan(want)) && !(tie && (got == 0 || got == 1))) ++wrong;
  }
  EXPECT_EQ(wrong, 0) << "spikes differ from the decision in float64";
  // A uniform ties with a chance of 2^-20; were there many, the test would be blind.
  EXPECT_LE(ties, 3 + static_cast<int64_t>(uniforms.size() / 100000));
  report.ties += ties;
  report.elements += static_cast<int64_t>(seen.call.spikes.size());
}

// For psu_lif R is taken from the float32 V, whose own error would drown R's.
void expect_states(const Case& c, const Seen& seen, Report& report) {
  const reference::Problem p = problem_of(c);
  const reference::States states = reference::states_of(p);
  report.membrane = worst_error(seen.call.membrane, states.membrane);
  EXPECT_LE(report.membrane, kMembraneUnits) << "membrane";
  if (p.recurrence == SPIKESCAN_CUBA_LIF) {
    EXPECT_LE(worst_error(seen.call.final_state[1], final_state(p, states, 1)), kMembraneUnits) << "final I";
  }
  if (p.recurrence != SPIKESCAN_PSU_LIF) return;
  const Values v = seen.call.membrane.doubles();
  const Sum r = reference::refractory_of(p, v);
  EXPECT_LE(worst_error(seen.call.final_state[1], final_state(p, {{}, r}, 1)), kMembraneUnits) << "final R";
  Sum u = {v, r.magnitude};
  for (size_t i = 0; i < v.size(); ++i) {
    u.value[i] = v[i] - r.value[i] - p.rule.threshold;
    // M and U are each rounded once to half a unit of themselves.
    u.magnitude[i] += (std::fabs(v[i] - r.value[i]) + std::fabs(u.value[i])) / kMembraneUnits;
  }
  report.distance = worst_error(seen.distance, u);
  EXPECT_LE(report.distance, kMembraneUnits) << "M - threshold";
}

Report expect_states(const Target& target, const Case& c) {
  Report report;
  const Forward call = forward(target, c);
  expect_states(c, {call, call.spikes}, report);
  return report;
}

namespace {

void expect_final_states(const Case& c, const Seen& seen) {
  const spikescan_description& d = c.description;
  if (d.time == 0) return;
  for (int64_t b = 0; b < d.batch; ++b) {
    for (int64_t i = 0; i < d.channels; ++i) {
      const auto last = static_cast<size_t>((b * d.time + d.time - 1) * d.channels + i);
      const auto row = static_cast<size_t>(b * d.channels + i);
      const uint32_t got = seen.call.final_state[0].bits[row], want = seen.call.membrane.bits[last];
      const bool nans = is_nan(got, SPIKESCAN_FLOAT32) && is_nan(want, SPIKESCAN_FLOAT32);
      ASSERT_TRUE(got == want || nans) << "the final state of row " << row << " is not the membrane's last step";
    }
  }
}

}  // namespace

reference::Gradients reference_gradients(const Case& c, const Seen& seen) {
  const reference::Problem p = problem_of(c);
  reference::States states = reference::states_of(p);
  reference::Point point = {seen.distance.doubles(), seen.call.membrane.doubles(), {}};
  if (p.recurrence == SPIKESCAN_PSU_LIF) states.second = reference::refractory_of(p, point.membrane);
  point.slack.resize(point.distance.size());
  for (size_t i = 0; i < point.slack.size(); ++i) point.slack[i] = rule_slack(p.rule, point.distance[i]);
  return reference::gradients_of(p, states, point, incoming_of(c));
}

Report expect_reference(const Target& target, const Case& c, const std::string& label) {
  SCOPED_TRACE(label);
  Report report;
  const Seen seen = run_forward(target, c);
  expect_states(c, seen, report);
  expect_final_states(c, seen);
  expect_spikes(c, seen, report);
  const Backward got = backward(target, c, seen.call.saved);
  const reference::Gradients want = reference_gradients(c, seen);
  const auto check = [&](const char* name, const Array& array, const Sum& sum) {
    const double error = worst_error(array, sum);
    report.gradient = std::fmax(report.gradient, error);
    EXPECT_LE(error, kGradientUnits) << name;
  };
  check("grad_x", got.grad_x, want.x);
  check("grad_beta", got.grad_beta, want.beta);
  check("grad_alpha", got.grad_alpha, want.alpha);
  check("grad_initial[0]", got.grad_initial[0], want.initial[0]);
  check("grad_initial[1]", got.grad_initial[1], want.initial[1]);
  for (size_t i = 0; i < got.grad_x.size(); ++i) report.nonzero_gradients += got.grad_x.at(i) != 0;
  return report;
}

}  // namespace spikescan::support
