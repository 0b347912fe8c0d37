// Firing over one segment: the uniforms (generator or caller's), the rule, and the spikes' formats.
// One generator call serves four steps of one channel (SPEC section 3).
#pragma once

#include "kernels/cpu/lanes.h"
#include "kernels/random_origin.h"

SPIKESCAN_ELEMENT_BEGIN

inline void draw_uniforms(const RandomOrigin& origin, int64_t b, int64_t t, int64_t c, int steps, Segment& u) {
  const uint32_t batch = static_cast<uint32_t>(origin.batch + b);
  int64_t time = origin.time + t;
  for (int j = 0; j < steps;) {
    uint32_t words[4][kLanes];
    for (int l = 0; l < kLanes; ++l) {
      const PhiloxWords w =
          philox4x32_10(static_cast<uint32_t>(time >> 2), static_cast<uint32_t>(origin.channel + c + l), batch,
                        origin.stream, origin.key);
      for (int i = 0; i < 4; ++i) words[i][l] = w.w[i];
    }
    for (int i = static_cast<int>(time & 3); i < 4 && j < steps; ++i, ++j, ++time) {
      for (int l = 0; l < kLanes; ++l) u.at[j][l] = uniform_of(words[i][l]);
    }
  }
}

// `m` becomes the spikes.
inline void fire(const Firing& f, const Segment& u, int steps, Segment& m) {
  for (int j = 0; j < steps; ++j) {
    float(&row)[kLanes] = m.at[j];
    switch (f.rule) {
      case SPIKESCAN_SIGMOID_BERNOULLI:
        for (int l = 0; l < kLanes; ++l) row[l] = fires_sigmoid(f, row[l], u.at[j][l]) ? 1.0f : 0.0f;
        break;
      case SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI:
        for (int l = 0; l < kLanes; ++l) row[l] = fires_refractory(f, row[l], u.at[j][l]) ? 1.0f : 0.0f;
        break;
      default:
        for (int l = 0; l < kLanes; ++l) row[l] = spike_of(f, row[l], 0.0f);
        break;
    }
  }
}

// Spikes of one segment out. Packed words span two segments: `word` keeps the first half until the second comes.
inline void store_spikes(const spikescan_tensor& tensor, int64_t b, int64_t t, int64_t c, int steps, int lanes,
                         bool last, const Segment& spikes, uint32_t (&word)[kLanes]) {
  if (tensor.dtype == SPIKESCAN_UINT8) {
    auto* rows = static_cast<uint8_t*>(tensor.data) + element_at(tensor, b, t, c);
    for (int j = 0; j < steps; ++j) {
      for (int l = 0; l < lanes; ++l) rows[j * tensor.stride_time + l] = spikes.at[j][l] != 0.0f ? 1 : 0;
    }
    return;
  }
  if (tensor.dtype != SPIKESCAN_BITS32) return store_segment(tensor, b, t, c, steps, lanes, spikes);
  const int shift = static_cast<int>(t % 32);
  for (int l = 0; l < kLanes; ++l) {
    uint32_t bits = shift == 0 ? 0u : word[l];
    for (int j = 0; j < steps; ++j) {
      // A variable of its own: g++ 12 miscompiles `(fired ? 1u : 0u) << n` under -fsanitize=undefined.
      const uint32_t fired = spikes.at[j][l] != 0.0f;
      bits |= fired << (shift + j);
    }
    word[l] = bits;
  }
  if (shift != 0 || last) {
    auto* row = static_cast<uint32_t*>(tensor.data) + element_at(tensor, b, t / 32, c);
    for (int l = 0; l < lanes; ++l) row[l] = word[l];
  }
}

SPIKESCAN_ELEMENT_END
