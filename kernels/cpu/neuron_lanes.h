// A neuron's forward scan over a block, a segment at a time. Forward runs it from a row's start to its end, backward
// from one saved state to the next; what a segment left can be settled later, in any order.
#pragma once

#include <type_traits>

#include "kernels/cpu/lane_decays.h"
#include "kernels/cpu/local_membrane.h"
#include "kernels/cpu/processor_facts.h"
#include "kernels/cpu/segment_states.h"
#include "kernels/cpu/settle_segment.h"
#include "kernels/cpu/vector_real.h"

SPIKESCAN_ELEMENT_BEGIN

// psu_lif: what V gives R.
struct PlainDrive {
  HWY_INLINE Floats operator()(int, int, Floats v) const { return sigmoid(v); }
};

template <spikescan_recurrence R>
class NeuronLanes : public NeuronScans<R> {
  using Scans = NeuronScans<R>;

 public:
  using Scans::kCuba, Scans::kPsu, Scans::kSpsn, Scans::kStates;
  using typename Scans::Scan, typename Scans::RefractoryScan;
  using States = SegmentStates<scanned_as(R)>;
  using Membrane = LocalMembrane<scanned_as(R)>;

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
  // segment is settled. (So it is, but for psu_lif's R, where subnormal states are carried in.)
  // drive(j, l, v): R's input.
  template <class X, class Drive = PlainDrive>
  HWY_INLINE void enter(X x, int steps, int distance, bool ends, States& states, Drive drive = {}) {
    run(x, steps, states);
    scan_.enter(distance, steps, lanes_, states.entry);
    states.subnormal = enters_small(states, kNormal);
    const bool all = kPsu || ends || states.subnormal;  // R's input is all of V
    with_arithmetic(states.subnormal, [&](auto by) HWY_ATTR { keep_states(steps, all, ends, states, by); });
    if constexpr (kPsu) {
      const auto run_with = [&](auto value) HWY_ATTR {
        const auto input = [&](int j, int l) HWY_ATTR { return drive(j, l, value(load(states.at[0].at[j] + l))); };
        refractory_.run(steps, lanes_, input, {&states.at[1]});
      };
      with_values_of(states, run_with);
      refractory_.enter(distance, steps, lanes_, states.refractory_entry);
      keep(refractory_, states.refractory_entry, steps, ends, ends, {&states.at[1]}, {states.last[1]}, Plainly());
    }
    states.settled = ends || (!kPsu && states.subnormal);
  }

  // enter() for a segment that does not end a full chunk, for its M alone. `drops_tiny`: tiny states carried into its
  // quarters may be taken for 0.
  template <class Input>
  HWY_INLINE Membrane enter_inner(Input x, int steps, int distance, States& states, bool drops_tiny) {
    run(x, steps, states);
    scan_.enter(distance, steps, lanes_, states.entry);
    states.subnormal = enters_small(states, kTiny);
    if (states.subnormal && drops_tiny) {
      scan_.drop_tiny(states.entry, lanes_);
      states.subnormal = enters_small(states, kNormal);
    }
    if (kWatchesTiny && states.subnormal) {
      keep_states(steps, true, false, states, InDoubles());
      scan_.set_responded(states.entry);
    }
    if constexpr (kPsu) {
      const auto run_with = [&](auto value) HWY_ATTR {
        const auto input = [&](int j, int l) HWY_ATTR {
          const auto response = scan_.quarter_response(states.entry, j / kQuarterSteps, l);
          const Floats v = response(0, j % kQuarterSteps, load(states.at[0].at[j] + l));
          store(v, states.at[0].at[j] + l);
          return sigmoid(value(v));
        };
        refractory_.run(steps, lanes_, input, {&states.at[1]});
      };
      with_values_of(states, run_with);
      refractory_.enter(distance, steps, lanes_, states.refractory_entry);
    }
    return {last_scan(), states};
  }

  // After enter_inner(): `last`, which it leaves out. (From what quarters left, not from the tiles.)
  void keep_last(int steps, States& states) const {
    if (!states.subnormal) keep_states(steps, false, false, states, Plainly());  // else it is there
    if constexpr (kPsu) {
      refractory_.respond_last(states.refractory_entry, steps, lanes_, {states.last[1]});
    }
  }

  // settle_segment.h.
  template <class Abreast, class Begin, class End, class Before>
  HWY_INLINE void settle(int steps, States& states, Abreast abreast, Begin begin, End end, Before before) const {
    settle_segment(last_scan(), steps, lanes_, states, abreast, begin, end, before);
  }
  // For nobody in particular.
  HWY_INLINE void settle(int steps, States& states) const {
    settle(
        steps, states, std::false_type(), [](int, int, Floats m) HWY_ATTR { return m; },
        [](int, int, Floats) HWY_ATTR {}, []() {});
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

  bool enters_small(const States& states, float bound) const {
    return kWatchesTiny && subnormals_are_slow && scan_.enters_small(states.entry, lanes_, bound);
  }

  // use(value): what R's input is made of, as a function of V. A tiny V gives R, to the bit, what 0 gives it.
  template <class Use>
  static HWY_INLINE void with_values_of(const States& states, Use use) {
    if (kWatchesTiny && states.subnormal) {
      use([](Floats v) HWY_ATTR { return without_tiny(v); });
    } else {
      use([](Floats v) HWY_ATTR { return v; });
    }
  }

  // The scan whose rows enter() leaves local.
  const auto& last_scan() const {
    if constexpr (kPsu) {
      return refractory_;
    } else {
      return scan_;
    }
  }

  template <class X>
  HWY_INLINE void run(X x, int steps, States& states) {
    const float* gain = decays_->gain;
    const auto input = [&](int j, int l) HWY_ATTR { return kSpsn ? x(j, l) * load(gain + l) : x(j, l); };
    if constexpr (kCuba) {
      scan_.run(steps, lanes_, input, {&states.at[1], &states.at[0]});
    } else {
      scan_.run(steps, lanes_, input, {&states.at[0]});
    }
  }

  template <class Arithmetic>
  HWY_INLINE void keep_states(int steps, bool all, bool ends, States& states, Arithmetic by) const {
    if constexpr (kCuba) {
      keep(scan_, states.entry, steps, all, ends, {&states.at[1], &states.at[0]}, {states.last[1], states.last[0]}, by);
    } else {
      keep(scan_, states.entry, steps, all, ends, {&states.at[0]}, {states.last[0]}, by);
    }
  }

  // What a scan leaves of a segment: its last row, and all others if asked for.
  template <class S, class Arithmetic>
  void keep(const S& scan, const typename S::Entry& entry, int steps, bool all, bool ends, Segment* const (&rows)[S::N],
            float* const (&last)[S::N], Arithmetic by) const {
    if (!all) return scan.respond_last(entry, steps, lanes_, last);
    scan.respond(entry, steps, lanes_, rows, by);
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
