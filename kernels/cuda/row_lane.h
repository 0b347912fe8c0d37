// The 32 rows of a warp, in the order of memory, or one chunk of 32 of them: what one of its lanes knows. Where all are
// neighbouring channels of one batch, the lanes move whole lines together, 16 bytes each.
#pragma once

#include "kernels/cuda/phase.h"
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
  bool inside;                     // the last warp may hang over
  bool together;                   // all 32 rows are neighbouring channels of one batch
  int first_segment, end_segment;  // of the row, or of the piece

  // Of a lane whose warp's first row, where it is of an earlier batch, has a channel below 0 counted from this one's.
  __device__ __forceinline__ void find_together(int64_t channels) {
    const int64_t first = channel - lane_of_warp();
    together = first >= 0 && first + 32 <= channels;
  }

  // At most 2^34 steps make fewer than 2^31 segments.
  __device__ __forceinline__ void take_row(int64_t time) {
    first_segment = 0;
    end_segment = static_cast<int>(divide_up(time, kSegmentSteps));
  }
  __device__ __forceinline__ void take_chunk(int64_t time, int64_t chunk) {
    first_segment = static_cast<int>(chunk * kChunkSegments);
    end_segment = first_segment + segment_count(chunk_steps(time, chunk));
  }
  // The chunks before it in the pass's direction.
  template <bool kReverse>
  __device__ __forceinline__ int link(const Plan& plan) const {
    return kReverse ? static_cast<int>(plan.chunks) - 1 - (end_segment - 1) / kChunkSegments
                    : first_segment / kChunkSegments;
  }

  // Where the caller has the row's state; null where he has none, or there is no row.
  __device__ __forceinline__ float* place_of(const spikescan_state& state) const {
    return state.data && inside ? state.data + batch * state.stride_batch + channel : nullptr;
  }
  __device__ __forceinline__ float state(const spikescan_state& state) const {
    const float* place = place_of(state);
    return place ? *place : 0.0f;
  }

  // The row's or piece's whole segments end here.
  __device__ __forceinline__ int whole_end(int64_t time) const {
    const int whole = static_cast<int>(time / kSegmentSteps);
    return whole < end_segment ? whole : end_segment;
  }

  // A block's warps keep_together() as often as each other, though the last chunk may be a short one.
  __device__ __forceinline__ void wait_for_longer_pieces(const spikescan_tensor& x) const {
    for (int segment = end_segment; segment < first_segment + kChunkSegments; ++segment) keep_together(x);
  }

  // Where the warp's first channel starts in time.
  __device__ __forceinline__ const char* warp_start(const spikescan_tensor& tensor) const {
    return address_at(tensor, batch, 0, channel - lane_of_warp());
  }
  // Where this lane's 16 bytes lie of the first steps, from t on, that the warp moves together.
  __device__ __forceinline__ const char* wide_piece(const spikescan_tensor& tensor, const char* warp_start,
                                                    int64_t t) const {
    const int lane = lane_of_warp(), lanes = lanes_of_step(tensor);
    return warp_start + (t + lane / lanes) * tensor.stride_time * float_bytes(tensor) + lane % lanes * kCopyBytes;
  }
  __device__ __forceinline__ bool copies_wide(const spikescan_tensor& tensor, const char* warp_start) const {
    return together && inside && tensor.stride_time * float_bytes(tensor) % kCopyBytes == 0 &&
           reinterpret_cast<uintptr_t>(warp_start) % kCopyBytes == 0;
  }
};

}  // namespace spikescan
