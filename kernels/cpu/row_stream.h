// Rows past the caches. Only whole lines go there well: where rows do not begin on one, a block leaves the last bytes
// of each row to its strip's next block, which stores them together with its own first ones; the parts of lines at the
// ends of a strip are stored as usual. (Fetching the broken lines of every block cost more than their bytes account
// for.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "kernels/cpu/block_grid.h"
#include "kernels/cpu/lane_block.h"
#include "kernels/cpu/vector_convert.h"

SPIKESCAN_ELEMENT_BEGIN

constexpr size_t kLineBytes = 64;

// What a row of one block leaves to the next, in any form: all blocks of a strip store a segment in the same way. Only
// a strip's last block may have fewer than kLanes.
using RowEnd = uint8_t[kLineBytes];

inline bool on_lines(const void* data, int64_t stride_bytes) {
  return reinterpret_cast<uintptr_t>(data) % kLineBytes == 0 && static_cast<size_t>(stride_bytes) % kLineBytes == 0;
}

// How a block's rows go to memory: past the caches if there are `ends`, one for each of a turn's steps.
struct Streaming {
  bool follows, precedes;  // another block of the strip, in a row's order
  RowEnd* ends;
  Streaming(StripPlace place, RowEnd* of_turn) : follows(place.index > 0), precedes(!place.last()), ends(of_turn) {}

  // Of rows of `bytes` from `to` on. `together`: they are the whole block's; of a block of several batches, whose runs
  // are short, only whole lines are streamed.
  bool wanted(const void* to, int64_t stride_bytes, size_t bytes, bool together) const {
    if (!ends) return false;
    if (together && (follows || precedes || bytes >= 2 * kLineBytes)) return true;
    return bytes % kLineBytes == 0 && on_lines(to, stride_bytes);
  }
};

HWY_INLINE void stream_line(const uint8_t* from, uint8_t* to) {
  const hn::ScalableTag<uint8_t> d;
  for (size_t at = 0; at < kLineBytes; at += hn::Lanes(d)) hn::Stream(hn::LoadU(d, from + at), d, to + at);
}

// Less than a line.
HWY_INLINE void store_part(const uint8_t* from, uint8_t* to, size_t bytes) {
  const hn::CappedTag<uint8_t, 16> d;
  size_t at = 0;
  for (; at + 16 <= bytes; at += 16) hn::StoreU(hn::LoadU(d, from + at), d, to + at);
  const auto store_few = [&](auto few) HWY_ATTR {
    if (!(bytes & sizeof few)) return;
    __builtin_memcpy(to + at, from + at, sizeof few);
    at += sizeof few;
  };
  store_few(uint64_t{});
  store_few(uint32_t{});
  store_few(uint16_t{});
  store_few(uint8_t{});
}

// One row: `bytes` from `own` on, before which stand the kLineBytes that the block before left, if there is one.
HWY_INLINE void stream_row(const uint8_t* own, size_t bytes, void* first, const Streaming& streaming) {
  auto* to = static_cast<uint8_t*>(first);
  const size_t part = reinterpret_cast<uintptr_t>(to) % kLineBytes;  // that others have of the row's first line
  const size_t end = part + bytes;
  own -= part;
  to -= part;
  size_t at = streaming.follows ? 0 : part;
  if (at % kLineBytes != 0) {
    const size_t line_end = end < kLineBytes ? end : kLineBytes;
    store_part(own + at, to + at, line_end - at);
    at = line_end;
  }
  for (; at + kLineBytes <= end; at += kLineBytes) stream_line(own + at, to + at);
  if (at < end && !streaming.precedes) store_part(own + at, to + at, end - at);
}

// A full block's segment whose rows are whole lines.
template <class T>
HWY_INLINE void stream_lines(const Segment& in, int steps, T* to, int64_t stride) {
  constexpr size_t kBytes = kLanes * sizeof(T);
  alignas(kLineBytes) T rows[kSegmentSteps][kLanes];
  if constexpr (!std::is_same_v<T, float>) {
    for (int j = 0; j < steps; ++j) {
      for (int l = 0; l < kLanes; l += kFloats) store_vector(load(in.at[j] + l), rows[j] + l);
    }
  }
  const T(*from)[kLanes] = rows;
  if constexpr (std::is_same_v<T, float>) from = in.at;
  for (int j = 0; j < steps; ++j) {
    const auto* row = reinterpret_cast<const uint8_t*>(from[j]);
    auto* lines = reinterpret_cast<uint8_t*>(to + j * stride);
    for (size_t at = 0; at < kBytes; at += kLineBytes) stream_line(row + at, lines + at);
  }
}

// A segment of `lanes` that are neighbours in memory.
template <class T>
void stream_run(const Segment& in, int steps, int first, int lanes, T* to, int64_t stride, const Streaming& streaming) {
  const size_t bytes = static_cast<size_t>(lanes) * sizeof(T);
  if (lanes == kLanes && on_lines(to, stride * int64_t{sizeof(T)})) return stream_lines(in, steps, to, stride);
  // All rows are made before the first is read: a row read at once would wait for its stores.
  alignas(kLineBytes) uint8_t rows[kSegmentSteps][kLineBytes + kLanes * sizeof(T)];
  for (int j = 0; j < steps; ++j) {
    T* own = reinterpret_cast<T*>(rows[j] + kLineBytes);
    for (int l = 0; l < lanes; l += kFloats) store_vector(hn::LoadU(FloatTag(), in.at[j] + first + l), own + l);
    if (streaming.follows) __builtin_memcpy(rows[j], streaming.ends[j], kLineBytes);
  }
  for (int j = 0; j < steps; ++j) {
    stream_row(rows[j] + kLineBytes, bytes, to + j * stride, streaming);
    if (streaming.precedes) __builtin_memcpy(streaming.ends[j], rows[j] + bytes, kLineBytes);
  }
}

SPIKESCAN_ELEMENT_END
