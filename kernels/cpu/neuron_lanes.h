// A neuron's forward scan over a block, a segment at a time. Forward runs it from a row's start to its end, backward
// from one saved state to the next; what a segment left can be settled later, in any order.
#pragma once

#include <type_traits>

#include "include/spikescan/spikescan.h"
#include "kernels/cpu/lane_scan.h"
#include "kernels/cpu/vector_real.h"
#include "kernels/neuron_sizes.h"

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

// In the place of what only some neurons have.
struct Absent {
  Absent() = default;
  explicit Absent(const auto&) {}
};

struct Nothing {
  void operator()() const {}
};

// psu_lif: what V gives R.
struct PlainDrive {
  HWY_INLINE Floats operator()(int, int, Floats v) const { return sigmoid(v); }
};

// States in the API's order: [0] V, [1] I or R. kStates counts them.
template <spikescan_recurrence R>
class NeuronLanes {
 public:
  static constexpr int kStates = state_count(R);
  static constexpr bool kCuba = R == SPIKESCAN_CUBA_LIF;
  static constexpr bool kPsu = R == SPIKESCAN_PSU_LIF;
  static constexpr bool kSpsn = R == SPIKESCAN_SPSN;
  using Scan = StateScan<kCuba ? 2 : 1>;
  using RefractoryScan = StateScan<1>;

  // One segment. While it is not settled, the last scan's rows are local: settle() adds what was carried in, so that a
  // reader of M needs no pass over the tiles of its own.
  struct SegmentStates {
    Segment at[kStates];
    alignas(64) float last[kStates][kLanes];  // after the last step, settled
    typename LaneScan<Scan>::Entry entry;
    [[no_unique_address]] std::conditional_t<kPsu, LaneScan<RefractoryScan>::Entry, Absent> refractory_entry;
    bool settled;
  };

  void prepare(const LaneDecays& decays, int lanes, int64_t time) {
    decays_ = &decays;
    lanes_ = lanes;
    tables_.prepare(kCuba ? decays.alpha : decays.beta, decays.beta, lanes, time);
  }
  // In use, of those prepared.
  void set_lanes(int lanes) { lanes_ = lanes; }

