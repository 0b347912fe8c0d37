// The order of the sums behind the decay gradients, for both backends: accumulator i of `lanes` takes the terms
// i, i + lanes, ... in double and in order; then the accumulators are added in halves. The order never depends on
// who does the work.
#pragma once

#include <cstdint>

#include "kernels/element/compat.h"

SPIKESCAN_ELEMENT_BEGIN

template <class Term>
SPIKESCAN_HD double strided_sum(int64_t count, int lane, int lanes, Term term) {
  double sum = 0.0;
  for (int64_t i = lane; i < count; i += lanes) sum += term(i);
  return sum;
}

// In place; the total ends in sums[0]. `stride` separates the accumulators.
SPIKESCAN_HD void halving_sum(double* sums, int lanes, int stride) {
  for (int half = lanes / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) sums[i * stride] += sums[(i + half) * stride];
  }
}

SPIKESCAN_ELEMENT_END
