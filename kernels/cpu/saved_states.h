// A block's numbers in the states that forward saves for backward (kernels/saved_slots.h).
#pragma once

#include "include/spikescan/spikescan.h"
#include "kernels/cpu/segment_io.h"
#include "kernels/saved_slots.h"

SPIKESCAN_ELEMENT_BEGIN

// Of lane l, in float64 elements.
HWY_INLINE int64_t lane_index(const spikescan_description& d, const LaneBlock& block, int state, int64_t slot, int l) {
  return saved_index(d, state, block.batch[l], slot + block.chunk[l] * kChunkSlots, block.channel[l]);
}

// Calls move(index, lane, count) for each run of the block's lanes that lies together in the slot, which is that of the
// block's first chunk.
template <class Move>
void for_saved_runs(const spikescan_description& d, const LaneBlock& block, int state, int64_t slot, Move move) {
  for (int l = 0; l < block.lanes; l += block.width()) {
    if (slot + block.chunk[l] * kChunkSlots < 0) continue;  // before the first step of all
    move(lane_index(d, block, state, slot, l), l, static_cast<size_t>(block.width()));
  }
}

// Past the caches where the call's rows of float32 go past them too: backward comes to what was saved last things
// first, and an ordinary store would first read the line.
inline void save_states(const spikescan_description& d, const LaneBlock& block, int state, int64_t slot,
                        const double* values, void* saved) {
  const bool streaming = streams(d, SPIKESCAN_FLOAT32);
  for_saved_runs(d, block, state, slot, [&](int64_t index, int lane, size_t count) {
    double* to = static_cast<double*>(saved) + index;
    if (!streaming || count % kDoubles != 0 || reinterpret_cast<uintptr_t>(to) % kLineBytes != 0) {
      __builtin_memcpy(to, values + lane, count * sizeof(double));
      return;
    }
    for (size_t i = 0; i < count; i += kDoubles) hn::Stream(load(values + lane + i), DoubleTag(), to + i);
  });
}

inline void load_states(const spikescan_description& d, const LaneBlock& block, int state, int64_t slot,
                        const void* saved, double* values) {
  for_saved_runs(d, block, state, slot, [&](int64_t index, int lane, size_t count) {
    __builtin_memcpy(values + lane, static_cast<const double*>(saved) + index, count * sizeof(double));
  });
}

// Asks memory for what load_states() will read soon, of rows that lie so many batches and channels further. Inlined, or
// the compiler takes it for a function that has no effect and drops the call.
HWY_INLINE void ask_states(const spikescan_description& d, const LaneBlock& block, int64_t batches, int64_t channels,
                           int state, int64_t slot, const void* saved) {
  const int64_t further = saved_index(d, state, batches, slot, channels) - saved_index(d, state, 0, slot, 0);
  for (int l = 0; l < block.lanes; l += block.width()) {
    const auto first = reinterpret_cast<uintptr_t>(saved) +
                       static_cast<uintptr_t>(lane_index(d, block, state, slot, l) + further) * sizeof(double);
    for (size_t byte = 0; byte < static_cast<size_t>(block.width()) * sizeof(double); byte += kLineBytes) {
      __builtin_prefetch(reinterpret_cast<const void*>(first + byte));
    }
  }
}

SPIKESCAN_ELEMENT_END
