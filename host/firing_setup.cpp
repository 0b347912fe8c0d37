#include "host/firing_setup.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace spikescan {
namespace {

constexpr double kLog2OfE = 1.4426950408889634;
constexpr double kPi = 3.141592653589793;
constexpr float kLargest = std::numeric_limits<float>::max();

// A value past the largest float would give infinity, and infinity times a distance of 0 is NaN.
float rounded(double x) {
  return static_cast<float>(std::clamp(x, -static_cast<double>(kLargest), static_cast<double>(kLargest)));
}

// The largest float x with -scale x <= z; the product of two floats is exact in double.
float reach(float scale, double z) {
  float x = rounded(z / -static_cast<double>(scale));
  if (-static_cast<double>(scale) * x > z) x = std::nextafter(x, 0.0f);
  return x;
}

// The smallest float x with -scale x >= z.
float reach_over(float scale, double z) {
  const float x = reach(scale, z);
  return -static_cast<double>(scale) * x < z ? std::nextafter(x, kLargest) : x;
}

Steepness make_steepness(double k, float threshold, double ceiling) {
  Steepness s = {};
  // 2^128 is out of reach of x = U below k = 2.6e-37, and the largest finite U is then no better than infinity.
  s.unit = k < 0x1p-120 ? 0x1p-64f : 1.0f;
  s.offset = -s.unit * threshold;
  const double exact = -k / s.unit * kLog2OfE;
  s.scale = rounded(exact);
  s.scale_low = s.scale == -kLargest ? 0.0f : static_cast<float>(exact - s.scale);
  // Of a max_prob so small the gradient is below 2^-126, thus 0, and d would be infinite.
  s.ceiling = static_cast<float>(std::min(ceiling, 0x1.8p126));
  s.highest = reach(s.scale, 127.0);
  s.lowest = -reach_over(s.scale, 128.0);
  s.lowest_gradient = -reach(s.scale, 127.0 - std::log2(s.ceiling));
  return s;
}

}  // namespace

Firing make_firing(const spikescan_description& d) {
  const bool sigmoid = d.rule == SPIKESCAN_SIGMOID_BERNOULLI, heaviside = d.rule == SPIKESCAN_HEAVISIDE;
  const double k = d.k, max_prob = d.max_prob;
  Firing f = {};
  f.rule = d.rule;
  f.surrogate = d.surrogate;
  f.gradient = d.gradient;
  f.threshold = d.threshold;
  f.max_prob = d.max_prob;
  if (d.rule == SPIKESCAN_NONE) return f;
  f.k = d.k;
  f.arctan_scale = rounded(k * kPi * std::sqrt(kPi));
  // tanh: 4 s (1 - s) of s = sigmoid(2 k U).
  f.slope_factor = heaviside ? 4.0f : rounded(sigmoid ? k * max_prob : k);
  const bool divides = sigmoid && d.gradient == SPIKESCAN_PROBABILITY;
  f.steepness = make_steepness(heaviside ? 2.0 * k : k, d.threshold, divides ? 1.0 / max_prob : 1.0);
  return f;
}

}  // namespace spikescan
