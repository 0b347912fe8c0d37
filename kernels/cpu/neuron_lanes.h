// A neuron's forward scan over kLanes channels: segments of x in, segments of V and M (what the rule sees) out.
// Forward uses it to fire, backward to rebuild the states of a chunk from its saved carry.
#pragma once

#include "kernels/cpu/lane_scan.h"

SPIKESCAN_ELEMENT_BEGIN

struct LaneDecays {
  float beta[kLanes], alpha[kLanes], gain[kLanes];  // clipped; gain multiplies x
};

inline LaneDecays load_decays(const spikescan_description& d, const float* beta, const float* alpha, int64_t channel,
                              int lanes) {
  LaneDecays out = {};
  for (int l = 0; l < lanes; ++l) {
    const int64_t c = d.shared_decay ? 0 : channel + l;
    out.beta[l] = beta ? clip_decay(beta[c]) : 0.0f;  // null: there are no steps
    out.alpha[l] = alpha ? clip_decay(alpha[c]) : 0.0f;
    out.gain[l] = d.recurrence == SPIKESCAN_SPSN ? 1.0f - out.beta[l] : 1.0f;
  }
  return out;
}

// States in the API's order: [0] V, [1] I or R. kStates counts them.
template <spikescan_recurrence R>
class NeuronLanes {
 public:
  static constexpr int kStates = R == SPIKESCAN_LIF || R == SPIKESCAN_SPSN ? 1 : 2;
  static constexpr bool kCuba = R == SPIKESCAN_CUBA_LIF;
  static constexpr bool kPsu = R == SPIKESCAN_PSU_LIF;

  void prepare(const LaneDecays& decays, int longest_chunk) {
    decays_ = decays;
    if constexpr (kCuba) {
      scan_.prepare(decays.alpha, decays.beta, longest_chunk);
    } else {
      scan_.prepare(decays.beta, decays.beta, longest_chunk);
      if constexpr (kPsu) refractory_.prepare(decays.beta, decays.beta, longest_chunk);
    }
  }

  void set_carry(int state, int lane, double value) {
    if constexpr (kCuba) {
      scan_.set_carry(1 - state, lane, value);
    } else if (state == 0) {
      scan_.set_carry(0, lane, value);
    } else if constexpr (kPsu) {
      refractory_.set_carry(0, lane, value);
    }
  }

  double carry(int state, int lane) const {
    if constexpr (kCuba) return scan_.carry(1 - state, lane);
    if constexpr (kPsu) {
      if (state == 1) return refractory_.carry(0, lane);
    }
    return scan_.carry(0, lane);
  }

  void begin_chunk() {
    scan_.begin_chunk();
    if constexpr (kPsu) refractory_.begin_chunk();
  }

  // One segment; x is scaled in place. At the chunk's last segment the carries move on, and the last step of a full
  // chunk takes the carry's value, so that V's last row is the state that a following call starts from.
  void scan(Segment& x, int steps, int distance, int chunk_length, bool at_split, Segment (&states)[kStates]) {
    if constexpr (R == SPIKESCAN_SPSN) {
      for (int j = 0; j < steps; ++j) {
        for (int l = 0; l < kLanes; ++l) x.at[j][l] *= decays_.gain[l];
      }
    }
    const bool last = distance + steps == chunk_length;
    if constexpr (kCuba) {
      Segment current_then_membrane[2];
      scan_.scan(x, steps, distance, current_then_membrane);
      if (last) finish(scan_, steps, chunk_length, at_split, current_then_membrane);
      states[0] = current_then_membrane[1];
      states[1] = current_then_membrane[0];
    } else {
      Segment membrane[1];
      scan_.scan(x, steps, distance, membrane);
      if (last) finish(scan_, steps, chunk_length, at_split, membrane);
      states[0] = membrane[0];
      if constexpr (kPsu) {
        for (int j = 0; j < steps; ++j) {
          for (int l = 0; l < kLanes; ++l) membrane[0].at[j][l] = sigmoid(states[0].at[j][l]);
        }
        Segment refractory[1];
        refractory_.scan(membrane[0], steps, distance, refractory);
        if (last) finish(refractory_, steps, chunk_length, at_split, refractory);
        states[1] = refractory[0];
      }
    }
  }

  // What the rule sees, M.
  static void rule_input(const Segment (&states)[kStates], int steps, Segment& m) {
    for (int j = 0; j < steps; ++j) {
      for (int l = 0; l < kLanes; ++l) {
        m.at[j][l] = kPsu ? states[0].at[j][l] - states[kStates - 1].at[j][l] : states[0].at[j][l];
      }
    }
  }

 private:
  template <class Scan, int N>
  static void finish(Scan& scan, int steps, int chunk_length, bool at_split, Segment (&output)[N]) {
    scan.end_chunk(chunk_length, at_split);
    if (chunk_length != kChunkSteps) return;
    for (int n = 0; n < N; ++n) {
      for (int l = 0; l < kLanes; ++l) output[n].at[steps - 1][l] = static_cast<float>(scan.carry(n, l));
    }
  }

  LaneDecays decays_;
  LaneScan<StateScan<kCuba ? 2 : 1>> scan_;
  LaneScan<StateScan<1>> refractory_;
};

SPIKESCAN_ELEMENT_END
