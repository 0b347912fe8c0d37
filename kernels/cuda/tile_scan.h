// One scan over a tile (kernels/element/recurrence.h gives its arithmetic): every thread scans the halves of its
// segment from zero in registers, the leaders chain the segments and fetch the carry into the chunk, every thread adds
// its response. Bit for bit what LaneScan does on the CPU.
#pragma once

#include "kernels/cuda/tile.h"
#include "kernels/element/recurrence.h"

namespace spikescan {

template <class Scan>
class TileScan {
 public:
  static constexpr int N = Scan::kOrder;
  static constexpr int kCoefficients = N == 1 ? 1 : kMostCoefficients;

  __device__ __forceinline__ TileScan(const TileShared& shared, const Place& place, const Tile& tile,
                                      const Decays<N>& decays)
      : shared_(shared), place_(place), tile_(tile), decays_(decays), map_(Scan::map(decays)) {}

  // `output` holds the scan's outputs afterwards. `source(aggregate, carry)` gives a leader the carry into the chunk,
  // and `sink(carry)` takes the one that leaves it. All threads of the block together.
  template <class Source, class Sink>
  __device__ __forceinline__ void run(const float (&input)[kSegmentSteps], float (&output)[N][kSegmentSteps],
                                      Source source, Sink sink) {
    make_responses();
    scan_segment(input, output);
    __syncthreads();
    if (threadIdx.x < 32) chain_segments(source, sink);
    __syncthreads();
    respond_to_carry(output);
  }

  // The state that left the chunk, once run() is over.
  __device__ __forceinline__ double carry_out(int n) const {
    return shared_.carry_out[n * place_.channels + place_.channel];
  }

 private:
  // ---- Responses: a table of 16 steps a channel, made by all threads ----
  __device__ __forceinline__ void make_responses() {
    for (int reached = place_.segment; reached < kHalfSteps; reached += place_.segments) {
      const Response<N> r = Scan::response(power(map_, Scan::response_exponent(reached)));
      float* out = shared_.responses + reached * kCoefficients * place_.channels + place_.channel;
      out[0] = r.a;
      if constexpr (N == 2) {
        out[place_.channels] = r.m;
        out[2 * place_.channels] = r.b;
      }
    }
  }

  __device__ __forceinline__ Response<N> response(int reached) const {
    const float* in = shared_.responses + reached * kCoefficients * place_.channels + place_.channel;
    if constexpr (N == 1) {
      return {in[0]};
    } else {
      return {in[0], in[place_.channels], in[2 * place_.channels]};
    }
  }

  // ---- The two halves of a segment, each from zero ----
  __device__ __forceinline__ void scan_segment(const float (&input)[kSegmentSteps], float (&output)[N][kSegmentSteps]) {
    const int steps = place_.steps(tile_.length);
    float second[N];
    scan_half<Scan::kReverse ? 1 : 0>(steps, input, output, first_);
    scan_half<Scan::kReverse ? 0 : 1>(steps, input, output, second);
    double joined[N];
    join_halves(power(map_, kHalfSteps), first_, second, joined);
    for (int n = 0; n < N; ++n) shared_.chain[lane_index(place_.segment, n)] = joined[n];
  }

  template <int kHalf>
  __device__ __forceinline__ void scan_half(int steps, const float (&input)[kSegmentSteps],
                                            float (&output)[N][kSegmentSteps], float (&state)[N]) {
    for (int n = 0; n < N; ++n) state[n] = 0.0f;
#pragma unroll
    for (int i = 0; i < kHalfSteps; ++i) {
      const int j = kHalf * kHalfSteps + (Scan::kReverse ? kHalfSteps - 1 - i : i);
      if (j >= steps) continue;
      float out[N];
      Scan::step(decays_, input[j], state, out);
      for (int n = 0; n < N; ++n) output[n][j] = out[n];
    }
  }

  // ---- The chain over the segments, and the carry: the first warp ----
  template <class Source, class Sink>
  __device__ __forceinline__ void chain_segments(Source source, Sink sink) {
    float aggregate[N] = {};
    double carry[N] = {};
    if (place_.leads) chain_channel(aggregate);
    source(map_, aggregate, carry);
    if (place_.leads) {
      for (int n = 0; n < N; ++n) shared_.carry_in[n * place_.channels + place_.channel] = carry[n];
      if (tile_.length > 0) {
        advance_chunk(power(map_, tile_.length), carry, aggregate, Scan::leaves_split(tile_.chunk));
      }
      for (int n = 0; n < N; ++n) shared_.carry_out[n * place_.channels + place_.channel] = carry[n];
    }
    sink(carry);
  }

  __device__ __forceinline__ void chain_channel(float (&aggregate)[N]) {
    const int count = segment_count(tile_.length);
    const Map<N> segment_map = power(map_, kSegmentSteps);
    double d[N] = {};
    for (int i = 0; i < count; ++i) {
      const int s = Scan::kReverse ? count - 1 - i : i;
      double local[N];
      for (int n = 0; n < N; ++n) {
        double& place = shared_.chain[lane_index(s, n)];
        local[n] = place;
        place = d[n];
      }
      advance_segment(segment_map, d, local);
    }
    round_aggregate(d, aggregate);
  }

  // ---- The response of every step to the state carried into its segment ----
  __device__ __forceinline__ void respond_to_carry(float (&output)[N][kSegmentSteps]) {
    const int steps = place_.steps(tile_.length);
    if (steps == 0) return;
    const int first = place_.segment * kSegmentSteps;
    const int distance = Scan::kReverse ? tile_.length - first - steps : first;
    double carry[N], d[N], state[N];
    for (int n = 0; n < N; ++n) {
      carry[n] = shared_.carry_in[n * place_.channels + place_.channel];
      d[n] = shared_.chain[lane_index(place_.segment, n)];
    }
    enter_segment(power(map_, distance), carry, d, state);
    respond_half<Scan::kReverse ? 1 : 0>(steps, state, output);
    enter_second_half(power(map_, Scan::first_half_steps(steps)), first_, state);
    respond_half<Scan::kReverse ? 0 : 1>(steps, state, output);
    if (!Scan::kReverse && tile_.length == kChunkSteps && first + steps == kChunkSteps) finish_chunk(output);
  }

  template <int kHalf>
  __device__ __forceinline__ void respond_half(int steps, const double (&state)[N], float (&output)[N][kSegmentSteps]) {
    const int left = steps - kHalf * kHalfSteps;
    const int count = left < kHalfSteps ? left : kHalfSteps;
    float entry[N];
    round_entry(state, entry);
#pragma unroll
    for (int i = 0; i < kHalfSteps; ++i) {
      if (i >= count) continue;
      const int j = kHalf * kHalfSteps + i;
      float value[N];
      for (int n = 0; n < N; ++n) value[n] = output[n][j];
      respond(response(Scan::kReverse ? count - 1 - i : i), entry, value);
      for (int n = 0; n < N; ++n) output[n][j] = value[n];
    }
  }

  // The last step of a full chunk takes the carry's value: V's last row is the state that a following call starts from.
  __device__ __forceinline__ void finish_chunk(float (&output)[N][kSegmentSteps]) {
    for (int n = 0; n < N; ++n) output[n][kSegmentSteps - 1] = static_cast<float>(carry_out(n));
  }

  __device__ __forceinline__ int lane_index(int segment, int n) const {
    return (segment * N + n) * place_.channels + place_.channel;
  }

  const TileShared& shared_;
  const Place& place_;
  const Tile& tile_;
  const Decays<N> decays_;
  const Map<N> map_;
  float first_[N];  // what the half scanned first leaves
};

}  // namespace spikescan
