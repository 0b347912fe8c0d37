#include "host/firing_setup.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace spikescan {
namespace {

constexpr double kLog2OfE = 1.4426950408889634;
constexpr double kPi = 3.141592653589793;

// The largest float x with -scale x <= z; the product of two floats is exact in double. It is finite, since k is 2^-120
// or more (host/validate_description.cpp).
float reach(float scale, double z) {
  auto x = static_cast<float>(z / -static_cast<double>(scale));
  if (-static_cast<double>(scale) * x > z) x = std::nextafter(x, 0.0f);
  return x;
}

// The smallest float x with -scale x >= z.
float reach_over(float scale, double z) {
  const float x = reach(scale, z);
  return -static_cast<double>(scale) * x < z ? std::nextafter(x, std::numeric_limits<float>::max()) : x;
}

Steepness make_steepness(double k, float threshold, double ceiling) {
  Steepness s = {};
  s.threshold = threshold;
  const double exact = -k * kLog2OfE;
  s.scale = static_cast<float>(exact);
  s.scale_low = static_cast<float>(exact - s.scale);
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
// at most 2^-24 * 25 each, times ln 2. In units of 2^-24: 6 + 4 + 4 + 0.7 |offset| + 35, and a third more.
//
// A draw of 0 is far from every limit but fires unless e is infinite. The quick test works with 2 e, which is infinite
// before the library's e is: the product with 0 is then NaN, which is not sure.
QuickTest make_quick_test(const Steepness& k, double max_prob) {
  constexpr double kUnit = 0x1p-24;
  // Of a segment's 16 draws in 32 lanes about one in a hundred is then unsure.
  constexpr double kMostUnsure = 0x1p-13;
  // Below it e's smallest values, where the two differ by more, would count.
  constexpr double kLeastProbability = 0x1p-20;
  QuickTest q = {};
  q.unsure = std::numeric_limits<float>::infinity();
  const double offset = 1.0 - static_cast<double>(k.scale) * k.threshold, unsure = (64.0 + std::abs(offset)) * kUnit;
  if (unsure > kMostUnsure || max_prob < kLeastProbability) return q;
  q.scale = k.scale;
  q.offset = static_cast<float>(offset);
  q.limit = static_cast<float>(max_prob * 0x1p33);
  q.unsure = static_cast<float>(unsure * q.limit);
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
  f.arctan_scale = static_cast<float>(k * kPi * std::sqrt(kPi));
  // tanh: 4 s (1 - s) of s = sigmoid(2 k U).
  f.slope_factor = heaviside ? 4.0f : static_cast<float>(sigmoid ? k * max_prob : k);
  const bool divides = sigmoid && d.gradient == SPIKESCAN_PROBABILITY;
  f.steepness = make_steepness(heaviside ? 2.0 * k : k, d.threshold, divides ? 1.0 / max_prob : 1.0);
  if (sigmoid) f.quick = make_quick_test(f.steepness, max_prob);
  return f;
}

}  // namespace spikescan
