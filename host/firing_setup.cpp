#include "host/firing_setup.h"

#include <algorithm>
#include <limits>

namespace spikescan {

Firing make_firing(const spikescan_description& d) {
  constexpr double kLog2OfE = 1.4426950408889634;
  // A k near the largest float would give an infinite exponent, and infinity times a distance of 0 is NaN.
  constexpr double kLargest = std::numeric_limits<float>::max();
  const float k = d.rule == SPIKESCAN_NONE ? 0.0f : d.k;
  const double exponent = std::max(-static_cast<double>(k) * kLog2OfE, -kLargest);
  return {d.rule, d.surrogate, d.gradient, d.threshold, k, d.max_prob, static_cast<float>(exponent)};
}

}  // namespace spikescan
