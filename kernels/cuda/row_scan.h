// A scan down one row, a channel of one batch, by one thread: segment after segment, chunk after chunk, with nobody to
// wait for. The same operations in the same order as TileScan and the CPU's; where there are rows enough to fill the
// device, this is the shortest way.
#pragma once

#include "kernels/cuda/row_chain.h"

namespace spikescan {

template <class Scan>
class RowScan : public RowChain<Scan> {
  using Chain = RowChain<Scan>;
  using Chain::decays_, Chain::carry_;

 public:
  using Chain::Chain, Chain::N, Chain::map;
  static_assert(!Scan::kReverse, "backward in time it is RowGradient");
  using typename Chain::Ends, typename Chain::Entries;
  using Output = float[N][kSegmentSteps];

  // The chunk's segment `s`. Past the row's end the inputs are zero, and nobody looks at the outputs.
  template <class Tables>
  __device__ __forceinline__ void scan(const Tables& tables, int s, const float (&input)[kSegmentSteps],
                                       Output& output) {
    Ends ends;
    run(input, output, ends);
    finish(tables, s, ends, output);
  }

  // After run(): the rest of it.
  template <class Tables>
  __device__ __forceinline__ void finish(const Tables& tables, int s, const Ends& ends, Output& output) {
    Entries entries;
    enter(tables, s, ends, entries);
    respond(tables, entries, output);
  }

  // Its parts: the quarters from zero;
  __device__ __forceinline__ void run(const float (&input)[kSegmentSteps], Output& output, Ends& ends) const {
#pragma unroll
    for (int q = 0; q < kSegmentQuarters; ++q) {
#pragma unroll
      for (int i = 0; i < kQuarterSteps; ++i) {
        const int j = q * kQuarterSteps + i;
        float out[N];
        Scan::step(i, decays_, input[j], ends.at[q], out);
        for (int n = 0; n < N; ++n) output[n][j] = out[n];
      }
    }
  }

  // what was carried into them, and the chain moved on;
  template <class Tables>
  __device__ __forceinline__ void enter(const Tables& tables, int s, const Ends& ends, Entries& entries) {
    double state[N];
    Chain::enter([&] { return tables.over_segments(map(), s); }, state);
    round_entry(state, entries.at[0]);
    const Map<N> quarter = tables.over_quarter();
#pragma unroll
    for (int q = 1; q < kSegmentQuarters; ++q) {
      enter_quarter(quarter, true, ends.at[q - 1], state);
      round_entry(state, entries.at[q]);
    }
    Chain::move_chain(tables, quarter, ends);
  }

  // and every step's response to it.
  template <class Tables>
  __device__ __forceinline__ static void respond(const Tables& tables, const Entries& entries, Output& output) {
    const typename Tables::Responses responses(tables);
#pragma unroll
    for (int j = 0; j < kSegmentSteps; ++j) {
      respond_at(responses.to(Scan::response_exponent(j % kQuarterSteps)), entries, j, output);
    }
  }
  __device__ __forceinline__ static void respond_at(const Response<N>& response, const Entries& entries, int j,
                                                    Output& output) {
    float value[N];
    for (int n = 0; n < N; ++n) value[n] = output[n][j];
    spikescan::respond(response, entries.at[j / kQuarterSteps], value);
    for (int n = 0; n < N; ++n) output[n][j] = value[n];
  }

  // Instead of all that: the chain alone, from no carry.
  template <class Tables>
  __device__ __forceinline__ void skim(const Tables& tables, const float (&input)[kSegmentSteps]) {
    Output output;
    Ends ends;
    run(input, output, ends);
    skim(tables, ends);
  }
  template <class Tables>
  __device__ __forceinline__ void skim(const Tables& tables, const Ends& ends) {
    Chain::move_chain(tables, tables.over_quarter(), ends);
  }

  // After a full chunk: the carry moves on, and the chunk's last step takes its value.
  __device__ __forceinline__ void end_chunk(int64_t chunk, Output& output) {
    Chain::advance_carry(kChunkSteps, Scan::leaves_split(chunk), carry_);
    for (int n = 0; n < N; ++n) output[n][kSegmentSteps - 1] = static_cast<float>(carry_[n]);
  }
  // That value alone: whether the carry is rounded does not change it.
  __device__ __forceinline__ void chunk_end(float (&value)[N]) const {
    double carry[N];
    for (int n = 0; n < N; ++n) carry[n] = carry_[n];
    Chain::advance_carry(kChunkSteps, false, carry);
    for (int n = 0; n < N; ++n) value[n] = static_cast<float>(carry[n]);
  }
};

}  // namespace spikescan
