// One scan (kernels/element/recurrence.h) over a block, segment after segment, chunk after chunk: forward scans from
// the first segment to the last, gradient scans from the last to the first. A segment takes three calls: run() scans
// each of its quarters from zero, enter() finds the states carried into them (Entry) and moves the chain on, respond()
// adds what those states contribute.
#pragma once

#include "kernels/cpu/decay_tables.h"
#include "kernels/cpu/processor_facts.h"
#include "kernels/cpu/tiny_numbers.h"

SPIKESCAN_ELEMENT_BEGIN

template <class Scan>
class LaneScan {
 public:
  static constexpr int N = Scan::kOrder;
  using Tables = DecayTables<Scan>;

  explicit LaneScan(Tables& tables) : tables_(tables) {}

  // The states carried into the quarters of a segment, in the scan's order; of those that have steps.
  struct Entry {
    alignas(64) float at[kSegmentQuarters][N][kLanes];
  };

  // Whether some of them are smaller than `bound` and not 0, as far as those of the first quarter tell.
  static bool enters_small(const Entry& entry, int lanes, float bound) {
    SmallSearch search(bound);
    for (const float* state : entry.at[0]) search.look_at(state, lanes);
    return search.found();
  }
  // Where all states of a row are tiny or 0, they become 0.
  static void drop_tiny(Entry& entry, int lanes) {
    for (auto& quarter : entry.at) {
      for (int l = 0; l < lanes; l += kFloats) {
        FloatMask small = smaller_than(kTiny, load(quarter[0] + l));
        if constexpr (N == 2) small = hn::And(small, smaller_than(kTiny, load(quarter[1] + l)));
        for (float* state : quarter) store(hn::IfThenZeroElse(small, load(state + l)), state + l);
      }
    }
  }

  // After respond(): what is carried in adds nothing any more, be it to a zero of either sign.
  static void set_responded(Entry& entry) {
    for (auto& quarter : entry.at) {
      for (float* state : quarter) {
        for (int l = 0; l < kLanes; l += kFloats) store(floats(-0.0f), state + l);
      }
    }
  }

  // Before begin_chunk().
  double* carry(int n) { return carry_[n]; }
  // At any time.
  double (*carries())[kLanes] {
    expect_carry();
    return carry_;
  }
  double* chain(int n) { return chain_[n]; }

  void begin_chunk(int lanes) {
    Doubles all = doubles(0.0);
    for (int n = 0; n < N; ++n) {
      for (int l = 0; l < lanes; l += kDoubles) {
        store(doubles(0.0), chain_[n] + l);
        all = hn::Or(all, load(carry_[n] + l));
      }
    }
    carried_ = false;
    if (!is_plus_zero(all)) expect_carry();
  }

  // input(j, l): kFloats inputs from lane l on; output n goes to output[n]. Several vectors go side by side, since each
  // step waits for the one before it.
  template <class Input, class Arithmetic = Plainly>
  HWY_INLINE void run(int steps, int lanes, Input input, Segment* const (&output)[N], Arithmetic by = {}) {
    int l = 0;
    for (; l + 4 * kFloats <= lanes; l += 4 * kFloats) run_vectors<4>(steps, l, input, output, by);
    for (; l + 2 * kFloats <= lanes; l += 2 * kFloats) run_vectors<2>(steps, l, input, output, by);
    for (; l < lanes; l += kFloats) run_vectors<1>(steps, l, input, output, by);
  }

  // `distance`: steps of this chunk that were scanned before this segment of `steps`. Less than a segment ends a
  // forward scan, whose chain is of no use afterwards, and begins a gradient scan, where the chain and what quarters
  // without steps would have left are +0.
  void enter(int distance, int steps, int lanes, Entry& entry) {
    if (steps == kSegmentSteps) return enter_quarters<true>(distance, steps, lanes, entry);
    enter_quarters<false>(distance, steps, lanes, entry);
  }

