// Rows past the caches. Only whole lines go there well: where rows do not begin on one, a block leaves the last bytes
// of each row to its strip's next block, which stores them together with its own first ones. Where a step's row ends,
// the next step's begins, if memory has nothing between them: the strip's first block leaves its first bytes to the
// last. What is then left of broken lines is stored as usual. (Fetching the broken lines of every block cost more than
// their bytes account for.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "kernels/cpu/block_grid.h"
#include "kernels/cpu/lane_block.h"
#include "kernels/cpu/row_places.h"
#include "kernels/cpu/vector_convert.h"

SPIKESCAN_ELEMENT_BEGIN

// What a row of one block leaves to another, in any form: all blocks of a strip that share lines store a segment in the
// same way.
using RowPart = uint8_t[kLineBytes];
// For each of a turn's steps: the last bytes, for the next block, and the first ones, for the step before.
template <int kSteps>
struct RowParts {
  RowPart last[kSteps] = {}, first[kSteps] = {};
};

// A line that a row shares with its neighbour in memory is left to that one, stored whole, or in part by both.
enum class SharedLine { kLeft, kWhole, kPart };

// How a block's rows go to memory: past the caches if there are `last` parts, one for each of a segment's steps.
// `first` parts: one step's row ends where the next step's begins, and the strip has all channels.
struct Streaming {
  bool follows, precedes;  // another block of the strip, in a row's order
  RowPart *last = nullptr, *first = nullptr;
  int64_t next_turn = 0;  // steps to the rows that are stored then

  explicit Streaming(StripPlace place) : follows(place.index > 0), precedes(!place.last()) {}
  template <int kSteps>
  Streaming(StripPlace place, RowParts<kSteps>& parts, int step, bool joins, bool backward) : Streaming(place) {
    last = parts.last + step;
    if (joins) first = parts.first + step;
    next_turn = backward ? -kSteps : kSteps;
  }

  HWY_INLINE SharedLine first_line(int j) const {
    return follows ? SharedLine::kWhole : first && j > 0 ? SharedLine::kLeft : SharedLine::kPart;
  }
  HWY_INLINE SharedLine last_line(int j, int steps) const {
    return precedes ? SharedLine::kLeft : first && j + 1 < steps ? SharedLine::kWhole : SharedLine::kPart;
  }

  // Lines that are stored in part are read first, so step j's of the next turn are asked for.
  HWY_INLINE void ask_parts(const void* row, int64_t stride_bytes, size_t bytes, int j, int steps) const {
    const uintptr_t begin = reinterpret_cast<uintptr_t>(row) + static_cast<uintptr_t>(next_turn * stride_bytes);
    const uintptr_t end = begin + bytes;
    const auto ask = [](uintptr_t at) HWY_ATTR {
      if (at % kLineBytes != 0) __builtin_prefetch(reinterpret_cast<const void*>(at), 1, 3);
    };
    if (first_line(j) == SharedLine::kPart) ask(begin);
    if (last_line(j, steps) == SharedLine::kPart) ask(end);
  }
  // The same of a long row: the line that it shares with the segment that is stored after it.
  HWY_INLINE void ask_long_part(const void* row, size_t step_bytes) const {
    const int64_t steps = next_turn > 0 ? next_turn + kSegmentSteps : next_turn;
    const uintptr_t at = reinterpret_cast<uintptr_t>(row) + static_cast<uintptr_t>(steps) * step_bytes;
    if (at % kLineBytes != 0) __builtin_prefetch(reinterpret_cast<const void*>(at), 1, 3);
  }

  // Of rows of `bytes` from `to` on. `together`: they are the whole block's; of a block of several batches, whose runs
  // are short, only whole lines are streamed.
  bool wanted(const void* to, int64_t stride_bytes, size_t bytes, bool together) const {
    if (!last) return false;
    if (together && (follows || precedes || bytes >= 2 * kLineBytes)) return true;
    return bytes % kLineBytes == 0 && on_lines(to, stride_bytes);
  }

  // Of a tile's rows: of joined ones short ones as well, which as bits (spike_rows.h) would be slower.
  bool wanted_of_tile(const void* to, int64_t stride_bytes, size_t bytes, bool together) const {
    return (together && first) || wanted(to, stride_bytes, bytes, together);
  }

