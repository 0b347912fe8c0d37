// The CPU's unit of work: kLanes channels side by side in plain arrays, so that the compiler vectorises the inner loop
// over lanes. Every lane does the scalar arithmetic of kernels/element, so the vector width leaves no trace in the
// bits.
#pragma once

#include "kernels/element/convert.h"
#include "kernels/element/recurrence.h"

SPIKESCAN_ELEMENT_BEGIN

constexpr int kLanes = 16;

// One segment of one group of channels.
struct Segment {
  float at[kSegmentSteps][kLanes];
};

// x or gradient rows of up to kSegmentSteps steps; unused lanes are zero. `first` counts elements.
template <class T>
void load_rows(const T* data, int64_t first, int64_t stride, int steps, int lanes, Segment& out) {
  for (int j = 0; j < steps; ++j) {
    const T* row = data + first + j * stride;
    if (lanes == kLanes) {
      for (int l = 0; l < kLanes; ++l) out.at[j][l] = to_float(row[l]);
    } else {
      for (int l = 0; l < kLanes; ++l) out.at[j][l] = l < lanes ? to_float(row[l]) : 0.0f;
    }
  }
}

template <class T>
void store_rows(T* data, int64_t first, int64_t stride, int steps, int lanes, const Segment& in) {
  for (int j = 0; j < steps; ++j) {
    T* row = data + first + j * stride;
    if (lanes == kLanes) {
      for (int l = 0; l < kLanes; ++l) row[l] = from_float<T>(in.at[j][l]);
    } else {
      for (int l = 0; l < lanes; ++l) row[l] = from_float<T>(in.at[j][l]);
    }
  }
}

inline int64_t element_at(const spikescan_tensor& tensor, int64_t batch, int64_t time, int64_t channel) {
  return batch * tensor.stride_batch + time * tensor.stride_time + channel;
}

inline void load_segment(const spikescan_tensor& tensor, int64_t b, int64_t t, int64_t c, int steps, int lanes,
                         Segment& out) {
  const int64_t first = element_at(tensor, b, t, c);
  switch (tensor.dtype) {
    case SPIKESCAN_FLOAT16:
      return load_rows(static_cast<const Half*>(tensor.data), first, tensor.stride_time, steps, lanes, out);
    case SPIKESCAN_BFLOAT16:
      return load_rows(static_cast<const BFloat16*>(tensor.data), first, tensor.stride_time, steps, lanes, out);
    default:
      return load_rows(static_cast<const float*>(tensor.data), first, tensor.stride_time, steps, lanes, out);
  }
}

inline void store_segment(const spikescan_tensor& tensor, int64_t b, int64_t t, int64_t c, int steps, int lanes,
                          const Segment& in) {
  const int64_t first = element_at(tensor, b, t, c);
  switch (tensor.dtype) {
    case SPIKESCAN_FLOAT16:
      return store_rows(static_cast<Half*>(tensor.data), first, tensor.stride_time, steps, lanes, in);
    case SPIKESCAN_BFLOAT16:
      return store_rows(static_cast<BFloat16*>(tensor.data), first, tensor.stride_time, steps, lanes, in);
    default:
      return store_rows(static_cast<float*>(tensor.data), first, tensor.stride_time, steps, lanes, in);
  }
}

SPIKESCAN_ELEMENT_END
