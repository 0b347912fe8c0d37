// The shared memory of the chain over chunks (kernels/cuda/chunk_chain.h), which not every device has so much of.
#pragma once

#include <cstddef>

#include "kernels/element/compat.h"

namespace spikescan {

constexpr int kChainChannels = 32;     // of a block, a lane each
constexpr int kChainWindows = 5;       // three on their way, one being chained, one on its way back
constexpr int kChainWindowWords = 64;  // links times states

SPIKESCAN_HD constexpr size_t chain_shared_bytes() {
  return sizeof(double) * kChainWindows * kChainWindowWords * kChainChannels;
}

}  // namespace spikescan
