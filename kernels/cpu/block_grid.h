// How a call's rows (b, c) are cut into blocks of at most kLanes. Shared by all instruction sets.
#pragma once

#include <cstdint>

namespace spikescan {

constexpr int kLanes = 64;

// A block among those of its strip, which take turns.
struct StripPlace {
  int index = 0, blocks = 1;
  bool last() const { return index + 1 == blocks; }
  // Channels from this block to the one whose turn comes next.
  int64_t to_next() const { return last() ? -index * int64_t{kLanes} : kLanes; }
};

struct BlockGrid {
  int64_t channels, batch_rows;
  int64_t width;  // channels of a block
  int64_t rows;   // batch rows of a block; more than one only where all channels fit
  int64_t channel_blocks, row_blocks;

  BlockGrid(int64_t all_channels, int64_t all_rows) : channels(all_channels), batch_rows(all_rows) {
    width = channels < kLanes ? channels : kLanes;
    rows = width > 0 && width <= kLanes / 2 ? kLanes / width : 1;
    if (rows > batch_rows) rows = batch_rows > 0 ? batch_rows : 1;
    channel_blocks = width > 0 ? (channels + width - 1) / width : 0;
    row_blocks = (batch_rows + rows - 1) / rows;
  }

  // The last row block may be smaller.
  int64_t rows_of(int64_t row_block) const {
    const int64_t left = batch_rows - row_block * rows;
    return left < rows ? left : rows;
  }
};

}  // namespace spikescan
