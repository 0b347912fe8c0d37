// The plan: pure, within CUDA's limits, within the promised workspace, and the strategy that docs/cuda.md says.
#include "host/plan.h"

#include <gtest/gtest.h>

#include "host/print_plan.h"
#include "kernels/element/chunking.h"
#include "kernels/row_layout.h"
#include "kernels/tile_layout.h"
#include "tests/host/h200.h"

namespace spikescan {
namespace {

constexpr DeviceFacts kCpu = {2, 0, 0};

spikescan_description describe(int recurrence, int dtype, int64_t batch, int64_t time, int64_t channels) {
  spikescan_description d = SPIKESCAN_DESCRIPTION_INIT;
  d.recurrence = static_cast<spikescan_recurrence>(recurrence);
  d.dtype = static_cast<spikescan_dtype>(dtype);
  d.batch = batch;
  d.time = time;
  d.channels = channels;
  return d;
}

template <class Check>
void for_each_shape(Check check) {
  for (int64_t batch : {0, 1, 2, 7, 33, 129, 1025, 65537}) {
    for (int64_t time : {0, 1, 15, 16, 17, 100, 513, 1023, 1024, 1025, 2049, 4099, 262145}) {
      for (int64_t channels : {0, 1, 3, 8, 31, 129, 1025, 65537}) {
        for (int recurrence = 0; recurrence < 4; ++recurrence) {
          check(describe(recurrence, recurrence % 3, batch, time, channels));
        }
      }
    }
  }
}

// The bound: 1/64 of x, plus 1 MiB.
TEST(Plan, WorkspaceStaysWithinItsPromise) {
  for_each_shape([](spikescan_description d) {
    for (int shared = 0; shared < 2; ++shared) {
      d.shared_decay = shared;
      const double x_bytes =
          static_cast<double>(d.batch) * d.time * d.channels * (d.dtype == SPIKESCAN_FLOAT32 ? 4 : 2);
      const double bound = x_bytes / 64 + 1048576;
      for (const DeviceFacts& facts : {kH200, kCpu}) {
        EXPECT_LE(static_cast<double>(plan_forward(d, facts).workspace_bytes), bound)
            << d.recurrence << " " << d.batch << "x" << d.time << "x" << d.channels;
        EXPECT_LE(static_cast<double>(plan_backward(d, facts).workspace_bytes), bound)
            << d.recurrence << " " << d.batch << "x" << d.time << "x" << d.channels;
      }
    }
  });
}

void expect_launchable(const Plan& plan, spikescan_recurrence recurrence, const DeviceFacts& facts) {
  EXPECT_GE(plan.threads, 1);
  EXPECT_LE(plan.threads, is_fine(plan)    ? kMostFineThreads
                          : is_tiles(plan) ? most_tile_threads(recurrence)
                                           : kRowThreads);
  const int rows = plan.tile_channels * plan.tile_batches;
  EXPECT_LE(rows, 32) << "the leaders are lanes of one warp";
  if (is_fine(plan)) {
    EXPECT_LE(rows, 8) << "the threads of a segment are lanes of one warp";
    EXPECT_EQ(plan.threads % 32, 0) << "which is there as a whole";
    EXPECT_EQ(plan.tile_parts % 4, 0);
  }
  EXPECT_LE(plan.shared_bytes, facts.shared_bytes);
  EXPECT_LE(plan.blocks, int64_t{1} << 30);
  if (is_tiles(plan)) {
    EXPECT_EQ(plan.threads, rows * plan.tile_parts);
    EXPECT_LE(plan.blocks, plan.tiles);
    EXPECT_EQ(plan.blocks > 0, plan.tiles > 0);
    EXPECT_GE(plan.run, 1);
  }
  // What look-back publishes is cleared, and read with a whole warp; all else needs no clearing.
  EXPECT_EQ(plan.cleared_bytes > 0, plan.strategy == kTiles && plan.chunks > 1);
  if (plan.cleared_bytes > 0) {
    EXPECT_GE(plan.threads, 32);
  }
  EXPECT_LE(plan.aggregate_blocks, plan.strategy == kPieces ? plan.row_blocks : 0);
  for (size_t offset : {plan.ticket, plan.aggregates, plan.carries, plan.partials, plan.totals}) {
    EXPECT_EQ(offset % 256, 0u);
    EXPECT_LE(offset, plan.workspace_bytes);
  }
}

TEST(Plan, IsWithinWhatCudaAllows) {
  constexpr DeviceFacts kSmall = {4, 48 * 1024, 64 * 1024};
  for_each_shape([&](const spikescan_description& d) {
    for (const DeviceFacts& facts : {kH200, kSmall}) {
      expect_launchable(plan_forward(d, facts), d.recurrence, facts);
      expect_launchable(plan_backward(d, facts), d.recurrence, facts);
    }
  });
}

// Rounded down, the last ones would never be computed.
void expect_all_covered(const spikescan_description& d, const Plan& plan) {
  SCOPED_TRACE(::testing::Message() << d.recurrence << " " << d.batch << "x" << d.time << "x" << d.channels);
  EXPECT_GE(plan.batch_rows * plan.row_batches, d.batch);
  EXPECT_GE(plan.chunks * kChunkSteps, d.time);
  if (is_tiles(plan)) {
    EXPECT_GE(plan.tile_parts * plan.tile_steps, std::min<int64_t>(d.time, kChunkSteps));
    EXPECT_GE(plan.channel_tiles * plan.tile_channels, d.channels);
    EXPECT_EQ(plan.tiles, plan.channel_tiles * plan.batch_rows * plan.chunks);
  } else {
    const int64_t pieces = plan.strategy == kPieces ? plan.chunks : 1;
    EXPECT_GE(plan.row_blocks * kRowThreads, plan.batch_rows * d.channels * pieces);
  }
}

TEST(Plan, CoversEveryElement) {
  for_each_shape([](const spikescan_description& d) {
    expect_all_covered(d, plan_forward(d, kH200));
    expect_all_covered(d, plan_backward(d, kH200));
  });
}

TEST(Plan, RowsWhereTheyFillTheDevice) {
  // 96 rows on each of 132 multiprocessors.
  EXPECT_EQ(plan_forward(describe(SPIKESCAN_LIF, SPIKESCAN_FLOAT32, 1, 1000, 12672), kH200).strategy, kRows);
  EXPECT_EQ(plan_forward(describe(SPIKESCAN_LIF, SPIKESCAN_FLOAT32, 1, 1000, 12671), kH200).strategy, kTiles);
  EXPECT_EQ(plan_forward(describe(SPIKESCAN_LIF, SPIKESCAN_BFLOAT16, 1, 1000, 12672), kH200).strategy, kRows);
  EXPECT_NE(plan_forward(describe(SPIKESCAN_LIF, SPIKESCAN_BFLOAT16, 1, 1000, 12671), kH200).strategy, kRows);
  EXPECT_EQ(plan_forward(describe(SPIKESCAN_LIF, SPIKESCAN_BFLOAT16, 256, 1024, 512), kH200).strategy, kRows);
  EXPECT_EQ(plan_backward(describe(SPIKESCAN_LIF, SPIKESCAN_FLOAT32, 256, 1024, 512), kH200).strategy, kRows);
  // Ten batches of 100 steps share a row of partial sums.
  EXPECT_EQ(plan_backward(describe(SPIKESCAN_LIF, SPIKESCAN_FLOAT32, 250, 100, 500), kH200).strategy, kTiles);
}

// Of one scan, or two of one state each, warps share tables where few lanes are idle for it.
TEST(Plan, BackwardRowsShareTablesWhereChannelsFillWarps) {
  for (const spikescan_recurrence recurrence : {SPIKESCAN_LIF, SPIKESCAN_SPSN, SPIKESCAN_PSU_LIF}) {
    const auto columns = [&](int64_t batch, int64_t channels) {
      return plan_backward(describe(recurrence, SPIKESCAN_FLOAT32, batch, 1024, channels), kH200).row_columns;
    };
    EXPECT_EQ(columns(256, 512), 32);
    EXPECT_EQ(columns(256, 500), 32);
    EXPECT_EQ(columns(256, 130), 32);  // 30 of 160 lanes are idle
    EXPECT_EQ(columns(256, 128), 32);
    EXPECT_EQ(columns(256, 102), kRowThreads);  // 26 of 128
    EXPECT_EQ(columns(256, 103), 32);
    EXPECT_EQ(columns(3, 20000), kRowThreads);  // no four batches
  }
}

// The tables of cuba_lif's two scans leave room for one block where each thread has its own.
TEST(Plan, BackwardRowsOfTwoScansShareTables) {
  const Plan shared = plan_backward(describe(SPIKESCAN_CUBA_LIF, SPIKESCAN_FLOAT32, 256, 1024, 500), kH200);
  EXPECT_EQ(shared.row_columns, 32);
  EXPECT_EQ(shared.row_blocks, 16 * 64);
  EXPECT_GE(kH200.shared_bytes_total / (shared.shared_bytes + 1024), 3u);
  const auto columns = [](int64_t batch, int64_t channels) {
    return plan_backward(describe(SPIKESCAN_CUBA_LIF, SPIKESCAN_FLOAT32, batch, 1024, channels), kH200).row_columns;
  };
  EXPECT_EQ(columns(3, 20000), kRowThreads);  // no four batches
  EXPECT_EQ(columns(2000, 15), kRowThreads);  // most lanes would have no channel
  EXPECT_EQ(columns(2000, 16), 32);
  // They fit a device that allows a block 99 KiB.
  constexpr DeviceFacts kAda = {128, 99 * 1024, 100 * 1024};
  const auto d = describe(SPIKESCAN_CUBA_LIF, SPIKESCAN_FLOAT32, 256, 1024, 512);
  EXPECT_EQ(plan_backward(d, kAda).strategy, kRows);
}

// A row's thread goes through all batches of a group, whether they are there or not.
TEST(Plan, GroupsAreNoLargerThanTheBatch) {
  EXPECT_EQ(plan_backward(describe(SPIKESCAN_LIF, SPIKESCAN_FLOAT32, 1, 1, 20000), kH200).row_batches, 1);
  EXPECT_EQ(plan_backward(describe(SPIKESCAN_LIF, SPIKESCAN_FLOAT32, 7, 100, 2000), kH200).row_batches, 7);
  EXPECT_EQ(plan_backward(describe(SPIKESCAN_LIF, SPIKESCAN_FLOAT32, 256, 100, 2000), kH200).row_batches, 10);
}

Plan forward_of(spikescan_recurrence recurrence, int64_t batch, int64_t time, int64_t channels) {
  return plan_forward(describe(recurrence, SPIKESCAN_FLOAT32, batch, time, channels), kH200);
}
Plan backward_of(spikescan_recurrence recurrence, int64_t batch, int64_t time, int64_t channels,
                 spikescan_dtype dtype = SPIKESCAN_FLOAT32) {
  return plan_backward(describe(recurrence, dtype, batch, time, channels), kH200);
}

TEST(Plan, PiecesWhereRowsTimesChunksFillTheDevice) {
  // 160 on each of 132 multiprocessors, 80 with two states: 21,120 and 10,560.
  EXPECT_EQ(forward_of(SPIKESCAN_LIF, 33, 5000, 128).strategy, kPieces);
  EXPECT_EQ(forward_of(SPIKESCAN_LIF, 32, 5000, 128).strategy, kTiles);
  EXPECT_EQ(forward_of(SPIKESCAN_CUBA_LIF, 32, 5000, 128).strategy, kPieces);
  EXPECT_EQ(forward_of(SPIKESCAN_PSU_LIF, 16, 5000, 128).strategy, kTiles);
  EXPECT_EQ(backward_of(SPIKESCAN_LIF, 33, 5000, 128).strategy, kPieces);
  // Up to 168 whole rows.
  EXPECT_EQ(forward_of(SPIKESCAN_LIF, 1, 4096, 22175).strategy, kPieces);
  EXPECT_EQ(forward_of(SPIKESCAN_LIF, 1, 4096, 22176).strategy, kRows);
  // Not where a row is one chunk, nor where most lanes of a warp would have no channel.
  EXPECT_EQ(forward_of(SPIKESCAN_LIF, 8, 1024, 1500).strategy, kTiles);
  EXPECT_EQ(forward_of(SPIKESCAN_LIF, 64, 1000000, 15).strategy, kTiles);
  EXPECT_EQ(forward_of(SPIKESCAN_LIF, 64, 1000000, 16).strategy, kPieces);
}

TEST(Plan, FourBatchesShareTables) {
  EXPECT_EQ(backward_of(SPIKESCAN_CUBA_LIF, 4, 1024, 20000).row_columns, 32);
  // Tables of two scans: the decays' powers once, a coupling and a response for each direction.
  EXPECT_EQ(backward_of(SPIKESCAN_CUBA_LIF, 4, 1024, 20000).shared_bytes, 74752u);
}

TEST(Plan, BackwardRowsHaveTime) {
  EXPECT_EQ(backward_of(SPIKESCAN_LIF, 1, 0, 20000).strategy, kTiles);
}

// Exactly 160 chunks a multiprocessor, of lanes: a warp's count whether they have a channel or not.
TEST(Plan, PiecesFromTheirLimitOn) {
  EXPECT_EQ(forward_of(SPIKESCAN_LIF, 1, 660 * 1024, 32).strategy, kPieces);
  EXPECT_NE(forward_of(SPIKESCAN_LIF, 1, 659 * 1024, 32).strategy, kPieces);
  EXPECT_EQ(forward_of(SPIKESCAN_LIF, 33, 5000, 100).strategy, kPieces);
}

// A thread has eight links. Four channels are a sector of doubles, more where their few runs would not fill a warp.
TEST(Plan, ChainsByRuns) {
  const auto chain_of = [](const Plan& plan) { return std::pair(plan.chain_columns, plan.chain_threads); };
  EXPECT_EQ(chain_of(forward_of(SPIKESCAN_LIF, 1, 1000000, 1)), std::pair(1, 128));  // 976 links in 122 runs
  EXPECT_EQ(chain_of(forward_of(SPIKESCAN_LIF, 1, 1000000, 3)), std::pair(4, 512));
  EXPECT_EQ(chain_of(backward_of(SPIKESCAN_LIF, 1, 1000000, 64)), std::pair(4, 512));
  EXPECT_EQ(chain_of(forward_of(SPIKESCAN_LIF, 1, 10000000, 64)), std::pair(4, 512));   // in windows
  EXPECT_EQ(chain_of(forward_of(SPIKESCAN_LIF, 33, 5000, 128)), std::pair(32, 32));     // 4 links in one run
  EXPECT_EQ(chain_of(forward_of(SPIKESCAN_LIF, 8, 24 * 1024, 128)), std::pair(8, 32));  // 23 links in three
  EXPECT_EQ(chain_of(forward_of(SPIKESCAN_LIF, 256, 1024, 512)), std::pair(0, 0));      // no chain
}

TEST(Plan, WarpsOfPiecesHaveOneChunk) {
  const Plan forward = forward_of(SPIKESCAN_LIF, 1, 1000000, 80);  // 977 chunks, three warps each, four in a block
  EXPECT_EQ(forward.row_blocks, 733);
  EXPECT_EQ(forward.aggregate_blocks, 732);
  const Plan backward = backward_of(SPIKESCAN_LIF, 1, 1000000, 80);  // a block has four chunks of the same channels
  EXPECT_EQ(backward.row_columns, 32);
  EXPECT_EQ(backward.row_blocks, 3 * 245);
  EXPECT_EQ(backward.aggregate_blocks, 3 * 244);
}

TEST(Plan, TilesInPhasesWhereFewHaveManyChunks) {
  EXPECT_EQ(forward_of(SPIKESCAN_LIF, 1, 1000000, 1).strategy, kTilesInPhases);
  EXPECT_EQ(forward_of(SPIKESCAN_LIF, 1, 96 * 1024, 1).strategy, kTilesInPhases);
  EXPECT_EQ(forward_of(SPIKESCAN_LIF, 1, 95 * 1024, 1).strategy, kTiles);
  // Forward four for each of 264 blocks, backward one.
  EXPECT_EQ(forward_of(SPIKESCAN_LIF, 1, 1000000, 8).strategy, kTilesInPhases);
  EXPECT_EQ(forward_of(SPIKESCAN_LIF, 2, 1000000, 8).strategy, kTiles);
  EXPECT_EQ(backward_of(SPIKESCAN_LIF, 1, 1000000, 1).strategy, kTilesInPhases);
  EXPECT_EQ(backward_of(SPIKESCAN_LIF, 1, 1000000, 8).strategy, kTiles);
  EXPECT_EQ(backward_of(SPIKESCAN_LIF, 1, 200000, 8).strategy, kTilesInPhases);
}

// Forward four tiles for each of 264 blocks, backward one, and no more.
TEST(Plan, TilesInPhasesUpToTheirLimit) {
  EXPECT_EQ(forward_of(SPIKESCAN_LIF, 1, 1056 * 1024, 8).strategy, kTilesInPhases);
  EXPECT_EQ(forward_of(SPIKESCAN_LIF, 1, 1057 * 1024, 8).strategy, kTiles);
  EXPECT_EQ(backward_of(SPIKESCAN_LIF, 1, 264 * 1024, 8).strategy, kTilesInPhases);
  EXPECT_EQ(backward_of(SPIKESCAN_LIF, 1, 265 * 1024, 8).strategy, kTiles);
}

TEST(Plan, TilesGetNarrowRatherThanFew) {
  const Plan tiny = plan_forward(describe(SPIKESCAN_LIF, SPIKESCAN_FLOAT32, 1, 1024, 64), kH200);
  EXPECT_EQ(tiny.tile_channels, 1);
  EXPECT_EQ(tiny.blocks, 64);
  EXPECT_TRUE(is_fine(tiny));
  EXPECT_EQ(plan_forward(describe(SPIKESCAN_LIF, SPIKESCAN_FLOAT32, 1, 1024, 4096), kH200).tile_channels, 8);
}

// A tile for each of 132 multiprocessors, and a warp at least.
TEST(Plan, TilesGetNarrowUpToTheProcessors) {
  EXPECT_EQ(forward_of(SPIKESCAN_LIF, 1, 1024, 132).tile_channels, 1);
  EXPECT_EQ(forward_of(SPIKESCAN_LIF, 1, 1024, 133).tile_channels, 2);
  EXPECT_EQ(forward_of(SPIKESCAN_LIF, 1, 4, 64).threads, 32);
  EXPECT_EQ(forward_of(SPIKESCAN_LIF, 1, 200, 12000).tile_channels, 32);
}

// A quarter a thread where that many threads are done in three turns, other tiles' in one: forward two blocks of 512
// on each of 132 multiprocessors, of two states one.
TEST(Plan, FineTilesWhereTheyAreFew) {
  EXPECT_TRUE(is_fine(forward_of(SPIKESCAN_LIF, 1, 1024, 2 * 3 * 264)));
  EXPECT_FALSE(is_fine(forward_of(SPIKESCAN_LIF, 1, 1024, 2 * 3 * 264 + 1)));
  EXPECT_TRUE(is_fine(forward_of(SPIKESCAN_PSU_LIF, 1, 1024, 2 * 3 * 132)));
  EXPECT_FALSE(is_fine(forward_of(SPIKESCAN_PSU_LIF, 1, 1024, 2 * 3 * 132 + 1)));
  EXPECT_TRUE(is_fine(backward_of(SPIKESCAN_LIF, 1, 1024, 2 * 3 * 132)));
  EXPECT_FALSE(is_fine(backward_of(SPIKESCAN_LIF, 1, 1024, 2 * 3 * 132 + 1)));
  EXPECT_TRUE(is_fine(forward_of(SPIKESCAN_LIF, 1, 96 * 1024, 1))) << "in phases";
  EXPECT_FALSE(is_fine(forward_of(SPIKESCAN_LIF, 1, 5000, 1))) << "they do not look back";
}

// A device whose blocks have too little shared memory for them.
TEST(Plan, FineTilesWhereTheyFit) {
  const auto d = describe(SPIKESCAN_CUBA_LIF, SPIKESCAN_FLOAT32, 1, 1024, 1);
  constexpr DeviceFacts kLittle = {4, 40 * 1024, 64 * 1024};
  EXPECT_FALSE(is_fine(plan_backward(d, kLittle)));
  EXPECT_LE(plan_backward(d, kLittle).shared_bytes, kLittle.shared_bytes);
  EXPECT_TRUE(is_fine(plan_backward(d, kH200)));
}

// In phases in four turns.
TEST(Plan, FineTilesInPhasesUpToTheirLimit) {
  EXPECT_TRUE(is_fine(forward_of(SPIKESCAN_LIF, 1, 4 * 264 * 1024, 2)));
  EXPECT_FALSE(is_fine(forward_of(SPIKESCAN_LIF, 1, (4 * 264 + 1) * 1024, 2)));
}

// A thread of another tile has no more than a quarter's steps either.
TEST(Plan, FineTilesGainLessWhereTimeIsShort) {
  EXPECT_FALSE(is_fine(backward_of(SPIKESCAN_LIF, 32, 4, 64)));
  EXPECT_FALSE(is_fine(forward_of(SPIKESCAN_LIF, 1, 4, 64)));
  EXPECT_TRUE(is_fine(forward_of(SPIKESCAN_LIF, 1, 5, 64)));
}

// Or in three times the turns of other tiles.
TEST(Plan, FineTilesWhereOthersWaitAsLong) {
  const Plan fine = backward_of(SPIKESCAN_LIF, 128, 25, 256);
  EXPECT_TRUE(is_fine(fine));
  EXPECT_EQ(fine.tile_batches, 8);  // of 40: five times
  EXPECT_FALSE(is_fine(backward_of(SPIKESCAN_LIF, 128, 100, 512)));
}

// Ten batches of 100 steps share a row of partial sums, and a tile takes them together.
TEST(Plan, TilesTakeBatchesTogether) {
  const Plan tiles = backward_of(SPIKESCAN_LIF, 250, 100, 500);
  EXPECT_EQ(tiles.row_batches, 10);
  EXPECT_EQ(tiles.tile_batches, 2);
  EXPECT_EQ(tiles.tile_channels, 16);
  EXPECT_EQ(tiles.tiles, 25 * 32);
  EXPECT_EQ(backward_of(SPIKESCAN_LIF, 128, 100, 64).tile_batches, 16);
  // Of as many turns the one with more channels; turns are of all rows of sums.
  EXPECT_EQ(backward_of(SPIKESCAN_LIF, 2, 25, 8).tile_channels, 4);
  EXPECT_EQ(backward_of(SPIKESCAN_LIF, 3, 100, 64).tile_channels, 1);
  EXPECT_EQ(forward_of(SPIKESCAN_LIF, 128, 25, 64).tile_batches, 1);
  EXPECT_EQ(backward_of(SPIKESCAN_LIF, 1, 25, 64).tile_batches, 1);
}

// Of 64 threads registers would hold 16 blocks, shared memory holds 14 with what the system takes of it.
TEST(Plan, AsManyTilesAsSharedMemoryHolds) {
  EXPECT_EQ(forward_of(SPIKESCAN_LIF, 12000, 1024, 1).blocks, 14 * 132);
  EXPECT_EQ(forward_of(SPIKESCAN_LIF, 12000, 4, 1).blocks, 18 * 132);
}

// Runs of two sectors' tiles where every block has four of them.
TEST(Plan, RunsWhereTilesAreMany) {
  EXPECT_EQ(backward_of(SPIKESCAN_LIF, 264, 4096, 12, SPIKESCAN_BFLOAT16).run, 2);
  EXPECT_EQ(backward_of(SPIKESCAN_LIF, 263, 4096, 12, SPIKESCAN_BFLOAT16).run, 1);
}

TEST(Plan, NeighboursShareSectors) {
  // Too few channels for pieces.
  EXPECT_EQ(plan_backward(describe(SPIKESCAN_LIF, SPIKESCAN_FLOAT32, 700, 5000, 12), kH200).run, 1);
  EXPECT_EQ(plan_backward(describe(SPIKESCAN_LIF, SPIKESCAN_BFLOAT16, 700, 5000, 12), kH200).run, 2);
  EXPECT_EQ(plan_backward(describe(SPIKESCAN_CUBA_LIF, SPIKESCAN_BFLOAT16, 700, 5000, 12), kH200).run, 4);
}

TEST(Plan, OneChunkHandsNothingOn) {
  EXPECT_EQ(plan_forward(describe(SPIKESCAN_LIF, SPIKESCAN_FLOAT32, 1, kChunkSteps, 64), kH200).workspace_bytes, 0u);
  EXPECT_GT(plan_forward(describe(SPIKESCAN_LIF, SPIKESCAN_FLOAT32, 1, kChunkSteps + 1, 64), kH200).workspace_bytes,
            0u);
  EXPECT_EQ(plan_forward(describe(SPIKESCAN_LIF, SPIKESCAN_FLOAT32, 1, 100000, 64), kCpu).workspace_bytes, 0u);
}

// Each strategy by what it decides, and nothing of the others.
TEST(PrintPlan, Tiles) {
  EXPECT_EQ(print_plan(forward_of(SPIKESCAN_PSU_LIF, 1, 5000, 64), "forward"),
            "forward: strategy=tiles chunks=5 tile=4x64x16 tiles=80 run=1 blocks=80 threads=256 shared_bytes=40304 "
            "cleared_bytes=3328 workspace_bytes=3328");
  EXPECT_EQ(print_plan(forward_of(SPIKESCAN_LIF, 1, 1000000, 1), "forward"),
            "forward: strategy=tiles_in_phases chunks=977 tile=1x256x4 tiles=977 run=1 blocks=977 threads=256 "
            "chain=1x128 shared_bytes=23920 workspace_bytes=7936");
  EXPECT_EQ(print_plan(backward_of(SPIKESCAN_LIF, 32, 25, 128), "backward"),
            "backward: strategy=tiles chunks=1 tile=1x2x16 tile_batches=32 tiles=128 run=1 blocks=128 threads=64 "
            "shared_bytes=18800 partial_rows=1 workspace_bytes=512");
}

TEST(PrintPlan, RowsAndPieces) {
  EXPECT_EQ(print_plan(backward_of(SPIKESCAN_LIF, 256, 1024, 512), "backward"),
            "backward: strategy=rows chunks=1 row_blocks=1024 row_columns=32 blocks=1024 threads=128 "
            "shared_bytes=50944 partial_rows=256 workspace_bytes=524288");
  EXPECT_EQ(print_plan(forward_of(SPIKESCAN_LIF, 33, 5000, 128), "forward"),
            "forward: strategy=pieces chunks=5 row_blocks=165 aggregate_blocks=132 blocks=165 threads=128 "
            "chain=32x1 shared_bytes=25904 workspace_bytes=135168");
}

// It launches nothing.
TEST(PrintPlan, Cpu) {
  const auto d = describe(SPIKESCAN_LIF, SPIKESCAN_FLOAT32, 2, 5000, 64);
  EXPECT_EQ(print_plan(plan_forward(d, kCpu), "forward"), "forward: workspace_bytes=0");
  EXPECT_EQ(print_plan(plan_backward(d, kCpu), "backward"), "backward: partial_rows=10 workspace_bytes=2560");
}

// [2][10][64] floats, and [64] doubles where they are added up to one.
TEST(PrintPlan, SumsOfTwoParametersAndOfASharedDecay) {
  auto d = describe(SPIKESCAN_CUBA_LIF, SPIKESCAN_FLOAT32, 2, 5000, 64);
  d.shared_decay = 1;
  EXPECT_EQ(print_plan(plan_backward(d, kCpu), "backward"), "backward: partial_rows=10 workspace_bytes=5632");
}

}  // namespace
}  // namespace spikescan
