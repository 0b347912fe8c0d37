// Every gradient formula of the reference against central differences of its own forward pass. Spikes are no smooth
// function of M, so the loss uses a stand-in S(U) whose derivative is the rule's dS/dM, integrated by hand.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <random>
#include <utility>

#include "reference/passes.h"

namespace spikescan::reference {
namespace {

constexpr double kPi = std::numbers::pi;

double simpson(const Rule& rule, double from, double to) {
  constexpr int kPanels = 200;
  const double h = (to - from) / kPanels;
  double sum = probability(rule, from) - probability(rule, to);
  for (int i = 0; i < kPanels; ++i) {
    sum += 4 * probability(rule, from + (i + 0.5) * h) + 2 * probability(rule, from + (i + 1) * h);
  }
  return sum * h / 6;
}

// From 0 to u in pieces: p has kinks where the cosine passes through zero, at odd quarters of a turn.
double integral_of_refractory(const Rule& rule, double u) {
  const double sign = u < 0 ? -1 : 1;
  double sum = 0, from = 0;
  for (double turns = 0.25; turns / rule.threshold < std::fabs(u); turns += 0.5) {
    const double kink = sign * turns / rule.threshold;
    sum += simpson(rule, from, kink);
    from = kink;
  }
  return sum + simpson(rule, from, u);
}

double surrogate_integral(const Rule& rule, double u) {
  const double k = rule.k, z = k * u;
  switch (rule.surrogate) {
    case SPIKESCAN_ARCTAN:
      return std::atan(kPi * z) / (kPi * kPi * k);
    case SPIKESCAN_SUPERSPIKE:
      return u / (1 + std::fabs(z));
    case SPIKESCAN_TRIANGULAR:
      return std::fabs(z) < 1 ? u - u * std::fabs(z) / 2 : std::copysign(0.5 / k, u);
    case SPIKESCAN_BOXCAR:
      return 0.5 * std::fmin(std::fmax(u, -1 / k), 1 / k);
    default:
      return std::tanh(z) / k;
  }
}

double stand_in(const Rule& rule, double u) {
  switch (rule.rule) {
    case SPIKESCAN_HEAVISIDE:
      return surrogate_integral(rule, u);
    case SPIKESCAN_NONE:
      return u;
    case SPIKESCAN_SIGMOID_BERNOULLI:
      return rule.gradient == SPIKESCAN_DERIVATIVE ? probability(rule, u)
                                                   : rule.max_prob * std::log1p(std::exp(rule.k * u)) / rule.k;
    default:
      return rule.gradient == SPIKESCAN_DERIVATIVE ? probability(rule, u) : integral_of_refractory(rule, u);
  }
}

double dot(const Values& a, const Values& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size() && i < b.size(); ++i) sum += a[i] * b[i];
  return sum;
}

double loss(const Problem& p, const Incoming& in) {
  const States states = states_of(p);
  Values spikes = distance_of(p, states);
  for (double& s : spikes) s = stand_in(p.rule, s);
  double sum = dot(in.spikes, spikes) + dot(in.membrane, states.membrane.value);
  for (int n = 0; n < (p.has_second() ? 2 : 1); ++n) sum += dot(in.final_state[n], final_state(p, states, n).value);
  return sum;
}

Values random_values(std::mt19937& random, int64_t count, double low, double high) {
  std::uniform_real_distribution<double> uniform(low, high);
  Values out(static_cast<size_t>(count));
  for (double& value : out) value = uniform(random);
  return out;
}

struct Experiment {
  Problem problem;
  Incoming incoming;
};

Experiment experiment(spikescan_recurrence recurrence, const Rule& rule, bool shared) {
  std::mt19937 random(11);
  Problem p = {recurrence, rule, shared, 2, 9, 4, {}, {}, {}, {}};
  const int64_t elements = p.batch * p.time * p.channels, rows = p.batch * p.channels;
  p.x = random_values(random, elements, -1, 1.5);
  p.beta = random_values(random, shared ? 1 : p.channels, 0.3, 0.9);
  p.initial[0] = random_values(random, rows, -1, 1);
  if (p.has_second()) p.initial[1] = random_values(random, rows, -1, 1);
  if (recurrence == SPIKESCAN_CUBA_LIF) p.alpha = random_values(random, shared ? 1 : p.channels, 0.2, 0.8);
  if (!shared) {
    p.beta[0] = 1.25;  // clipped: the loss is flat there
    p.beta[1] = -0.25;
  }
  Incoming in;
  in.spikes = random_values(random, elements, -1, 1);
  in.membrane = random_values(random, elements, -1, 1);
  in.final_state[0] = random_values(random, rows, -1, 1);
  if (p.has_second()) in.final_state[1] = random_values(random, rows, -1, 1);
  return {p, in};
}

Gradients analytic(const Experiment& e) {
  const States states = states_of(e.problem);
  return gradients_of(e.problem, states, {distance_of(e.problem, states), states.membrane.value, {}}, e.incoming);
}

// The largest difference between a gradient and the slope of the loss along each element of `input`, which is part of
// `e`, relative to the magnitude of the gradient's terms.
double worst_difference(const Experiment& e, Values& input, const Sum& gradient) {
  constexpr double kStep = 1e-6;
  double worst = 0;
  for (size_t i = 0; i < input.size(); ++i) {
    const double here = input[i];
    input[i] = here + kStep;
    const double above = loss(e.problem, e.incoming);
    input[i] = here - kStep;
    const double below = loss(e.problem, e.incoming);
    input[i] = here;
    const double difference = (above - below) / (2 * kStep);
    worst = std::fmax(worst, std::fabs(difference - gradient.value[i]) / (1 + gradient.magnitude[i]));
  }
  return worst;
}

// The step's square times the third derivative (k = 3) and the loss's rounding over the step are both near 1e-8.
constexpr double kTolerance = 1e-7;

std::vector<Rule> all_rules() {
  std::vector<Rule> rules;
  const Rule base = {SPIKESCAN_NONE, SPIKESCAN_ARCTAN, SPIKESCAN_PROBABILITY, 0.6, 3, 0.8};
  rules.push_back(base);
  for (const auto rule : {SPIKESCAN_SIGMOID_BERNOULLI, SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI}) {
    for (const auto gradient : {SPIKESCAN_PROBABILITY, SPIKESCAN_DERIVATIVE}) {
      rules.push_back(base);
      rules.back().rule = rule;
      rules.back().gradient = gradient;
    }
  }
  for (const auto surrogate :
       {SPIKESCAN_ARCTAN, SPIKESCAN_SUPERSPIKE, SPIKESCAN_TRIANGULAR, SPIKESCAN_BOXCAR, SPIKESCAN_TANH}) {
    rules.push_back(base);
    rules.back().rule = SPIKESCAN_HEAVISIDE;
    rules.back().surrogate = surrogate;
  }
  return rules;
}

TEST(FiniteDifferences, EveryGradientOfEveryNeuron) {
  for (const auto recurrence : {SPIKESCAN_LIF, SPIKESCAN_SPSN, SPIKESCAN_CUBA_LIF, SPIKESCAN_PSU_LIF}) {
    for (const Rule& rule : all_rules()) {
      for (const bool shared : {false, true}) {
        SCOPED_TRACE(testing::Message() << "recurrence " << recurrence << " rule " << rule.rule << " surrogate "
                                        << rule.surrogate << " gradient " << rule.gradient << " shared " << shared);
        Experiment e = experiment(recurrence, rule, shared);
        const Gradients g = analytic(e);
        EXPECT_LT(worst_difference(e, e.problem.x, g.x), kTolerance);
        EXPECT_LT(worst_difference(e, e.problem.beta, g.beta), kTolerance);
        EXPECT_LT(worst_difference(e, e.problem.alpha, g.alpha), kTolerance);
        EXPECT_LT(worst_difference(e, e.problem.initial[0], g.initial[0]), kTolerance);
        EXPECT_LT(worst_difference(e, e.problem.initial[1], g.initial[1]), kTolerance);
      }
    }
  }
}

TEST(FiniteDifferences, AWrongGradientIsSeen) {
  for (const auto recurrence : {SPIKESCAN_LIF, SPIKESCAN_SPSN, SPIKESCAN_CUBA_LIF, SPIKESCAN_PSU_LIF}) {
    Experiment e = experiment(recurrence, all_rules()[1], false);
    Experiment wrong = e;
    wrong.problem.rule.k *= 1.0001;
    EXPECT_GT(worst_difference(e, e.problem.x, analytic(wrong).x), kTolerance);
  }
}

TEST(ReferenceGradients, PassAtTheBoundsOfADecayAndVanishOutside) {
  for (const auto& [beta, passes] : {std::pair{0.0, true}, {1.0, true}, {-1e-9, false}, {1 + 1e-9, false}}) {
    Experiment e = experiment(SPIKESCAN_CUBA_LIF, all_rules()[0], true);
    e.problem.beta[0] = e.problem.alpha[0] = beta;
    const Gradients g = analytic(e);
    EXPECT_EQ(g.beta.value[0] != 0, passes) << beta;
    EXPECT_EQ(g.alpha.value[0] != 0, passes) << beta;
  }
}

TEST(ReferenceStates, FollowTheRecurrencesByHand) {
  const Rule none = {SPIKESCAN_NONE, SPIKESCAN_ARCTAN, SPIKESCAN_PROBABILITY, 0, 1, 1};
  Problem p = {SPIKESCAN_LIF, none, true, 1, 3, 1, {1, -2, 4}, {0.5}, {0.25}, {{8}, {}}};
  EXPECT_EQ(states_of(p).membrane.value, (Values{5, 0.5, 4.25}));
  EXPECT_EQ(states_of(p).membrane.magnitude, (Values{5, 4.5, 6.25}));
  p.recurrence = SPIKESCAN_SPSN;
  EXPECT_EQ(states_of(p).membrane.value, (Values{4.5, 1.25, 2.625}));
  p.recurrence = SPIKESCAN_CUBA_LIF;
  p.initial[1] = {4};
  EXPECT_EQ(states_of(p).second.value, (Values{2, -1.5, 3.625}));
  EXPECT_EQ(states_of(p).membrane.value, (Values{6, 1.5, 4.375}));
  p.recurrence = SPIKESCAN_PSU_LIF;
  const States psu = states_of(p);
  EXPECT_EQ(psu.membrane.value, (Values{5, 0.5, 4.25}));
  EXPECT_DOUBLE_EQ(psu.second.value[0], 2 + sigmoid(5));
  EXPECT_DOUBLE_EQ(psu.second.value[1], 1 + sigmoid(5) / 2 + sigmoid(0.5));
}

}  // namespace
}  // namespace spikescan::reference
