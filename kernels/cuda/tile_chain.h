// The chain over a tile's segments, and the carry into its chunk and out of it.
#pragma once

#include "kernels/cuda/read_ahead.h"
#include "kernels/cuda/tile_tables.h"
#include "kernels/element/recurrence.h"
#include "kernels/saved_slots.h"

namespace spikescan {

// A segment's place in the chain holds what its own steps leave, and then the chain before it. A leader for each
// row, the first lanes of the first warp, goes through them once a chunk.
template <class Scan>
class TileChain {
 public:
  static constexpr int N = Scan::kOrder;

  __device__ __forceinline__ TileChain(const TileShared& shared, const Place& place, const Tile& tile,
                                       const TileTables<N>& tables)
      : shared_(shared), place_(place), tile_(tile), tables_(tables) {}

  // The first warp together. What the pass is asked for: TileScan::run.
  template <class Pass>
  __device__ __forceinline__ void run(int first_state, Pass& pass) const {
    const bool ends = pass.ends_with(first_state);
    float aggregate[N] = {};
    double carry[N] = {};
    if (place_.leads) {
      if (!ends) pass.template load_carry<Scan>(first_state, carry);  // under way while the segments are chained
      chain_row(aggregate);
    }
    if (ends) {
      if (place_.leads) pass.template keep<Scan>(first_state, aggregate);
      return;
    }
    pass.template carry_in<Scan>(first_state, tables_.square(0), aggregate, carry);
    if (place_.leads) {
      for (int n = 0; n < N; ++n) shared_.common.carry_in[n][place_.row] = carry[n];
      if (tile_.length() > 0) {
        advance_chunk(tables_.over_chunk(), carry, aggregate, Scan::leaves_split(tile_.chunk()));
      }
      for (int n = 0; n < N; ++n) shared_.common.carry_out[n][place_.row] = carry[n];
    }
    pass.template carry_out<Scan>(first_state, carry);
  }

 private:
  // A link costs the latency of its fused multiply-add alone.
  __device__ __forceinline__ void chain_row(float (&aggregate)[N]) const {
    const int count = segment_count(tile_.length());
    const Map<N> segment_map = tables_.over_steps(kSegmentSteps);
    double d[N] = {};
    read_ahead<N == 1 ? 4 : 3>(
        count,
        [&](int link) {
          Local local;
          for (int n = 0; n < N; ++n) local.of_state[n] = shared_.chain(lane_of(count, link), n);
          return local;
        },
        [&](int link, const Local& local) {
          for (int n = 0; n < N; ++n) shared_.chain(lane_of(count, link), n) = d[n];
          advance_segment(segment_map, d, local.of_state);
        });
    round_aggregate(d, aggregate);
  }
  struct Local {
    double of_state[N];
  };

  // Of a link of the chain.
  __device__ __forceinline__ int lane_of(int count, int link) const {
    return (Scan::kReverse ? count - 1 - link : link) * place_.rows + place_.row;
  }

  const TileShared& shared_;
  const Place& place_;
  const Tile& tile_;
  const TileTables<N>& tables_;
};

// The last step of a full chunk takes the carry's value: V's last row is the state that a following call starts from.
template <int kSteps>
__device__ __forceinline__ bool finishes_chunk(const Place& place) {
  return !usually(place.part != kChunkSteps / kSteps - 1);
}
template <int N>
__device__ __forceinline__ void take_carry(const TileShared& shared, const Place& place, float (&out)[N]) {
  for (int n = 0; n < N; ++n) out[n] = static_cast<float>(shared.common.carry_out[n][place.row]);
}

// Where the pass knows the chain before every fourth segment, since forward saved it, each thread finds its own
// segment's, and nobody waits for a leader. The segments' places keep what their own steps leave.
template <class Scan>
class KnownChain {
 public:
  static constexpr int N = Scan::kOrder;

  __device__ __forceinline__ KnownChain(const TileShared& shared, const Place& place, const Tile& tile,
                                        const TileTables<N>& tables)
      : shared_(shared), place_(place), tile_(tile), tables_(tables) {}

  // The carry into the chunk, and the chain before the segment. `finishes`: a full chunk's last step is the thread's,
  // which wants the carry that leaves it.
  template <class Pass>
  __device__ __forceinline__ void find(int first_state, int segment, bool finishes, const Pass& pass,
                                       double (&carry)[N], double (&d)[N]) const {
    pass.template know<Scan>(first_state, carry, d);
    const int in_group = segment % kSavedSegments;
#pragma unroll
    for (int i = 0; i < kSavedSegments - 1; ++i) {
      if (i < in_group) advance_over(segment - in_group + i, d);
    }
    if (!usually(!finishes)) leave(segment, carry, d);
  }

 private:
  __device__ __forceinline__ void leave(int segment, const double (&carry)[N], const double (&d)[N]) const {
    double out[N], end[N];
    for (int n = 0; n < N; ++n) {
      out[n] = carry[n];
      end[n] = d[n];
    }
    advance_over(segment, end);
    float aggregate[N];
    round_aggregate(end, aggregate);
    advance_chunk(tables_.over_chunk(), out, aggregate, Scan::leaves_split(tile_.chunk()));
    for (int n = 0; n < N; ++n) shared_.common.carry_out[n][place_.row] = out[n];
  }

  __device__ __forceinline__ void advance_over(int segment, double (&d)[N]) const {
    double local[N];
    for (int n = 0; n < N; ++n) local[n] = shared_.chain(segment * place_.rows + place_.row, n);
    advance_segment(tables_.over_steps(kSegmentSteps), d, local);
  }

  const TileShared& shared_;
  const Place& place_;
  const Tile& tile_;
  const TileTables<N>& tables_;
};

}  // namespace spikescan
