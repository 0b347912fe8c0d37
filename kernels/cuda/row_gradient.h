// A gradient scan back along one row by one thread, last segment first: the same operations in the same order as
// TileScan<GradientScan> and the CPU's. Only a row's last segment may have fewer than 16 steps.
#pragma once

#include "kernels/cuda/row_chain.h"
#include "kernels/cuda/segment_steps.h"

namespace spikescan {

// kSparing: with no registers for shorter ways past a partial segment and where nothing is carried in, as where each
// thread has a column of tables.
template <int kOrder, bool kSparing>
class RowGradient : public RowChain<GradientScan<kOrder>> {
  using Scan = GradientScan<kOrder>;
  using Chain = RowChain<Scan>;
  using Chain::decays_, Chain::carry_;

 public:
  using Chain::Chain, Chain::N, Chain::map;
  using typename Chain::Ends, typename Chain::Entries;
  using Output = float[N][kSegmentSteps];

  // The segment's first `steps` steps; `distance` steps of the chunk come after them.
  template <class Tables>
  __device__ __forceinline__ void scan(const Tables& tables, int distance, int steps,
                                       const float (&input)[kSegmentSteps], Output& output) {
    Ends ends;
    Entries entries;
    run(steps, input, output, ends);
    enter(tables, distance, steps, ends, entries);
    if constexpr (N == 1) Chain::move_chain(tables, tables.over_quarter(), ends);  // sooner or later as registers allow
    const typename Tables::Responses responses(tables);
    respond_quarter<0>(tables, responses, steps, entries, output);
    respond_quarter<1>(tables, responses, steps, entries, output);
    respond_quarter<2>(tables, responses, steps, entries, output);
    respond_quarter<3>(tables, responses, steps, entries, output);
    if constexpr (N == 2) Chain::move_chain(tables, tables.over_quarter(), ends);
  }

  // Instead: the chain alone, from no carry.
  template <class Tables>
  __device__ __forceinline__ void skim(const Tables& tables, int steps, const float (&input)[kSegmentSteps]) {
    Output output;
    Ends ends;
    run(steps, input, output, ends);
    Chain::move_chain(tables, tables.over_quarter(), ends);
  }

  // Before the chunk's first step.
  __device__ __forceinline__ void end_chunk(int64_t chunk, int length) {
    Chain::advance_carry(length, Scan::leaves_split(chunk), carry_);
  }

 private:
  __device__ __forceinline__ void run(int steps, const float (&input)[kSegmentSteps], Output& output,
                                      Ends& ends) const {
    run_quarter<0>(steps, input, output, ends.at[0]);
    run_quarter<1>(steps, input, output, ends.at[1]);
    run_quarter<2>(steps, input, output, ends.at[2]);
    run_quarter<3>(steps, input, output, ends.at[3]);
  }
  template <int i>
  __device__ __forceinline__ void run_quarter(int steps, const float (&input)[kSegmentSteps], Output& output,
                                              float (&state)[N]) const {
    for (int n = 0; n < N; ++n) state[n] = 0.0f;
    for_quarter<Scan, i>(steps, [&](int j, bool) {
      float out[N];
      Scan::step(place_in_quarter<Scan, i>(j), decays_, input[j], state, out);
      for (int n = 0; n < N; ++n) output[n][j] = out[n];
    });
  }

  // The state carried into each quarter.
  template <class Tables>
  __device__ __forceinline__ void enter(const Tables& tables, int distance, int steps, const Ends& ends,
                                        Entries& entries) const {
    double state[N];
    const auto over = [&] { return over_distance(tables, distance); };
    kSparing ? Chain::enter_carried(over, state) : Chain::enter(over, state);
    round_entry(state, entries.at[0]);
#pragma unroll
    for (int i = 1; i < kSegmentQuarters; ++i) {
      enter_quarter(over_quarter(tables, steps, Scan::quarter(i - 1)), steps == kSegmentSteps, ends.at[i - 1], state);
      round_entry(state, entries.at[i]);
    }
  }

  template <int i, class Tables>
  __device__ __forceinline__ static void respond_quarter(const Tables& tables,
                                                         const typename Tables::Responses& responses, int steps,
                                                         const Entries& entries, Output& output) {
    constexpr int q = Scan::quarter(i);
    const int missing = kQuarterSteps - quarter_steps(q, steps);  // steps that the scan does not meet
    for_quarter<Scan, i>(steps, [&](int j, bool full) {
      const int reached = place_in_quarter<Scan, i>(j);
      float value[N];
      for (int n = 0; n < N; ++n) value[n] = output[n][j];
      respond(full ? responses.to(Scan::response_exponent(reached))
                   : tables.response(Scan::response_exponent(reached - missing)),
              entries.at[i], value);
      for (int n = 0; n < N; ++n) output[n][j] = value[n];
    });
  }

  // Whole segments, and in the row's last chunk its partial one.
  template <class Tables>
  __device__ __forceinline__ Map<N> over_distance(const Tables& tables, int steps) const {
    if (usually(steps % kSegmentSteps == 0)) return tables.over_segments(map(), steps / kSegmentSteps);
    if constexpr (kSparing) return power(map(), steps);
    return tables.over_segments_and_rest(map(), steps / kSegmentSteps);
  }
  template <class Tables>
  __device__ __forceinline__ Map<N> over_quarter(const Tables& tables, int steps, int q) const {
    if (usually(steps == kSegmentSteps)) return tables.over_quarter();
    return power(map(), quarter_steps(q, steps));
  }
};

}  // namespace spikescan
