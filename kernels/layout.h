// Where things lie: a chunk's states in the saved buffer and in the workspace, a tile's in shared memory. Saved states
// and carries are [state][B][slots][C] float64, aggregates the same in float32, partial gradients [rows][C] float32.
#pragma once

#include <cstddef>

#include "kernels/element/chunking.h"

namespace spikescan {

// Aggregates are published for every chunk but the last; carries for every fourth, which bounds the workspace:
// a reader starts from the nearest carry and replays at most the chunks since.
constexpr int kCarrySpacing = 4;

SPIKESCAN_HD int64_t saved_slots(int64_t chunks) {
  return chunks > 0 ? chunks - 1 : 0;
}
SPIKESCAN_HD int64_t carry_slots(int64_t chunks) {
  return saved_slots(chunks) / kCarrySpacing;
}

SPIKESCAN_HD int64_t slot_index(int state, int64_t batch, int64_t slot, int64_t channel, int64_t batches, int64_t slots,
                                int64_t channels) {
  return ((state * batches + batch) * slots + slot) * channels + channel;
}

// Threads of a tile at most: the plan stays within it and the kernels are compiled for it. Forward fits the 128
// registers that 512 threads leave each. Backward keeps its states in shared memory, of which a block has 48 KiB
// without asking.
SPIKESCAN_HD constexpr int most_tile_threads(bool backward) {
  return backward ? 256 : 512;
}

// A tile's dynamic shared memory, for scans of `order` states: doubles first, then floats (kernels/cuda/tile.h).
// Backward keeps `kept_states` for every step.
constexpr int kMostCoefficients = 3;  // of a response of order 2

SPIKESCAN_HD size_t tile_shared_bytes(int order, int kept_states, int segments, int channels) {
  const size_t lanes = static_cast<size_t>(segments) * channels;
  const size_t chain = lanes * order * sizeof(double);
  const size_t carries = size_t{2} * order * channels * sizeof(double);
  const size_t handover = lanes * 2 * sizeof(float);
  const size_t responses = size_t{kHalfSteps} * (order == 1 ? 1 : kMostCoefficients) * channels * sizeof(float);
  const size_t states = lanes * kSegmentSteps * kept_states * sizeof(float);
  return chain + carries + handover + responses + states;
}

// A block that scans rows: a thread each, with a column of M^16, M^32, ... M^512 and of a half's responses
// (kernels/cuda/row_scan.h).
constexpr int kRowThreads = 128;
constexpr int kRowSquares = 6;

SPIKESCAN_HD size_t row_shared_bytes(int order) {
  const size_t column = kRowSquares * sizeof(double) + kHalfSteps * sizeof(float);
  return size_t{kRowThreads} * (order == 1 ? 1 : kMostCoefficients) * column;
}

}  // namespace spikescan
