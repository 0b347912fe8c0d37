// One segment between memory and registers: 16 steps of one channel, any dtype, free strides. The dtype is a uniform
// branch outside the loop.
#pragma once

#include "include/spikescan/spikescan.h"
#include "kernels/cuda/segment_steps.h"
#include "kernels/element/convert.h"

namespace spikescan {

// 64 bits before any product: strides alone may pass 2^31.
__device__ __forceinline__ int64_t element_at(const spikescan_tensor& tensor, int64_t b, int64_t t, int64_t c) {
  return b * tensor.stride_batch + t * tensor.stride_time + c;
}

// What memory holds, before it is turned into floats: loads that are not used at once can be under way while another
// segment is worked on.
struct RawSegment {
  uint32_t bits[kSegmentSteps];
};

// Where the steps of a channel are neighbours in memory (C = 1), four at a time.
__device__ __forceinline__ bool load_neighbours(const void* first, int64_t stride, int steps, RawSegment& out) {
  if (stride != 1 || steps != kSegmentSteps || reinterpret_cast<uintptr_t>(first) % sizeof(uint4) != 0) return false;
#pragma unroll
  for (int i = 0; i < kSegmentSteps / 4; ++i) {
    const uint4 four = static_cast<const uint4*>(first)[i];
    out.bits[4 * i] = four.x;
    out.bits[4 * i + 1] = four.y;
    out.bits[4 * i + 2] = four.z;
    out.bits[4 * i + 3] = four.w;
  }
  return true;
}

template <class Word>
__device__ __forceinline__ void load_words(const Word* first, int64_t stride, int steps, RawSegment& out) {
  if constexpr (sizeof(Word) == 4) {
    if (!usually(stride != 1) && load_neighbours(first, stride, steps, out)) return;
  }
  // A moving pointer: sixteen addresses would take as many registers as the values.
  if (usually(steps == kSegmentSteps)) {
#pragma unroll
    for (int j = 0; j < kSegmentSteps; ++j, first += stride) out.bits[j] = *first;
  } else {
#pragma unroll
    for (int j = 0; j < kSegmentSteps; ++j, first += stride) out.bits[j] = j < steps ? *first : 0u;
  }
}

// A step of one channel in a tensor of floating-point numbers.
__device__ __forceinline__ int64_t float_bytes(const spikescan_tensor& tensor) {
  return tensor.dtype == SPIKESCAN_FLOAT32 ? sizeof(float) : sizeof(uint16_t);
}
__device__ __forceinline__ char* address_at(const spikescan_tensor& tensor, int64_t b, int64_t t, int64_t c) {
  return static_cast<char*>(tensor.data) + element_at(tensor, b, t, c) * float_bytes(tensor);
}

// The steps from `first` on; those past `steps` are zero.
__device__ __forceinline__ void load_raw(const spikescan_tensor& tensor, const void* first, int steps,
                                         RawSegment& out) {
  if (tensor.dtype == SPIKESCAN_FLOAT32) {
    load_words(static_cast<const uint32_t*>(first), tensor.stride_time, steps, out);
  } else {
    load_words(static_cast<const uint16_t*>(first), tensor.stride_time, steps, out);
  }
}
__device__ __forceinline__ void load_raw(const spikescan_tensor& tensor, int64_t b, int64_t t, int64_t c, int steps,
                                         RawSegment& out) {
  load_raw(tensor, address_at(tensor, b, t, c), steps, out);
}

__device__ __forceinline__ void decode(const RawSegment& raw, spikescan_dtype dtype, float (&out)[kSegmentSteps]) {
#pragma unroll
  for (int j = 0; j < kSegmentSteps; ++j) {
    const auto half = static_cast<uint16_t>(raw.bits[j]);
    out[j] = dtype == SPIKESCAN_FLOAT32   ? float_of(raw.bits[j])
             : dtype == SPIKESCAN_FLOAT16 ? to_float(Half{half})
                                          : to_float(BFloat16{half});
  }
}

__device__ __forceinline__ void load_segment(const spikescan_tensor& tensor, int64_t b, int64_t t, int64_t c, int steps,
                                             float (&out)[kSegmentSteps]) {
  RawSegment raw;
  load_raw(tensor, b, t, c, steps, raw);
  decode(raw, tensor.dtype, out);
}

template <class T>
__device__ __forceinline__ void store_steps(T* first, int64_t stride, int steps, const float (&in)[kSegmentSteps]) {
  for_steps<false>(steps, [&](int j, bool) {
    *first = from_float<T>(in[j]);
    first += stride;
  });
}

// Of floating-point numbers.
__device__ __forceinline__ void store_segment(const spikescan_tensor& tensor, void* first, int steps,
                                              const float (&in)[kSegmentSteps]) {
  switch (tensor.dtype) {
    case SPIKESCAN_FLOAT16:
      return store_steps(static_cast<Half*>(first), tensor.stride_time, steps, in);
    case SPIKESCAN_BFLOAT16:
      return store_steps(static_cast<BFloat16*>(first), tensor.stride_time, steps, in);
    default:
      return store_steps(static_cast<float*>(first), tensor.stride_time, steps, in);
  }
}
__device__ __forceinline__ void store_segment(const spikescan_tensor& tensor, int64_t b, int64_t t, int64_t c,
                                              int steps, const float (&in)[kSegmentSteps]) {
  if (tensor.dtype != SPIKESCAN_UINT8) return store_segment(tensor, address_at(tensor, b, t, c), steps, in);
  auto* out = static_cast<uint8_t*>(tensor.data) + element_at(tensor, b, t, c);
  for_steps<false>(steps, [&](int j, bool) {
    *out = in[j] != 0.0f ? 1 : 0;
    out += tensor.stride_time;
  });
}

}  // namespace spikescan
