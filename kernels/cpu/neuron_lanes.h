// A neuron's forward scan over a block. Forward runs it over every segment; backward first to find the states that
// enter the segments of a chunk, then again, last segment first, to rebuild the states inside them.
#pragma once

#include <type_traits>

#include "include/spikescan/spikescan.h"
#include "kernels/cpu/lane_scan.h"
#include "kernels/cpu/vector_real.h"

SPIKESCAN_ELEMENT_BEGIN

struct alignas(64) LaneDecays {
  float beta[kLanes], alpha[kLanes], gain[kLanes];  // clipped; gain multiplies x
};

inline void load_decays(const spikescan_description& d, const float* beta, const float* alpha, const LaneBlock& block,
                        LaneDecays& out) {
  for (int l = 0; l < kLanes; ++l) {
    const bool used = l < block.lanes;
    const int64_t c = d.shared_decay || !used ? 0 : block.channel[l];
    out.beta[l] = used && beta ? clip_decay(beta[c]) : 0.0f;  // null: there are no steps
    out.alpha[l] = used && alpha ? clip_decay(alpha[c]) : 0.0f;
    out.gain[l] = 1.0f - out.beta[l];
  }
}

// States in the API's order: [0] V, [1] I or R. kStates counts them.
template <spikescan_recurrence R>
class NeuronLanes {
 public:
  static constexpr int kStates = R == SPIKESCAN_LIF || R == SPIKESCAN_SPSN ? 1 : 2;
  static constexpr bool kCuba = R == SPIKESCAN_CUBA_LIF;
  static constexpr bool kPsu = R == SPIKESCAN_PSU_LIF;
  static constexpr bool kSpsn = R == SPIKESCAN_SPSN;
  using Scan = StateScan<kCuba ? 2 : 1>;
  using States = Segment[kStates];

  void prepare(const LaneDecays& decays, int lanes, int64_t time) {
    decays_ = &decays;
    lanes_ = lanes;
    tables_.prepare(kCuba ? decays.alpha : decays.beta, decays.beta, lanes, time);
  }

  double* carry(int state) {
    if constexpr (kCuba) return scan_.carry(1 - state);
    if constexpr (kPsu) {
      if (state == 1) return refractory_.carry(0);
    }
    return scan_.carry(0);
  }
  // The chain over the chunk's segments so far.
  const double* chain(int state) {
    if constexpr (kCuba) return scan_.chain(1 - state);
    if constexpr (kPsu) {
      if (state == 1) return refractory_.chain(0);
    }
    return scan_.chain(0);
  }
  // What was carried into the halves of the segment that was entered last.
  struct Entry {
    alignas(64) float at[2][kStates][kLanes];
  };
  void get_entry(Entry& out) {
    for (int half = 0; half < 2; ++half) {
      for (int n = 0; n < kStates; ++n) __builtin_memcpy(out.at[half][n], entry(half, n), sizeof out.at[half][n]);
    }
  }

  // The scans in the order in which they need each other.
  static constexpr int kStages = kPsu ? 2 : 1;
  auto& stage_scan(int stage) {
    if constexpr (kPsu) {
      return stage == 0 ? scan_ : refractory_;
    } else {
      return scan_;
    }
  }

  void begin_chunk() {
    scan_.begin_chunk(lanes_);
    if constexpr (kPsu) refractory_.begin_chunk(lanes_);
  }

  // A full chunk's last segment moves the carries over the chunk; its last step takes the carry's value, so that V's
  // last row is the state that a following call starts from.
  struct End {
    bool chunk, at_split;
  };

  // One segment of states from x (which may be states[0]).
  void scan(const Segment& x, int steps, int distance, End end, States& states) {
    pass_rows<true>([&](int j, int l) HWY_ATTR { return load(x.at[j] + l); }, steps, distance, end, states);
  }

  // scan() for a segment inside a chunk, up to M, which m(j, l) of the result gives for each vector. Of states[] the
  // rows are not all states afterwards.
  template <class Input>
  HWY_INLINE auto begin_inner(Input x, int distance, States& states) {
    run<true>(x, kSegmentSteps, states);
    scan_.enter(distance, kSegmentSteps, lanes_);
    Segment& v = states[0];
    if constexpr (kPsu) {
      const auto input = [&](int j, int l) HWY_ATTR {
        const Floats value = scan_.response(0, j, kSegmentSteps, l, states[0]);
        store(value, v.at[j] + l);
        return sigmoid(value);
      };
      refractory_.run(kSegmentSteps, lanes_, input, {&states[1]});
      refractory_.enter(distance, kSegmentSteps, lanes_);
      return [&](int j, int l)
                 HWY_ATTR { return load(v.at[j] + l) - refractory_.response(0, j, kSegmentSteps, l, states[1]); };
    } else {
      return [&](int j, int l) HWY_ATTR { return scan_.response(kCuba ? 1 : 0, j, kSegmentSteps, l, v); };
    }
  }

  // As scan(), but of states[] only what backward needs before it rebuilds the rest: the last row.
  template <class X>
  HWY_INLINE void pass(X x, int steps, int distance, End end, States& states) {
    pass_rows<false>(x, steps, distance, end, states);
  }

