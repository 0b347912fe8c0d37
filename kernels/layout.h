// Where a chunk's states lie in the saved buffer and in the workspace. Shapes: saved and carries are
// [state][B][slots][C] float64, aggregates the same in float32, partial gradients [rows][C] float32 a parameter.
#pragma once

#include "kernels/element/chunking.h"

namespace spikescan {

// Aggregates are published for every chunk but the last; carries for every fourth, which bounds the workspace:
// a reader starts from the nearest carry and replays at most the chunks since.
constexpr int kCarrySpacing = 4;

SPIKESCAN_HD int64_t saved_slots(int64_t chunks) { return chunks > 0 ? chunks - 1 : 0; }
SPIKESCAN_HD int64_t carry_slots(int64_t chunks) { return saved_slots(chunks) / kCarrySpacing; }

SPIKESCAN_HD int64_t slot_index(int state, int64_t batch, int64_t slot, int64_t channel, int64_t batches,
                                int64_t slots, int64_t channels) {
  return ((state * batches + batch) * slots + slot) * channels + channel;
}

}  // namespace spikescan
