// Where the spikes of a vector's steps go as they are fired: float rows past the caches, rows of other spikes as bits
// (AVX-512), packed words, or the tile. Memory is asked for the next turn's segment meanwhile, a line at a time, so
// that its answers come while there is something else to do.
//
// A sink has put(j, l, spikes) for the kFloats rows from l on at step j, a row's steps in order, before it ask(j, l),
// and end(l) after the last. Spikes are a mask, or values from the rule `none`. put() and ask() stand in the innermost
// loop: a few instructions. kStreams: it stores past the caches.
#pragma once

#include "kernels/cpu/asking.h"
#include "kernels/cpu/lane_firing.h"
#include "kernels/cpu/spike_rows.h"
#include "kernels/cpu/spike_words.h"

SPIKESCAN_ELEMENT_BEGIN

// Float rows on lines.
struct StreamSink {
  static constexpr bool kStreams = true;
  float* first;
  int64_t stride;
  Asking next;
  HWY_INLINE void ask(int j, int l) const { next.ask_near(j, l); }
  HWY_INLINE void put(int j, int l, Floats spikes) { hn::Stream(spikes, FloatTag(), first + j * stride + l); }
  HWY_INLINE void put(int j, int l, FloatMask spikes) { put(j, l, one_where(spikes)); }
  HWY_INLINE void end(int) {}
};

// What fires beyond a last quarter's steps is left.
struct PartStreamSink {
  static constexpr bool kStreams = true;
  StreamSink rows;
  int steps;
  HWY_INLINE void ask(int j, int l) const {
    if (j < steps) rows.ask(j, l);
  }
  template <class Spikes>
  HWY_INLINE void put(int j, int l, Spikes spikes) {
    if (j < steps) rows.put(j, l, spikes);
  }
  HWY_INLINE void end(int) {}
};

// `output`: where the tile will be stored. A store that misses waits for its line.
struct AskingTileSink {
  static constexpr bool kStreams = false;
  Segment& tile;
  Asking next, output;
  HWY_INLINE void ask(int j, int l) const {
    next.ask_near(j, l);
    output.ask_near(j, l);
  }
  HWY_INLINE void put(int j, int l, Floats spikes) { store(spikes, tile.at[j] + l); }
  HWY_INLINE void put(int j, int l, FloatMask spikes) { put(j, l, one_where(spikes)); }
  HWY_INLINE void end(int) {}
};

#if SPIKESCAN_AVX512
struct RowSink {
  static constexpr bool kStreams = false;
  SpikeRows& rows;
  Asking next, output;
  HWY_INLINE void ask(int j, int l) const {
    next.ask_near(j, l);
    output.ask_near(j, l);
  }
  HWY_INLINE void put(int j, int l, FloatMask spikes) { rows.put(j, l, spikes); }
  HWY_INLINE void end(int) {}
};
#endif

struct WordSink {
  static constexpr bool kStreams = false;
  SpikeWords& words_of_rows;
  int shift;
  Asking next;
  Words bits = words(0u), bit = words(1u);  // `bit`: the next step's
  HWY_INLINE void ask(int j, int l) const { next.ask_near(j, l); }
  HWY_INLINE void put(int, int, FloatMask spikes) {
    bits = SpikeWords::with_bit_where(spikes, bits, bit);
    bit = bit + bit;
  }
  HWY_INLINE void end(int l) {
    words_of_rows.merge(l, shift, bits);
    bits = words(0u);
    bit = words(1u);
  }
};

SPIKESCAN_ELEMENT_END
