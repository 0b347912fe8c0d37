// The spikes of a segment as bits, a word a step, and their way to memory as 0 and 1 in the output's dtype, a row at a
// time. AVX-512 alone, whose comparisons give bits and whose moves take them.
#pragma once

#include <cstdint>

#include "kernels/cpu/row_stream.h"
#include "kernels/cpu/segment_io.h"
#include "kernels/cpu/vector.h"

SPIKESCAN_ELEMENT_BEGIN

#if SPIKESCAN_AVX512
class SpikeRows {
 public:
  HWY_INLINE void put(int j, int l, FloatMask spikes) { bits_[j][l / kFloats] = static_cast<uint16_t>(spikes.raw); }

  // Of the segment at t, or of a part of one.
  void write(const spikescan_tensor& tensor, const RowPlaces& rows, int64_t t, int steps, int lanes,
             const Streaming& streaming) const {
    switch (tensor.dtype) {
      case SPIKESCAN_FLOAT16:
        return write_as<uint16_t>(tensor, rows, t, steps, lanes, streaming, 0x3c00);
      case SPIKESCAN_BFLOAT16:
        return write_as<uint16_t>(tensor, rows, t, steps, lanes, streaming, 0x3f80);
      case SPIKESCAN_UINT8:
        return write_as<uint8_t>(tensor, rows, t, steps, lanes, streaming, 1);
      default:
        return write_as<uint32_t>(tensor, rows, t, steps, lanes, streaming, 0x3f800000u);
    }
  }

 private:
  template <class T>
  void write_as(const spikescan_tensor& tensor, const RowPlaces& rows, int64_t t, int steps, int lanes,
                const Streaming& streaming, T one) const {
    T* data = static_cast<T*>(tensor.data) + t * tensor.stride_time;
    const int64_t stride = tensor.stride_time;
    if (const int run = streaming.long_run(stride, rows, lanes, sizeof(T))) {
      for (int l = 0; l < lanes; l += run) {
        streaming.ask_long_part(data + rows.first(l), static_cast<size_t>(run) * sizeof(T));
        stream_run_bits(l, run, steps, data + rows.first(l), one);
      }
      return;
    }
    rows.each_run(lanes, [&](int first, int count) HWY_ATTR {
      T* to = data + rows.first(first);
      const bool streams = streaming.wanted(to, stride * int64_t{sizeof(T)}, count * sizeof(T), rows.together());
      if (!streams) {
        for (int j = 0; j < steps; ++j, to += stride) store_ones(bits_of_step(j) >> first, count, to, one);
        return;
      }
      if (!streaming.follows && streaming.first) {
        for (int j = 0; j < steps; ++j) __builtin_memcpy(streaming.first[j], bits_[j], sizeof bits_[j]);
      }
      for (int j = 0; j < steps; ++j, to += stride) {
        streaming.ask_parts(to, stride * int64_t{sizeof(T)}, static_cast<size_t>(count) * sizeof(T), j, steps);
        stream_bits(bits_of_step(j) >> first, count, to, one, streaming, j, steps);
      }
    });
  }

  HWY_INLINE uint64_t bits_of_step(int j) const {
    uint64_t bits;
    __builtin_memcpy(&bits, bits_[j], sizeof bits);
    return bits;
  }

  // A segment that is one long row, `run` at most half the lanes.
  template <class T>
  HWY_INLINE void stream_run_bits(int first, int run, int steps, T* to, T one) const {
    const hn::ScalableTag<T> d;
    constexpr int kLine = kLineBytes / sizeof(T);
    const uint64_t of_run = (uint64_t{1} << run) - 1;
    const int part = static_cast<int>(reinterpret_cast<uintptr_t>(to) % kLineBytes / sizeof(T));
    to -= part;
    uint64_t line = 0;
    int filled = part;
    bool whole = part == 0;
    for (int j = 0; j < steps; ++j) {
      const uint64_t bits = bits_of_step(j) >> first & of_run;
      line |= bits << filled;
      filled += run;
      while (filled >= kLine) {
        if (whole) {
          hn::Stream(ones_where(d, line, one), d, to);
        } else {
          store_part_ones(line, part, kLine, to, one);
          whole = true;
        }
        filled -= kLine;
        line = kLine < kLanes ? line >> (kLine % kLanes) : bits >> (run - filled);
        to += kLine;
      }
    }
    // Three bytes a step may all lie inside one line.
    const int begin = whole ? 0 : part;
    if (filled > begin) store_part_ones(line, begin, filled, to, one);
  }

