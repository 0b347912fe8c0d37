// One scan over a tile (kernels/element/recurrence.h gives its arithmetic): every thread scans the quarters of its
// segment from zero, the leaders chain the segments and fetch the carry into the chunk (if the pass does not know
// them), and every thread scans again, now adding the response to the state carried in. Scanning twice costs less than
// keeping every state in a register while the chain is under way. Bit for bit what LaneScan does on the CPU.
#pragma once

#include "kernels/cuda/tile_chain.h"

namespace spikescan {

template <class Scan>
class TileScan {
 public:
  static constexpr int N = Scan::kOrder;

  __device__ __forceinline__ TileScan(const TileShared& shared, Place& place, const Tile& tile, const Decays<N>& decays)
      : shared_(shared), place_(place), tile_(tile), tables_(shared, place), decays_(decays) {}

  // `values` holds the scan's inputs. In the scan's direction `emit(j, full, outputs)` sees each step's outputs and
  // returns what takes the input's place; `full` says that the segment is. All threads of the block together. Of the
  // pass, which knows a scan by the first of its states in the API's order, it asks
  //   load_carry(first_state, carry)                for the carry into the chunk, so far as memory knows it: a leader,
  //   carry_in(first_state, map, aggregate, carry)  for the carry into the chunk: the first warp,
  //   carry_out(first_state, carry)                 to take the one that leaves it: the first warp,
  //   enter(first_state, segment, chain)            to look at the chain before a segment: the thread that enters it,
  //   ends_with(first_state)                        whether the chunk's aggregate is all that is wanted; then
  //   keep(first_state, aggregate)                  to take it: a leader; and the result is false;
  // or, with kKnowsChain, alone
  //   know(first_state, carry, chain)               for the carry, and the chain before the thread's group of segments.
  template <class Pass, class Emit>
  __device__ __forceinline__ bool run(int first_state, float (&values)[kSegmentSteps], Pass& pass, Emit emit) {
    tables_.template make<Scan>(decays_, tile_.length());
    scan_segment(values);
    __syncthreads();
    begin_phase();
    if constexpr (!Pass::kKnowsChain) {
      if (!usually(threadIdx.x >= 32)) {
        park(values);
        TileChain<Scan>(shared_, place_, tile_, tables_).run(first_state, pass);
        take_back(values);
      }
      if (pass.ends_with(first_state)) return false;
      __syncthreads();
      begin_phase();
    }
    respond_to_carry(first_state, values, pass, emit);
    return true;
  }

 private:
  __device__ __forceinline__ void begin_phase() {
    place_.look_again();
    decays_.first = seen_anew(decays_.first);
    if constexpr (N == 2) decays_.second = seen_anew(decays_.second);
  }

  // ---- The quarters of a segment, each from zero ----
  __device__ __forceinline__ void scan_segment(const float (&values)[kSegmentSteps]) {
    const int steps = place_.steps<kSegmentSteps>(tile_.length());
    float ends[kSegmentQuarters][N];
    scan_quarter<0>(steps, values, ends[0]);
    scan_quarter<1>(steps, values, ends[1]);
    scan_quarter<2>(steps, values, ends[2]);
    scan_quarter<3>(steps, values, ends[3]);
    double joined[N];
    join_quarters(TileTables<N>::quarter_of(Scan::map(decays_)), ends, joined);
    for (int n = 0; n < N; ++n) shared_.chain(place_.lane(), n) = joined[n];
  }

  template <int i>
  __device__ __forceinline__ void scan_quarter(int steps, const float (&values)[kSegmentSteps], float (&state)[N]) {
    for (int n = 0; n < N; ++n) state[n] = 0.0f;
    for_quarter<Scan, i>(steps, [&](int j, bool) {
      float out[N];
      Scan::step(place_in_quarter<Scan, i>(j), decays_, values[j], state, out);
    });
  }

