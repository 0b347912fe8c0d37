// The CPU backend's uniforms and spikes, 16 channels of one batch at a time, as plain arrays.
#pragma once

#include "kernels/cpu/lane_firing.h"

namespace spikescan::testing {

constexpr int kLanes = 16;

struct Segment {
  float at[kSegmentSteps][kLanes];
};

// The uniforms of `steps` steps from t on, of channels c to c + 15, as the vector generator makes them.
inline void draw_uniforms(const RandomOrigin& origin, int64_t b, int64_t t, int64_t c, int steps, Segment& u) {
  VectorPhilox philox(origin);
  LaneBlock block;
  for (block.lanes = 0; block.lanes < kLanes; ++block.lanes) {
    block.batch[block.lanes] = b;
    block.channel[block.lanes] = c + block.lanes;
  }
  philox.set_rows(block);
  spikescan::Segment drawn = {};
  draw_shifted(philox, t, steps, kLanes, drawn);
  for (int j = 0; j < steps; ++j) {
    for (int l = 0; l < kLanes; ++l) u.at[j][l] = drawn.at[j][l] / kUniformScale;
  }
}

struct TileSink {
  static constexpr bool kStreams = false;
  spikescan::Segment& tile;
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
