// Segments of a block between memory and the float32 tile: any dtype, any strides, no byte outside the block's rows.
// Stores go past the caches where a call writes much.
#pragma once

#include "kernels/cpu/lane_block.h"
#include "kernels/cpu/row_stream.h"
#include "kernels/cpu/streaming_bytes.h"
#include "kernels/cpu/vector_convert.h"

SPIKESCAN_ELEMENT_BEGIN

inline bool streams(const spikescan_description& d, spikescan_dtype dtype) {
  return d.batch * d.time * d.channels * static_cast<int64_t>(dtype_bytes(dtype)) >= kStreamingBytes;
}

// How a block's rows of an output go to memory; `step` of the turn is the segment's first.
template <int kSteps>
Streaming way_of(const spikescan_description& d, const spikescan_tensor& tensor, StripPlace place,
                 RowParts<kSteps>& parts, int step, bool backward) {
  const bool fills_line = place.first_width * static_cast<int64_t>(dtype_bytes(tensor.dtype)) >= int64_t{kLineBytes};
  if (!streams(d, tensor.dtype) || (place.blocks > 1 && !fills_line)) return Streaming(place);
  const bool joins = fills_line && place.has_all && tensor.stride_time == d.channels;
  return Streaming(place, parts, step, joins, backward);
}

// Where a block's rows lie in one tensor, in elements.
class RowPlaces {
 public:
  void set(const spikescan_tensor& tensor, const LaneBlock& block) {
    for (int l = 0; l < block.lanes; ++l) first_[l] = block.batch[l] * tensor.stride_batch + block.channel[l];
    int apart = 0;
    for (int l = 0; l < block.lanes; ++l) apart |= first_[l] != first_[0] + l;
    together_ = apart == 0;
    run_ = together_ ? kLanes : block.width();
    // Of a few channels, a line of each batch as far as there are questions.
    const int64_t batch = together_ ? 0 : first_[run_] - first_[0];
    apart_16_ = run_ > 16 ? 16 : batch * (16 / run_);
    apart_32_ = together_ ? 32 : run_ > 16 ? batch : 2 * apart_16_;
  }
  bool together() const { return together_; }  // one run of memory at every step
  // Runs of so few lanes that each lane is better read, or written, alone, all of a segment's steps.
  bool read_alone() const { return run_ < (kMasksLanes ? 4 : 8); }
  bool written_alone() const { return run_ < 8; }
  int64_t first(int lane) const { return first_[lane]; }
  // Of the lanes of a vector, those that lie together.
  uintptr_t vector() const { return static_cast<uintptr_t>(run_ < kFloats ? run_ : kFloats); }
  // From the first lane to where Asking asks for the lanes from 16 and 32 on, and to the batch half-way to the first of
  // them, if there is one.
  int64_t apart_8() const { return run_ <= 8 ? apart_16_ / 2 : 0; }
  int64_t apart_16() const { return apart_16_; }
  int64_t apart_32() const { return apart_32_; }

  // Calls body(first lane, lanes) for each run: all lanes, or those of one batch.
  template <class Body>
  HWY_INLINE void each_run(int lanes, Body body) const {
    if (together_) return body(0, lanes);
    for (int l = 0; l < lanes; l += run_) body(l, run_);
  }

 private:
  bool together_ = true;
  int run_ = kLanes;
  int64_t apart_16_ = 16, apart_32_ = 32;
  int64_t first_[kLanes] = {};
};

// Beside the run it may write the next one's lanes, which come later, or lanes that are not in use.
template <class T>
HWY_INLINE void load_run(const T* data, int64_t stride, int steps, int first, int lanes, Segment& out) {
  const int whole = lanes / kFloats * kFloats, rest = lanes - whole;
  for (int j = 0; j < steps && whole > 0; ++j) {
    for (int l = 0; l < whole; l += kFloats) {
      hn::StoreU(load_vector(data + j * stride + l), FloatTag(), out.at[j] + first + l);
    }
  }
  if (rest == 0) return;
  first += whole;
  data += whole;
  if (first + kFloats <= kLanes) {
    for (int j = 0; j < steps; ++j) hn::StoreU(load_first(data + j * stride, rest), FloatTag(), out.at[j] + first);
  } else {
    for (int j = 0; j < steps; ++j) store_first(load_first(data + j * stride, rest), out.at[j] + first, rest);
  }
}