  // stream_row() of row_stream.h with bits in the place of elements; they are what a row leaves to others, too.
  template <class T>
  static HWY_INLINE void stream_bits(uint64_t bits, int count, T* to, T one, const Streaming& streaming, int step,
                                     int steps) {
    const hn::ScalableTag<T> d;
    constexpr int kLine = kLineBytes / sizeof(T);
    const int part = static_cast<int>(reinterpret_cast<uintptr_t>(to) % kLineBytes / sizeof(T));
    const int end = part + count;
    uint64_t before;
    __builtin_memcpy(&before, streaming.last[step], sizeof before);
    const uint64_t up_to_here = count == kLanes ? bits : bits << (kLanes - count) | before >> count;
    __builtin_memcpy(streaming.last[step], &up_to_here, sizeof up_to_here);

    const SharedLine first = streaming.first_line(step), last = streaming.last_line(step, steps);
    const uint64_t first_bits = part == 0 ? bits : bits << part | before >> (kLanes - part);
    const auto line_at = [&](int at) { return at == 0 ? first_bits : bits >> (at - part); };
    to -= part;
    int at = 0;
    if (part != 0 && first != SharedLine::kWhole) {
      if (first == SharedLine::kPart) store_part_ones(first_bits, part, end < kLine ? end : kLine, to, one);
      at = kLine;
    }
    for (; at + kLine <= end; at += kLine) hn::Stream(ones_where(d, line_at(at), one), d, to + at);
    if (at >= end || last == SharedLine::kLeft) return;
    if (last == SharedLine::kPart) return store_part_ones(line_at(at), 0, end - at, to + at, one);
    uint64_t after;
    __builtin_memcpy(&after, streaming.first[step + 1], sizeof after);
    const uint64_t own = line_at(at) & ((uint64_t{1} << (end - at)) - 1);
    hn::Stream(ones_where(d, own | after << (end - at), one), d, to + at);
  }

  template <class T>
  static HWY_INLINE void store_ones(uint64_t bits, int count, T* to, T one) {
    const hn::ScalableTag<T> d;
    constexpr int kLine = kLineBytes / sizeof(T);
    int l = 0;
    for (; l + kLine <= count; l += kLine) hn::StoreU(ones_where(d, bits >> l, one), d, to + l);
    if (l < count) store_part_ones(bits >> l, 0, count - l, to + l, one);
  }

  // Of a vector at `to` the elements begin ... end - 1. It should begin where a line does: beside lines that go past
  // the caches a masked store that reaches into the next one, though it leaves it alone, is very slow.
  template <class T>
  static HWY_INLINE void store_part_ones(uint64_t bits, int begin, int end, T* to, T one) {
    const hn::ScalableTag<T> d;
    const uint64_t lanes = ~uint64_t{0} >> (64 - (end - begin)) << begin;
    using M = hn::Mask<decltype(d)>;
    hn::BlendedStore(ones_where(d, bits, one), M{static_cast<decltype(M::raw)>(lanes)}, d, to);
  }

  template <class D>
  static HWY_INLINE hn::Vec<D> ones_where(D d, uint64_t bits, hn::TFromD<D> one) {
    using M = hn::Mask<D>;
    return hn::IfThenElseZero(M{static_cast<decltype(M::raw)>(bits)}, hn::Set(d, one));
  }

  alignas(kLineBytes) uint16_t bits_[kSegmentSteps][kLanes / kFloats];
};
#endif

SPIKESCAN_ELEMENT_END