  // What the state carried into a quarter adds to the local outputs of a vector of rows.
  class Response {
   public:
    HWY_INLINE Response(const Tables& tables, const float (&entry)[N][kLanes], int l)
        : Response(tables.response(0, 0) + l, load(entry[0] + l), load(entry[N - 1] + l)) {}
    HWY_INLINE Response(const float* terms, Floats first, Floats second)
        : terms_(terms), first_(first), second_(second) {}
    // To output n of the step before which the scan took `reached` of the quarter.
    template <class Arithmetic = Plainly>
    HWY_INLINE Floats operator()(int n, int reached, Floats local, Arithmetic by = {}) const {
      if (n == 0) return by.fused_sum(term(0, reached), first_, local);
      return by.fused_sum(term(2, reached), second_, by.fused_sum(term(1, reached), first_, local));
    }

   private:
    HWY_INLINE Floats term(int i, int reached) const { return load(terms_ + (i * kQuarterSteps + reached) * kLanes); }
    const float* terms_;
    Floats first_, second_;
  };

  // One of a segment's quarters, steps begin ... end - 1.
  struct Quarter {
    int begin, end;
    // Steps of the quarter that the scan takes before step j.
    HWY_INLINE int reached(int j) const { return Scan::kReverse ? end - 1 - j : j - begin; }
  };
  // Calls body(quarter, response) for the quarters of a segment that have steps, the later one first, for the rows from
  // lane l on.
  template <class Body>
  HWY_INLINE void for_quarters(const Entry& entry, int steps, int l, Body body) const {
    const auto response = [&](int q) HWY_ATTR { return Response(tables_, entry.at[Scan::quarter(q)], l); };
    if (steps == kSegmentSteps) {  // nearly always, and then the compiler knows the bounds
      for (int q = kSegmentQuarters - 1; q >= 0; --q) body(quarter_of(q, kSegmentSteps), response(q));
      return;
    }
    for (int q = kSegmentQuarters - 1; q >= 0; --q) {
      const Quarter quarter = quarter_of(q, steps);
      if (quarter.begin < quarter.end) body(quarter, response(q));
    }
  }

  // The same for K vectors of rows side by side; responses(v) is that of the v-th one.
  template <int K, class Body>
  HWY_INLINE void for_quarters_abreast(const Entry& entry, int steps, int l, Body body) const {
    const float* const terms = tables_.response(0, 0) + l;
    for (int q = (steps - 1) / kQuarterSteps; q >= 0; --q) {
      const float(&carried)[N][kLanes] = entry.at[Scan::quarter(q)];
      Floats first[K], second[K];
      for (int v = 0; v < K; ++v) {
        first[v] = load(carried[0] + l + v * kFloats);
        second[v] = load(carried[N - 1] + l + v * kFloats);
      }
      const auto responses = [&](int v) HWY_ATTR { return Response(terms + v * kFloats, first[v], second[v]); };
      const Quarter quarter = quarter_of(q, steps), whole = quarter_of(q, kSegmentSteps);
      quarter.end == whole.end ? body(whole, responses) : body(quarter, responses);  // the compiler knows the bounds
    }
  }

  // One step's local output of a scan of one state, with what its quarter's entry adds.
  template <class Arithmetic>
  HWY_INLINE Floats responded(const Entry& entry, int steps, int j, int l, Floats local, Arithmetic by) const {
    const int q = j / kQuarterSteps;
    const Response response(tables_, entry.at[Scan::quarter(q)], l);
    return response(0, quarter_of(q, steps).reached(j), local, by);
  }

  // Of a whole segment's quarter q, in a forward scan.
  HWY_INLINE Response quarter_response(const Entry& entry, int q, int l) const {
    return Response(tables_, entry.at[q], l);
  }