template <class T>
HWY_INLINE void load_rows(const spikescan_tensor& tensor, const RowPlaces& rows, int64_t t, int steps, int lanes,
                          Segment& out) {
  const T* data = static_cast<const T*>(tensor.data) + t * tensor.stride_time;
  const int64_t stride = tensor.stride_time;
  if (rows.read_alone()) {
    for (int l = 0; l < lanes; ++l) {
      const T* row = data + rows.first(l);
      for (int j = 0; j < steps; ++j) out.at[j][l] = to_float(row[j * stride]);
    }
    return;
  }
  rows.each_run(lanes, [&](int first, int count)
                           HWY_ATTR { load_run(data + rows.first(first), stride, steps, first, count, out); });
}

inline void load_segment(const spikescan_tensor& tensor, const RowPlaces& rows, int64_t t, int steps, int lanes,
                         Segment& out) {
  switch (tensor.dtype) {
    case SPIKESCAN_FLOAT16:
      return load_rows<Half>(tensor, rows, t, steps, lanes, out);
    case SPIKESCAN_BFLOAT16:
      return load_rows<BFloat16>(tensor, rows, t, steps, lanes, out);
    default:
      return load_rows<float>(tensor, rows, t, steps, lanes, out);
  }
}

// A segment of vectors, in memory or in a tile.
template <class T>
struct RowsOf {
  const T* first;  // at its first step
  int64_t stride;
  HWY_INLINE Floats operator()(int j, int l) const { return load_vector(first + j * stride + l); }
};
// A segment of an input as the scans read it: memory itself where a full block's float32 rows lie together, else a
// tile.
using RowsView = RowsOf<float>;

inline RowsView view_tile(const Segment& tile) {
  return {tile.at[0], kLanes};
}

inline RowsView view_segment(const spikescan_tensor& tensor, const RowPlaces& rows, int64_t t, int steps, int lanes,
                             Segment& stage) {
  if (lanes % kFloats == 0 && rows.together() && tensor.dtype == SPIKESCAN_FLOAT32) {
    return {static_cast<const float*>(tensor.data) + rows.first(0) + t * tensor.stride_time, tensor.stride_time};
  }
  load_segment(tensor, rows, t, steps, lanes, stage);
  return view_tile(stage);
}

// Memory that will be read soon, asked for a line at a time in the middle of other work: the last byte of each vector,
// since the line where a row begins is also asked for with the vector before it. Where the tensor is absent, or a lane
// is not in use, it asks for something else, which does no harm. Numbers and no pointers, since they may lie outside the
// tensor, and unsigned, since a stride that is not used may be any number.
class Asking {
 public:
  // From step t on, `channels` and `batches` after the block's. `near`: for ask_near(), which made forward slower where
  // runs have fewer than 8 lanes (why: not found); there it asks for something else.
  Asking(const spikescan_tensor& tensor, const RowPlaces& rows, int64_t t, int64_t channels, int64_t batches,
         bool near) {
    const auto bytes = static_cast<uintptr_t>(dtype_bytes(tensor.dtype));
    const auto time = static_cast<uintptr_t>(tensor.stride_time), batch = static_cast<uintptr_t>(tensor.stride_batch);
    const uintptr_t element = static_cast<uintptr_t>(rows.first(0) + channels) + static_cast<uintptr_t>(t) * time +
                              static_cast<uintptr_t>(batches) * batch;
    first_ = reinterpret_cast<uintptr_t>(tensor.data) + element * bytes + rows.vector() * bytes - 1;
    stride_bytes_ = time * bytes;
    element_bytes_ = bytes;
    // Where a line has two steps, every other question is for the batches between.
    odd_bytes_ = 2 * stride_bytes_ <= kLineBytes && rows.apart_8() != 0 ? static_cast<uintptr_t>(rows.apart_8()) * bytes
                                                                        : stride_bytes_;
    const bool asks = !near || !rows.written_alone();
    to_16_ = static_cast<uintptr_t>(asks ? rows.apart_16() : 16) * bytes;
    to_32_ = static_cast<uintptr_t>(asks ? rows.apart_32() : 32) * bytes;
  }
  // Into the first-level cache, what is needed within two segments. It matters where a tensor starts 64 bytes into a
  // page, as large ones often do.
  HWY_INLINE void ask_near(int j, int l) const { __builtin_prefetch(place(j, l, 0), 0, 3); }
  // Into the second: of longer runs of rows that lie a power of two apart, the first would lose some.
  HWY_INLINE void ask(int j, int l) const {
    __builtin_prefetch(kFindsBatches ? place(j / 2 * 2, l, j % 2 != 0 ? odd_bytes_ : 0) : place(j, l, 0), 0, 2);
  }
  // All at once, lanes of the next block that this one, with `lanes`, is too narrow to ask for.
  HWY_INLINE void ask_beyond(int lanes, int64_t next_lanes) const {
    for (int l = (lanes + kFloats - 1) / kFloats * kFloats; l < next_lanes; l += kFloats) {
      for (int j = 0; j < kSegmentSteps; ++j) ask(j, l);
    }
  }

