// A neuron's forward scan over a tile: x in, what the rule sees at this thread's 16 steps out. The forward kernel fires
// on it; backward keeps the states, rebuilt from x and the saved carry. States in the API's order: [0] V, [1] I or R.
#pragma once

#include "kernels/cuda/segment_io.h"
#include "kernels/cuda/step_columns.h"
#include "kernels/cuda/tile_scan.h"
#include "kernels/neuron_sizes.h"

namespace spikescan {

// One channel's decays, clipped; gain multiplies x.
struct ChannelDecays {
  float beta, alpha, gain;
};

template <class Args>
__device__ __forceinline__ ChannelDecays load_decays(const spikescan_description& d, const Args& args,
                                                     int64_t channel) {
  const int64_t c = d.shared_decay ? 0 : channel;
  ChannelDecays out;
  out.beta = args.beta ? clip_decay(args.beta[c]) : 0.0f;  // null: there are no steps
  out.alpha = args.alpha ? clip_decay(args.alpha[c]) : 0.0f;
  out.gain = d.recurrence == SPIKESCAN_SPSN ? 1.0f - out.beta : 1.0f;
  return out;
}

template <class Args>
__device__ __forceinline__ ChannelDecays load_decays(const spikescan_description& d, const Args& args,
                                                     const Place& place, const Tile& tile) {
  return place.in_tensor ? load_decays(d, args, tile.channel()) : ChannelDecays{};
}

template <spikescan_recurrence R>
struct NeuronTile {
  static constexpr bool kCuba = R == SPIKESCAN_CUBA_LIF;
  static constexpr bool kPsu = R == SPIKESCAN_PSU_LIF;
  static constexpr int kStates = state_count(R);
  static constexpr int kOrder = scan_order(R);
  using Scan = StateScan<kOrder>;

  // Where a scan's state `n` stands among the API's states.
  __device__ __forceinline__ static constexpr int api_state(int scan, int n) { return kCuba ? 1 - n : scan + n; }

  // `values` comes as x and becomes what the rule sees, M. `kept.put(state, j, full, value)` sees every state, and
  // gives V back to psu_lif by `kept.membrane(j, full)`. `carries` serves TileScan::run; false where a scan ended with
  // its aggregate.
  template <class Carries, class Kept>
  __device__ __forceinline__ static bool run(const TileShared& shared, Place& place, const Tile& tile,
                                             const ChannelDecays& decays, float (&values)[kSegmentSteps],
                                             Carries& carries, Kept& kept) {
    if constexpr (R == SPIKESCAN_SPSN) {
#pragma unroll
      for (int j = 0; j < kSegmentSteps; ++j) values[j] *= decays.gain;
    }
    const bool went_on = TileScan<Scan>(shared, place, tile, {kCuba ? decays.alpha : decays.beta, decays.beta})
                             .run(0, values, carries, [&](int j, bool full, const float(&out)[kOrder]) {
                               for (int n = 0; n < kOrder; ++n) kept.put(api_state(0, n), j, full, out[n]);
                               return kPsu ? sigmoid(out[0]) : out[kOrder - 1];
                             });
    if constexpr (kPsu) {
      if (!went_on) return false;
      __syncthreads();  // the first scan's shared memory is still being read
      return TileScan<StateScan<1>>(shared, place, tile, {decays.beta, decays.beta})
          .run(1, values, carries, [&](int j, bool full, const float(&out)[1]) {
            kept.put(1, j, full, out[0]);
            return kept.membrane(j, full) - out[0];
          });
    }
    return went_on;
  }

  // What the rule sees, M.
  __device__ __forceinline__ static float rule_input(const float (&states)[kStates][kSegmentSteps], int j) {
    return kPsu ? states[0][j] - states[kStates - 1][j] : states[0][j];
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
