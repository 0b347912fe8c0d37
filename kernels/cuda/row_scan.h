// A scan down one row, a channel of one batch, by one thread: segment after segment, chunk after chunk, with nobody to
// wait for. The same operations in the same order as TileScan and the CPU's; where there are rows enough to fill the
// device, this is the shortest way.
#pragma once

#include "kernels/cuda/row_tables.h"

namespace spikescan {

template <class Scan>
class RowScan {
 public:
  static constexpr int N = Scan::kOrder;
  static_assert(!Scan::kReverse, "backward in time it is RowGradient");
  using Output = float[N][kSegmentSteps];
  // What a segment's quarters leave, each from zero.
  struct Ends {
    float at[kSegmentQuarters][N];
  };
  // The state carried into each quarter.
  struct Entries {
    float at[kSegmentQuarters][N];
  };

  __device__ __forceinline__ RowScan(const Decays<N>& decays) : decays_(decays) {}

  __device__ __forceinline__ Map<N> map() const { return map_anew<Scan>(decays_); }
  __device__ __forceinline__ const Decays<N>& decays() const { return decays_; }
  __device__ __forceinline__ void set_carry(int n, double value) { carry_[n] = value; }
  __device__ __forceinline__ double carry(int n) const { return carry_[n]; }
  __device__ __forceinline__ void set_chain(int n, double value) { d_[n] = value; }
  __device__ __forceinline__ double chain(int n) const { return d_[n]; }

  __device__ __forceinline__ void begin_chunk() {
    for (int n = 0; n < N; ++n) d_[n] = 0.0;
  }

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
      for (int n = 0; n < N; ++n) ends.at[q][n] = 0.0f;
#pragma unroll
      for (int j = q * kQuarterSteps; j < (q + 1) * kQuarterSteps; ++j) {
        float out[N];
        Scan::step(decays_, input[j], ends.at[q], out);
        for (int n = 0; n < N; ++n) output[n][j] = out[n];
      }
    }
  }

  // what was carried into them, and the chain moved on;
  template <class Tables>
  __device__ __forceinline__ void enter(const Tables& tables, int s, const Ends& ends, Entries& entries) {
    double state[N];
    enter_segment(tables.over_segments(map(), s), carry_, d_, state);
    round_entry(state, entries.at[0]);
    const Map<N> quarter = tables.over_quarter();
#pragma unroll
    for (int q = 1; q < kSegmentQuarters; ++q) {
      enter_quarter(quarter, ends.at[q - 1], state);
      round_entry(state, entries.at[q]);
    }
    move_chain(tables, quarter, ends);
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
    move_chain(tables, tables.over_quarter(), ends);
  }
  // What the chunk leaves from no carry.
  __device__ __forceinline__ void aggregate(float (&out)[N]) const {
    round_aggregate(d_, out);
  }

  // After a full chunk: the carry moves on, and the chunk's last step takes its value.
  __device__ __forceinline__ void end_chunk(int64_t chunk, Output& output) {
    advance_carry(Scan::leaves_split(chunk), carry_);
    for (int n = 0; n < N; ++n) output[n][kSegmentSteps - 1] = static_cast<float>(carry_[n]);
  }
  // That value alone: whether the carry is rounded does not change it.
  __device__ __forceinline__ void chunk_end(float (&value)[N]) const {
    double carry[N];
    for (int n = 0; n < N; ++n) carry[n] = carry_[n];
    advance_carry(false, carry);
    for (int n = 0; n < N; ++n) value[n] = static_cast<float>(carry[n]);
  }

 private:
  template <class Tables>
  __device__ __forceinline__ void move_chain(const Tables& tables, const Map<N>& quarter, const Ends& ends) {
    double local[N];
    join_quarters(quarter, ends.at, local);
    advance_segment(tables.over_segment(), d_, local);
  }

  __device__ __forceinline__ void advance_carry(bool at_split, double (&carry)[N]) const {
    float added[N];
    aggregate(added);
    advance_chunk(power(map(), kChunkSteps), carry, added, at_split);
  }

  const Decays<N> decays_;
  double carry_[N] = {};
  double d_[N] = {};
};

}  // namespace spikescan
