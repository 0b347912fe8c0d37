// A block's numbers in the states that forward saves for backward (kernels/layout.h).
#pragma once

#include "include/spikescan/spikescan.h"
#include "kernels/cpu/lane_block.h"
#include "kernels/layout.h"

SPIKESCAN_ELEMENT_BEGIN

// Calls move(index, lane, count) for each run of the block's lanes that lies together in the slot.
template <class Move>
void for_saved_runs(const spikescan_description& d, const LaneBlock& block, int state, int64_t slot, Move move) {
  for (int l = 0; l < block.lanes; l += block.width()) {
    move(slot_index(state, block.batch[l], slot, block.channel[l], d.batch, saved_slots(d.time), d.channels), l,
         static_cast<size_t>(block.width()));
  }
}

inline void save_states(const spikescan_description& d, const LaneBlock& block, int state, int64_t slot,
                        const double* values, void* saved) {
  for_saved_runs(d, block, state, slot, [&](int64_t index, int lane, size_t count) {
    __builtin_memcpy(static_cast<double*>(saved) + index, values + lane, count * sizeof(double));
  });
}

inline void load_states(const spikescan_description& d, const LaneBlock& block, int state, int64_t slot,
                        const void* saved, double* values) {
  for_saved_runs(d, block, state, slot, [&](int64_t index, int lane, size_t count) {
    __builtin_memcpy(values + lane, static_cast<const double*>(saved) + index, count * sizeof(double));
  });
}

// Asks memory for what load_states() will read soon.
inline void ask_states(const spikescan_description& d, const LaneBlock& block, int state, int64_t slot,
                       const void* saved) {
  for_saved_runs(d, block, state, slot, [&](int64_t index, int, size_t count) {
    for (size_t i = 0; i < count; i += 8) __builtin_prefetch(static_cast<const double*>(saved) + index + i);
  });
}

SPIKESCAN_ELEMENT_END
