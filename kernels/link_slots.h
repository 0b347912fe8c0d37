// What chunks hand on through the workspace, as [state][B][slots][C]: carries in float64; aggregates in float32 where
// tiles look back, in phases in float64, in the slot that its carry takes later.
#pragma once

#include <cstdint>

#include "kernels/element/compat.h"

namespace spikescan {

// All chunks but the scan's last one have an aggregate that counts, and hand a carry on.
SPIKESCAN_HD int64_t link_slots(int64_t chunks) {
  return chunks > 0 ? chunks - 1 : 0;
}
// Where tiles look back they publish every fourth carry: a reader starts from the nearest and replays at most the links
// since.
constexpr int kCarrySpacing = 4;
SPIKESCAN_HD int64_t published_carry_slots(int64_t chunks) {
  return link_slots(chunks) / kCarrySpacing;
}

}  // namespace spikescan
