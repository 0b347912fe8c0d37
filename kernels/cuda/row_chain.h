// What a scan along one row by one thread holds on to: the decays, the carry into the chunk, and the chain over the
// chunk's segments.
#pragma once

#include "kernels/cuda/row_tables.h"

namespace spikescan {

template <class Scan>
class RowChain {
 public:
  static constexpr int N = Scan::kOrder;
  // In the scan's order: what a segment's quarters leave, each from zero,
  struct Ends {
    float at[kSegmentQuarters][N];
  };
  // and the state carried into each.
  struct Entries {
    float at[kSegmentQuarters][N];
  };

  __device__ __forceinline__ explicit RowChain(const Decays<N>& decays) : decays_(decays) {}

  __device__ __forceinline__ Map<N> map() const { return map_anew<Scan>(decays_); }
  __device__ __forceinline__ const Decays<N>& decays() const { return decays_; }
  __device__ __forceinline__ void set_carry(int n, double value) { carry_[n] = value; }
  __device__ __forceinline__ double carry(int n) const { return carry_[n]; }
  __device__ __forceinline__ void set_chain(int n, double value) { chain_[n] = value; }
  __device__ __forceinline__ double chain(int n) const { return chain_[n]; }

  __device__ __forceinline__ void begin_chunk() {
    for (int n = 0; n < N; ++n) chain_[n] = 0.0;
  }
  // What the chunk leaves from no carry.
  __device__ __forceinline__ void aggregate(float (&out)[N]) const { round_aggregate(chain_, out); }

 protected:
  // The state carried into a segment; over_distance(): the map over the chunk's steps that the scan took before it.
  // Mostly a short row's only chunk has no carry: then nothing is multiplied by it, and the map need not be there.
  template <class OverDistance>
  __device__ __forceinline__ void enter(OverDistance over_distance, double (&state)[N]) const {
    if (usually(!is_carried())) {
      for (int n = 0; n < N; ++n) state[n] = chain_[n] + 0.0;  // as a product with +0 leaves it
    } else {
      enter_carried(over_distance, state);
    }
  }
  // The same, whatever the carry is.
  template <class OverDistance>
  __device__ __forceinline__ void enter_carried(OverDistance over_distance, double (&state)[N]) const {
    enter_segment(over_distance(), carry_, chain_, state);
  }
  // Past a segment whose quarters leave `ends`.
  template <class Tables>
  __device__ __forceinline__ void move_chain(const Tables& tables, const Map<N>& quarter, const Ends& ends) {
    double joined[N];
    join_quarters(quarter, ends.at, joined);
    advance_segment(tables.over_segment(), chain_, joined);
  }
  // `carry` becomes the state after the chunk's `length` steps.
  __device__ __forceinline__ void advance_carry(int length, bool at_split, double (&carry)[N]) const {
    float added[N];
    aggregate(added);
    advance_chunk(power(map(), length), carry, added, at_split);
  }

  // Whether the carry is something else than +0.
  __device__ __forceinline__ bool is_carried() const {
    long long bits = 0;
    for (int n = 0; n < N; ++n) bits |= __double_as_longlong(carry_[n]);
    return bits != 0;
  }

  const Decays<N> decays_;
  double carry_[N] = {};
  double chain_[N] = {};
};

}  // namespace spikescan
