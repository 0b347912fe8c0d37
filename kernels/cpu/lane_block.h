// The CPU's unit of work: kLanes rows (b, c) side by side, 16 steps at a time, in a tile that stays in the first-level
// cache. A block is 64 neighbouring channels of one batch; with few channels it takes several batches, and with few
// rows in all several chunks of each.
#pragma once

#include <cstdint>

#include "kernels/cpu/block_grid.h"
#include "kernels/element/chunking.h"
#include "kernels/element/compat.h"

SPIKESCAN_ELEMENT_BEGIN

// One segment of one block.
struct alignas(64) Segment {
  float at[kSegmentSteps][kLanes];
};

struct LaneBlock {
  int lanes = 0;  // in use
  int64_t batch[kLanes] = {}, channel[kLanes] = {};
  int64_t chunk[kLanes] = {};  // from the block's first one on, backward in time negative

  // The channels are the same for all rows of a range.
  void set_channels(const BlockGrid& grid, int64_t channel_block) {
    const int64_t first = grid.first_channel(channel_block);
    width_ = static_cast<int>(grid.first_channel(channel_block + 1) - first);
    lanes = static_cast<int>(grid.rows * grid.chunks) * width_;
    for (int row = 0; row < lanes; row += width_) {
      for (int i = 0; i < width_; ++i) channel[row + i] = first + i;
    }
  }
  // Rows are batches, or groups of `batches_a_row` batches of which the block sees the one at `offset`.
  void set_batches(const BlockGrid& grid, int64_t row_block, int64_t batches_a_row, int64_t offset, int64_t batches) {
    lanes = 0;
    chunks_ = 1;
    for (int64_t r = 0; r < grid.rows; ++r) {
      const int64_t row = row_block * grid.rows + r;
      const int64_t b = row * batches_a_row + offset;
      if (row >= grid.batch_rows || b >= batches) break;
      for (int i = 0; i < width_; ++i) batch[lanes + i] = b;
      lanes += width_;
    }
  }

  // After set_batches(): beside the rows' one chunk the next ones, `count` in all, a `step` of 1 or -1 from each to the
  // next.
  void set_chunks(int count, int step) {
    const int rows = lanes;
    chunks_ = count;
    lanes = count * rows;
    for (int l = rows; l < lanes; ++l) {
      batch[l] = batch[l - rows];
      chunk[l] = chunk[l - rows] + step;
    }
  }
  int chunks() const { return chunks_; }
  int chunk_lanes() const { return lanes / chunks_; }
  // The first lane of the chunk that the pass comes to last.
  int last_chunk() const { return lanes - chunk_lanes(); }

  // Lanes of one batch, which have neighbouring channels.
  int width() const { return width_; }

 private:
  int width_ = 0, chunks_ = 1;
};

SPIKESCAN_ELEMENT_END
