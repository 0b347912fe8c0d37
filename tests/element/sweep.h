// Sweeps over floats and the distance of a float from an exact value, for the tests of kernels/element.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "host/firing_setup.h"

namespace spikescan::testing {

// Sanitizers make every call several times slower: they look at one place in 16.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr uint32_t kThinning = 16;
#else
constexpr uint32_t kThinning = 1;
#endif

// The spacing of floats at the exact value r.
inline double ulp_at(double r) {
  uint64_t bits;
  std::memcpy(&bits, &r, sizeof bits);
  const int64_t exponent = static_cast<int64_t>((bits >> 52) & 0x7ff) - 1023;
  const uint64_t spacing = static_cast<uint64_t>((exponent < -126 ? -126 : exponent) - 23 + 1023) << 52;
  double ulp;
  std::memcpy(&ulp, &spacing, sizeof ulp);
  return ulp;
}

// NaN where either is NaN, so that no bound holds for it.
inline double error_in_ulps(float value, double exact) {
  return std::fabs(value - exact) / ulp_at(exact);
}
inline double error_in_units(float value, double exact) {
  return std::fabs(value - exact) * 0x1p24;
}

// The largest error(x) over every stride-th float of both signs with low <= |x| <= high; a NaN error is kept.
template <class Error>
double worst_over(float low, float high, uint32_t stride, Error error) {
  double worst = 0.0;
  const uint64_t step = uint64_t{stride} * kThinning;
  for (const uint32_t sign : {0u, 0x80000000u}) {
    for (uint64_t bits = bits_of(low); bits <= bits_of(high); bits += step) {
      const double e = error(float_of(static_cast<uint32_t>(bits) | sign));
      if (!(e <= worst)) worst = e;
    }
  }
  return worst;
}

// A firing rule as the host fills it in.
inline Firing firing(int rule, float threshold, float k, float max_prob,
                     spikescan_gradient gradient = SPIKESCAN_PROBABILITY,
                     spikescan_surrogate surrogate = SPIKESCAN_ARCTAN) {
  spikescan_description d = SPIKESCAN_DESCRIPTION_INIT;
  d.rule = static_cast<spikescan_rule>(rule);
  d.surrogate = surrogate;
  d.gradient = gradient;
  d.threshold = threshold;
  d.k = k;
  d.max_prob = max_prob;
  return make_firing(d);
}

constexpr float kThresholds[] = {0.01f, 0.1f, 0.3f, 1.0f, 1.7f, 10.0f, 33.3f, 100.0f};
constexpr float kSlopes[] = {1e-3f, 0.1f, 1.0f, 2.0f, 7.3f, 10.0f, 50.0f, 100.0f, 1e4f};

}  // namespace spikescan::testing
