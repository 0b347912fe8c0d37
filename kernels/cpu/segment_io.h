// Segments of a block between memory and the float32 tile: any dtype, any strides, no byte outside the block's rows.
// Stores go past the caches where a call writes much.
#pragma once

#include "kernels/cpu/float_rows.h"
#include "kernels/cpu/lane_block.h"
#include "kernels/cpu/lane_gather.h"
#include "kernels/cpu/lane_transpose.h"
#include "kernels/cpu/row_places.h"
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

// The block's row of step t, if its rows are float32 and lie together, and a vector is a line (AVX-512); else null.
inline float* float_row(const spikescan_tensor& tensor, const RowPlaces& rows, int64_t t) {
  if (tensor.dtype != SPIKESCAN_FLOAT32 || !kVectorsAreLines || !rows.together()) return nullptr;
  return static_cast<float*>(tensor.data) + rows.first(0) + t * tensor.stride_time;
}
// The same, if the rows are whole lines of memory, one for each vector.
inline float* whole_lines(const spikescan_tensor& tensor, const RowPlaces& rows, int64_t t, int lanes) {
  float* const first = float_row(tensor, rows, t);
  return first && are_lines(first, tensor.stride_time, lanes) ? first : nullptr;
}
// The same, if they go past the caches row by row, wherever in a line they begin. A row is then a line long or more:
// Streaming wants no shorter ones, nor does BlockGrid make any where a block has neighbours.
inline float* streamed_rows(const spikescan_tensor& tensor, const RowPlaces& rows, int64_t t, int lanes,
                            const Streaming& streaming) {
  float* const first = streaming.last ? float_row(tensor, rows, t) : nullptr;
  if (!first || are_lines(first, tensor.stride_time, lanes)) return first;
  constexpr size_t kBytes = sizeof(float);
  const bool wanted = streaming.wanted_of_tile(first, tensor.stride_time * int64_t{kBytes}, lanes * kBytes, true);
  return wanted && streaming.long_run(tensor.stride_time, rows, lanes, kBytes) == 0 ? first : nullptr;
}

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
#if SPIKESCAN_AVX512
  if (steps == kSegmentSteps && is_transposed(rows, stride)) {
    if (stride == 1) return load_squares<1>(data, rows, lanes, out);
    return load_squares<2>(data, rows, lanes, out);
  }
#endif
  if (!rows.together() && rows.run() % kFloats != 0) {
    if constexpr (kFloats > 8) {
      if (rows.run() % 8 == 0) return load_parts<8>(data, rows, stride, steps, lanes, out);
    }
    if (rows.run() % 4 == 0) return load_parts<4>(data, rows, stride, steps, lanes, out);
  }
  if (rows.read_alone()) {
    for (int l = 0; l < lanes; ++l) {
      const T* row = data + rows.first_apart(l);
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
#if SPIKESCAN_AVX512
  if (steps == kSegmentSteps && is_transposed(rows, stride)) {
    if (stride == 1) return store_squares<1>(in, rows, lanes, streaming.last, data);
    return store_squares<2>(in, rows, lanes, streaming.last, data);
  }
#endif
  const int run = streaming.long_run(stride, rows, lanes, sizeof(T));
  const bool is_lines = run * sizeof(T) % kLineBytes == 0 && on_lines(data + rows.first(0), 0);
  if (steps == kSegmentSteps && run > 0 && !is_lines) {
    return stream_runs<T>(in, lanes, run, streaming, [&](int first) { return data + rows.first(first); });
  }
  if (rows.written_alone()) {
    for (int l = 0; l < lanes; ++l) {
      T* row = data + rows.first_apart(l);
      for (int j = 0; j < steps; ++j) row[j * stride] = narrow<T>(in.at[j][l]);
    }
    return;
  }
  rows.each_run(lanes, [&](int first, int count) HWY_ATTR {
    T* to = data + rows.first(first);
    if (streaming.wanted_of_tile(to, stride * int64_t{sizeof(T)}, count * sizeof(T), rows.together())) {
      if constexpr (std::is_same_v<T, float> && kVectorsAreLines) {
        stream_float_run(in, steps, first, count, to, stride, streaming);
      } else {
        stream_run(in, steps, first, count, to, stride, streaming);
      }
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
