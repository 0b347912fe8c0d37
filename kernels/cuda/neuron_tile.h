// A neuron's forward scan over a tile: x in, what the rule sees at this thread's steps out. The forward kernel fires
// on it; backward keeps the states, rebuilt from x and the saved carry. States in the API's order: [0] V, [1] I or R.
#pragma once

#include <type_traits>

#include "kernels/cuda/fine_scan.h"
#include "kernels/cuda/neuron_scans.h"
#include "kernels/cuda/tile_scan.h"

namespace spikescan {

// The scan whose threads have so many steps.
template <class Scan, int kSteps>
using ScanOfTile = std::conditional_t<kSteps == kSegmentSteps, TileScan<Scan>, FineScan<Scan>>;

template <class Args>
__device__ __forceinline__ ChannelDecays load_decays(const spikescan_description& d, const Args& args,
                                                     const Place& place, const Tile& tile) {
  return place.in_tensor ? load_decays(d, args, tile.channel()) : ChannelDecays{};
}

template <spikescan_recurrence R>
struct NeuronTile : NeuronScans<R> {
  using Scans = NeuronScans<R>;
  using Scans::kCuba, Scans::kOrder, Scans::kPsu, Scans::api_state;
  using typename Scans::Scan;

  // `values` comes as x and becomes what the rule sees, M. `pass` serves the scan (tile_scan.h); `pass.put(state, j,
  // full, value)` sees every state, and `pass.membrane(j, full)` gives V back to psu_lif. False where a scan ended with
  // its aggregate.
  template <int kSteps, class Pass>
  __device__ __forceinline__ static bool run(const TileShared& shared, Place& place, const Tile& tile,
                                             const ChannelDecays& decays, float (&values)[kSteps], Pass& pass) {
    if constexpr (R == SPIKESCAN_SPSN) {
#pragma unroll
      for (int j = 0; j < kSteps; ++j) values[j] *= decays.gain;
    }
    const bool went_on =
        ScanOfTile<Scan, kSteps>(shared, place, tile, {kCuba ? decays.alpha : decays.beta, decays.beta})
            .run(0, values, pass, [&](int j, bool full, const float(&out)[kOrder]) {
              for (int n = 0; n < kOrder; ++n) pass.put(api_state(0, n), j, full, out[n]);
              return kPsu ? sigmoid(out[0]) : out[kOrder - 1];
            });
    if constexpr (kPsu) {
      if (!went_on) return false;
      __syncthreads();  // the first scan's shared memory is still being read
      return ScanOfTile<StateScan<1>, kSteps>(shared, place, tile, {decays.beta, decays.beta})
          .run(1, values, pass, [&](int j, bool full, const float(&out)[1]) {
            pass.put(1, j, full, out[0]);
            return pass.membrane(j, full) - out[0];
          });
    }
    return went_on;
  }
};

// A state of the API, or zero where it is absent.
__device__ __forceinline__ float load_state(const spikescan_state& state, const Place& place, const Tile& tile,
                                            int64_t batch) {
  if (!state.data || !place.in_tensor) return 0.0f;
  return state.data[batch * state.stride_batch + tile.channel()];
}

__device__ __forceinline__ void store_state(const spikescan_state& state, const Place& place, const Tile& tile,
                                            int64_t batch, float value) {
  if (state.data && place.in_tensor) state.data[batch * state.stride_batch + tile.channel()] = value;
}

}  // namespace spikescan
