// Chunks of a pass that go to many threads (block_carries.h), for ForwardLanes and BackwardLanes alike. Several stand
// side by side: each has lanes of its own, in the pass's order.
#pragma once

#include "kernels/cpu/block_carries.h"
#include "kernels/element/compat.h"

SPIKESCAN_ELEMENT_BEGIN

// `rows` lanes from lane l on; the carries lie side by side, [state][kLanes].
inline void copy_lanes(const double (*from)[kLanes], int l, double (*to)[kLanes], int at, int rows, int states) {
  const size_t bytes = static_cast<size_t>(rows) * sizeof(double);
  for (int n = 0; n < states; ++n) __builtin_memcpy(to[n] + at, from[n] + l, bytes);
}

template <class Lanes>
void run_split_chunks(Lanes& lanes, const ChunkItem& item, int64_t chunks, BlockCarries& carries) {
  const int64_t n = item.position;
  const bool last = n + item.count == chunks;
  lanes.start_split(item.row_block, n, item.count);
  const int rows = lanes.lanes() / item.count;
  for (int stage = 0; stage < Lanes::kStages; ++stage) {
    auto& scan = lanes.stage_scan(stage);
    if (!last || item.count > 1) lanes.measure(n);
    if (n > 0) {
      carries.wait(stage, n);
      copy_lanes(carries.carry[stage], 0, scan.carries(), 0, rows, scan.N);
    }
    const auto pass_on = [&](int i, double(*to)[kLanes], int at) {
      alignas(64) double next[2][kLanes];
      scan.end_chunk_into(lanes.chunk_length(n), i * rows, rows, lanes.leaves_split(n + i), next);
      copy_lanes(next, i * rows, to, at, rows, scan.N);
    };
    for (int i = 0; i + 1 < item.count; ++i) pass_on(i, scan.carries(), (i + 1) * rows);
    if (last) continue;
    pass_on(item.count - 1, carries.carry[stage], 0);
    carries.publish(stage, n + item.count);
  }
  lanes.finish_split(n);
}

SPIKESCAN_ELEMENT_END
