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

// Where a block's rows lie in one tensor, in elements.
class RowPlaces {
 public:
  void set(const spikescan_tensor& tensor, const LaneBlock& block) {
    for (int l = 0; l < block.lanes; ++l) first_[l] = block.batch[l] * tensor.stride_batch + block.channel[l];
    int apart = 0;
    for (int l = 0; l < block.lanes; ++l) apart |= first_[l] != first_[0] + l;
    together_ = apart == 0;
    run_ = together_ ? kLanes : block.width();
  }
  bool together() const { return together_; }  // one run of memory at every step
  // Runs of so few lanes that each lane is better read and written alone, all of a segment's steps.
  bool lanes_alone() const { return run_ < 8; }
  int64_t first(int lane) const { return first_[lane]; }

  // Calls body(first lane, lanes) for each run: all lanes, or those of one batch.
  template <class Body>
  HWY_INLINE void each_run(int lanes, Body body) const {
    if (together_) return body(0, lanes);
    for (int l = 0; l < lanes; l += run_) body(l, run_);
  }

 private:
  bool together_ = true;
  int run_ = kLanes;
  int64_t first_[kLanes] = {};
};

// Beside the run it may write the next one's lanes, which come later, or lanes that are not in use.
template <class T>
HWY_INLINE void load_run(const T* data, int64_t stride, int steps, int first, int lanes, Segment& out) {
  for (int j = 0; j < steps; ++j, data += stride) {
    float* to = out.at[j] + first;
    int l = 0;
    for (; l + kFloats <= lanes; l += kFloats) hn::StoreU(load_vector(data + l), FloatTag(), to + l);
    if (l == lanes) continue;
    if (first + l + kFloats <= kLanes) {
      hn::StoreU(load_first(data + l, lanes - l), FloatTag(), to + l);
    } else {
      for (; l < lanes; ++l) to[l] = to_float(data[l]);
    }
  }
}

template <class T>
HWY_INLINE void load_rows(const spikescan_tensor& tensor, const RowPlaces& rows, int64_t t, int steps, int lanes,
                          Segment& out) {
  const T* data = static_cast<const T*>(tensor.data) + t * tensor.stride_time;
  const int64_t stride = tensor.stride_time;
  if (rows.lanes_alone()) {
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
  if (lanes == kLanes && rows.together() && tensor.dtype == SPIKESCAN_FLOAT32) {
    return {static_cast<const float*>(tensor.data) + rows.first(0) + t * tensor.stride_time, tensor.stride_time};
  }
  load_segment(tensor, rows, t, steps, lanes, stage);
  return view_tile(stage);
}

// Memory that will be read soon, asked for a line at a time in the middle of other work. Where the rows do not lie
// together, or the tensor is absent, it asks for something else, which does no harm.
// Numbers and no pointers, since they may lie outside the tensor, and unsigned, since a stride that is not used may be
// any number.
class Asking {
 public:
  // From step t on, `channels` and `batches` after the block's.
  Asking(const spikescan_tensor& tensor, const RowPlaces& rows, int64_t t, int64_t channels, int64_t batches = 0) {
    const auto bytes = static_cast<uintptr_t>(dtype_bytes(tensor.dtype));
    const auto time = static_cast<uintptr_t>(tensor.stride_time), batch = static_cast<uintptr_t>(tensor.stride_batch);
    const uintptr_t element = static_cast<uintptr_t>(rows.first(0) + channels) + static_cast<uintptr_t>(t) * time +
                              static_cast<uintptr_t>(batches) * batch;
    first_ = reinterpret_cast<uintptr_t>(tensor.data) + element * bytes;
    stride_bytes_ = time * bytes;
    element_bytes_ = bytes;
  }
  // Into the first-level cache, what is needed within two segments. It matters where a tensor starts 64 bytes into a
  // page, as large ones often do.
  HWY_INLINE void ask_near(int j, int l) const { __builtin_prefetch(place(j, l), 0, 3); }
  // Into the second: of longer runs of rows that lie a power of two apart, the first would lose some.
  HWY_INLINE void ask(int j, int l) const { __builtin_prefetch(place(j, l), 0, 2); }

 private:
  HWY_INLINE const void* place(int j, int l) const {
    return reinterpret_cast<const void*>(first_ + static_cast<uintptr_t>(j) * stride_bytes_ +
                                         static_cast<uintptr_t>(l) * element_bytes_);
  }
  uintptr_t first_, stride_bytes_, element_bytes_;
};

template <class T>
HWY_INLINE void store_run(T* data, int64_t stride, int steps, int first, int lanes, const Segment& in) {
  for (int j = 0; j < steps; ++j, data += stride) {
    const float* from = in.at[j] + first;
    int l = 0;
    for (; l + kFloats <= lanes; l += kFloats) store_vector(hn::LoadU(FloatTag(), from + l), data + l);
    for (; l < lanes; ++l) data[l] = narrow<T>(from[l]);
  }
}

template <class T>
void store_rows(const spikescan_tensor& tensor, const RowPlaces& rows, int64_t t, int steps, int lanes,
                const Streaming& streaming, const Segment& in) {
  T* data = static_cast<T*>(tensor.data) + t * tensor.stride_time;
  const int64_t stride = tensor.stride_time;
  if (rows.lanes_alone()) {
    for (int l = 0; l < lanes; ++l) {
      T* row = data + rows.first(l);
      for (int j = 0; j < steps; ++j) row[j * stride] = narrow<T>(in.at[j][l]);
    }
    return;
  }
  rows.each_run(lanes, [&](int first, int count) HWY_ATTR {
    T* to = data + rows.first(first);
    if (streaming.wanted(to, stride * int64_t{sizeof(T)}, count * sizeof(T), rows.together())) {
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