  // In place.
  template <class Arithmetic = Plainly>
  HWY_INLINE void respond(const Entry& entry, int steps, int lanes, Segment* const (&output)[N],
                          Arithmetic by = {}) const {
    for (int l = 0; l < lanes; l += kFloats) {
      for_quarters(entry, steps, l, [&](const Quarter& quarter, const Response& response) HWY_ATTR {
        for (int j = quarter.begin; j < quarter.end; ++j) {
          for (int n = 0; n < N; ++n) {
            float* row = output[n]->at[j] + l;
            store(response(n, quarter.reached(j), load(row), by), row);
          }
        }
      });
    }
  }

  // The last row of the segment that was run last, of a forward scan.
  void respond_last(const Entry& entry, int steps, int lanes, float* const (&last)[N]) const {
    const int q = (steps - 1) / kQuarterSteps;
    for (int l = 0; l < lanes; l += kFloats) {
      const Response response(tables_, entry.at[q], l);
      for (int n = 0; n < N; ++n) {
        store(response(n, (steps - 1) % kQuarterSteps, load(local_[q][n] + l)), last[n] + l);
      }
    }
  }

  // Carries the state over the chunk just scanned.
  void end_chunk(int steps, int lanes, bool at_split) { end_chunk_into(steps, 0, lanes, at_split, carry_); }
  // The same for `lanes` from `first` on, leaving the carries that entered the chunk as they are; and, as whole vectors
  // have them, for some lanes around them.
  void end_chunk_into(int steps, int first, int lanes, bool at_split, double (*next)[kLanes]) const {
    for (int l = first / kDoubles * kDoubles; l < first + lanes; l += kDoubles) {
      Doubles carry[N], aggregate[N];
      for (int n = 0; n < N; ++n) {
        carry[n] = load(carry_[n] + l);
        aggregate[n] = rounded(load(chain_[n] + l));
      }
      if (carried_) {
        advance(tables_.map_over(steps, l), carry, aggregate, carry);
      } else {
        add_nothing(aggregate, carry);
      }
      for (int n = 0; n < N; ++n) store(at_split ? rounded(carry[n]) : carry[n], next[n] + l);
    }
  }

 private:
  // What is carried into the quarters, of a vector of doubles. Two of them are stored together: a load that takes what
  // two stores left has to wait until both are in the cache.
  using NarrowEntry = HalfFloats[kSegmentQuarters][N];

  template <bool kWhole>
  HWY_INLINE void enter_quarters(int distance, int steps, int lanes, Entry& entry) {
    const int first = kWhole ? 0 : first_quarter(steps), end = kWhole ? kSegmentQuarters : end_quarter(steps);
    for (int l = 0; l < lanes; l += kFloats) {
      NarrowEntry low, high;
      enter_half<kWhole>(distance, steps, first, end, l, low);
      enter_half<kWhole>(distance, steps, first, end, l + kDoubles, high);
      for (int i = first; i < end; ++i) {
        for (int n = 0; n < N; ++n) store(hn::Combine(FloatTag(), high[i][n], low[i][n]), entry.at[i][n] + l);
      }
    }
  }

  template <bool kWhole>
  HWY_INLINE void enter_half(int distance, int steps, int first, int end, int l, NarrowEntry& entry) {
    constexpr bool kMovesChain = kWhole || Scan::kReverse;
    const Tables& tables = tables_;  // so that no store can have changed it
    const auto over_quarter = tables.map_over_few(kQuarterSteps, l);
    Doubles carry[N], d[N], left[N], state[N], joined[N];
    for (int n = 0; n < N; ++n) {
      carry[n] = load(carry_[n] + l);
      d[n] = load(chain_[n] + l);
      joined[n] = left[n] = load_wide(local_[first][n] + l);
    }
    if (carried_) {
      enter_chunk(tables, distance, l, carry, d, state);
    } else {
      add_nothing(d, state);
    }
    for (int n = 0; n < N; ++n) entry[first][n] = hn::DemoteTo(HalfFloatTag(), state[n]);
    for (int i = first + 1; i < end; ++i) {
      if constexpr (kWhole) {
        advance(over_quarter, state, left, state);
      } else {  // the quarter before has steps, but the CUDA kernels do not tell enter_quarter() so
        const int before = quarter_steps(Scan::quarter(i - 1), steps);
        advance_or_stay(tables.map_over_few(before, l), state, left, state);
      }
      for (int n = 0; n < N; ++n) {
        entry[i][n] = hn::DemoteTo(HalfFloatTag(), state[n]);
        left[n] = load_wide(local_[i][n] + l);
      }
      if constexpr (kMovesChain) advance(over_quarter, joined, left, joined);
    }
    if constexpr (!kMovesChain) return;
    advance(tables.map_over_segment(l), d, joined, d);
    for (int n = 0; n < N; ++n) store(d[n], chain_[n] + l);
  }

