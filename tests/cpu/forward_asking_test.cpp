// What forward asks memory for during a block's turn, a line beside each step and vector that it fires, is what the
// next turn reads.
#include <gtest/gtest.h>

#include <cstdint>
#include <set>

#include "kernels/cpu/row_places.h"

namespace spikescan::testing {

inline std::set<uintptr_t> asked;  // lines

inline void note(const void* byte) {
  asked.insert(reinterpret_cast<uintptr_t>(byte) / kLineBytes);
}

}  // namespace spikescan::testing

// In the place of the compiler's, in the headers that ask: a form of theirs that could be told how to ask made short
// sequences a tenth slower.
#define __builtin_prefetch(byte, ...) ::spikescan::testing::note(byte)  // NOLINT
#include "kernels/cpu/next_turn.h"

namespace spikescan::testing {
namespace {

constexpr int kTurn = 2 * kSegmentSteps;

struct Shape {
  int64_t batch, time, channels, pad;  // elements between rows
  spikescan_dtype dtype;
  uintptr_t begins;  // bytes after a line
};

std::ostream& operator<<(std::ostream& out, const Shape& s) {
  return out << s.batch << " x " << s.time << " x " << s.channels << " and " << s.pad << ", dtype " << s.dtype << ", "
             << s.begins << " bytes after a line";
}

LaneBlock block_at(const BlockGrid& grid, int64_t index, int64_t batch) {
  LaneBlock block;
  block.set_channels(grid, index);
  block.set_batches(grid, 0, 1, 0, batch);
  return block;
}

// The lines of x that block `index` reads at the turn's steps, `batches` after those of its first row block.
std::set<uintptr_t> lines_read(const spikescan_tensor& x, const LaneBlock& block, Turn turn, int64_t batches) {
  std::set<uintptr_t> lines;
  for (int l = 0; l < block.lanes; ++l) {
    for (int j = 0; j < turn.steps; ++j) {
      const int64_t element =
          (block.batch[l] + batches) * x.stride_batch + (turn.first + j) * x.stride_time + block.channel[l];
      const auto byte = static_cast<uintptr_t>(element) * static_cast<uintptr_t>(dtype_bytes(x.dtype));
      lines.insert((reinterpret_cast<uintptr_t>(x.data) + byte) / kLineBytes);
    }
  }
  return lines;
}

// As ForwardLanes does at the turn: its segments' shares, and of each all steps and vectors.
void ask_turn(const NextTurn& next, const spikescan_tensor& x, const StripPlace& place, const LaneBlock& block,
              int own_steps) {
  RowPlaces rows;
  rows.set(x, block);
  asked.clear();
  for (int done = 0; done < own_steps; done += kSegmentSteps) {
    const int steps = own_steps - done < kSegmentSteps ? own_steps - done : kSegmentSteps;
    const Asking share = next.share(x, rows, place, done, steps, block.lanes);
    share.ask_all(steps, block.lanes);
  }
}

// Every line that the next turn reads is asked for at its own turn; or the block before it reads it, too; or, if it is
// the one in which a batch's rows begin, the turn before has read it.
void expect_all_asked(const Shape& shape, int64_t first) {
  SCOPED_TRACE(::testing::Message() << shape << ", from step " << first);
  spikescan_tensor x = {reinterpret_cast<void*>(uintptr_t{1} << 30 | shape.begins), shape.dtype, 0, 0};
  x.stride_time = shape.channels + shape.pad;
  x.stride_batch = shape.time * x.stride_time;
  const BlockGrid grid(shape.channels, shape.batch);
  const int blocks = static_cast<int>(grid.channel_blocks);
  const bool ends = first + kTurn >= shape.time;
  const Turn own = turn_at(first, shape.time, kTurn), later = turn_at(ends ? 0 : first + kTurn, shape.time, kTurn);
  for (int index = 0; index < blocks; ++index) {
    const int64_t to_next = grid.first_channel((index + 1) % blocks) - grid.first_channel(index);
    const StripPlace place = {index, blocks, to_next, grid.first_channel(1), true};
    const NextTurn next(place, shape.time, own, later, ends ? grid.rows : 0);
    ask_turn(next, x, place, block_at(grid, index, shape.batch), own.steps);
    const int64_t to = next.is_short() ? index : (index + 1) % blocks;
    const auto block = block_at(grid, to, shape.batch);
    std::set<uintptr_t> others;
    if (to > 0) others = lines_read(x, block_at(grid, to - 1, shape.batch), next.turn(), next.batches());
    others.merge(lines_read(x, block, {next.turn().first - 1, 1}, next.batches()));
    for (const uintptr_t line : lines_read(x, block, next.turn(), next.batches())) {
      ASSERT_TRUE(asked.count(line) + others.count(line))
          << "block " << index << ": line " << line << " is not asked for";
    }
  }
}

template <class Test>
void for_layouts(std::initializer_list<int64_t> all_channels, std::initializer_list<int64_t> pads, Test test) {
  for (const int64_t channels : all_channels) {
    for (const int64_t pad : pads) {
      for (const spikescan_dtype dtype : {SPIKESCAN_FLOAT32, SPIKESCAN_BFLOAT16}) {
        for (const uintptr_t begins : {0, 4, 32}) test(Shape{130, 0, channels, pad, dtype, begins});
      }
    }
  }
}

TEST(ForwardAsking, AsksForEveryLineThatTheNextTurnReads) {
  for_layouts({37, 48, 64, 96, 100, 130, 200, 512}, {0, 16, 5}, [](Shape shape) {
    shape.time = 100;  // at its end a turn of 4 steps, after which comes one of 32
    for (const int64_t first : {0, 32, 64, 96}) expect_all_asked(shape, first);
    shape.time = 10;
    expect_all_asked(shape, 0);
  });
}

// Their rows without gaps, and whole segments: else there may be more lines than steps and vectors to ask beside.
TEST(ForwardAsking, AsksForEveryLineOfSeveralBatches) {
  for_layouts({1, 3, 10, 16, 32}, {0}, [](Shape shape) {
    shape.time = 128;
    for (const int64_t first : {0, 32, 96}) expect_all_asked(shape, first);
  });
}

}  // namespace
}  // namespace spikescan::testing
