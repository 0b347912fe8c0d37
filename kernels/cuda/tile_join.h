// How a tile gets the carry from the chunks before it, and hands its own on: by looking back within the kernel, or from
// one kernel of a pass to the next.
#pragma once

#include "kernels/cuda/chunk_links.h"
#include "kernels/cuda/look_back.h"

namespace spikescan {

// kPhases is known to the compiler: each way's code is long enough to be missed in the instruction cache.
template <bool kPhases>
class TileJoin {
 public:
  __device__ __forceinline__ TileJoin(const spikescan_description& d, const Plan& plan, void* workspace, Phase phase,
                                      const TileShared& shared, const Place& place, const Tile& tile, int64_t batch)
      : d_(d),
        plan_(plan),
        workspace_(workspace),
        phase_(phase),
        shared_(shared),
        place_(place),
        tile_(tile),
        batch_(batch) {}

  // Whether this is the pass's last kernel.
  __device__ __forceinline__ bool finishes() const { return !kPhases || phase_ == Phase::kFinish; }

  // Whether all that is wanted of the pass's n-th scan is the chunk's aggregate; then a leader keeps it.
  __device__ __forceinline__ bool ends_with(int nth_scan) const {
    return kPhases && spikescan::ends_with(phase_, nth_scan);
  }
  template <class Scan>
  __device__ __forceinline__ void keep(int first_state, const float (&aggregate)[Scan::kOrder]) const {
    if (place_.in_tensor) links().keep(aggregate, first_state, batch_, tile_.link(), tile_.channel());
  }

  // A leader's `carry` comes as the state before the row's first link and becomes the one before this tile's, where a
  // kernel before this one has found it.
  template <class Scan>
  __device__ __forceinline__ void load_carry([[maybe_unused]] int first_state,
                                             [[maybe_unused]] double (&carry)[Scan::kOrder]) const {
    if constexpr (kPhases) {
      if (tile_.link() == 0 || !place_.in_tensor) return;
      for (int n = 0; n < Scan::kOrder; ++n) {
        carry[n] = links().at(first_state + n, batch_, tile_.link() - 1, tile_.channel());
      }
    }
  }

  // Or else by looking back for it. The first warp together.
  template <class Scan>
  __device__ __forceinline__ void carry_in([[maybe_unused]] int first_state,
                                           [[maybe_unused]] const Map<Scan::kOrder>& map,
                                           [[maybe_unused]] const float (&aggregate)[Scan::kOrder],
                                           [[maybe_unused]] double (&carry)[Scan::kOrder]) const {
    if constexpr (!kPhases) {
      if (plan_.chunks == 1) return;
      const LookBack<Scan> chain = look_back<Scan>(first_state);
      chain.publish_aggregate(aggregate);
      chain.look_back(map, carry);
    }
  }

  // The state after this tile's link.
  template <class Scan>
  __device__ __forceinline__ void carry_out(int first_state, const double (&carry)[Scan::kOrder]) const {
    if constexpr (!kPhases) {
      if (plan_.chunks > 1) look_back<Scan>(first_state).publish_carry(carry);
    }
  }

 private:
  __device__ __forceinline__ ChunkLinks links() const { return {d_, plan_, workspace_}; }
  template <class Scan>
  __device__ __forceinline__ LookBack<Scan> look_back(int first_state) const {
    return {d_, plan_, workspace_, first_state, shared_, place_, tile_, batch_};
  }

  const spikescan_description& d_;
  const Plan& plan_;
  void* const workspace_;
  const Phase phase_;
  const TileShared& shared_;
  const Place& place_;
  const Tile& tile_;
  const int64_t batch_;
};

}  // namespace spikescan
