// The generator for one instruction set; CMake compiles this file once for each (SPIKESCAN_ELEMENT_ISA).
#include "generator.h"

#include "kernels/cpu/vector_philox.h"

SPIKESCAN_ELEMENT_BEGIN

uint32_t draw_words(int64_t draws, int64_t* made) {
  constexpr int kQuads = 2;  // side by side, as the forward pass takes them
  VectorPhilox philox({{2026, 7}, 3, 0, 0, 0});
  const BlockGrid grid(kLanes, 1);
  LaneBlock block;
  block.set_channels(grid, 0);
  block.set_batches(grid, 0, 1, 0, 1);
  philox.set_rows(block);
  Words all = words(0);
  int64_t t = 0;
  for (*made = 0; *made < draws; *made += int64_t{4} * kQuads * kLanes, t += 4 * kQuads) {
    PhiloxTime times[kQuads];
    for (int q = 0; q < kQuads; ++q) philox.at_time(t + 4 * q, times[q]);
    for (int l = 0; l < kLanes; l += kFloats) {
      Words drawn[4 * kQuads];
      philox.draw<kQuads, 1>(times, l, drawn);
      for (const Words& one : drawn) all = hn::Xor(all, one);
    }
  }
  alignas(64) uint32_t lanes[kFloats];
  hn::Store(all, WordTag(), lanes);
  uint32_t folded = 0;
  for (const uint32_t lane : lanes) folded ^= lane;
  return folded;
}

SPIKESCAN_ELEMENT_END

namespace spikescan::bench {

uint32_t SPIKESCAN_JOIN(generator_, SPIKESCAN_ELEMENT_ISA)(int64_t draws, int64_t* made) {
  return draw_words(draws, made);
}

}  // namespace spikescan::bench
