// A caller's state [B, C] (initial, final, or the gradient of one) as a block's lanes have it.
#pragma once

#include "include/spikescan/spikescan.h"
#include "kernels/cpu/lane_block.h"
#include "kernels/cpu/vector.h"

SPIKESCAN_ELEMENT_BEGIN

inline bool wants_any(const spikescan_state* states, int count) {
  for (int n = 0; n < count; ++n) {
    if (states[n].data) return true;
  }
  return false;
}

// The lanes from `first` on; an absent state is zero.
template <class Number>
HWY_NOINLINE void load_state(const spikescan_state& state, const LaneBlock& block, int first, Number* lanes) {
  if (!state.data) {
    __builtin_memset(lanes + first, 0, static_cast<size_t>(block.lanes - first) * sizeof *lanes);
    return;
  }
  for (int l = first; l < block.lanes; ++l) {
    lanes[l] = state.data[block.batch[l] * state.stride_batch + block.channel[l]];
  }
}

// Of chunks side by side the one at the row's end that the pass comes to last, whose lanes are the last ones.
template <class Number>
HWY_NOINLINE void store_state(const Number* lanes, const LaneBlock& block, const spikescan_state& state) {
  if (!state.data) return;
  for (int l = block.last_chunk(); l < block.lanes; ++l) {
    state.data[block.batch[l] * state.stride_batch + block.channel[l]] = static_cast<float>(lanes[l]);
  }
}

SPIKESCAN_ELEMENT_END
