// One chunk of a pass whose chunks run on many threads (block_carries.h), for ForwardLanes and BackwardLanes alike.
#pragma once

#include "kernels/cpu/block_carries.h"
#include "kernels/element/compat.h"

SPIKESCAN_ELEMENT_BEGIN

template <class Lanes>
void run_split_chunk(Lanes& lanes, const ChunkItem& item, int64_t chunks, BlockCarries& carries) {
  const int64_t n = item.position;
  const bool last = n + 1 == chunks;
  lanes.start_split(item.row_block, n);
  for (int stage = 0; stage < Lanes::kStages; ++stage) {
    auto& scan = lanes.stage_scan(stage);
    if (!last) lanes.measure(n);
    if (n > 0) {
      carries.wait(stage, n);
      for (int state = 0; state < scan.N; ++state) {
        __builtin_memcpy(scan.carry(state), carries.carry[stage][state], sizeof carries.carry[stage][state]);
      }
    }
    if (last) continue;
    scan.end_chunk_into(lanes.chunk_length(n), lanes.lanes(), lanes.leaves_split(n), carries.carry[stage]);
    carries.publish(stage, n + 1);
  }
  lanes.finish_split(n);
}

SPIKESCAN_ELEMENT_END
