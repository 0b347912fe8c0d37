// What a call will do, decided on the host before anything runs: tile, launch, workspace layout. Plain data.
// Nothing here changes a bit of any result but `partial_rows`, which follows from the shape alone.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/element/chunking.h"

namespace spikescan {

// The workspace starts at a multiple of it, and so does each of its parts; the CPU's own memory does, too.
constexpr size_t kWorkspaceAlignment = 256;

// What the plan needs to know of a device.
struct DeviceFacts {
  int32_t processors;         // multiprocessors, or CPU threads
  size_t shared_bytes;        // dynamic shared memory that a block may have; 0 for the CPU
  size_t shared_bytes_total;  // shared memory of one multiprocessor
};

// How a CUDA pass cuts its work: tiles, whose threads share a chunk of time and which look back where there are
// several; rows, a thread each; or pieces, a thread for each chunk of a row. Pieces, and tiles where chunks are many,
// take several kernels (kernels/cuda/phase.h).
enum Strategy : int32_t { kTiles, kRows, kPieces, kTilesInPhases };

// The CPU launches nothing: its plan has batch_rows, row_batches and chunks, and backward's partial sums.
struct Plan {
  Strategy strategy;
  // Tiles alone. A tile: one batch row, of which it takes `tile_batches` batches at a time, `tile_channels` channels,
  // and one chunk of time, cut into `tile_parts` parts of `tile_steps` steps: a segment each or, of a fine tile, a
  // quarter. A thread for each part of each channel of those batches.
  int32_t tile_batches;
  int32_t tile_channels;
  int32_t tile_parts;
  int32_t tile_steps;
  int64_t channel_tiles;
  int64_t batch_rows;   // batches; in backward groups of batches that share a row of partial sums
  int32_t row_batches;  // batches of such a group, at most all; 1 in forward
  int64_t chunks;       // at least 1: an empty sequence still hands its state on
  int64_t tiles;        // tiles alone
  // Backward rows and pieces: columns of a block's tables of powers. 32: its warps have the same 32 channels of four
  // rows or pieces, and share the tables; 128: each thread its own, rows in the order of memory.
  int32_t row_columns;
  int64_t row_blocks, aggregate_blocks;  // of so many rows or pieces, in the last phase and in those before; the grid's
                                         // blocks take them in turn
  int32_t run;                        // neighbouring tiles that a block takes at a time: they share sectors of memory
  int64_t blocks;                     // CUDA grid: each block takes tiles, rows or pieces until none is left
  int32_t threads;                    // CUDA block
  size_t shared_bytes, shared_limit;  // of dynamic shared memory, and what a block may have on the device
  // Of the chain between phases: neighbouring channels of a block, a power of two, and its threads, a multiple of them.
  int32_t chain_columns, chain_threads;
  // Workspace layout, in bytes from its start.
  size_t ticket, aggregates, carries;  // look-back's; in phases carries alone, where aggregates are first
  size_t cleared_bytes;                // [0, cleared_bytes) must be zero when the kernel starts
  int64_t partial_rows;
  size_t partials, totals;
  size_t workspace_bytes;
};

inline bool is_tiles(const Plan& plan) {
  return plan.strategy == kTiles || plan.strategy == kTilesInPhases;
}
// They never look back.
inline bool is_fine(const Plan& plan) {
  return is_tiles(plan) && plan.tile_steps == kQuarterSteps;
}

}  // namespace spikescan
