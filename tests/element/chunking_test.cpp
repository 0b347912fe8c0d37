// The lengths of the numerical contract (kernels/element/chunking.h): a changed number changes every bit, so each is
// here.
#include "kernels/element/chunking.h"

#include <gtest/gtest.h>

namespace spikescan::testing {
namespace {

TEST(Chunking, TheContractsLengths) {
  EXPECT_EQ(kQuarterSteps, 4);
  EXPECT_EQ(kSegmentQuarters, 4);
  EXPECT_EQ(kSegmentSteps, 16);
  EXPECT_EQ(kChunkSteps, 1024);
  EXPECT_EQ(kChunkSegments, 64);
  EXPECT_EQ(kSplitSteps, 262144);
  EXPECT_EQ(kSplitChunks, 256);
  EXPECT_EQ(kRowAccumulators, 32);
  EXPECT_EQ(kChannelAccumulators, 256);
}

TEST(Chunking, QuartersShareASegmentsSteps) {
  for (int steps = 0; steps <= kSegmentSteps; ++steps) {
    int sum = 0;
    for (int q = 0; q < kSegmentQuarters; ++q) sum += quarter_steps(q, steps);
    EXPECT_EQ(sum, steps);
    EXPECT_EQ(quarter_steps(0, steps), steps < 4 ? steps : 4) << steps;
    EXPECT_EQ(quarter_steps(3, steps), steps > 12 ? steps - 12 : 0) << steps;
  }
}

TEST(Chunking, ChunksAndSegmentsCoverTheTime) {
  EXPECT_EQ(chunk_count(0), 0);
  EXPECT_EQ(chunk_count(1), 1);
  EXPECT_EQ(chunk_count(1024), 1);
  EXPECT_EQ(chunk_count(1025), 2);
  EXPECT_EQ(chunk_count(int64_t{1} << 34), int64_t{1} << 24);
  EXPECT_EQ(segment_count(0), 0);
  EXPECT_EQ(segment_count(16), 1);
  EXPECT_EQ(segment_count(17), 2);
  for (const int64_t time : {int64_t{1}, int64_t{1023}, int64_t{1024}, int64_t{1025}, int64_t{4099}}) {
    int64_t covered = 0;
    for (int64_t chunk = 0; chunk < chunk_count(time); ++chunk) covered += chunk_steps(time, chunk);
    EXPECT_EQ(covered, time);
  }
  EXPECT_EQ(chunk_steps((int64_t{1} << 34) - 1, (int64_t{1} << 24) - 1), 1023);
}

TEST(Chunking, ShortSequencesShareARowOfPartialSums) {
  EXPECT_EQ(batches_per_row(0), 1);
  EXPECT_EQ(batches_per_row(1), 1024);
  EXPECT_EQ(batches_per_row(3), 341);
  EXPECT_EQ(batches_per_row(513), 1);
  EXPECT_EQ(batches_per_row(1024), 1);
  EXPECT_EQ(batches_per_row(100000), 1);
  EXPECT_EQ(partial_rows(5, 0), 0);
  EXPECT_EQ(partial_rows(0, 100), 0);
  EXPECT_EQ(partial_rows(1025, 1), 2);
  EXPECT_EQ(partial_rows(7, 2049), 21);
}

}  // namespace
}  // namespace spikescan::testing
