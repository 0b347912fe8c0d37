// Sizes that follow from the recurrence (docs/model.md, sections 1 and 2).
#pragma once

#include "include/spikescan/spikescan.h"
#include "kernels/element/compat.h"

namespace spikescan {

// V alone, or V with I or R.
constexpr int kMostStates = 2;
SPIKESCAN_HD constexpr int state_count(spikescan_recurrence r) {
  return r == SPIKESCAN_LIF || r == SPIKESCAN_SPSN ? 1 : kMostStates;
}

// States that one scan carries. psu_lif runs two scans of one state, one after the other.
SPIKESCAN_HD constexpr int scan_order(spikescan_recurrence r) {
  return r == SPIKESCAN_CUBA_LIF ? 2 : 1;
}

// Coefficients of a scan's map, and of its response.
constexpr int kMostCoefficients = 3;
SPIKESCAN_HD constexpr int coefficients_of(int order) {
  return order == 1 ? 1 : kMostCoefficients;
}

// Decays a channel: beta, and alpha.
SPIKESCAN_HD constexpr int parameter_count(spikescan_recurrence r) {
  return r == SPIKESCAN_CUBA_LIF ? 2 : 1;
}

}  // namespace spikescan
