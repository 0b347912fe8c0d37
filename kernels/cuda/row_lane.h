// The 32 rows of a warp, in the order of memory: what one of its lanes knows. Where all are neighbouring channels of
// one batch, the lanes move whole lines together, 16 bytes each.
#pragma once

#include "kernels/cuda/segment_io.h"

namespace spikescan {

constexpr int kCopyBytes = 16;

// Lanes that move one step of 32 channels.
__device__ __forceinline__ int lanes_of_step(const spikescan_tensor& tensor) {
  return tensor.dtype == SPIKESCAN_FLOAT32 ? 8 : 4;
}

// A block's warps at a segment together, though none waits for another's numbers: what they read and write at a time
// then lies together in memory. It seemed to pay where memory is the limit (in no record). All threads of the block.
__device__ __forceinline__ void keep_together(const spikescan_tensor& x) {
  if (x.dtype == SPIKESCAN_FLOAT32) __syncthreads();
}

struct RowLane {
  int64_t batch, channel;
  bool inside;    // the last warp may hang over
  bool together;  // all 32 rows are neighbouring channels of one batch

  // Where the warp's first channel starts in time.
  __device__ __forceinline__ const char* warp_start(const spikescan_tensor& tensor) const {
    return address_of(tensor, batch, 0, channel - static_cast<int>(threadIdx.x) % 32);
  }
  // Where this lane's 16 bytes lie of the first steps, from t on, that the warp moves together.
  __device__ __forceinline__ const char* wide_piece(const spikescan_tensor& tensor, const char* warp_start,
                                                    int64_t t) const {
    const int lane = static_cast<int>(threadIdx.x) % 32, lanes = lanes_of_step(tensor);
    return warp_start + (t + lane / lanes) * tensor.stride_time * float_bytes(tensor) + lane % lanes * kCopyBytes;
  }
  __device__ __forceinline__ bool copies_wide(const spikescan_tensor& tensor, const char* warp_start) const {
    return together && inside && tensor.stride_time * float_bytes(tensor) % kCopyBytes == 0 &&
           reinterpret_cast<uintptr_t>(warp_start) % kCopyBytes == 0;
  }
};

}  // namespace spikescan
