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

// How far, relative to the limit, a quick test may be off where u (1 + e) = limit, so that e is at most 2^24. Its 2^z:
// three units in the last place, 3 * 2^-23; the library's own exp: 2^-22; each test's two roundings: 2^-22 together.
// The argument: what the rounding of `offset` moves, 2^-24 |offset|, and that of the sum and, in the exact test, of U,
// at most 2^-24 * 24 each, times ln 2. In units of 2^-24: 6 + 4 + 4 + 0.7 |offset| + 34, and a third more.
QuickTest make_quick_test(const Steepness& k, double max_prob) {
  constexpr double kUnit = 0x1p-24, kInfinite = std::numeric_limits<double>::infinity();
  // Of a segment's 16 draws in 32 lanes about one in a hundred is then unsure.
  constexpr double kMostUnsure = 0x1p-13;
  // Below it e's smallest values, where the two differ by more, would count.
  constexpr double kLeastProbability = 0x1p-20;
  QuickTest q = {};
  q.scale = k.scale * k.unit;
  q.offset = rounded(static_cast<double>(k.scale) * k.offset);
  q.limit = static_cast<float>(max_prob * 0x1p32);
  const double unsure = (64.0 + std::abs(q.offset)) * kUnit;
  const bool pays = unsure <= kMostUnsure && max_prob >= kLeastProbability;
  q.unsure = static_cast<float>(pays ? unsure * q.limit : kInfinite);
  return q;
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
  if (sigmoid) f.quick = make_quick_test(f.steepness, max_prob);
  return f;
}

}  // namespace spikescan
