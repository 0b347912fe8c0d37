// The scan of TileScan where a thread has a quarter, not a segment: for tiles that are few, where how long a thread
// takes is all the time there is. A quarter's own steps are scanned once and wait in registers; what they leave, the
// four threads of a segment tell each other. The same operations on the same numbers.
#pragma once

#include "kernels/cuda/tile_chain.h"

namespace spikescan {

template <class Scan>
class FineScan {
 public:
  static constexpr int N = Scan::kOrder;

  __device__ __forceinline__ FineScan(const TileShared& shared, Place& place, const Tile& tile, const Decays<N>& decays)
      : shared_(shared), place_(place), tile_(tile), tables_(shared, place), decays_(decays) {}

  // As TileScan::run.
  template <class Pass, class Emit>
  __device__ __forceinline__ bool run(int first_state, float (&values)[kQuarterSteps], Pass& pass, Emit emit) {
    tables_.template make<Scan>(decays_, tile_.length());
    float local[kQuarterSteps][N];
    scan_quarter(values, local);
    join_segment();
    __syncthreads();
    Map<N> to_segment;
    if constexpr (Pass::kKnowsChain) {
      to_segment = over_distance();
    } else {
      if (usually(threadIdx.x >= 32)) {
        to_segment = over_distance();  // while the first warp chains
      } else {
        TileChain<Scan>(shared_, place_, tile_, tables_).run(first_state, pass);
      }
      if (pass.ends_with(first_state)) return false;
      __syncthreads();
      if (!usually(threadIdx.x >= 32)) to_segment = over_distance();
    }
    respond_to_carry(first_state, to_segment, local, values, pass, emit);
    return true;
  }

 private:
  // body(j, full, reached) in the scan's order; reached: the steps of the quarter before j, in that order.
  template <class Body>
  __device__ __forceinline__ void for_quarter_steps(int steps, Body body) const {
    for_steps<Scan::kReverse, kQuarterSteps>(
        steps, [&](int j, bool full) { body(j, full, Scan::kReverse ? kQuarterSteps - 1 - j : j); });
  }

  // From zero: `local` becomes each step's outputs, and ends_ what the quarters of the segment leave.
  __device__ __forceinline__ void scan_quarter(const float (&values)[kQuarterSteps], float (&local)[kQuarterSteps][N]) {
    float state[N] = {};
    for_quarter_steps(place_.steps<kQuarterSteps>(tile_.length()),
                      [&](int j, bool, int reached) { Scan::step(reached, decays_, values[j], state, local[j]); });
#pragma unroll
    for (int i = 0; i < kSegmentQuarters; ++i) {
      for (int n = 0; n < N; ++n) ends_[i][n] = of_quarter(place_, Scan::quarter(i), state[n]);
    }
  }

  __device__ __forceinline__ double& chain(int n) const {
    return shared_.chain(segment() * place_.rows + place_.row, n);
  }

  __device__ __forceinline__ void join_segment() const {
    double joined[N];
    join_quarters(TileTables<N>::quarter_of(Scan::map(decays_)), ends_, joined);
    if (place_.part % kSegmentQuarters != 0) return;
    for (int n = 0; n < N; ++n) chain(n) = joined[n];
  }

  // The thread's segment: its steps inside the chunk, and the power from the chunk's edge to it.
  __device__ __forceinline__ int segment() const {
    return place_.part / kSegmentQuarters;
  }
  __device__ __forceinline__ int segment_steps() const {
    const int left = tile_.length() - segment() * kSegmentSteps;
    return left < kSegmentSteps ? left : kSegmentSteps;
  }
  __device__ __forceinline__ Map<N> over_distance() const {
    const int first = segment() * kSegmentSteps, steps = segment_steps();
    return tables_.over_distance(steps <= 0 ? 0 : Scan::kReverse ? tile_.length() - first - steps : first);
  }

  template <class Pass, class Emit>
  __device__ __forceinline__ void respond_to_carry(int first_state, const Map<N>& to_segment,
                                                   const float (&local)[kQuarterSteps][N],
                                                   float (&values)[kQuarterSteps], Pass& pass, Emit emit) {
    const int steps = place_.steps<kQuarterSteps>(tile_.length());
    if (steps == 0) return;
    double state[N];
    enter(first_state, to_segment, pass, state);
    float entry[N];
    round_entry(state, entry);
    // Steps that the scan does not meet.
    const int missing = Scan::kReverse ? kQuarterSteps - steps : 0;
    const QuarterResponses<N> responses = tables_.responses(missing);
    for_quarter_steps(steps, [&](int j, bool full, int reached) {
      float out[N];
      for (int n = 0; n < N; ++n) out[n] = local[j][n];
      respond(full ? responses.of_full(reached) : responses.of_partial(reached), entry, out);
      if (!Scan::kReverse && j == kQuarterSteps - 1 && finishes_chunk<kQuarterSteps>(place_))
        take_carry(shared_, place_, out);
      values[j] = emit(j, full, out);
    });
  }

  // The state before the thread's quarter: before its segment, and then over the quarters between.
  template <class Pass>
  __device__ __forceinline__ void enter(int first_state, const Map<N>& to_segment, Pass& pass,
                                        double (&state)[N]) const {
    const int quarter = place_.part % kSegmentQuarters, steps = segment_steps();
    double carry[N], d[N];
    if constexpr (Pass::kKnowsChain) {
      KnownChain<Scan>(shared_, place_, tile_, tables_)
          .find(first_state, segment(), finishes_chunk<kQuarterSteps>(place_), pass, carry, d);
    } else {
      for (int n = 0; n < N; ++n) {
        carry[n] = shared_.common.carry_in[n][place_.row];
        d[n] = chain(n);
      }
      if (quarter == Scan::quarter(0)) pass.template enter<Scan>(first_state, segment(), d);
    }
    enter_segment(to_segment, carry, d, state);
#pragma unroll
    for (int i = 0; i < kSegmentQuarters - 1; ++i) {
      const int q = Scan::quarter(i);
      if (Scan::kReverse ? quarter >= q : quarter <= q) break;
      const bool full = usually(steps == kSegmentSteps);
      enter_quarter(full ? tables_.over_quarter() : tables_.over_steps(quarter_steps(q, steps)), full, ends_[i], state);
    }
  }

  const TileShared& shared_;
  const Place& place_;
  const Tile& tile_;
  const TileTables<N> tables_;
  const Decays<N> decays_;
  float ends_[kSegmentQuarters][N];  // in the scan's order
};

}  // namespace spikescan
