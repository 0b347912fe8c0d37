// The tile that a pass of few rows is cut into: how many rows and threads it has, and of how many steps each.
#pragma once

#include "include/spikescan/spikescan.h"
#include "kernels/plan.h"

namespace spikescan {

// Tiles in phases from so many chunks on, where to look back over them takes longer than a second way through tiles of
// which each block has a few (docs/cuda.md; in no record yet).
constexpr int64_t kChunksInPhases = 96;

struct TileShape {
  int steps;  // of a thread: a segment's or a quarter's
  int parts, channels, batches;
  size_t shared_bytes;
  int64_t resident;  // tiles that the device has under way at once
  double turns;      // rounds of the device, at least one, times the batches that a tile takes one after the other

  int rows() const { return channels * batches; }
  int threads() const { return parts * rows(); }
};

// `plan` says how many batch rows and chunks there are, and batches to a row.
TileShape tile_shape(const spikescan_description& d, const DeviceFacts& facts, const Plan& plan, bool backward);

}  // namespace spikescan