  void expect_carry() {
    tables_.tabulate_distances();
    carried_ = true;
  }

  // What the maps make of a carry of +0.
  static HWY_INLINE void add_nothing(const Doubles (&chain)[N], Doubles (&state)[N]) {
    for (int n = 0; n < N; ++n) state[n] = chain[n] + doubles(0.0);
  }

  // The carry over `distance` steps of the chunk, and the chain's. A product is the same with the power lifted and the
  // carry sunk by as much, and no factor is subnormal then.
  static HWY_INLINE void enter_chunk(const Tables& tables, int distance, int l, const Doubles (&carry)[N],
                                     const Doubles (&chain)[N], Doubles (&state)[N]) {
    auto over = tables.map_over(distance, l);
    if constexpr (kWatchesTiny) {
      if (subnormals_are_slow && tables.has_subnormal(distance) && all_sink(carry[0]) && all_sink(carry[N - 1])) {
        for (Doubles& power : over.term) power = lifted(power);
        Doubles sunk_carry[N];
        for (int n = 0; n < N; ++n) sunk_carry[n] = sunk(carry[n]);
        return advance_or_stay(over, sunk_carry, chain, state);
      }
    }
    advance_or_stay(over, carry, chain, state);
  }

  static HWY_INLINE Doubles rounded(Doubles x) { return hn::PromoteTo(DoubleTag(), hn::DemoteTo(HalfFloatTag(), x)); }

  static HWY_INLINE void advance(const VectorMap<1>& map, const Doubles (&state)[1], const Doubles (&added)[1],
                                 Doubles (&out)[1]) {
    out[0] = fused(map.term[0], state[0], added[0]);
  }
  static HWY_INLINE void advance(const VectorMap<2>& map, const Doubles (&state)[2], const Doubles (&added)[2],
                                 Doubles (&out)[2]) {
    const Doubles coupled = fused(map.term[1], state[0], added[1]);
    out[1] = fused(map.term[2], state[1], coupled);
    out[0] = fused(map.term[0], state[0], added[0]);
  }
  static HWY_INLINE void advance_or_stay(const VectorMap<1>& map, const Doubles (&state)[1], const Doubles (&added)[1],
                                         Doubles (&out)[1]) {
    advance(map, state, added, out);
  }
  static HWY_INLINE void advance_or_stay(const VectorMap<2>& map, const Doubles (&state)[2], const Doubles (&added)[2],
                                         Doubles (&out)[2]) {
    const Doubles coupled = fused(map.term[1], state[0], added[1]);
    out[1] = fused(map.term[2], state[1], hn::IfThenElse(map.term[1] == doubles(0.0), added[1], coupled));
    out[0] = fused(map.term[0], state[0], added[0]);
  }

  template <int K, class Input, class Arithmetic>
  HWY_INLINE void run_vectors(int steps, int l, Input& input, Segment* const (&output)[N], Arithmetic by) {
    if (steps == kSegmentSteps) {  // the compiler knows the bounds
      for (int i = 0; i < kSegmentQuarters; ++i) {
        run_quarter<K>(quarter_of(Scan::quarter(i), kSegmentSteps), l, input, output, local_[i], by);
      }
      return;
    }
    for (int i = first_quarter(steps), end = end_quarter(steps); i < end; ++i) {
      run_quarter<K>(quarter_of(Scan::quarter(i), steps), l, input, output, local_[i], by);
    }
  }

