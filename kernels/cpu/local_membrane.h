// M of a segment whose last scan's rows are local, for those that fire.
#pragma once

#include "kernels/cpu/segment_states.h"

SPIKESCAN_ELEMENT_BEGIN

template <spikescan_recurrence R>
class LocalMembrane {
 public:
  using Neuron = NeuronScans<R>;
  using States = SegmentStates<R>;
  using LastScan = LaneScan<typename Neuron::LastScan>;

  HWY_INLINE LocalMembrane(const LastScan& last_scan, States& states) : last_scan_(last_scan), states_(states) {}

  // Step i of quarter q, of kFloats rows from l on. The response is made anew at each step: one that is kept was copied
  // to the stack, and reading such a copy right after it was written stalls.
  HWY_INLINE Floats at(int q, int i, int l) const {
    const int j = q * kQuarterSteps + i;
    const Floats v = load(states_.at[0].at[j] + l);
    const auto response = last_scan_.quarter_response(states_.last_entry(), q, l);
    if constexpr (Neuron::kPsu) {
      return v - response(0, i, load(states_.at[1].at[j] + l));
    } else {
      return response(Neuron::kCuba ? 1 : 0, i, v);
    }
  }

  // M's tile, of whole quarters, in the place of the local rows: once, and at() is of no use afterwards. V's tile is
  // settled then.
  const Segment& settle_into_tile(int steps, int lanes) {
    Segment& tile = states_.at[Neuron::kPsu ? 1 : 0];
    for (int l = 0; l < lanes; l += kFloats) {
      for (int q = 0; q * kQuarterSteps < steps; ++q) {
#pragma GCC unroll 4
        for (int i = 0; i < kQuarterSteps; ++i) store(at(q, i, l), tile.at[q * kQuarterSteps + i] + l);
      }
    }
    return tile;
  }

 private:
  const LastScan& last_scan_;
  States& states_;
};

SPIKESCAN_ELEMENT_END
