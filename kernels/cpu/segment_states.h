// One segment of a neuron's forward scan: the tiles of its states, and what has to be added to them. States are in the
// API's order: [0] V, [1] I or R.
#pragma once

#include <type_traits>

#include "include/spikescan/spikescan.h"
#include "kernels/cpu/lane_scan.h"
#include "kernels/neuron_sizes.h"

SPIKESCAN_ELEMENT_BEGIN

// In the place of what only some neurons have.
struct Absent {
  Absent() = default;
  explicit Absent(const auto&) {}
};

// A recurrence's scans: one, of order 2 for cuba_lif; psu_lif's second one makes R of V.
template <spikescan_recurrence R>
struct NeuronScans {
  static constexpr int kStates = state_count(R);
  static constexpr bool kCuba = R == SPIKESCAN_CUBA_LIF;
  static constexpr bool kPsu = R == SPIKESCAN_PSU_LIF;
  static constexpr bool kSpsn = R == SPIKESCAN_SPSN;
  using Scan = StateScan<scan_order(R)>;
  using RefractoryScan = StateScan<1>;
  using LastScan = std::conditional_t<kPsu, RefractoryScan, Scan>;
};

// The neuron whose states are scanned in the same way: spsn differs from lif before and after its scan alone, and what
// lies between is compiled once for both.
constexpr spikescan_recurrence scanned_as(spikescan_recurrence recurrence) {
  return recurrence == SPIKESCAN_SPSN ? SPIKESCAN_LIF : recurrence;
}

// While it is not settled, the last scan's rows are local: settling (settle_segment.h) adds what was carried in, so
// that a reader of M needs no pass over the tiles of its own.
template <spikescan_recurrence R>
struct SegmentStates {
  using Neuron = NeuronScans<R>;

  Segment at[Neuron::kStates];
  alignas(64) float last[Neuron::kStates][kLanes];  // after the last step, settled
  typename LaneScan<typename Neuron::Scan>::Entry entry;
  [[no_unique_address]] std::conditional_t<Neuron::kPsu, typename LaneScan<typename Neuron::RefractoryScan>::Entry,
                                           Absent>
      refractory_entry;
  bool settled;
  bool subnormal = false;  // some states may be, as far as those tell that are carried into the first quarter

  const auto& last_entry() const {
    if constexpr (Neuron::kPsu) {
      return refractory_entry;
    } else {
      return entry;
    }
  }

  // What the rule sees, M, of one vector of a settled segment.
  HWY_INLINE Floats rule_input(int j, int l) const {
    const Floats v = load(at[0].at[j] + l);
    return Neuron::kPsu ? v - load(at[Neuron::kStates - 1].at[j] + l) : v;
  }
};

SPIKESCAN_ELEMENT_END