  // ---- The first warp's values wait in shared memory while it chains: the registers are needed ----
  __device__ __forceinline__ void park(const float (&values)[kSegmentSteps]) const {
#pragma unroll
    for (int j = 0; j < kSegmentSteps; ++j) shared_.common.parked[j][threadIdx.x] = values[j];
  }
  __device__ __forceinline__ void take_back(float (&values)[kSegmentSteps]) const {
#pragma unroll
    for (int j = 0; j < kSegmentSteps; ++j) values[j] = shared_.common.parked[j][threadIdx.x];
  }

  // ---- The response of every step to the state carried into its quarter ----
  template <class Pass, class Emit>
  __device__ __forceinline__ void respond_to_carry(int first_state, float (&values)[kSegmentSteps], Pass& pass,
                                                   Emit emit) {
    const int steps = place_.steps<kSegmentSteps>(tile_.length());
    if (steps == 0) return;
    const int first = place_.part * kSegmentSteps;
    const int distance = Scan::kReverse ? tile_.length() - first - steps : first;
    double carry[N], d[N], state[N];
    if constexpr (Pass::kKnowsChain) {
      KnownChain<Scan>(shared_, place_, tile_, tables_)
          .find(first_state, place_.part, finishes_chunk<kSegmentSteps>(place_), pass, carry, d);
    } else {
      for (int n = 0; n < N; ++n) {
        carry[n] = shared_.common.carry_in[n][place_.row];
        d[n] = shared_.chain(place_.lane(), n);
      }
      pass.template enter<Scan>(first_state, place_.part, d);
    }
    enter_segment(tables_.over_distance(distance), carry, d, state);
    float local[N];
    respond_quarter<0>(steps, state, values, local, emit);
    respond_next<1>(steps, state, values, local, emit);
    respond_next<2>(steps, state, values, local, emit);
    respond_next<3>(steps, state, values, local, emit);
  }

  // After the quarter before it, whose own steps left `local`.
  template <int i, class Emit>
  __device__ __forceinline__ void respond_next(int steps, double (&state)[N], float (&values)[kSegmentSteps],
                                               float (&local)[N], Emit emit) {
    enter_quarter(over_quarter(steps, Scan::quarter(i - 1)), usually(steps == kSegmentSteps), local, state);
    respond_quarter<i>(steps, state, values, local, emit);
  }

  __device__ __forceinline__ Map<N> over_quarter(int steps, int q) const {
    if (usually(steps == kSegmentSteps)) return tables_.over_quarter();
    return tables_.over_steps(quarter_steps(q, steps));
  }

  // `local` becomes what the quarter's own steps leave.
  template <int i, class Emit>
  __device__ __forceinline__ void respond_quarter(int steps, const double (&state)[N], float (&values)[kSegmentSteps],
                                                  float (&local)[N], Emit emit) {
    constexpr int q = Scan::quarter(i);
    // Steps that the scan does not meet.
    const int missing = Scan::kReverse ? kQuarterSteps - quarter_steps(q, steps) : 0;
    float entry[N];
    round_entry(state, entry);
    for (int n = 0; n < N; ++n) local[n] = 0.0f;
    const QuarterResponses<N> responses = tables_.responses(missing);
    for_quarter<Scan, i>(steps, [&](int j, bool full) {
      const int reached = place_in_quarter<Scan, i>(j);
      float out[N];
      Scan::step(reached, decays_, values[j], local, out);
      respond(full ? responses.of_full(reached) : responses.of_partial(reached), entry, out);
      if (!Scan::kReverse && j == kSegmentSteps - 1 && finishes_chunk<kSegmentSteps>(place_))
        take_carry(shared_, place_, out);
      values[j] = emit(j, full, out);
    });
  }

  const TileShared& shared_;
  Place& place_;
  const Tile& tile_;
  TileTables<N> tables_;
  Decays<N> decays_;
};

}  // namespace spikescan