  // The states of one segment from what entered it; the carries are those after the chunk. Inside a chunk the last
  // stage's states are left local, for settle(), which saves a reader of M a pass over the tiles.
  template <class X>
  HWY_INLINE void rebuild(X x, int steps, const Entry& entered, End end, States& states) {
    for (int half = 0; half < 2; ++half) {
      for (int n = 0; n < kStates; ++n)
        __builtin_memcpy(entry(half, n), entered.at[half][n], sizeof entered.at[half][n]);
    }
    run<true>(x, steps, states);
    if (kPsu || end.chunk) respond<true>(scan_, steps, scan_output(states));
    if (end.chunk) finish(0, kPsu ? 1 : kStates, states);
    if constexpr (kPsu) {
      run_refractory<true>(steps, states);
      if (end.chunk) {
        refractory_.respond(steps, lanes_, {&states[1]});
        finish(1, kStates, states);
      }
    }
  }
  // The states of a vector of rows at step j, and M.
  HWY_INLINE Floats settle(int j, int steps, int l, States& states) {
    Floats v, second = floats(0.0f);
    if constexpr (kCuba) {
      v = scan_.response(1, j, steps, l, states[0]);
      second = scan_.response(0, j, steps, l, states[1]);
    } else if constexpr (kPsu) {
      v = load(states[0].at[j] + l);
      second = refractory_.response(0, j, steps, l, states[1]);
    } else {
      v = scan_.response(0, j, steps, l, states[0]);
    }
    if constexpr (!kPsu) store(v, states[0].at[j] + l);
    if constexpr (kStates == 2) store(second, states[kStates - 1].at[j] + l);
    return kPsu ? v - second : v;
  }
  void settle(int steps, States& states) {
    for (int l = 0; l < lanes_; l += kFloats) {
      for (int j = 0; j < steps; ++j) settle(j, steps, l, states);
    }
  }

  // What the rule sees, M, of one vector.
  static HWY_INLINE Floats rule_input(const States& states, int j, int l) {
    const Floats v = load(states[0].at[j] + l);
    return kPsu ? v - load(states[kStates - 1].at[j] + l) : v;
  }

  struct NoScan {
    explicit NoScan(const auto&) {}
  };

 private:
  float* entry(int half, int state) {
    if constexpr (kCuba) return scan_.entry(half, 1 - state);
    if constexpr (kPsu) {
      if (state == 1) return refractory_.entry(half, 0);
    }
    return scan_.entry(half, 0);
  }

  // All rows of the states, or the last one alone.
  template <bool kAllRows, class X>
  HWY_INLINE void pass_rows(X x, int steps, int distance, End end, States& states) {
    constexpr bool kAllOfScan = kAllRows || kPsu;  // R's input is all of V
    run<kAllOfScan>(x, steps, states);
    scan_.enter(distance, steps, lanes_);
    respond<kAllOfScan>(scan_, steps, scan_output(states));
    if (end.chunk) {
      scan_.end_chunk(kChunkSteps, lanes_, end.at_split);
      finish(0, kPsu ? 1 : kStates, states);
    }
    if constexpr (kPsu) {
      run_refractory<kAllRows>(steps, states);
      refractory_.enter(distance, steps, lanes_);
      respond<kAllRows>(refractory_, steps, Output<1>{{&states[1]}});
      if (end.chunk) {
        refractory_.end_chunk(kChunkSteps, lanes_, end.at_split);
        finish(1, kStates, states);
      }
    }
  }

  void finish(int first_state, int end_state, States& states) {
    for (int n = first_state; n < end_state; ++n) {
      for (int l = 0; l < lanes_; l += kDoubles) store_narrow(load(carry(n) + l), states[n].at[kSegmentSteps - 1] + l);
    }
  }

  // A scan's outputs in its order.
  template <int N>
  struct Output {
    Segment* tile[N];
  };
  static Output<Scan::kOrder> scan_output(States& states) {
    if constexpr (kCuba) {
      return {{&states[1], &states[0]}};
    } else {
      return {{&states[0]}};
    }
  }

  template <bool kAllRows, class X>
  HWY_INLINE void run(X x, int steps, States& states) {
    const float* gain = decays_->gain;
    const auto input = [&](int j, int l) HWY_ATTR { return kSpsn ? x(j, l) * load(gain + l) : x(j, l); };
    if constexpr (kAllRows) {
      scan_.run(steps, lanes_, input, scan_output(states).tile);
    } else {
      scan_.run_through(steps, lanes_, input);
    }
  }

  template <bool kAllRows>
  HWY_INLINE void run_refractory(int steps, States& states) {
    const auto input = [&](int j, int l) HWY_ATTR { return sigmoid(load(states[0].at[j] + l)); };
    if constexpr (kAllRows) {
      refractory_.run(steps, lanes_, input, {&states[kStates - 1]});
    } else {
      refractory_.run_through(steps, lanes_, input);
    }
  }

  template <bool kAllRows, class S, int N>
  void respond(S& scan, int steps, const Output<N>& output) {
    if constexpr (kAllRows) {
      scan.respond(steps, lanes_, output.tile);
    } else {
      scan.respond_last(steps, lanes_, output.tile);
    }
  }

  const LaneDecays* decays_ = nullptr;
  int lanes_ = 0;
  DecayTables<Scan> tables_;
  LaneScan<Scan> scan_{tables_};
  std::conditional_t<kPsu, LaneScan<StateScan<1>>, NoScan> refractory_{tables_};
};

SPIKESCAN_ELEMENT_END
