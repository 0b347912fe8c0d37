// The decays of a block's channels, clipped, one for each lane.
#pragma once

#include "include/spikescan/spikescan.h"
#include "kernels/cpu/lane_block.h"
#include "kernels/element/recurrence.h"

SPIKESCAN_ELEMENT_BEGIN

struct alignas(64) LaneDecays {
  float beta[kLanes], alpha[kLanes], gain[kLanes];  // clipped; spsn multiplies x by gain
};

inline void load_decays(const spikescan_description& d, const float* beta, const float* alpha, const LaneBlock& block,
                        LaneDecays& out) {
  for (int l = 0; l < kLanes; ++l) {
    const bool used = l < block.lanes;
    const int64_t c = d.shared_decay || !used ? 0 : block.channel[l];
    out.beta[l] = used && beta ? clip_decay(beta[c]) : 0.0f;  // null: there are no steps
    out.alpha[l] = used && alpha ? clip_decay(alpha[c]) : 0.0f;
    out.gain[l] = input_gain(out.beta[l]);
  }
}

SPIKESCAN_ELEMENT_END
