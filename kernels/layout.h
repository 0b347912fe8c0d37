// Where things lie: states in the saved buffer and in the workspace, a tile's in shared memory. Saved states
// and carries are [state][B][slots][C] float64, aggregates the same in float32, partial gradients [rows][C] float32.
#pragma once

#include <cstddef>

#include "include/spikescan/spikescan.h"
#include "kernels/element/chunking.h"

namespace spikescan {

// From chunk to chunk: every link of the chain but the last has an aggregate, and a carry that it hands on.
SPIKESCAN_HD int64_t link_slots(int64_t chunks) {
  return chunks > 0 ? chunks - 1 : 0;
}
// Where tiles look back they publish every fourth carry: a reader starts from the nearest and replays at most the links
// since.
constexpr int kCarrySpacing = 4;
SPIKESCAN_HD int64_t published_carry_slots(int64_t chunks) {
  return link_slots(chunks) / kCarrySpacing;
}

// Forward saves what it had before steps 64, 128, ...: where a chunk starts the carry, inside a chunk the chain over
// its segments, which is zero at its start. From these, backward can begin anywhere.
SPIKESCAN_HD int64_t saved_slots(int64_t time) {
  return time > 0 ? (time - 1) / kSavedSteps : 0;
}
// Of the first step of a chunk's segment; there is none before the first step of all.
SPIKESCAN_HD int64_t saved_slot(int64_t chunk, int segment) {
  return (chunk * kChunkSegments + segment) / kSavedSegments - 1;
}
SPIKESCAN_HD bool saves_chain(int segment) {
  return segment > 0 && segment % kSavedSegments == 0;
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

// The leaders of a tile's channels form part of one warp.
constexpr int kMostTileChannels = 32;
constexpr int kMostCoefficients = 3;  // of a map or a response of order 2
constexpr int kMostStates = 2;
// M, M^2, M^4 ... M^1024: the bits of a number of steps pick what its power is made of. And what the lowest three bits
// of a number of segments make: M^0, M^16 ... M^112.
constexpr int kTileSquares = 11;
constexpr int kTileProducts = 8;
constexpr int kTileMaps = kTileSquares + kTileProducts;
static_assert(1 << (kTileSquares - 1) == kChunkSteps);

SPIKESCAN_HD constexpr int coefficients_of(int order) {
  return order == 1 ? 1 : kMostCoefficients;
}

// A tile's dynamic shared memory: what a tile of any shape has, at places that the compiler knows, then a record for
// each thread.
struct TileCommon {
  static constexpr int kTurnWords = 14;
  // 16 bytes at a time, an odd number of them to a channel, so that neighbours lie in different banks. Of order 2 a
  // step's three coefficients have 16 bytes to themselves.
  static constexpr int kResponseWords = kHalfSteps * 4 + 4;
  alignas(16) float responses[kMostTileChannels][kResponseWords];
  int64_t turns[kTurnWords];
  float parked[kSegmentSteps][32];  // the first warp's values, while it chains
  double carry_in[kMostStates][kMostTileChannels];
  double carry_out[kMostStates][kMostTileChannels];
  double totals[kMostStates][kMostTileChannels];                  // the decays' gradients so far
  float before[kMostStates][kMostTileChannels];                   // backward's states before the chunk's first step
  double maps[kTileMaps * kMostCoefficients][kMostTileChannels];  // a third of it where the order is 1
};

// `columns`: values that a thread keeps for each of its steps; they are its record's first words.
struct LaneEnd {
  double
      chain[kMostStates];  // what a segment's own steps leave, then the state before it, from zero at the chunk's start
  float handover[2];       // from thread to thread outside the scans
};

// Again an odd number of 16 bytes.
SPIKESCAN_HD constexpr int lane_bytes(int columns) {
  return (kSegmentSteps * columns + 12) * static_cast<int>(sizeof(float));
}
static_assert(sizeof(LaneEnd) <= 12 * sizeof(float));

SPIKESCAN_HD constexpr int common_bytes(int order) {
  constexpr int kRow = kMostTileChannels * static_cast<int>(sizeof(double));
  constexpr int kUpToMaps = static_cast<int>(sizeof(TileCommon)) - kTileMaps * kMostCoefficients * kRow;
  return kUpToMaps + kTileMaps * coefficients_of(order) * kRow;
}
static_assert(common_bytes(1) % 16 == 0 && common_bytes(2) == sizeof(TileCommon));

SPIKESCAN_HD constexpr size_t tile_shared_bytes(int order, int columns, int lanes) {
  return static_cast<size_t>(common_bytes(order)) + static_cast<size_t>(lanes) * lane_bytes(columns);
}

// V and R, or V and I; what spsn and psu_lif look at again is x and A.
SPIKESCAN_HD constexpr int backward_columns(spikescan_recurrence r) {
  return r == SPIKESCAN_LIF ? 1 : r == SPIKESCAN_PSU_LIF ? 3 : 2;
}
// psu_lif's V, while R is scanned.
SPIKESCAN_HD constexpr int forward_columns(spikescan_recurrence r) {
  return r == SPIKESCAN_PSU_LIF ? 1 : 0;
}

// A block that scans rows or pieces: a thread each, with a column of maps and of a half's responses
// (kernels/cuda/row_scan.h).
constexpr int kRowThreads = 128;
constexpr int kSegmentBits = 6;  // of a segment's number in its chunk
// M^(16 s) is a product of squares, one for each bit of s, low bits first. Forward keeps the products of the lowest
// bits ready-made, of as many as leave room for as many blocks; backward has neither the room nor the registers.
SPIKESCAN_HD constexpr int row_maps(int low_bits) {
  return (low_bits > 0 ? 1 << low_bits : 0) + kSegmentBits - low_bits + 2;
}
SPIKESCAN_HD constexpr int forward_low_bits(int order) {
  return order == 1 ? 3 : 0;
}
// Of order 1: eight, and as many as make the columns' 16 bytes lie in different banks. Of order 2 their coefficients
// lie apart.
constexpr int kRowResponseWords = kHalfSteps + 4;

SPIKESCAN_HD constexpr size_t row_tables_bytes(int order, int columns, int low_bits) {
  const size_t words = order == 1 ? kRowResponseWords : kMostCoefficients * kHalfSteps;
  const size_t doubles = static_cast<size_t>(coefficients_of(order)) * row_maps(low_bits);
  return static_cast<size_t>(columns) * (doubles * sizeof(double) + words * sizeof(float));
}
constexpr int kRingSlotBytes = kSegmentSteps * 32 * static_cast<int>(sizeof(float));

// Forward: segments of x on their way to each warp, the tables, and where the random numbers start
// (kernels/random_origin.h).
constexpr size_t kOriginBytes = 48;
// One segment in the ring and one in registers: with more of x under way, float32 to float32 became slower on an H200
// (docs/cuda.md; in no record).
constexpr int kForwardRingSlots = 1;
// Blocks that registers and shared memory leave room for on a multiprocessor.
constexpr int kResidentForwardRows = 4;
struct ForwardRowLayout {
  size_t ring, tables, origin, bytes;
};
SPIKESCAN_HD constexpr ForwardRowLayout forward_row_layout(spikescan_recurrence r) {
  ForwardRowLayout at = {};
  at.tables = size_t{kRowThreads / 32} * kForwardRingSlots * kRingSlotBytes;
  const int order = r == SPIKESCAN_CUBA_LIF ? 2 : 1;
  at.origin = at.tables + row_tables_bytes(order, kRowThreads, forward_low_bits(order));
  at.bytes = at.origin + kOriginBytes;
  return at;
}

// Blocks of rows that registers leave room for on a multiprocessor.
SPIKESCAN_HD constexpr int resident_rows(spikescan_recurrence r) {
  return r == SPIKESCAN_PSU_LIF || r == SPIKESCAN_CUBA_LIF ? 3 : 4;
}

// Backward: the tables of both directions, which are one where the order is 1; the entries of the segments between two
// saved states; the chain and the carry that come next; and a ring of segments of x for each warp
// (kernels/cuda/backward_row.h). Where the channels are a multiple of a warp's lanes, a block's warps are batches of
// the same channels and share the tables' columns.
constexpr int kBackwardRingSlots = kSavedSegments;
struct BackwardRowLayout {
  size_t states, gradients, entries, chains, ring, bytes;
};
SPIKESCAN_HD constexpr BackwardRowLayout backward_row_layout(spikescan_recurrence r, int columns) {
  const size_t states = r == SPIKESCAN_CUBA_LIF || r == SPIKESCAN_PSU_LIF ? 2 : 1;
  const size_t tables = row_tables_bytes(r == SPIKESCAN_CUBA_LIF ? 2 : 1, columns, /*low_bits=*/0);
  BackwardRowLayout at = {};
  at.ring = 0;
  at.states = size_t{kRowThreads / 32} * kBackwardRingSlots * kRingSlotBytes;
  at.gradients = r == SPIKESCAN_CUBA_LIF ? at.states + tables : at.states;
  at.chains = at.gradients + tables;
  at.entries = at.chains + 2 * states * kRowThreads * sizeof(double);
  at.bytes = at.entries + 3 * states * kSavedSegments * kRowThreads * sizeof(float);
  return at;
}

}  // namespace spikescan
