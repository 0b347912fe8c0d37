// Lengths that are part of the numerical contract (docs/reproducibility.md): change one and every bit changes.
#pragma once

#include <cstdint>

#include "kernels/element/compat.h"
#include "kernels/element/divide_up.h"

namespace spikescan {

// Steps scanned one after another in float32 from a zero state. An impulse is rounded at each of them, and a constant
// input rounds the same way in every such run: 4 steps leave room for all other roundings below 8 * 2^-24 of the sum.
constexpr int kQuarterSteps = 4;
// Four quarters: a GPU thread's share.
constexpr int kSegmentQuarters = 4;
constexpr int kSegmentSteps = kSegmentQuarters * kQuarterSteps;
// Steps whose aggregate is published to later chunks.
constexpr int kChunkSteps = 1024;
constexpr int kChunkSegments = kChunkSteps / kSegmentSteps;
// The spacing of the states saved for backward.
constexpr int kSavedSteps = 64;
constexpr int kSavedSegments = kSavedSteps / kSegmentSteps;
// Steps after which the carry is rounded to the float32 state, so that a call may end there and another go on.
// Rounding at every chunk would add up to T / kChunkSteps half-ulps to V where beta is near 1 and x has one sign.
constexpr int kSplitSteps = 262144;
constexpr int kSplitChunks = kSplitSteps / kChunkSteps;
// Accumulators of the ordered sums: rows of partial sums of one channel; channels of a shared decay.
constexpr int kRowAccumulators = 32;
constexpr int kChannelAccumulators = 256;

SPIKESCAN_HD int64_t chunk_count(int64_t time) {
  return divide_up(time, kChunkSteps);
}

SPIKESCAN_HD int chunk_steps(int64_t time, int64_t chunk) {
  const int64_t left = time - chunk * kChunkSteps;
  return static_cast<int>(left < kChunkSteps ? left : kChunkSteps);
}

// How many of a segment's `steps` steps lie in its quarter q.
SPIKESCAN_HD int quarter_steps(int q, int steps) {
  const int left = steps - q * kQuarterSteps;
  return left < 0 ? 0 : left < kQuarterSteps ? left : kQuarterSteps;
}

SPIKESCAN_HD int segment_count(int steps) {
  return (steps + kSegmentSteps - 1) / kSegmentSteps;
}

// Batches that share one row of partial parameter gradients: short sequences share, so that the rows stay few.
SPIKESCAN_HD int64_t batches_per_row(int64_t time) {
  return time >= kChunkSteps || time == 0 ? 1 : kChunkSteps / time;
}

SPIKESCAN_HD int64_t partial_rows(int64_t batch, int64_t time) {
  return divide_up(batch, batches_per_row(time)) * chunk_count(time);
}

}  // namespace spikescan
