// What a call will do, decided on the host before anything runs: tile, launch, workspace layout. Plain data.
// Nothing here changes a bit of any result but `chunks` and `partial_rows`, which follow from the shape alone.
#pragma once

#include <cstddef>
#include <cstdint>

namespace spikescan {

// What the plan needs to know of a device.
struct DeviceFacts {
  int32_t processors;        // multiprocessors, or CPU threads
  size_t shared_bytes;       // dynamic shared memory that a block may have; 0 for the CPU
  size_t shared_bytes_total; // shared memory of one multiprocessor
};

struct Plan {
  // Tile: one batch (or a group that shares a row of partial sums), `tile_channels` channels, one chunk of time.
  int32_t tile_channels;
  int32_t tile_segments;  // threads along time
  int64_t channel_tiles;
  int64_t batch_rows;  // batches, or groups of batches in backward
  int64_t chunks;
  int64_t tiles;
  int64_t blocks;  // CUDA grid
  int32_t threads; // CUDA block
  size_t shared_bytes;
  // Workspace layout, in bytes from its start.
  size_t ticket, flags, cleared_bytes;  // [0, cleared_bytes) must be zero when the kernel starts
  size_t aggregates, carries;
  int64_t partial_rows;
  size_t partials, totals;
  size_t workspace_bytes;
};

}  // namespace spikescan
