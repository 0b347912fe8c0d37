// How a call's rows (b, c) are cut into blocks of at most kLanes. Shared by all instruction sets.
#pragma once

#include <cstdint>

#include "kernels/element/divide_up.h"

namespace spikescan {

constexpr int kLanes = 64;
constexpr int kWidestVector = 16;  // floats

// A block among those of its strip, which take turns.
struct StripPlace {
  int index = 0, blocks = 1;
  int64_t to_next = 0;      // channels from this block to the one whose turn comes next
  int64_t first_width = 0;  // channels of the strip's first block
  bool has_all = false;     // the strip's blocks have all channels
  bool last() const { return index + 1 == blocks; }
};

struct BlockGrid {
  int64_t channels, batch_rows;
  int64_t rows;        // batch rows of a block; more than one only where all channels fit
  int64_t chunks = 1;  // of each row, at most; more than one only where all rows fit
  int64_t channel_blocks, row_blocks;

  BlockGrid(int64_t all_channels, int64_t all_rows) : channels(all_channels), batch_rows(all_rows) {
    rows = channels > 0 && channels <= kLanes / 2 ? kLanes / channels : 1;
    if (rows > batch_rows) rows = batch_rows > 0 ? batch_rows : 1;
    channel_blocks = divide_up(channels, kLanes);
    row_blocks = divide_up(batch_rows, rows);
  }

  // Blocks are as even as whole vectors allow, the wider ones first: a block asks memory for what the next one reads,
  // and a narrow one could not ask for all of a wide one's lines.
  int64_t first_channel(int64_t block) const {
    const int64_t vectors = divide_up(channels, kWidestVector);
    const int64_t narrow = vectors / channel_blocks, wider = vectors % channel_blocks;
    const int64_t first = kWidestVector * (block * narrow + (block < wider ? block : wider));
    return first < channels ? first : channels;
  }

  // The last row block may be smaller.
  int64_t rows_of(int64_t row_block) const {
    const int64_t left = batch_rows - row_block * rows;
    return left < rows ? left : rows;
  }
};

}  // namespace spikescan
