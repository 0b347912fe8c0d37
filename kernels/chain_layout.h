// How the chain over chunks (kernels/cuda/chunk_chain.h) is cut into runs of links, a thread each.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/element/compat.h"

namespace spikescan {

// Links of a run. More take longer one by one; fewer, and a carry matters for more runs.
constexpr int kRunLinks = 8;
// Neighbouring channels of a block: in doubles a sector of memory, or as many as fill a warp.
constexpr int kFewestChainColumns = 4, kMostChainColumns = 32;
constexpr int kMostChainThreads = 512;

// What a run leaves, of this turn and of the one before.
SPIKESCAN_HD constexpr size_t chain_shared_bytes(int threads, int states) {
  return 2 * sizeof(double) * static_cast<size_t>(threads) * static_cast<size_t>(states);
}

}  // namespace spikescan
