// One scan (kernels/element/recurrence.h) over a block, segment after segment, chunk after chunk: forward scans from
// the first segment to the last, gradient scans from the last to the first. A segment takes three calls: run() scans
// each of its halves from zero, enter() finds the states carried into them and moves the chain on, respond() adds what
// those states contribute.
#pragma once

#include "kernels/cpu/decay_tables.h"

SPIKESCAN_ELEMENT_BEGIN

template <class Scan>
class LaneScan {
 public:
  static constexpr int N = Scan::kOrder;
  using Tables = DecayTables<Scan>;

  explicit LaneScan(const Tables& tables) : tables_(tables) {}

  double* carry(int n) { return carry_[n]; }
  const double* chain(int n) const { return d_[n]; }
  // The state carried into the half of the segment entered last that the scan takes first (0) or second (1).
  float* entry(int half, int n) { return entry_[half][n]; }

  void begin_chunk(int lanes) {
    for (int n = 0; n < N; ++n) {
      for (int l = 0; l < lanes; l += kDoubles) store(doubles(0.0), d_[n] + l);
    }
  }

  // input(j, l): kFloats inputs from lane l on; output n goes to output[n].
  template <class Input>
  HWY_INLINE void run(int steps, int lanes, Input input, Segment* const (&output)[N]) {
    run_all(steps, lanes, input,
            [&](int n, int j, int l, Floats value) HWY_ATTR { store(value, output[n]->at[j] + l); });
  }
  // The same where only what the halves leave counts.
  template <class Input>
  HWY_INLINE void run_through(int steps, int lanes, Input input) {
    run_all(steps, lanes, input, [](int, int, int, Floats) HWY_ATTR {});
  }

  // `distance`: steps of this chunk that were scanned before this segment of `steps`.
  void enter(int distance, int steps, int lanes) {
    for (int l = 0; l < lanes; l += kDoubles) {
      Doubles carry[N], d[N], first[N], second[N], state[N], joined[N];
      for (int n = 0; n < N; ++n) {
        carry[n] = load(carry_[n] + l);
        d[n] = load(d_[n] + l);
        first[n] = load_wide(local_[0][n] + l);
        second[n] = load_wide(local_[1][n] + l);
      }
      advance(tables_.map_over(distance, l), carry, d, state);
      for (int n = 0; n < N; ++n) store_narrow(state[n], entry_[0][n] + l);
      advance(tables_.map_over_few(Scan::first_half_steps(steps), l), state, first, state);
      for (int n = 0; n < N; ++n) store_narrow(state[n], entry_[1][n] + l);
      advance(tables_.half_map(l), first, second, joined);
      advance(tables_.segment_map(l), d, joined, d);
      for (int n = 0; n < N; ++n) store(d[n], d_[n] + l);
    }
  }

  // Output n of step j of a segment of `steps`: its local value in `local` and what the state carried in adds.
  HWY_INLINE Floats response(int n, int j, int steps, int l, const Segment& local) const {
    return respond_to(load(local.at[j] + l), n, j, steps, l);
  }
  HWY_INLINE Floats respond_to(Floats value, int n, int j, int steps, int l) const {
    const bool upper = j >= kHalfSteps;
    const int middle = steps < kHalfSteps ? steps : kHalfSteps;
    const int reached = Scan::kReverse ? (upper ? steps : middle) - 1 - j : j % kHalfSteps;
    const auto& entry = entry_[Scan::kReverse ? !upper : upper];
    const auto term = [&](int i) HWY_ATTR { return load(tables_.response(i, reached) + l); };
    const Floats e0 = load(entry[0] + l);
    if (n == 0) return fused(term(0), e0, value);
    return fused(term(2), load(entry[N - 1] + l), fused(term(1), e0, value));
  }

  // In place.
  HWY_INLINE void respond(int steps, int lanes, Segment* const (&output)[N]) const {
    for (int l = 0; l < lanes; l += kFloats) {
      for (int j = 0; j < steps; ++j) {
        for (int n = N - 1; n >= 0; --n) store(response(n, j, steps, l, *output[n]), output[n]->at[j] + l);
      }
    }
  }

  // The last row after run_through(), of a forward scan.
  void respond_last(int steps, int lanes, Segment* const (&output)[N]) const {
    const auto& local = local_[steps > kHalfSteps];
    for (int l = 0; l < lanes; l += kFloats) {
      for (int n = 0; n < N; ++n) {
        store(respond_to(load(local[n] + l), n, steps - 1, steps, l), output[n]->at[steps - 1] + l);
      }
    }
  }

