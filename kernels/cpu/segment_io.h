// Segments of a block between memory and the float32 tile: any dtype, any strides, no byte outside the block's rows.
// Stores go past the caches where a call writes much and its rows consist of whole cache lines.
#pragma once

#include "kernels/cpu/lane_block.h"
#include "kernels/cpu/vector_convert.h"

SPIKESCAN_ELEMENT_BEGIN

constexpr size_t kLineBytes = 64;
// Outputs of a call from which streaming pays: less may still be in the caches when the caller reads it.
constexpr int64_t kStreamingBytes = int64_t{4} << 20;

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
  }
  bool together() const { return together_; }  // one run of memory at every step
  int64_t first(int lane) const { return first_[lane]; }

 private:
  bool together_ = true;
  int64_t first_[kLanes] = {};
};

template <class T>
HWY_INLINE void load_together(const T* data, int64_t stride, int steps, int lanes, Segment& out) {
  for (int j = 0; j < steps; ++j) {
    const T* row = data + j * stride;
    int l = 0;
    for (; l + kFloats <= lanes; l += kFloats) store(load_vector(row + l), out.at[j] + l);
    if (l == lanes) continue;
    for (int end = l + kFloats; l < end; ++l) out.at[j][l] = l < lanes ? to_float(row[l]) : 0.0f;
  }
}

template <class T>
void load_apart(const T* data, const RowPlaces& rows, int64_t t, int64_t stride, int steps, int lanes, Segment& out) {
  for (int l = 0; l < lanes; ++l) {
    const T* row = data + rows.first(l) + t * stride;
    for (int j = 0; j < steps; ++j) out.at[j][l] = to_float(row[j * stride]);
  }
}

template <class T>
void load_rows(const spikescan_tensor& tensor, const RowPlaces& rows, int64_t t, int steps, int lanes, Segment& out) {
  const T* data = static_cast<const T*>(tensor.data);
  if (!rows.together()) return load_apart(data, rows, t, tensor.stride_time, steps, lanes, out);
  load_together(data + rows.first(0) + t * tensor.stride_time, tensor.stride_time, steps, lanes, out);
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

template <class T>
bool whole_lines(const T* data, int64_t stride) {
  return reinterpret_cast<uintptr_t>(data) % kLineBytes == 0 && stride * sizeof(T) % kLineBytes == 0;
}

// A segment of a full block whose rows lie together.
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

// One whole row of a full block, past the caches.
HWY_INLINE void stream_row(const float* from, float* to) {
  for (int l = 0; l < kLanes; l += kFloats) hn::Stream(load(from + l), FloatTag(), to + l);
}
template <class T>
HWY_INLINE void stream_row(const float* from, T* to) {
  alignas(kLineBytes) T row[kLanes];
  for (int l = 0; l < kLanes; l += kFloats) store_vector(load(from + l), row + l);
  const hn::ScalableTag<uint8_t> d;
  for (size_t byte = 0; byte < sizeof row; byte += hn::Lanes(d)) {
    hn::Stream(hn::Load(d, reinterpret_cast<const uint8_t*>(row) + byte), d, reinterpret_cast<uint8_t*>(to) + byte);
  }
}

template <class T>
HWY_INLINE void store_together(T* data, int64_t stride, int steps, int lanes, bool streaming, const Segment& in) {
  if (streaming && lanes == kLanes && whole_lines(data, stride)) {
    for (int j = 0; j < steps; ++j) stream_row(in.at[j], data + j * stride);
    return;
  }
  for (int j = 0; j < steps; ++j) {
    T* row = data + j * stride;
    int l = 0;
    for (; l + kFloats <= lanes; l += kFloats) store_vector(load(in.at[j] + l), row + l);
    for (; l < lanes; ++l) row[l] = narrow<T>(in.at[j][l]);
  }
}

template <class T>
void store_rows(const spikescan_tensor& tensor, const RowPlaces& rows, int64_t t, int steps, int lanes, bool streaming,
                const Segment& in) {
  T* data = static_cast<T*>(tensor.data);
  const int64_t stride = tensor.stride_time;
  if (rows.together()) return store_together(data + rows.first(0) + t * stride, stride, steps, lanes, streaming, in);
  for (int l = 0; l < lanes; ++l) {
    T* row = data + rows.first(l) + t * stride;
    for (int j = 0; j < steps; ++j) row[j * stride] = narrow<T>(in.at[j][l]);
  }
}

inline void store_segment(const spikescan_tensor& tensor, const RowPlaces& rows, int64_t t, int steps, int lanes,
                          bool streaming, const Segment& in) {
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
