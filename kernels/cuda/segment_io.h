// Rows of one segment between memory and registers: 16 steps of one channel, any dtype, free strides. The dtype is a
// uniform branch outside the loop.
#pragma once

#include "kernels/cuda/tile.h"
#include "kernels/element/convert.h"

namespace spikescan {

// 64 bits before any product: strides alone may pass 2^31.
__device__ __forceinline__ int64_t element_at(const spikescan_tensor& tensor, int64_t b, int64_t t, int64_t c) {
  return b * tensor.stride_batch + t * tensor.stride_time + c;
}

template <class T>
__device__ __forceinline__ void load_steps(const T* first, int64_t stride, int steps, float (&out)[kSegmentSteps]) {
#pragma unroll
  for (int j = 0; j < kSegmentSteps; ++j) out[j] = j < steps ? to_float(first[j * stride]) : 0.0f;
}

template <class T>
__device__ __forceinline__ void store_steps(T* first, int64_t stride, int steps, const float (&in)[kSegmentSteps]) {
#pragma unroll
  for (int j = 0; j < kSegmentSteps; ++j) {
    if (j < steps) first[j * stride] = from_float<T>(in[j]);
  }
}

// Steps t .. t + steps - 1 of (b, c); the rest is zero.
__device__ __forceinline__ void load_segment(const spikescan_tensor& tensor, int64_t b, int64_t t, int64_t c, int steps,
                                             float (&out)[kSegmentSteps]) {
  const int64_t first = element_at(tensor, b, t, c);
  switch (tensor.dtype) {
    case SPIKESCAN_FLOAT16:
      return load_steps(static_cast<const Half*>(tensor.data) + first, tensor.stride_time, steps, out);
    case SPIKESCAN_BFLOAT16:
      return load_steps(static_cast<const BFloat16*>(tensor.data) + first, tensor.stride_time, steps, out);
    default:
      return load_steps(static_cast<const float*>(tensor.data) + first, tensor.stride_time, steps, out);
  }
}

__device__ __forceinline__ void store_segment(const spikescan_tensor& tensor, int64_t b, int64_t t, int64_t c,
                                              int steps, const float (&in)[kSegmentSteps]) {
  const int64_t first = element_at(tensor, b, t, c);
  switch (tensor.dtype) {
    case SPIKESCAN_FLOAT16:
      return store_steps(static_cast<Half*>(tensor.data) + first, tensor.stride_time, steps, in);
    case SPIKESCAN_BFLOAT16:
      return store_steps(static_cast<BFloat16*>(tensor.data) + first, tensor.stride_time, steps, in);
    case SPIKESCAN_UINT8: {
      auto* out = static_cast<uint8_t*>(tensor.data) + first;
#pragma unroll
      for (int j = 0; j < kSegmentSteps; ++j) {
        if (j < steps) out[j * tensor.stride_time] = in[j] != 0.0f ? 1 : 0;
      }
      return;
    }
    default:
      return store_steps(static_cast<float*>(tensor.data) + first, tensor.stride_time, steps, in);
  }
}

}  // namespace spikescan
