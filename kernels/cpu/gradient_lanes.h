// The gradient scans of a neuron over a block (docs/model.md, section 2), segments last to first.
#pragma once

#include "kernels/cpu/lane_decays.h"
#include "kernels/cpu/segment_states.h"

SPIKESCAN_ELEMENT_BEGIN

template <spikescan_recurrence R>
class GradientLanes {
 public:
  using Neuron = NeuronScans<R>;
  static constexpr bool kPsu = Neuron::kPsu;
  using Scan = GradientScan<scan_order(R)>;
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

  // gradients[0] holds h = gS dS/dM, add_membrane(j, l, h) is h + gV; `slopes` of psu_lif's drive. Afterwards
  // for_gradients() gives G on V and the gradient on the second state (Q on I, A on R); the tiles hold what it needs.
  template <class AddMembrane, class Arithmetic>
  HWY_INLINE void scan(AddMembrane add_membrane, const Segment* slopes, int steps, int lanes, int distance,
                       Gradients& gradients, Arithmetic by) {
    const auto h = [&](int j, int l) HWY_ATTR { return load(gradients[0].at[j] + l); };
    if constexpr (kPsu) {
      const auto input = [&](int j, int l) HWY_ATTR { return hn::Neg(h(j, l)); };
      refractory_.run(steps, lanes, input, {&gradients[1]}, by);
      refractory_.enter(distance, steps, lanes, refractory_entry_);
      const auto sum = [&, slopes, steps](int j, int l) HWY_ATTR {
        float* const local = gradients[1].at[j] + l;
        const Floats a = refractory_.responded(refractory_entry_, steps, j, l, load(local), by);
        store(a, local);
        return by.fused_sum(load(slopes->at[j] + l), a, add_membrane(j, l, h(j, l)));
      };
      scan_.run(steps, lanes, sum, {&gradients[0]}, by);
    } else {
      const auto input = [&](int j, int l) HWY_ATTR { return add_membrane(j, l, h(j, l)); };
      if constexpr (Neuron::kCuba) {
        scan_.run(steps, lanes, input, {&gradients[0], &gradients[1]}, by);
      } else {
        scan_.run(steps, lanes, input, {&gradients[0]}, by);
      }
    }
    scan_.enter(distance, steps, lanes, entry_);
  }

  // What the segment that was scanned last began with, on V.
  const float* entered() const { return entry_.at[0][0]; }

  // The gradients of every step of the segment, the last one first, for the rows from lane l on: body(j, g), and
  // first(g) for step 0. g[0] is the gradient on V, g[1] on the second state.
  template <class Body, class First, class Arithmetic>
  HWY_INLINE void for_gradients(int steps, int l, const Gradients& gradients, Body body, First first,
                                Arithmetic by) const {
    scan_.for_quarters(entry_, steps, l, [&](const auto& quarter, const auto& response) HWY_ATTR {
      Floats g[Neuron::kStates];
      const auto find = [&](int j) HWY_ATTR {
        for (int n = 0; n < Neuron::kStates; ++n) {
          const Floats local = load(gradients[n].at[j] + l);
          g[n] = kPsu && n == 1 ? local : response(n, quarter.reached(j), local, by);
        }
      };
      for (int j = quarter.end - 1; j > 0 && j >= quarter.begin; --j) {
        find(j);
        body(j, g);
      }
      if (quarter.begin > 0) return;
      find(0);
      first(g);
    });
  }

 private:
  DecayTables<Scan> tables_;
  LaneScan<Scan> scan_{tables_};
  std::conditional_t<kPsu, LaneScan<GradientScan<1>>, Absent> refractory_{tables_};
  typename LaneScan<Scan>::Entry entry_ = {};
  [[no_unique_address]] std::conditional_t<kPsu, LaneScan<GradientScan<1>>::Entry, Absent> refractory_entry_;
};

SPIKESCAN_ELEMENT_END
