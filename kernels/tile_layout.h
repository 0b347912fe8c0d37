// A block that scans tiles (kernels/cuda/tile.h): its threads, and its shared memory.
#pragma once

#include <cstddef>

#include "include/spikescan/spikescan.h"
#include "kernels/element/chunking.h"
#include "kernels/neuron_sizes.h"

namespace spikescan {

// Threads of a tile at most: the plan stays within it, and the kernels are compiled so that as many such blocks fit the
// registers of a multiprocessor: 64 a thread, or 80 where there are two states.
SPIKESCAN_HD constexpr int most_tile_threads(spikescan_recurrence r) {
  return state_count(r) == 1 ? 512 : 256;
}
SPIKESCAN_HD constexpr int resident_tiles(spikescan_recurrence r) {
  return state_count(r) == 1 ? 2 : 3;
}

// The same of fine tiles, whose threads have a quarter each: 64 registers a thread, or up to 128. Four of them,
// neighbours in time, have a segment and are lanes of one warp.
constexpr int kMostFineThreads = 512;
SPIKESCAN_HD constexpr int resident_fine_tiles(spikescan_recurrence r, bool backward) {
  return backward || state_count(r) == 2 ? 1 : 2;
}
constexpr int kMostFineRows = 32 / kSegmentQuarters;

// The leaders of a tile's rows form part of one warp.
constexpr int kMostTileRows = 32;

// M, M^2, M^4 ... M^1024: the bits of a number of steps pick what its power is made of. And what the lowest three bits
// of a number of segments make: M^0, M^16 ... M^112. And the power over the whole chunk.
constexpr int kTileSquares = 11;
constexpr int kTileProducts = 8;
constexpr int kTileMaps = kTileSquares + kTileProducts + 1;
static_assert(1 << (kTileSquares - 1) == kChunkSteps);

// A tile's dynamic shared memory: what a tile of any shape has, at places that the compiler knows, then a record for
// each thread.
struct TileCommon {
  static constexpr int kTurnWords = 14;
  // 16 bytes at a time, an odd number of them to a channel, so that neighbours lie in different banks. Of order 2 a
  // step's three coefficients have 16 bytes to themselves.
  static constexpr int kResponseWords = kQuarterSteps * 4 + 4;
  alignas(16) float responses[kMostTileRows][kResponseWords];
  int64_t turns[kTurnWords];
  float parked[kSegmentSteps][32];  // the first warp's values, while it chains
  double carry_in[kMostStates][kMostTileRows];
  double carry_out[kMostStates][kMostTileRows];
  double totals[kMostStates][kMostTileRows];                  // the decays' gradients so far
  float before[kMostStates][kMostTileRows];                   // backward's states before the chunk's first step
  double maps[kTileMaps * kMostCoefficients][kMostTileRows];  // a third of it where the order is 1
};

// A thread's record: `columns` values for each of its steps, then this.
struct LaneEnd {
  // What a segment's own steps leave, then the state before it, from zero at the chunk's start. (Of a fine tile the
  // first threads' records have all segments'.)
  double chain[kMostStates];
  float handover[2];  // from thread to thread outside the scans
};

// `steps`: a thread's. An odd multiple of 16 bytes, so that neighbouring lanes use different banks.
SPIKESCAN_HD constexpr int lane_bytes(int steps, int columns) {
  constexpr int kEnd = 2;
  return ((steps * columns / 4 + kEnd) | 1) * 16;
}
static_assert(sizeof(LaneEnd) <= 2 * 16);

SPIKESCAN_HD constexpr int common_bytes(int order) {
  constexpr int kRow = kMostTileRows * static_cast<int>(sizeof(double));
  constexpr int kUpToMaps = static_cast<int>(sizeof(TileCommon)) - kTileMaps * kMostCoefficients * kRow;
  return kUpToMaps + kTileMaps * coefficients_of(order) * kRow;
}
static_assert(common_bytes(1) % 16 == 0 && common_bytes(2) == sizeof(TileCommon));

SPIKESCAN_HD constexpr size_t tile_shared_bytes(int order, int steps, int columns, int lanes) {
  return static_cast<size_t>(common_bytes(order)) + static_cast<size_t>(lanes) * lane_bytes(steps, columns);
}

// V and R, or V and I; what spsn and psu_lif look at again is x and A.
SPIKESCAN_HD constexpr int backward_columns(spikescan_recurrence r) {
  return r == SPIKESCAN_LIF ? 1 : r == SPIKESCAN_PSU_LIF ? 3 : 2;
}
// psu_lif's V, while R is scanned.
SPIKESCAN_HD constexpr int forward_columns(spikescan_recurrence r) {
  return r == SPIKESCAN_PSU_LIF ? 1 : 0;
}

}  // namespace spikescan