 private:
  // A block's other batches take registers to find, which narrower instruction sets have not: there the asking is for
  // the first batch's alone.
  static constexpr bool kFindsBatches = kFloats == 16;

  HWY_INLINE const void* place(int j, int l, uintptr_t after) const {
    const uintptr_t lane =
        kFindsBatches ? (l & 16 ? to_16_ : 0) + (l & 32 ? to_32_ : 0) : static_cast<uintptr_t>(l) * element_bytes_;
    return reinterpret_cast<const void*>(first_ + static_cast<uintptr_t>(j) * stride_bytes_ + after + lane);
  }
  uintptr_t first_, stride_bytes_, odd_bytes_, element_bytes_, to_16_, to_32_;
};

template <class T>
HWY_INLINE void store_run(T* data, int64_t stride, int steps, int first, int lanes, const Segment& in) {
  const int whole = lanes / kFloats * kFloats, rest = lanes - whole;
  for (int j = 0; j < steps && whole > 0; ++j) {
    for (int l = 0; l < whole; l += kFloats) {
      store_vector(hn::LoadU(FloatTag(), in.at[j] + first + l), data + j * stride + l);
    }
  }
  if (rest == 0) return;
  first += whole;
  data += whole;
  for (int j = 0; j < steps; ++j) store_first(load_first(in.at[j] + first, rest), data + j * stride, rest);
}

template <class T>
void store_rows(const spikescan_tensor& tensor, const RowPlaces& rows, int64_t t, int steps, int lanes,
                const Streaming& streaming, const Segment& in) {
  T* data = static_cast<T*>(tensor.data) + t * tensor.stride_time;
  const int64_t stride = tensor.stride_time;
  if (rows.written_alone()) {
    for (int l = 0; l < lanes; ++l) {
      T* row = data + rows.first(l);
      for (int j = 0; j < steps; ++j) row[j * stride] = narrow<T>(in.at[j][l]);
    }
    return;
  }
  rows.each_run(lanes, [&](int first, int count) HWY_ATTR {
    T* to = data + rows.first(first);
    // Of joined rows short ones as well, which as bits (spike_rows.h) would be slower.
    if ((rows.together() && streaming.first) ||
        streaming.wanted(to, stride * int64_t{sizeof(T)}, count * sizeof(T), rows.together())) {
      stream_run(in, steps, first, count, to, stride, streaming);
    } else {
      store_run(to, stride, steps, first, count, in);
    }
  });
}

inline void store_segment(const spikescan_tensor& tensor, const RowPlaces& rows, int64_t t, int steps, int lanes,
                          const Streaming& streaming, const Segment& in) {
  switch (tensor.dtype) {
    case SPIKESCAN_FLOAT16:
      return store_rows<Half>(tensor, rows, t, steps, lanes, streaming, in);
    case SPIKESCAN_BFLOAT16:
      return store_rows<BFloat16>(tensor, rows, t, steps, lanes, streaming, in);
    case SPIKESCAN_UINT8:
      return store_rows<uint8_t>(tensor, rows, t, steps, lanes, streaming, in);
    default:
      return store_rows<float>(tensor, rows, t, steps, lanes, streaming, in);
  }
}

SPIKESCAN_ELEMENT_END
