// The CPU backend's uniforms and spikes, 16 channels of one batch at a time, as plain arrays.
#pragma once

#include "kernels/cpu/lane_firing.h"

namespace spikescan::testing {

constexpr int kLanes = 16;

struct Segment {
  float at[kSegmentSteps][kLanes];
};

// Channels c to c + 15 of batch b, in a block as a pass makes it, known to be of one batch.
inline LaneBlock rows_of_one_batch(int64_t b, int64_t c) {
  const BlockGrid grid(kLanes, 1);
  LaneBlock block;
  block.set_channels(grid, 0);
  block.set_batches(grid, 0, 1, b, b + 1);
  for (int l = 0; l < kLanes; ++l) block.channel[l] += c;
  return block;
}

// The same rows in a block that is not known to be: its width() is 0.
inline LaneBlock rows_of_any_batch(int64_t b, int64_t c) {
  LaneBlock block;
  for (block.lanes = 0; block.lanes < kLanes; ++block.lanes) {
    block.batch[block.lanes] = b;
    block.channel[block.lanes] = c + block.lanes;
  }
  return block;
}

// The uniforms of `steps` steps from t on of a block's rows, as the vector generator makes them.
inline void draw_rows(const RandomOrigin& origin, const LaneBlock& block, int64_t t, int steps, Segment& u) {
  VectorPhilox philox(origin);
  philox.set_rows(block);
  spikescan::Segment drawn = {};
  draw_shifted(philox, t, steps, kLanes, drawn);
  for (int j = 0; j < steps; ++j) {
    for (int l = 0; l < kLanes; ++l) u.at[j][l] = drawn.at[j][l] / kUniformScale;
  }
}

// Of channels c to c + 15 of batch b.
inline void draw_uniforms(const RandomOrigin& origin, int64_t b, int64_t t, int64_t c, int steps, Segment& u) {
  draw_rows(origin, rows_of_one_batch(b, c), t, steps, u);
}

struct TileSink {
  static constexpr bool kStreams = false;
  spikescan::Segment& tile;
  void ask(int, int) const {}
  void put(int j, int l, Floats spikes) { store(spikes, tile.at[j] + l); }
  void put(int j, int l, FloatMask spikes) { put(j, l, one_where(spikes)); }
  void end(int) {}
};

// `m` becomes the spikes.
inline void fire(const Firing& f, const Segment& u, int steps, Segment& m) {
  const VectorPhilox unused(RandomOrigin{});
  spikescan::Segment uniforms = {}, values = {};
  for (int j = 0; j < steps; ++j) {
    for (int l = 0; l < kLanes; ++l) {
      uniforms.at[j][l] = u.at[j][l];
      values.at[j][l] = m.at[j][l];
    }
  }
  fire_any(f, unused, 0, steps, kLanes, true, uniforms, values, TileSink{values});
  for (int j = 0; j < steps; ++j) {
    for (int l = 0; l < kLanes; ++l) m.at[j][l] = values.at[j][l];
  }
}

}  // namespace spikescan::testing