  // Into the chunk.
  double* carry(int state) {
    return of_state(state, [](auto& scan, int n) { return scan.carry(n); });
  }
  // The chain over the chunk's segments so far.
  double* chain(int state) {
    return of_state(state, [](auto& scan, int n) { return scan.chain(n); });
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
  // After a full chunk.
  void end_chunk(bool at_split) {
    scan_.end_chunk(kChunkSteps, lanes_, at_split);
    if constexpr (kPsu) refractory_.end_chunk(kChunkSteps, lanes_, at_split);
  }

  // The chunk's next segment, from x(j, l). `ends`: it is the last of a full chunk. Its last step then takes the value
  // of the carry that leaves the chunk, so that V's last row is the state that a following call starts from, and the
  // segment is settled.
  // drive(j, l, v): R's input.
  template <class X, class Drive = PlainDrive>
  HWY_INLINE void enter(X x, int steps, int distance, bool ends, SegmentStates& states, Drive drive = {}) {
    run(x, steps, states);
    scan_.enter(distance, steps, lanes_, states.entry);
    if constexpr (kCuba) {
      keep(scan_, states.entry, steps, ends, ends, {&states.at[1], &states.at[0]}, {states.last[1], states.last[0]});
    } else {
      keep(scan_, states.entry, steps, kPsu || ends, ends, {&states.at[0]}, {states.last[0]});  // R's input is all of V
    }
    if constexpr (kPsu) {
      const auto input = [&](int j, int l) HWY_ATTR { return drive(j, l, load(states.at[0].at[j] + l)); };
      refractory_.run(steps, lanes_, input, {&states.at[1]});
      refractory_.enter(distance, steps, lanes_, states.refractory_entry);
      keep(refractory_, states.refractory_entry, steps, ends, ends, {&states.at[1]}, {states.last[1]});
    }
    states.settled = ends;
  }

  // M of a segment whose last scan's rows are local, as fire_drawn() and fire_alone() take it.
  class LocalMembrane {
   public:
    HWY_INLINE LocalMembrane(const NeuronLanes& neuron, const SegmentStates& states)
        : neuron_(neuron), states_(states) {}
    // Step i of quarter q, of kFloats rows from l on. The response is made anew at each step: one that is kept was
    // copied to the stack, and reading such a copy right after it was written stalls.
    HWY_INLINE Floats at(int q, int i, int l) const {
      const int j = q * kQuarterSteps + i;
      const Floats v = load(states_.at[0].at[j] + l);
      if constexpr (kPsu) {
        const Floats r = load(states_.at[1].at[j] + l);
        return v - neuron_.refractory_.quarter_response(states_.refractory_entry, q, l)(0, i, r);
      } else {
        return neuron_.scan_.quarter_response(states_.entry, q, l)(kCuba ? 1 : 0, i, v);
      }
    }

   private:
    const NeuronLanes& neuron_;
    const SegmentStates& states_;
  };

  // The same, where V is wanted as well: once at() was called for every step, its tile is settled. (psu_lif's is
  // before.)
  class KeptMembrane {
   public:
    HWY_INLINE KeptMembrane(LocalMembrane m, SegmentStates& states) : m_(m), states_(states) {}
    HWY_INLINE Floats at(int q, int i, int l) const {
      const Floats m = m_.at(q, i, l);
      if constexpr (!kPsu) store(m, states_.at[0].at[q * kQuarterSteps + i] + l);
      return m;
    }

   private:
    LocalMembrane m_;
    SegmentStates& states_;
  };

  // enter() for a segment that does not end a full chunk, for its M alone.
  template <class Input>
  HWY_INLINE LocalMembrane enter_inner(Input x, int steps, int distance, SegmentStates& states) {
    run(x, steps, states);
    scan_.enter(distance, steps, lanes_, states.entry);
    if constexpr (kPsu) {
      const auto input = [&](int j, int l) HWY_ATTR {
        const auto response = scan_.quarter_response(states.entry, j / kQuarterSteps, l);
        const Floats value = response(0, j % kQuarterSteps, load(states.at[0].at[j] + l));
        store(value, states.at[0].at[j] + l);
        return sigmoid(value);
      };
      refractory_.run(steps, lanes_, input, {&states.at[1]});
      refractory_.enter(distance, steps, lanes_, states.refractory_entry);
    }
    return {*this, states};
  }

  // After enter_inner(): `last`, which it leaves out.
  void keep_last(int steps, SegmentStates& states) const {
    if constexpr (kCuba) {
      scan_.respond_last(states.entry, steps, lanes_, {states.last[1], states.last[0]});
    } else {
      scan_.respond_last(states.entry, steps, lanes_, {states.last[0]});
    }
    if constexpr (kPsu) {
      refractory_.respond_last(states.refractory_entry, steps, lanes_, {states.last[1]});
    }
  }

  static constexpr int kAbreast = 4;  // vectors

  // Settles a segment; body(j, l, m) sees M of each step of kFloats rows, the last one first: backward goes on to
  // earlier steps, and a processor that fetches ahead on its own then fetches what is needed. `abreast`: several
  // vectors of a step before the next step, as memory lies that the body reads; a bool, or std::false_type. before()
  // comes before about a quarter of the work.
  template <class Abreast, class Body, class Before = Nothing>
  HWY_INLINE void settle(int steps, SegmentStates& states, Abreast abreast, Body body, Before before = {}) const {
    int l = 0;
    if (abreast && !states.settled) {
      for (; l + kAbreast * kFloats <= lanes_; l += kAbreast * kFloats) settle_abreast(steps, l, states, body, before);
    }
    for (; l < lanes_; l += kFloats) {
      before();
      settle_vector(steps, l, states, body);
    }
    states.settled = true;
  }

  // What the rule sees, M, of one vector of a settled segment.
  static HWY_INLINE Floats rule_input(const SegmentStates& states, int j, int l) {
    const Floats v = load(states.at[0].at[j] + l);
    return kPsu ? v - load(states.at[kStates - 1].at[j] + l) : v;
  }

 private:
  // find(scan, n) for the scan that has the state, and its place among the scan's.
  template <class Find>
  double* of_state(int state, Find find) {
    if constexpr (kPsu) {
      if (state == 1) return find(refractory_, 0);
    }
    return find(scan_, kCuba ? 1 - state : 0);
  }

  // The scan whose rows enter() leaves local, and with which states.
  const auto& last_scan() const {
    if constexpr (kPsu) {
      return refractory_;
    } else {
      return scan_;
    }
  }
  static const auto& last_entry(const SegmentStates& states) {
    if constexpr (kPsu) {
      return states.refractory_entry;
    } else {
      return states.entry;
    }
  }

  // Step j, before which its quarter has `reached` steps; M.
  template <class Response>
  static HWY_INLINE Floats settle_step(const Response& response, int j, int reached, int l, SegmentStates& states) {
    float* const v = states.at[0].at[j] + l;
    if constexpr (kPsu) {
      float* const r = states.at[1].at[j] + l;
      const Floats settled = response(0, reached, load(r));
      store(settled, r);
      return load(v) - settled;
    } else {
      const Floats settled = response(kCuba ? 1 : 0, reached, load(v));
      if constexpr (kCuba) {
        float* const current = states.at[1].at[j] + l;
        store(response(0, reached, load(current)), current);
      }
      store(settled, v);
      return settled;
    }
  }

  template <class Body, class Before>
  HWY_INLINE void settle_abreast(int steps, int l, SegmentStates& states, Body& body, Before& before) const {
    const auto settle_quarter = [&](const auto& quarter, const auto& responses) HWY_ATTR {
      before();
      for (int j = quarter.end - 1; j >= quarter.begin; --j) {
#pragma GCC unroll 4
        for (int v = 0; v < kAbreast; ++v) {
          const int at = l + v * kFloats;
          body(j, at, settle_step(responses(v), j, quarter.reached(j), at, states));
        }
      }
    };
    last_scan().template for_quarters_abreast<kAbreast>(last_entry(states), steps, l, settle_quarter);
  }
  template <class Body>
  HWY_INLINE void settle_vector(int steps, int l, SegmentStates& states, Body& body) const {
    if (states.settled) {
      for (int j = steps - 1; j >= 0; --j) body(j, l, rule_input(states, j, l));
      return;
    }
    last_scan().for_quarters(last_entry(states), steps, l, [&](const auto& quarter, const auto& response) HWY_ATTR {
      for (int j = quarter.end - 1; j >= quarter.begin; --j) {
        body(j, l, settle_step(response, j, quarter.reached(j), l, states));
      }
    });
  }

  template <class X>
  HWY_INLINE void run(X x, int steps, SegmentStates& states) {
    const float* gain = decays_->gain;
    const auto input = [&](int j, int l) HWY_ATTR { return kSpsn ? x(j, l) * load(gain + l) : x(j, l); };
    if constexpr (kCuba) {
      scan_.run(steps, lanes_, input, {&states.at[1], &states.at[0]});
    } else {
      scan_.run(steps, lanes_, input, {&states.at[0]});
    }
  }

  // What a scan leaves of a segment: its last row, and all others if asked for.
  template <class S>
  void keep(const S& scan, const typename S::Entry& entry, int steps, bool all, bool ends, Segment* const (&rows)[S::N],
            float* const (&last)[S::N]) const {
    if (!all) return scan.respond_last(entry, steps, lanes_, last);
    scan.respond(entry, steps, lanes_, rows);
    if (ends) {
      alignas(64) double carry[S::N][kLanes];
      scan.end_chunk_into(kChunkSteps, 0, lanes_, false, carry);
      for (int n = 0; n < S::N; ++n) {
        for (int l = 0; l < lanes_; l += kDoubles) store_narrow(load(carry[n] + l), rows[n]->at[kSegmentSteps - 1] + l);
      }
    }
    for (int n = 0; n < S::N; ++n) __builtin_memcpy(last[n], rows[n]->at[steps - 1], sizeof rows[n]->at[0]);
  }

  const LaneDecays* decays_ = nullptr;
  int lanes_ = 0;
  DecayTables<Scan> tables_;
  LaneScan<Scan> scan_{tables_};
  std::conditional_t<kPsu, LaneScan<RefractoryScan>, Absent> refractory_{tables_};
};

SPIKESCAN_ELEMENT_END
