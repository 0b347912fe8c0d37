// Few rows and long time: the chunks of one block go to many threads, one or several side by side. A thread finds what
// its chunks add from x alone, waits for the carry that enters the first, hands the one that leaves the last on, and
// only then makes the outputs. Chunks are taken in order, so whoever waits, waits for a thread that runs.
#pragma once

#include <sched.h>

#include <cstdint>

#include "kernels/cpu/block_grid.h"

namespace spikescan {

// The carries of one block on their way from chunk to chunk. A stage is a scan whose input needs no other scan's carry
// but those of the stages before it.
struct alignas(64) BlockCarries {
  static constexpr int kStages = 2, kStates = 2;
  int64_t reached[kStages] = {};  // position of the chunk that `carry` enters
  alignas(64) double carry[kStages][kStates][kLanes];

  void wait(int stage, int64_t position) {
    constexpr int kSpins = 2000;
    for (int spins = 0; __atomic_load_n(&reached[stage], __ATOMIC_ACQUIRE) < position;) {
      if (++spins > kSpins) sched_yield();
    }
  }
  void publish(int stage, int64_t position) { __atomic_store_n(&reached[stage], position, __ATOMIC_RELEASE); }
};

// Chunks of one block, `count` from `position` on, which counts chunks in the pass's order. `prepared`: the scratch
// still holds what an item of the same call and channels left there.
struct ChunkItem {
  int64_t channel_block, row_block, position;
  int count;
  bool prepared;
};

}  // namespace spikescan