  // Of rows that follow each other in memory, a batch's of several, or a block's that are too short for wanted(): a
  // segment of them is one long row. Returns its lanes, at most half a block's, or 0 where that is not so. With fewer
  // than three, making one was slower (and see lane_transpose.h).
  int long_run(int64_t stride, const RowPlaces& rows, int lanes, size_t element_bytes) const {
    const int run = rows.together() ? lanes : rows.run();
    const bool fits = !rows.together() || (run <= kLanes / 2 && run * element_bytes < 2 * kLineBytes);
    return last && run >= 3 && stride == run && fits ? run : 0;
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

// One row: `bytes` from `own` on. Where a line is stored whole, the neighbour's kLineBytes stand before or after them.
HWY_INLINE void stream_row(const uint8_t* own, size_t bytes, void* to_own, SharedLine first, SharedLine last) {
  auto* to = static_cast<uint8_t*>(to_own);
  const size_t part = reinterpret_cast<uintptr_t>(to) % kLineBytes;  // that others have of the row's first line
  const size_t end = part + bytes;
  own -= part;
  to -= part;
  size_t at = first == SharedLine::kWhole ? 0 : part;
  if (at % kLineBytes != 0) {
    const size_t line_end = end < kLineBytes ? end : kLineBytes;
    if (first == SharedLine::kPart) store_part(own + at, to + at, line_end - at);
    at = line_end;
  }
  for (; at + kLineBytes <= end; at += kLineBytes) stream_line(own + at, to + at);
  if (at == end || last == SharedLine::kLeft) return;
  if (last == SharedLine::kWhole) return stream_line(own + at, to + at);
  store_part(own + at, to + at, end - at);
}

// A segment whose rows are whole lines.
template <class T>
HWY_INLINE void stream_lines(const Segment& in, int steps, int first, int lanes, T* to, int64_t stride) {
  const size_t bytes = static_cast<size_t>(lanes) * sizeof(T);
  const auto stream = [&](int j, const T* row) HWY_ATTR {
    const auto* from = reinterpret_cast<const uint8_t*>(row);
    auto* lines = reinterpret_cast<uint8_t*>(to + j * stride);
    for (size_t at = 0; at < bytes; at += kLineBytes) stream_line(from + at, lines + at);
  };
  if constexpr (std::is_same_v<T, float>) {
    for (int j = 0; j < steps; ++j) stream(j, in.at[j] + first);
  } else if constexpr (sizeof(T) == 2) {
    // Not by way of memory: a line read again would wait for all stores before it, which go past the caches.
    for (int j = 0; j < steps; ++j) {
      const float* from = in.at[j] + first;
      for (int l = 0; l < lanes; l += 2 * kFloats) {
        stream_two(load(from + l), load(from + l + kFloats), to + j * stride + l);
      }
    }
  } else {
    alignas(kLineBytes) T rows[kSegmentSteps][kLanes];
    for (int j = 0; j < steps; ++j) {
      for (int l = 0; l < lanes; l += kFloats) store_vector(load(in.at[j] + first + l), rows[j] + l);
    }
    for (int j = 0; j < steps; ++j) stream(j, rows[j]);
  }
}

// A segment of `lanes` that are neighbours in memory.
template <class T>
void stream_run(const Segment& in, int steps, int first, int lanes, T* to, int64_t stride, const Streaming& streaming) {
  const size_t bytes = static_cast<size_t>(lanes) * sizeof(T);
  const int64_t stride_bytes = stride * int64_t{sizeof(T)};
  if (bytes % kLineBytes == 0 && on_lines(to, stride_bytes)) return stream_lines(in, steps, first, lanes, to, stride);
  // All rows are made before the first is read: a row read at once would wait for its stores.
  alignas(kLineBytes) uint8_t rows[kSegmentSteps][kLineBytes + kLanes * sizeof(T) + kLineBytes];
  for (int j = 0; j < steps; ++j) {
    T* own = reinterpret_cast<T*>(rows[j] + kLineBytes);
    for (int l = 0; l < lanes; l += kFloats) store_vector(hn::LoadU(FloatTag(), in.at[j] + first + l), own + l);
    if (streaming.follows) {
      __builtin_memcpy(rows[j], streaming.last[j], kLineBytes);
    } else if (streaming.first) {
      __builtin_memcpy(streaming.first[j], own, kLineBytes);
    }
  }
  for (int j = 0; j < steps; ++j) {
    uint8_t* own = rows[j] + kLineBytes;
    const SharedLine last = streaming.last_line(j, steps);
    if (last == SharedLine::kWhole) __builtin_memcpy(own + bytes, streaming.first[j + 1], kLineBytes);
    streaming.ask_parts(to + j * stride, stride_bytes, bytes, j, steps);
    stream_row(own, bytes, to + j * stride, streaming.first_line(j), last);
    if (streaming.precedes) __builtin_memcpy(streaming.last[j], rows[j] + bytes, kLineBytes);
  }
}

// The segments of several batches that are one long row each (Streaming::long_run): `lanes` of which `run` are a
// batch's; `place(lane)` is where a batch's first step goes.
template <class T, class Place>
void stream_runs(const Segment& in, int lanes, int run, const Streaming& streaming, Place place) {
  const size_t bytes = static_cast<size_t>(run) * kSegmentSteps * sizeof(T);
  // A vector may reach into what comes after it, which is written later; all is written before the first is read.
  alignas(kLineBytes) uint8_t rows[kLineBytes + (kLanes * kSegmentSteps + kFloats) * sizeof(T) + kLineBytes];
  T* own = reinterpret_cast<T*>(rows + kLineBytes);
  for (int first = 0; first < lanes; first += run) {
    for (int j = 0; j < kSegmentSteps; ++j, own += run) {
      for (int l = 0; l < run; l += kFloats) store_vector(hn::LoadU(FloatTag(), in.at[j] + first + l), own + l);
    }
  }
  const uint8_t* from = rows + kLineBytes;
  for (int first = 0; first < lanes; first += run, from += bytes) {
    streaming.ask_long_part(place(first), static_cast<size_t>(run) * sizeof(T));
    stream_row(from, bytes, place(first), SharedLine::kPart, SharedLine::kPart);
  }
}

SPIKESCAN_ELEMENT_END
