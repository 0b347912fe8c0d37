// The steps of a segment, or of a quarter, in a loop that the compiler can unroll.
#pragma once

#include "kernels/cuda/device.h"
#include "kernels/element/chunking.h"

namespace spikescan {

// body(j, full) for those of `steps` steps, of at most kAll, that lie in [kFirst, kEnd): first to last or, in reverse,
// last to first. Nearly always all kAll are there, and then nothing is asked at each step.
template <bool kReverse, int kAll, int kFirst = 0, int kEnd = kAll, class Body>
__device__ __forceinline__ void for_steps(int steps, Body body) {
  if (usually(steps == kAll)) {
#pragma unroll
    for (int i = kFirst; i < kEnd; ++i) body(kReverse ? kFirst + kEnd - 1 - i : i, true);
  } else {
#pragma unroll
    for (int i = kFirst; i < kEnd; ++i) {
      const int j = kReverse ? kFirst + kEnd - 1 - i : i;
      if (j < steps) body(j, false);
    }
  }
}

// The same for the quarter of a segment that the scan takes i-th.
template <class Scan, int i, class Body>
__device__ __forceinline__ void for_quarter(int steps, Body body) {
  constexpr int kFirst = Scan::quarter(i) * kQuarterSteps;
  for_steps<Scan::kReverse, kSegmentSteps, kFirst, kFirst + kQuarterSteps>(steps, body);
}

// Step j's place in that quarter, in the scan's order.
template <class Scan, int i>
__device__ __forceinline__ constexpr int place_in_quarter(int j) {
  constexpr int kFirst = Scan::quarter(i) * kQuarterSteps;
  return Scan::kReverse ? kFirst + kQuarterSteps - 1 - j : j - kFirst;
}

}  // namespace spikescan
