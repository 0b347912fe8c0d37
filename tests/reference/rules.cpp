#include "reference/rules.h"

#include <cmath>
#include <numbers>

namespace spikescan::reference {
namespace {

constexpr double kPi = std::numbers::pi;

double unclipped_refractory(const Rule& rule, double u) {
  return std::cos(2 * kPi * rule.threshold * u) * sigmoid(rule.k * u);
}

double refractory_derivative(const Rule& rule, double u) {
  const double turn = 2 * kPi * rule.threshold;
  const double s = sigmoid(rule.k * u);
  return -turn * std::sin(turn * u) * s + std::cos(turn * u) * rule.k * s * sigmoid(-rule.k * u);
}

double surrogate(const Rule& rule, double u) {
  const double z = rule.k * u;
  switch (rule.surrogate) {
    case SPIKESCAN_ARCTAN:
      return 1 / ((1 + std::pow(kPi * z, 2)) * kPi);
    case SPIKESCAN_SUPERSPIKE:
      return 1 / std::pow(1 + std::fabs(z), 2);
    case SPIKESCAN_TRIANGULAR:
      return std::isnan(z) ? z : std::fmax(0.0, 1 - std::fabs(z));
    case SPIKESCAN_BOXCAR:
      return std::fabs(z) <= 1 ? 0.5 : 0.0;
    case SPIKESCAN_TANH:
      return 1 / std::pow(std::cosh(z), 2);  // 1 - tanh(z)^2 without its cancellation
  }
  return std::nan("");
}

}  // namespace

Rule rule_of(const spikescan_description& d) {
  return {d.rule, d.surrogate, d.gradient, d.threshold, d.k, d.max_prob};
}

double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

bool is_bernoulli(const Rule& rule) {
  return rule.rule == SPIKESCAN_SIGMOID_BERNOULLI || rule.rule == SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI;
}

double probability(const Rule& rule, double u) {
  if (rule.rule == SPIKESCAN_SIGMOID_BERNOULLI) return rule.max_prob * sigmoid(rule.k * u);
  const double p = unclipped_refractory(rule, u);
  return p < 0 ? 0 : p;
}

double spike(const Rule& rule, double u, double uniform) {
  switch (rule.rule) {
    case SPIKESCAN_HEAVISIDE:
      return u > 0 ? 1 : 0;
    case SPIKESCAN_NONE:
      return u;
    default:
      return uniform < probability(rule, u) ? 1 : 0;
  }
}

double slope(const Rule& rule, double u) {
  switch (rule.rule) {
    case SPIKESCAN_HEAVISIDE:
      return surrogate(rule, u);
    case SPIKESCAN_NONE:
      return 1;
    case SPIKESCAN_SIGMOID_BERNOULLI:
      if (rule.gradient == SPIKESCAN_PROBABILITY) return probability(rule, u);
      // k p (1 - p / max_prob), where max_prob may be zero.
      return rule.k * rule.max_prob * sigmoid(rule.k * u) * sigmoid(-rule.k * u);
    case SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI:
      if (rule.gradient == SPIKESCAN_PROBABILITY) return probability(rule, u);
      return unclipped_refractory(rule, u) <= 0 ? 0 : refractory_derivative(rule, u);
  }
  return std::nan("");
}

}  // namespace spikescan::reference
