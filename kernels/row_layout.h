// A block that scans rows or pieces (kernels/cuda/row_scan.h): its threads, a row or piece each, and its shared memory.
#pragma once

#include <cstddef>

#include "include/spikescan/spikescan.h"
#include "kernels/element/chunking.h"
#include "kernels/neuron_sizes.h"

namespace spikescan {

constexpr int kRowThreads = 128;

// The tables: each thread, or each channel where threads share, has a column of maps and of a quarter's responses.
constexpr int kSegmentBits = 6;  // of a segment's number in its chunk
static_assert(1 << kSegmentBits == kChunkSegments);
// M^(16 s) is a product of squares, one for each bit of s, low bits first. The products of the lowest bits are kept
// ready-made, as far as shared memory leaves an H200 and an A100 their resident blocks (forward of order 1, where more
// made no fewer instructions, 3); backward with a column a thread has no registers for them.
SPIKESCAN_HD constexpr int ready_bits(int order, int columns, bool forward) {
  if (columns < kRowThreads) return order == 1 ? 4 : 3;
  return !forward ? 0 : order == 1 ? 3 : 2;
}
// M^4, M^16, and backward M^(time % 16), which lies after every whole segment of a row's last chunk.
SPIKESCAN_HD constexpr int row_maps(int order, int columns, bool forward) {
  const int ready = ready_bits(order, columns, forward);
  return (ready > 0 ? 1 << ready : 0) + kSegmentBits - ready + (forward ? 2 : 3);
}
// Backward has a map for the states and one for their gradients. Of order 1 they are the same; of order 2 they share
// the decays' powers and have a coupling each.
SPIKESCAN_HD constexpr bool has_two_maps(int order, bool forward) {
  return order == 2 && !forward;
}
SPIKESCAN_HD constexpr int row_coefficients(int order, bool forward) {
  return coefficients_of(order) + (has_two_maps(order, forward) ? 1 : 0);
}
// Of a channel, for one map.
SPIKESCAN_HD constexpr int response_words(int order) {
  return coefficients_of(order) * kQuarterSteps;
}
SPIKESCAN_HD constexpr size_t row_tables_bytes(int order, int columns, bool forward) {
  const auto maps = static_cast<size_t>(row_maps(order, columns, forward) * row_coefficients(order, forward));
  const auto responses = static_cast<size_t>(response_words(order) * (has_two_maps(order, forward) ? 2 : 1));
  return static_cast<size_t>(columns) * (maps * sizeof(double) + responses * sizeof(float));
}
// A segment of x for the 32 threads of a warp.
constexpr int kRingSlotBytes = kSegmentSteps * 32 * static_cast<int>(sizeof(float));

// Forward: segments of x on their way to each warp, the tables, and what the block's rows share of the generator
// (kernels/cuda/row_generator.h).
constexpr size_t kRandomBytes = 48 + kRowThreads / 32 * (32 * 16 + 64);
// The segment that comes next: with more of x under way, float32 to float32 became slower on an H200 (docs/cuda.md; in
// no record).
constexpr int kForwardRingSlots = 1;
// Blocks on a multiprocessor that every form has registers for.
constexpr int kResidentForwardRows = 4;
struct ForwardRowLayout {
  size_t ring, tables, random, bytes;
};
SPIKESCAN_HD constexpr ForwardRowLayout forward_row_layout(spikescan_recurrence r) {
  ForwardRowLayout at = {};
  at.tables = size_t{kRowThreads / 32} * kForwardRingSlots * kRingSlotBytes;
  const int order = scan_order(r);
  at.random = at.tables + row_tables_bytes(order, kRowThreads, /*forward=*/true);
  at.bytes = at.random + kRandomBytes;
  return at;
}

// Backward's blocks that registers leave room for on a multiprocessor.
SPIKESCAN_HD constexpr int resident_rows(spikescan_recurrence r) {
  return state_count(r) == 2 ? 3 : 4;
}

// Backward (kernels/cuda/backward_row.h), in this order: a ring of segments of x for each warp, from 0 on; the tables;
// the chain and the carry that come next; and the entries of the segments between two saved states. Where channels
// leave few of a warp's lanes idle, a block's warps are batches of the same channels and share the tables' columns, so
// that there are 32 of them in the place of one a thread.
constexpr int kBackwardRingSlots = kSavedSegments;
// Of a state of a segment: what is carried into its quarters, and its value after the last step.
constexpr int kEntryWords = kSegmentQuarters + 1;
struct BackwardRowLayout {
  size_t ring, tables, chains, entries, bytes;
};
SPIKESCAN_HD constexpr BackwardRowLayout backward_row_layout(spikescan_recurrence r, int columns) {
  const auto states = static_cast<size_t>(state_count(r));
  BackwardRowLayout at = {};
  at.tables = size_t{kRowThreads / 32} * kBackwardRingSlots * kRingSlotBytes;
  at.chains = at.tables + row_tables_bytes(scan_order(r), columns, /*forward=*/false);
  at.entries = at.chains + 2 * states * kRowThreads * sizeof(double);
  at.bytes = at.entries + kEntryWords * states * kSavedSegments * kRowThreads * sizeof(float);
  return at;
}

}  // namespace spikescan
