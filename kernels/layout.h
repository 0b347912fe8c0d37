// Where things lie: a chunk's states in the saved buffer and in the workspace, a tile's in shared memory. Saved states
// and carries are [state][B][slots][C] float64, aggregates the same in float32, partial gradients [rows][C] float32.
#pragma once

#include <cstddef>

#include "include/spikescan/spikescan.h"
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

// Threads of a tile at most: the plan stays within it, and the kernels are compiled so that as many such blocks fit the
// registers of a multiprocessor: 64 a thread, or 80 where there are two states.
SPIKESCAN_HD constexpr int most_tile_threads(spikescan_recurrence r) {
  return r == SPIKESCAN_LIF || r == SPIKESCAN_SPSN ? 512 : 256;
}
SPIKESCAN_HD constexpr int resident_tiles(spikescan_recurrence r) {
  return r == SPIKESCAN_LIF || r == SPIKESCAN_SPSN ? 2 : 3;
}

// A tile's dynamic shared memory, for scans of `order` states (kernels/cuda/tile.h): 8-byte parts first, then floats.
// `columns`: values that a thread keeps there for each of its steps.
constexpr int kMostCoefficients = 3;  // of a response of order 2
constexpr int kMostStates = 2;
constexpr int kTurnWords = 12;

// Odd, so that neighbouring threads meet in no bank.
SPIKESCAN_HD constexpr int response_words(int order) {
  return kHalfSteps * (order == 1 ? 1 : kMostCoefficients) + 1;
}
SPIKESCAN_HD constexpr int column_words(int columns) {
  return columns == 0 ? 0 : kSegmentSteps * columns + 1;
}

SPIKESCAN_HD size_t tile_shared_bytes(int order, int columns, int segments, int channels) {
  const size_t lanes = static_cast<size_t>(segments) * channels;
  const size_t chain = lanes * order * sizeof(double);
  const size_t carries = size_t{2} * (order + kMostStates) * channels * sizeof(double);
  const size_t before = size_t{kMostStates} * channels * sizeof(float);
  const size_t turn = kTurnWords * sizeof(int64_t);
  const size_t parked = size_t{32} * kSegmentSteps * sizeof(float);
  const size_t handover = lanes * 2 * sizeof(float);
  const size_t responses = static_cast<size_t>(response_words(order)) * channels * sizeof(float);
  const size_t kept = lanes * column_words(columns) * sizeof(float);
  return chain + carries + before + turn + parked + handover + responses + kept;
}

// V and R, or V and I; what spsn and psu_lif look at again is x and A.
SPIKESCAN_HD constexpr int backward_columns(spikescan_recurrence r) {
  return r == SPIKESCAN_LIF ? 1 : r == SPIKESCAN_PSU_LIF ? 3 : 2;
}
// psu_lif's V, while R is scanned.
SPIKESCAN_HD constexpr int forward_columns(spikescan_recurrence r) {
  return r == SPIKESCAN_PSU_LIF ? 1 : 0;
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