  // Of a segment's quarters in the scan's order, those that have steps.
  static HWY_INLINE int first_quarter(int steps) {
    return Scan::kReverse ? kSegmentQuarters - (steps + kQuarterSteps - 1) / kQuarterSteps : 0;
  }
  static HWY_INLINE int end_quarter(int steps) {
    return Scan::kReverse ? kSegmentQuarters : (steps + kQuarterSteps - 1) / kQuarterSteps;
  }

  static HWY_INLINE Quarter quarter_of(int q, int steps) {
    const int begin = q * kQuarterSteps;
    return {begin, begin + (steps == kSegmentSteps ? kQuarterSteps : quarter_steps(q, steps))};
  }

  // From zero; `local` takes what the quarter's steps leave.
  template <int K, class Input, class Arithmetic>
  HWY_INLINE void run_quarter(Quarter quarter, int l, Input& input, Segment* const (&output)[N],
                              float (&local)[N][kLanes], Arithmetic by) {
    Floats first[K], second[K], s0[K], s1[K];
    for (int v = 0; v < K; ++v) {
      first[v] = load(tables_.decay(0) + l + v * kFloats);
      second[v] = load(tables_.decay(N - 1) + l + v * kFloats);
      s0[v] = s1[v] = floats(0.0f);
    }
    for (int reached = 0; reached < quarter.end - quarter.begin; ++reached) {
      const int j = Scan::kReverse ? quarter.end - 1 - reached : quarter.begin + reached;
      for (int v = 0; v < K; ++v) {
        const int at = l + v * kFloats;
        if (!Scan::kReverse && reached == 0) {
          start(input(j, at), s0[v], s1[v], j, at, output);
        } else {
          step(first[v], second[v], input(j, at), s0[v], s1[v], j, at, output, by);
        }
      }
    }
    for (int v = 0; v < K; ++v) {
      store(s0[v], local[0] + l + v * kFloats);
      if constexpr (N == 2) store(s1[v], local[1] + l + v * kFloats);
    }
  }

  // Of a forward scan, the first step and those after it; of a gradient scan all.
  static HWY_INLINE void start(Floats input, Floats& s0, Floats& s1, int j, int at, Segment* const (&output)[N]) {
    s0 = s1 = input;
    for (int n = 0; n < N; ++n) store(input, output[n]->at[j] + at);
  }
  template <class Arithmetic>
  static HWY_INLINE void step(Floats first, Floats second, Floats input, Floats& s0, Floats& s1, int j, int at,
                              Segment* const (&output)[N], Arithmetic by) {
    if constexpr (Scan::kReverse) {
      const Floats out = input + s0;
      s0 = by.product(first, out);
      store(out, output[0]->at[j] + at);
      if constexpr (N == 2) {
        const Floats out1 = out + s1;
        s1 = by.product(second, out1);
        store(out1, output[1]->at[j] + at);
      }
    } else {
      s0 = fused(first, s0, input);
      store(s0, output[0]->at[j] + at);
      if constexpr (N == 2) {
        s1 = fused(second, s1, s0);
        store(s1, output[1]->at[j] + at);
      }
    }
  }

  Tables& tables_;
  // Whether the carry may be something else than +0. Mostly it is not in the only chunk of a short sequence: then
  // nothing is multiplied by it, and powers for its distances need not be there.
  bool carried_ = false;
  alignas(64) double carry_[N][kLanes] = {};
  alignas(64) double chain_[N][kLanes] = {};
  // Of the quarters, in the scan's order.
  alignas(64) float local_[kSegmentQuarters][N][kLanes] = {};
};

SPIKESCAN_ELEMENT_END