  // Carries the state over the chunk just scanned.
  void end_chunk(int steps, int lanes, bool at_split) { end_chunk_into(steps, lanes, at_split, carry_); }
  // The same, leaving the carry that entered the chunk as it is.
  void end_chunk_into(int steps, int lanes, bool at_split, double (*next)[kLanes]) const {
    for (int l = 0; l < lanes; l += kDoubles) {
      Doubles carry[N], aggregate[N];
      for (int n = 0; n < N; ++n) {
        carry[n] = load(carry_[n] + l);
        aggregate[n] = rounded(load(d_[n] + l));
      }
      advance(tables_.map_over(steps, l), carry, aggregate, carry);
      for (int n = 0; n < N; ++n) store(at_split ? rounded(carry[n]) : carry[n], next[n] + l);
    }
  }

 private:
  static HWY_INLINE Doubles rounded(Doubles x) { return hn::PromoteTo(DoubleTag(), hn::DemoteTo(HalfFloatTag(), x)); }

  static HWY_INLINE void advance(const VectorMap<1>& map, const Doubles (&state)[1], const Doubles (&added)[1],
                                 Doubles (&out)[1]) {
    out[0] = fused(map.term[0], state[0], added[0]);
  }
  static HWY_INLINE void advance(const VectorMap<2>& map, const Doubles (&state)[2], const Doubles (&added)[2],
                                 Doubles (&out)[2]) {
    const Doubles s0 = state[0];
    // The identity map's m is 0, and 0 * infinity would turn a finite or infinite second state into NaN.
    const Doubles coupled = hn::IfThenElse(map.term[1] == doubles(0.0), added[1], fused(map.term[1], s0, added[1]));
    out[1] = fused(map.term[2], state[1], coupled);
    out[0] = fused(map.term[0], s0, added[0]);
  }

  // Several vectors go side by side, since each step waits for the one before it.
  template <class Input, class Output>
  HWY_INLINE void run_all(int steps, int lanes, Input input, Output output) {
    int l = 0;
    for (; l + 4 * kFloats <= lanes; l += 4 * kFloats) run_vectors<4>(steps, l, input, output);
    for (; l + 2 * kFloats <= lanes; l += 2 * kFloats) run_vectors<2>(steps, l, input, output);
    for (; l < lanes; l += kFloats) run_vectors<1>(steps, l, input, output);
  }

  template <int K, class Input, class Output>
  HWY_INLINE void run_vectors(int steps, int l, Input& input, Output& output) {
    const int middle = steps < kHalfSteps ? steps : kHalfSteps;
    if constexpr (Scan::kReverse) {
      run_half<K>(middle, steps, l, input, output, local_[0]);
      run_half<K>(0, middle, l, input, output, local_[1]);
    } else {
      run_half<K>(0, middle, l, input, output, local_[0]);
      run_half<K>(middle, steps, l, input, output, local_[1]);
    }
  }

  // Steps begin .. end - 1 from zero; `local` takes what they leave.
  template <int K, class Input, class Output>
  HWY_INLINE void run_half(int begin, int end, int l, Input& input, Output& output, float (&local)[N][kLanes]) {
    Floats first[K], second[K], s0[K], s1[K];
    for (int v = 0; v < K; ++v) {
      first[v] = load(tables_.decay(0) + l + v * kFloats);
      second[v] = load(tables_.decay(N - 1) + l + v * kFloats);
      s0[v] = s1[v] = floats(0.0f);
    }
    for (int reached = 0; reached < end - begin; ++reached) {
      const int j = Scan::kReverse ? end - 1 - reached : begin + reached;
      for (int v = 0; v < K; ++v) {
        const int at = l + v * kFloats;
        step(first[v], second[v], input(j, at), s0[v], s1[v], j, at, output);
      }
    }
    for (int v = 0; v < K; ++v) {
      store(s0[v], local[0] + l + v * kFloats);
      if constexpr (N == 2) store(s1[v], local[1] + l + v * kFloats);
    }
  }

  template <class Output>
  static HWY_INLINE void step(Floats first, Floats second, Floats input, Floats& s0, Floats& s1, int j, int at,
                              Output& output) {
    if constexpr (Scan::kReverse) {
      const Floats out = input + s0;
      s0 = first * out;
      output(0, j, at, out);
      if constexpr (N == 2) {
        const Floats out1 = out + s1;
        s1 = second * out1;
        output(1, j, at, out1);
      }
    } else {
      s0 = fused(first, s0, input);
      output(0, j, at, s0);
      if constexpr (N == 2) {
        s1 = fused(second, s1, s0);
        output(1, j, at, s1);
      }
    }
  }

  const Tables& tables_;
  alignas(64) double carry_[N][kLanes] = {};
  alignas(64) double d_[N][kLanes] = {};
  // Of the half taken first, of the half taken second.
  alignas(64) float local_[2][N][kLanes] = {};
  alignas(64) float entry_[2][N][kLanes] = {};
};

SPIKESCAN_ELEMENT_END
