// Which states forward saves for backward, and where: [state][B][slots][C] float64.
#pragma once

#include "include/spikescan/spikescan.h"
#include "kernels/element/chunking.h"
#include "kernels/slot_index.h"

namespace spikescan {

// Forward saves what it had before steps 64, 128, ...: where a chunk starts the carry, inside a chunk the chain over
// its segments, which is zero at its start. From these, backward can begin anywhere.
SPIKESCAN_HD int64_t saved_slots(int64_t time) {
  return time > 0 ? (time - 1) / kSavedSteps : 0;
}
// From one chunk's to the next one's.
constexpr int kChunkSlots = kChunkSegments / kSavedSegments;
// Of the first step of a chunk's segment; there is none before the first step of all.
SPIKESCAN_HD int64_t saved_slot(int64_t chunk, int segment) {
  return (chunk * kChunkSegments + segment) / kSavedSegments - 1;
}
SPIKESCAN_HD bool saves_chain(int segment) {
  return segment > 0 && segment % kSavedSegments == 0;
}

SPIKESCAN_HD int64_t saved_index(const spikescan_description& d, int state, int64_t batch, int64_t slot,
                                 int64_t channel) {
  return slot_index(state, batch, slot, channel, d.batch, saved_slots(d.time), d.channels);
}

}  // namespace spikescan
