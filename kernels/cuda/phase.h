// Pieces, and tiles where chunks are many, take several kernels: the aggregate of every chunk, from a zero carry; the
// chain over them (chunk_chain.h); every chunk again, from its carry. psu_lif's second scan needs the first one's
// carries, and so aggregates and a chain of its own. Each kernel's numbers are there when the next one starts: no block
// waits for another, and nothing has to be cleared.
#pragma once

#include <cstdint>

#include "kernels/element/compat.h"
#include "kernels/plan.h"

namespace spikescan {

enum class Phase : int32_t { kFinish, kFirstAggregates, kSecondAggregates };

SPIKESCAN_HD bool takes_phases(const Plan& plan) {
  return plan.strategy == kPieces || plan.strategy == kTilesInPhases;
}

// The links of the chain that a phase works on: after the last nobody follows.
SPIKESCAN_HD int64_t links_of(const Plan& plan, Phase phase) {
  return phase == Phase::kFinish ? plan.chunks : plan.chunks - 1;
}

// Whether the pass's n-th scan is the one whose aggregates are wanted.
SPIKESCAN_HD bool ends_with(Phase phase, int nth_scan) {
  return phase == (nth_scan == 0 ? Phase::kFirstAggregates : Phase::kSecondAggregates);
}

// Links count from 0 in the scan's direction.
SPIKESCAN_HD int64_t chunk_of_link(const Plan& plan, int64_t link, bool reverse) {
  return reverse ? plan.chunks - 1 - link : link;
}

// How many blocks of pieces a phase has, and which is taken at a turn: the last phase goes back through them, since
// what the one before read last may still be in the L2 cache.
SPIKESCAN_HD int64_t piece_blocks(const Plan& plan, Phase phase) {
  return phase == Phase::kFinish ? plan.row_blocks : plan.aggregate_blocks;
}
SPIKESCAN_HD int64_t piece_block(const Plan& plan, Phase phase, int64_t turn) {
  return phase == Phase::kFinish ? plan.row_blocks - 1 - turn : turn;
}

}  // namespace spikescan
