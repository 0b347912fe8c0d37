// Rows of floats past the caches, wherever in a line they begin (AVX-512, whose vectors are lines). Between a row's
// ends a line is a vector of the tile that is loaded from where the line begins; at its ends a line is joined from two
// vectors, its own and its neighbour's in memory (row_stream.h says who stores such a line).
#pragma once

#include "kernels/cpu/lane_block.h"
#include "kernels/cpu/row_stream.h"
#include "kernels/cpu/vector.h"

SPIKESCAN_ELEMENT_BEGIN

constexpr bool kVectorsAreLines = SPIKESCAN_AVX512;

// Rows of whole vectors that begin on lines.
inline bool are_lines(const float* first, int64_t stride, int lanes) {
  return lanes % kFloats == 0 && on_lines(first, stride * int64_t{sizeof(float)});
}

#if SPIKESCAN_AVX512
static_assert(kFloats * sizeof(float) == kLineBytes);

// Lanes of its line that lie before p.
HWY_INLINE int lanes_before(const float* p) {
  return static_cast<int>(reinterpret_cast<uintptr_t>(p) % kLineBytes / sizeof(float));
}
// Lanes from p on that lie in the line of those before it.
HWY_INLINE int lanes_to_line(const float* p) {
  return -lanes_before(p) & (kFloats - 1);
}

// Of a and b side by side, the vector from lane n on.
HWY_INLINE Floats joined(Floats a, Floats b, int n) {
  const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  return Floats{_mm512_permutex2var_ps(a.raw, _mm512_add_epi32(lane, _mm512_set1_epi32(n)), b.raw)};
}

HWY_INLINE Floats load_part(const RowPart& part) {
  return hn::LoadU(FloatTag(), reinterpret_cast<const float*>(part));
}
HWY_INLINE void keep_part(Floats x, RowPart& part) {
  hn::StoreU(x, FloatTag(), reinterpret_cast<float*>(part));
}

// The lines that rows share with others; step j's row of the tile, of at least a line, is at first + j * stride.
inline void stream_ends(const Segment& in, int steps, int lanes, float* first, int64_t stride,
                        const Streaming& streaming) {
  const FloatTag d;
  if (streaming.first && !streaming.follows) {
    for (int j = 0; j < steps; ++j) keep_part(load(in.at[j]), streaming.first[j]);
  }
  for (int j = 0; j < steps; ++j) {
    float* const to = first + j * stride;
    streaming.ask_parts(to, stride * int64_t{sizeof(float)}, static_cast<size_t>(lanes) * sizeof(float), j, steps);
    const Floats begin = load(in.at[j]), end = hn::LoadU(d, in.at[j] + lanes - kFloats);
    if (const int part = lanes_before(to)) {
      const SharedLine shared = streaming.first_line(j);
      if (shared == SharedLine::kWhole) {
        hn::Stream(joined(load_part(streaming.last[j]), begin, kFloats - part), d, to - part);
      } else if (shared == SharedLine::kPart) {
        hn::BlendedStore(joined(begin, begin, kFloats - part), hn::Not(hn::FirstN(d, part)), d, to - part);
      }
    }
    if (const int part = lanes_before(to + lanes)) {
      const SharedLine shared = streaming.last_line(j, steps);
      float* const line = to + lanes - part;
      if (shared == SharedLine::kWhole) {
        hn::Stream(joined(end, load_part(streaming.first[j + 1]), kFloats - part), d, line);
      } else if (shared == SharedLine::kPart) {
        hn::BlendedStore(joined(end, end, kFloats - part), hn::FirstN(d, part), d, line);
      }
    }
    if (streaming.precedes) keep_part(end, streaming.last[j]);
  }
}

// stream_run() of row_stream.h, but that nothing is put together in memory.
inline void stream_float_run(const Segment& in, int steps, int first, int lanes, float* to, int64_t stride,
                             const Streaming& streaming) {
  if (are_lines(to, stride, lanes)) return stream_lines(in, steps, first, lanes, to, stride);
  // From here on the run is all of the block's lanes: runs that do not lie together come as lines.
  stream_ends(in, steps, lanes, to, stride, streaming);
  for (int j = 0; j < steps; ++j, to += stride) {
    for (int l = lanes_to_line(to); l + kFloats <= lanes; l += kFloats) {
      hn::Stream(hn::LoadU(FloatTag(), in.at[j] + l), FloatTag(), to + l);
    }
  }
}
#else  // nobody comes here
inline void stream_float_run(const Segment&, int, int, int, float*, int64_t, const Streaming&) {}
HWY_INLINE int lanes_to_line(const float*) {
  return 0;
}
inline void stream_ends(const Segment&, int, int, float*, int64_t, const Streaming&) {}
#endif

SPIKESCAN_ELEMENT_END
