// The gradient scans of a neuron over a block (SPEC section 2), segments last to first.
#pragma once

#include "kernels/cpu/neuron_lanes.h"

SPIKESCAN_ELEMENT_BEGIN

// Input: h = gS dS/dM and gV; output: G on V, and the gradient on the
// second state (Q on I, A on R).
template <spikescan_recurrence R>
class GradientLanes {
 public:
  using Neuron = NeuronLanes<R>;
  static constexpr bool kPsu = Neuron::kPsu;
  using Scan = GradientScan<Neuron::kCuba ? 2 : 1>;
  using Gradients = Segment[Neuron::kStates];

  void prepare(const LaneDecays& decays, int lanes, int64_t time) {
    tables_.prepare(decays.beta, decays.alpha, lanes, time);
  }

  double* carry(int state) {
    if constexpr (kPsu) {
      if (state == 1) return refractory_.carry(0);
    }
    return scan_.carry(state);
  }

  static constexpr int kStages = kPsu ? 2 : 1;
  auto& stage_scan(int stage) {
    if constexpr (kPsu) {
      return stage == 0 ? refractory_ : scan_;
    } else {
      return scan_;
    }
  }

  void begin_chunk(int lanes) {
    scan_.begin_chunk(lanes);
    if constexpr (kPsu) refractory_.begin_chunk(lanes);
  }

  void end_chunk(int length, int lanes, bool at_split) {
    scan_.end_chunk(length, lanes, at_split);
    if constexpr (kPsu) refractory_.end_chunk(length, lanes, at_split);
  }

  // direct holds h, membrane(j, l) is gV; v the segment's V. Afterwards gradient() gives the gradients; the tiles hold
  // what it needs.
  template <class Membrane>
  HWY_INLINE void scan(const Segment& direct, Membrane membrane, const Segment& v, int steps, int lanes, int distance,
                       Gradients& gradients) {
    const auto h = [&](int j, int l) HWY_ATTR { return load(direct.at[j] + l); };
    if constexpr (kPsu) {
      const auto input = [&](int j, int l) HWY_ATTR { return hn::Neg(h(j, l)); };
      refractory_.run(steps, lanes, input, {&gradients[1]});
      refractory_.enter(distance, steps, lanes);
      // A, which G needs, then what G's scan takes.
      for (int l = 0; l < lanes; l += kFloats) {
        for (int j = 0; j < steps; ++j) {
          const Floats a = refractory_.response(0, j, steps, l, gradients[1]);
          store(a, gradients[1].at[j] + l);
          store(fused(sigmoid_slope(load(v.at[j] + l)), a, h(j, l) + membrane(j, l)), gradients[0].at[j] + l);
        }
      }
      scan_.run(steps, lanes, [&](int j, int l) HWY_ATTR { return load(gradients[0].at[j] + l); }, {&gradients[0]});
    } else {
      const auto input = [&](int j, int l) HWY_ATTR { return h(j, l) + membrane(j, l); };
      if constexpr (Neuron::kCuba) {
        scan_.run(steps, lanes, input, {&gradients[0], &gradients[1]});
      } else {
        scan_.run(steps, lanes, input, {&gradients[0]});
      }
    }
    scan_.enter(distance, steps, lanes);
  }

  // On V (0), on the second state (1).
  HWY_INLINE Floats gradient(int state, int j, int steps, int l, const Gradients& gradients) const {
    if (kPsu && state == 1) return load(gradients[state].at[j] + l);
    return scan_.response(state, j, steps, l, gradients[state]);
  }

 private:
  DecayTables<Scan> tables_;
  LaneScan<Scan> scan_{tables_};
  std::conditional_t<kPsu, LaneScan<GradientScan<1>>, typename Neuron::NoScan> refractory_{tables_};
};

SPIKESCAN_ELEMENT_END
