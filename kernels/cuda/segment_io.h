// One channel's steps between memory and registers, a segment of them or a quarter: any dtype, free strides. The dtype
// is a uniform branch outside the loop.
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
template <int kSteps>
struct RawSteps {
  uint32_t bits[kSteps];
};
using RawSegment = RawSteps<kSegmentSteps>;

// Where the steps of a channel are neighbours in memory (C = 1), four at a time.
template <int kSteps>
__device__ __forceinline__ bool load_neighbours(const void* first, int64_t stride, int steps, RawSteps<kSteps>& out) {
  if (stride != 1 || steps != kSteps || reinterpret_cast<uintptr_t>(first) % sizeof(uint4) != 0) return false;
#pragma unroll
  for (int i = 0; i < kSteps / 4; ++i) {
    const uint4 four = static_cast<const uint4*>(first)[i];
    out.bits[4 * i] = four.x;
    out.bits[4 * i + 1] = four.y;
    out.bits[4 * i + 2] = four.z;
    out.bits[4 * i + 3] = four.w;
  }
  return true;
}

template <int kSteps, class Word>
__device__ __forceinline__ void load_words(const Word* first, int64_t stride, int steps, RawSteps<kSteps>& out) {
  if constexpr (sizeof(Word) == 4) {
    if (!usually(stride != 1) && load_neighbours(first, stride, steps, out)) return;
  }
  // A moving pointer: a segment's sixteen addresses would take as many registers as the values.
  if (usually(steps == kSteps)) {
#pragma unroll
    for (int j = 0; j < kSteps; ++j, first += stride) out.bits[j] = *first;
  } else {
#pragma unroll
    for (int j = 0; j < kSteps; ++j, first += stride) out.bits[j] = j < steps ? *first : 0u;
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
template <int kSteps>
__device__ __forceinline__ void load_raw(const spikescan_tensor& tensor, const void* first, int steps,
                                         RawSteps<kSteps>& out) {
  if (tensor.dtype == SPIKESCAN_FLOAT32) {
    load_words(static_cast<const uint32_t*>(first), tensor.stride_time, steps, out);
  } else {
    load_words(static_cast<const uint16_t*>(first), tensor.stride_time, steps, out);
  }
}
template <int kSteps>
__device__ __forceinline__ void load_raw(const spikescan_tensor& tensor, int64_t b, int64_t t, int64_t c, int steps,
                                         RawSteps<kSteps>& out) {
  load_raw(tensor, address_at(tensor, b, t, c), steps, out);
}

template <int kSteps>
__device__ __forceinline__ void decode(const RawSteps<kSteps>& raw, spikescan_dtype dtype, float (&out)[kSteps]) {
#pragma unroll
  for (int j = 0; j < kSteps; ++j) {
    const auto half = static_cast<uint16_t>(raw.bits[j]);
    out[j] = dtype == SPIKESCAN_FLOAT32   ? float_of(raw.bits[j])
             : dtype == SPIKESCAN_FLOAT16 ? to_float(Half{half})
                                          : to_float(BFloat16{half});
  }
}

template <int kSteps>
__device__ __forceinline__ void load_steps(const spikescan_tensor& tensor, int64_t b, int64_t t, int64_t c, int steps,
                                           float (&out)[kSteps]) {
  RawSteps<kSteps> raw;
  load_raw(tensor, b, t, c, steps, raw);
  decode(raw, tensor.dtype, out);
}

template <int kSteps, class T>
__device__ __forceinline__ void store_as(T* first, int64_t stride, int steps, const float (&in)[kSteps]) {
  for_steps<false, kSteps>(steps, [&](int j, bool) {
    *first = from_float<T>(in[j]);
    first += stride;
  });
}

// Of floating-point numbers.
template <int kSteps>
__device__ __forceinline__ void store_steps(const spikescan_tensor& tensor, void* first, int steps,
                                            const float (&in)[kSteps]) {
  switch (tensor.dtype) {
    case SPIKESCAN_FLOAT16:
      return store_as(static_cast<Half*>(first), tensor.stride_time, steps, in);
    case SPIKESCAN_BFLOAT16:
      return store_as(static_cast<BFloat16*>(first), tensor.stride_time, steps, in);
    default:
      return store_as(static_cast<float*>(first), tensor.stride_time, steps, in);
  }
}
template <int kSteps>
__device__ __forceinline__ void store_steps(const spikescan_tensor& tensor, int64_t b, int64_t t, int64_t c, int steps,
                                            const float (&in)[kSteps]) {
  if (tensor.dtype != SPIKESCAN_UINT8) return store_steps(tensor, address_at(tensor, b, t, c), steps, in);
  auto* out = static_cast<uint8_t*>(tensor.data) + element_at(tensor, b, t, c);
  for_steps<false, kSteps>(steps, [&](int j, bool) {
    *out = in[j] != 0.0f ? 1 : 0;
    out += tensor.stride_time;
  });
}

}  // namespace spikescan
