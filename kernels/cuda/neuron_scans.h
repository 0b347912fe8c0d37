// A neuron's scans and states, and one channel's decays. States in the API's order: [0] V, [1] I or R.
#pragma once

#include "kernels/backend.h"
#include "kernels/cuda/device.h"
#include "kernels/element/chunking.h"
#include "kernels/element/recurrence.h"
#include "kernels/neuron_sizes.h"

namespace spikescan {

// One scan, of order 2 for cuba_lif; psu_lif's second one makes R of V.
template <spikescan_recurrence R>
struct NeuronScans {
  static constexpr bool kCuba = R == SPIKESCAN_CUBA_LIF;
  static constexpr bool kPsu = R == SPIKESCAN_PSU_LIF;
  static constexpr int kStates = state_count(R);
  static constexpr int kOrder = scan_order(R);
  using Scan = StateScan<kOrder>;

  // Where state `n` of a scan stands among the API's states. `first_state` names the scan: 1 is psu_lif's on R, else 0.
  __device__ __forceinline__ static constexpr int api_state(int first_state, int n) {
    return kCuba ? 1 - n : first_state + n;
  }

  // What the rule sees, M.
  __device__ __forceinline__ static float rule_input(const float (&states)[kStates][kSegmentSteps], int j) {
    return kPsu ? states[0][j] - states[kStates - 1][j] : states[0][j];
  }
};

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
  out.gain = d.recurrence == SPIKESCAN_SPSN ? input_gain(out.beta) : 1.0f;
  return out;
}

}  // namespace spikescan
