// What a turn asks memory for is what the next one reads, whatever the lengths of both.
#include "kernels/cpu/next_turn.h"

#include <gtest/gtest.h>

#include <set>

#include "kernels/cpu/ask_queue.h"

namespace spikescan::testing {
namespace {

TEST(NextTurn, AsksForAllThatItHasStepsFor) {
  for (int own = 1; own <= kSavedSteps; ++own) {
    for (int next = 1; next <= kSavedSteps; ++next) {
      SCOPED_TRACE(::testing::Message() << own << " steps, then " << next);
      int all = 0;  // of the next turn's, from its first on
      for (int done = 0; done < own; done += kSegmentSteps) {
        const int steps = own - done < kSegmentSteps ? own - done : kSegmentSteps;
        const int first = first_asked(next, done, steps);
        ASSERT_GE(first, 0);
        ASSERT_LE(first, all) << "a gap";
        if (all < first + steps) all = first + steps;
      }
      ASSERT_GE(all, own < next ? own : next);  // a surplus is asked for at once, and not here
    }
  }
}

TEST(NextTurn, IsOfTheRowsLength) {
  EXPECT_EQ(turn_at(0, 100, 64).steps, 64);
  EXPECT_EQ(turn_at(64, 100, 64).steps, 36);
  EXPECT_EQ(turn_at(64, 100, 64).first, 64);
}

// Of three blocks of 64 channels.
StripPlace place(int index) {
  return {index, 3, index < 2 ? 64 : -128, 64, true};
}

TEST(NextTurn, IsTheNextBlocksThenTheFirstOnesLater) {
  const Turn own = {64, 64}, later = {0, 64};
  const NextTurn inside(place(0), 1000, own, later, 2), last(place(2), 1000, own, later, 2);
  EXPECT_EQ(inside.turn().first, own.first);
  EXPECT_EQ(inside.channels(), 64);
  EXPECT_EQ(inside.batches(), 0);
  EXPECT_EQ(last.turn().first, later.first);
  EXPECT_EQ(last.channels(), -128);
  EXPECT_EQ(last.batches(), 2);
}

TEST(NextTurn, OfFewStepsIsTheBlocksOwn) {
  const Turn only = {0, 10};
  const NextTurn turn(place(0), 10, only, only, 2);
  EXPECT_EQ(turn.channels(), 0);
  EXPECT_EQ(turn.batches(), 2);
}

struct Shape {
  int64_t batch, time, channels, pad;  // elements between rows
  spikescan_dtype dtype;
  uintptr_t begins;  // bytes after a line
};

// The lines of the tensor that block `to` reads at the steps of `turn`, `batches` after those of its first row block.
std::set<uintptr_t> lines_of(const spikescan_tensor& x, const BlockGrid& grid, int64_t to, Turn turn, int64_t batches,
                             int64_t all_batches) {
  LaneBlock block;
  block.set_channels(grid, to);
  block.set_batches(grid, 0, 1, 0, all_batches);
  const auto bytes = static_cast<uintptr_t>(dtype_bytes(x.dtype));
  std::set<uintptr_t> lines;
  for (int l = 0; l < block.lanes; ++l) {
    for (int j = 0; j < turn.steps; ++j) {
      const int64_t element =
          (block.batch[l] + batches) * x.stride_batch + (turn.first + j) * x.stride_time + block.channel[l];
      lines.insert((reinterpret_cast<uintptr_t>(x.data) + static_cast<uintptr_t>(element) * bytes) / kLineBytes);
    }
  }
  return lines;
}

// Every line that the next turn reads is asked for at its own turn, or begins one that the block before has read.
void expect_all_asked(const Shape& shape, bool last_first) {
  SCOPED_TRACE(::testing::Message() << shape.batch << " x " << shape.time << " x " << shape.channels << " and "
                                    << shape.pad << ", dtype " << shape.dtype << ", " << shape.begins
                                    << " bytes after a line");
  spikescan_tensor x = {reinterpret_cast<void*>(uintptr_t{1} << 30 | shape.begins), shape.dtype, 0, 0};
  x.stride_time = shape.channels + shape.pad;
  x.stride_batch = shape.time * x.stride_time;
  const BlockGrid grid(shape.channels, shape.batch);
  const int blocks = static_cast<int>(grid.channel_blocks);
  for (int index = 0; index < blocks; ++index) {
    const int64_t width = grid.first_channel(1), begin = grid.first_channel(index);
    const StripPlace strip = {index, blocks, grid.first_channel((index + 1) % blocks) - begin, width, true};
    const Turn own = turn_at(64, shape.time, kSavedSteps), later = turn_at(0, shape.time, kSavedSteps);
    const NextTurn next(strip, shape.time, own, later, grid.rows);
    LaneBlock block;
    block.set_channels(grid, index);
    block.set_batches(grid, 0, 1, 0, shape.batch);
    RowPlaces rows;
    rows.set(x, block);
    AskQueue queue;
    queue.begin(next, strip, block.lanes);
    queue.add(x, rows, last_first);
    queue.start();
    EXPECT_LE(queue.share(0.25f) * 4, queue.share(1.0f) + 4);
    EXPECT_GE(queue.share(0.25f) * 4, queue.share(1.0f));
    std::set<uintptr_t> asked;
    int64_t count = 0;
    while (!queue.is_empty()) {
      const AskQueue::Row row = queue.take();
      for (int i = 0; i < row.lines; ++i, ++count) asked.insert(row.line(i) / kLineBytes);
    }
    const int64_t to = next.is_first_block() ? 0 : index + 1;
    const std::set<uintptr_t> read = lines_of(x, grid, to, next.turn(), next.batches(), shape.batch);
    std::set<uintptr_t> before;
    if (to > 0) before = lines_of(x, grid, to - 1, next.turn(), next.batches(), shape.batch);
    for (const uintptr_t line : read) {
      ASSERT_TRUE(asked.count(line) + before.count(line))
          << "block " << index << ": line " << line << " is not asked for";
    }
    // What is asked for without need: of rows with a gap between them as much as they have, where that is a line.
    EXPECT_LE(count, 2 * static_cast<int64_t>(read.size())) << "block " << index;
  }
}

TEST(AskQueue, AsksForEveryLineThatTheNextTurnReads) {
  for (const int64_t channels : {1, 3, 10, 16, 32, 37, 48, 64, 96, 100, 130, 200, 512}) {
    for (const int64_t pad : {0, 16, 5}) {
      for (const spikescan_dtype dtype : {SPIKESCAN_FLOAT32, SPIKESCAN_BFLOAT16}) {
        for (const uintptr_t begins : {0, 4, 32}) {
          for (const bool last_first : {false, true}) {
            expect_all_asked({130, 100, channels, pad, dtype, begins}, last_first);
          }
        }
      }
    }
  }
}

// Of several tensors, one after the other.
TEST(AskQueue, TakesWhatIsNeededFirstFirst) {
  float data[2][64 * 128] = {};
  const BlockGrid grid(128, 1);
  const StripPlace strip = {0, 2, 64, 64, true};
  const Turn turn = {0, 64};
  const NextTurn next(strip, 64, turn, turn, 1);
  LaneBlock block;
  block.set_channels(grid, 0);
  block.set_batches(grid, 0, 1, 0, 1);
  AskQueue queue;
  queue.begin(next, strip, block.lanes);
  RowPlaces rows[2];
  for (int i = 0; i < 2; ++i) {
    const spikescan_tensor tensor = {data[i], SPIKESCAN_FLOAT32, 0, 128};
    rows[i].set(tensor, block);
    queue.add(tensor, rows[i], i == 1);
  }
  queue.add(SPIKESCAN_TENSOR_INIT, rows[0], false);
  queue.start();
  for (int i = 0; i < 2; ++i) {
    for (int j = 0; j < 64; ++j) {
      ASSERT_FALSE(queue.is_empty());
      const int step = i == 0 ? j : 63 - j;
      EXPECT_EQ(queue.take().at, reinterpret_cast<uintptr_t>(data[i] + step * 128 + 64)) << i << ", " << j;
    }
  }
  EXPECT_TRUE(queue.is_empty());
}

}  // namespace
}  // namespace spikescan::testing
