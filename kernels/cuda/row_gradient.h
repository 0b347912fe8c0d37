// A gradient scan back along one row by one thread, last segment first: the same operations in the same order as
// TileScan<GradientScan> and the CPU's. Only a row's last segment may have fewer than 16 steps.
#pragma once

#include "kernels/cuda/row_tables.h"
#include "kernels/cuda/tile.h"

namespace spikescan {

template <int kOrder>
class RowGradient {
 public:
  static constexpr int N = kOrder;
  using Scan = GradientScan<N>;
  using Output = float[N][kSegmentSteps];

  __device__ __forceinline__ RowGradient(const Decays<N>& decays) : decays_(decays) {}

  __device__ __forceinline__ Map<N> map() const { return map_anew<Scan>(decays_); }
  __device__ __forceinline__ void set_carry(int n, double value) { carry_[n] = value; }
  __device__ __forceinline__ double carry(int n) const { return carry_[n]; }

  __device__ __forceinline__ void begin_chunk() {
    for (int n = 0; n < N; ++n) d_[n] = 0.0;
  }

  // The segment's first `steps` steps; `distance` steps of the chunk come after them.
  template <class Tables>
  __device__ __forceinline__ void scan(const Tables& tables, int distance, int steps,
                                       const float (&input)[kSegmentSteps], Output& output) {
    float first[N], second[N], entry[N];
    double state[N];
    run_half<1>(steps, input, output, first);
    run_half<0>(steps, input, output, second);
    enter_segment(over_distance(tables, distance), carry_, d_, state);
    round_entry(state, entry);
    const typename Tables::Responses responses(tables);
    respond_half<1>(tables, responses, steps, entry, output);
    enter_second_half(over_first_half(tables, steps), first, state);
    round_entry(state, entry);
    respond_half<0>(tables, responses, steps, entry, output);
    move_chain(tables, first, second);
  }

  // Instead: the chain alone, from no carry.
  template <class Tables>
  __device__ __forceinline__ void skim(const Tables& tables, int steps, const float (&input)[kSegmentSteps]) {
    Output output;
    float first[N], second[N];
    run_half<1>(steps, input, output, first);
    run_half<0>(steps, input, output, second);
    move_chain(tables, first, second);
  }
  // What the chunk leaves from no carry.
  __device__ __forceinline__ void aggregate(float (&out)[N]) const { round_aggregate(d_, out); }

  // Before the chunk's first step.
  __device__ __forceinline__ void end_chunk(int64_t chunk, int length) {
    float added[N];
    aggregate(added);
    advance_chunk(power(map(), length), carry_, added, Scan::leaves_split(chunk));
  }

 private:
  template <int kHalf, class Body>
  __device__ __forceinline__ static void for_half(int steps, Body body) {
    for_steps<true, kHalf * kHalfSteps, (kHalf + 1) * kHalfSteps>(steps, body);
  }

  template <int kHalf>
  __device__ __forceinline__ void run_half(int steps, const float (&input)[kSegmentSteps], Output& output,
                                           float (&state)[N]) const {
    for (int n = 0; n < N; ++n) state[n] = 0.0f;
    for_half<kHalf>(steps, [&](int j, bool) {
      float out[N];
      Scan::step(decays_, input[j], state, out);
      for (int n = 0; n < N; ++n) output[n][j] = out[n];
    });
  }

  template <int kHalf, class Tables>
  __device__ __forceinline__ static void respond_half(const Tables& tables, const typename Tables::Responses& responses,
                                                      int steps, const float (&entry)[N], Output& output) {
    const int left = steps - kHalf * kHalfSteps;
    const int missing = left < kHalfSteps ? kHalfSteps - left : 0;  // steps that the scan does not meet
    for_half<kHalf>(steps, [&](int j, bool full) {
      const int reached = (kHalf + 1) * kHalfSteps - 1 - j;
      float value[N];
      for (int n = 0; n < N; ++n) value[n] = output[n][j];
      respond(full ? responses.to(Scan::response_exponent(reached))
                   : tables.response(Scan::response_exponent(reached - missing)),
              entry, value);
      for (int n = 0; n < N; ++n) output[n][j] = value[n];
    });
  }

  template <class Tables>
  __device__ __forceinline__ void move_chain(const Tables& tables, const float (&first)[N], const float (&second)[N]) {
    double joined[N];
    join_halves(tables.over_half(), first, second, joined);
    advance_segment(tables.over_segment(), d_, joined);
  }

  // Nearly always whole segments.
  template <class Tables>
  __device__ __forceinline__ Map<N> over_distance(const Tables& tables, int steps) const {
    if (usually(steps % kSegmentSteps == 0)) return tables.over_segments(map(), steps / kSegmentSteps);
    return power(map(), steps);
  }
  template <class Tables>
  __device__ __forceinline__ Map<N> over_first_half(const Tables& tables, int steps) const {
    if (usually(steps == kSegmentSteps)) return tables.over_half();
    return power(map(), Scan::first_half_steps(steps));
  }

  const Decays<N> decays_;
  double carry_[N] = {};
  double d_[N] = {};
};

}  // namespace spikescan
