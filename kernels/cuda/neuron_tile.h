// A neuron's forward scan over a tile: x in, the states of this thread's 16 steps out. The forward kernel fires on
// them; backward rebuilds them from x and the saved carry. States in the API's order: [0] V, [1] I or R.
#pragma once

#include "kernels/cuda/segment_io.h"
#include "kernels/cuda/tile_scan.h"

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
  return place.in_tensor ? load_decays(d, args, tile.channel) : ChannelDecays{};
}

template <spikescan_recurrence R>
struct NeuronTile {
  static constexpr bool kCuba = R == SPIKESCAN_CUBA_LIF;
  static constexpr bool kPsu = R == SPIKESCAN_PSU_LIF;
  static constexpr int kStates = kCuba || kPsu ? 2 : 1;
  static constexpr int kOrder = kCuba ? 2 : 1;
  using Scan = StateScan<kOrder>;
  using States = float[kStates][kSegmentSteps];

  // Where a scan's state `n` stands among the API's states.
  __device__ __forceinline__ static constexpr int api_state(int scan, int n) { return kCuba ? 1 - n : scan + n; }

  // `x` is scaled in place. `carries.template source<Scan>(scan)` and `.sink<Scan>(scan)` serve TileScan::run.
  template <class Carries>
  __device__ __forceinline__ static void run(const TileShared& shared, const Place& place, const Tile& tile,
                                             const ChannelDecays& decays, float (&x)[kSegmentSteps], States& states,
                                             Carries& carries) {
    if constexpr (R == SPIKESCAN_SPSN) {
#pragma unroll
      for (int j = 0; j < kSegmentSteps; ++j) x[j] *= decays.gain;
    }
    const Decays<kOrder> scan_decays = {kCuba ? decays.alpha : decays.beta, decays.beta};
    float output[kOrder][kSegmentSteps];
    run_scan<Scan>(shared, place, tile, scan_decays, 0, x, output, carries);
#pragma unroll
    for (int n = 0; n < kOrder; ++n) copy_steps(output[n], states[api_state(0, n)]);
    if constexpr (kPsu) {
      float drive[kSegmentSteps], refractory[1][kSegmentSteps];
#pragma unroll
      for (int j = 0; j < kSegmentSteps; ++j) drive[j] = sigmoid(states[0][j]);
      __syncthreads();  // the first scan's shared memory is still being read
      run_scan<StateScan<1>>(shared, place, tile, {decays.beta, decays.beta}, 1, drive, refractory, carries);
      copy_steps(refractory[0], states[1]);
    }
  }

  // What the rule sees, M.
  __device__ __forceinline__ static float rule_input(const States& states, int j) {
    return kPsu ? states[0][j] - states[kStates - 1][j] : states[0][j];
  }

 private:
  template <class S, class Carries>
  __device__ __forceinline__ static void run_scan(const TileShared& shared, const Place& place, const Tile& tile,
                                                  const Decays<S::kOrder>& decays, int scan,
                                                  const float (&input)[kSegmentSteps],
                                                  float (&output)[S::kOrder][kSegmentSteps], Carries& carries) {
    TileScan<S>(shared, place, tile, decays)
        .run(
            input, output,
            [&](const Map<S::kOrder>& map, const float(&aggregate)[S::kOrder], double(&carry)[S::kOrder]) {
              carries.template carry_in<S>(scan, map, aggregate, carry);
            },
            [&](const double(&carry)[S::kOrder]) { carries.template carry_out<S>(scan, carry); });
  }

  __device__ __forceinline__ static void copy_steps(const float (&from)[kSegmentSteps], float (&to)[kSegmentSteps]) {
#pragma unroll
    for (int j = 0; j < kSegmentSteps; ++j) to[j] = from[j];
  }
};

// A state of the API, or zero where it is absent.
__device__ __forceinline__ float load_state(const spikescan_state& state, const Place& place, const Tile& tile,
                                            int64_t batch) {
  if (!state.data || !place.in_tensor) return 0.0f;
  return state.data[batch * state.stride_batch + tile.channel];
}

__device__ __forceinline__ void store_state(const spikescan_state& state, const Place& place, const Tile& tile,
                                            int64_t batch, float value) {
  if (state.data && place.in_tensor) state.data[batch * state.stride_batch + tile.channel] = value;
}

}  // namespace spikescan
