// What is said of repeated measurements.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace spikescan::bench {

// The sample nearest to that share of the way from the least to the greatest.
inline double quantile(const std::vector<double>& ascending, double share) {
  return ascending[static_cast<size_t>(share * static_cast<double>(ascending.size() - 1) + 0.5)];
}

inline double median(std::vector<double> samples) {
  std::sort(samples.begin(), samples.end());
  return quantile(samples, 0.5);
}

}  // namespace spikescan::bench
