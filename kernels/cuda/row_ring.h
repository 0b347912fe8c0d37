// Segments of x on their way to a block's rows: a ring of them in shared memory for each warp, fetched by asynchronous
// copies in the order of their use. No register waits for memory, and a segment can be read twice.
#pragma once

#include "kernels/cuda/segment_io.h"
#include "kernels/layout.h"

namespace spikescan {

// The 32 rows of a warp, in the order of memory: what one of its lanes knows.
struct RowLane {
  int64_t batch, channel;
  bool inside;    // the last warp may hang over
  bool together;  // all 32 rows are neighbouring channels of one batch
};

// [kSlots][16 steps][32 lanes] in x's dtype. A warp's lanes together.
template <int kSlots>
class RowRing {
 public:
  // `memory`: the block's.
  __device__ __forceinline__ RowRing(unsigned char* memory, const spikescan_tensor& x, const RowLane& row)
      : x_(x), row_(row), memory_(memory + threadIdx.x / 32 * kSlots * kRingSlotBytes) {
    const int64_t channel = row.channel - lane();
    first_ = element_at(x, row.batch, 0, channel);
    wide_ = row.together && row.inside && x.stride_time * size() % 16 == 0 &&
            (reinterpret_cast<uintptr_t>(x.data) + first_ * size()) % 16 == 0;
  }

  // Steps t .. t + steps - 1 after what was fetched before; the rest is zero.
  __device__ __forceinline__ void fetch(int64_t t, int steps) {
    __syncwarp();  // the place's last segment has been read by every lane
    unsigned char* slot = memory_ + end_ * kRingSlotBytes;
    if (usually(wide_ && steps == kSegmentSteps)) {
      fetch_wide(t, slot);
    } else if (row_.inside) {
      fetch_own(t, steps, slot);
    }
    commit_copies();
    end_ = end_ + 1 < kSlots ? end_ + 1 : 0;
  }
  // In the place of a fetch, where there is nothing left to fetch.
  __device__ __forceinline__ void fetch_nothing() { commit_copies(); }

  // Until all is there but the last `kPending` fetches.
  template <int kPending>
  __device__ __forceinline__ void await_all_but() {
    await_copies<kPending>();
    __syncwarp();  // the other lanes' copies
  }

  // Of the segments held, the one that was fetched `age` after the oldest.
  __device__ __forceinline__ void read(int age, float (&out)[kSegmentSteps]) const {
    const int place = first_slot_ + age < kSlots ? first_slot_ + age : first_slot_ + age - kSlots;
    const unsigned char* slot = memory_ + place * kRingSlotBytes;
    RawSegment raw;
    if (x_.dtype == SPIKESCAN_FLOAT32) {
#pragma unroll
      for (int j = 0; j < kSegmentSteps; ++j) raw.bits[j] = reinterpret_cast<const uint32_t*>(slot)[j * 32 + lane()];
    } else {
#pragma unroll
      for (int j = 0; j < kSegmentSteps; ++j) raw.bits[j] = reinterpret_cast<const uint16_t*>(slot)[j * 32 + lane()];
    }
    decode(raw, x_.dtype, out);
  }

  __device__ __forceinline__ void drop_oldest() { first_slot_ = first_slot_ + 1 < kSlots ? first_slot_ + 1 : 0; }

 private:
  static constexpr int kCopyBytes = 16;

  __device__ __forceinline__ static int lane() { return static_cast<int>(threadIdx.x) % 32; }
  __device__ __forceinline__ int64_t size() const { return x_.dtype == SPIKESCAN_FLOAT32 ? 4 : 2; }

  // Eight or four lanes copy a step of 32 channels.
  __device__ __forceinline__ void fetch_wide(int64_t t, unsigned char* slot) const {
    const int lanes_a_step = x_.dtype == SPIKESCAN_FLOAT32 ? 8 : 4, steps_a_copy = 32 / lanes_a_step;
    const int step = lane() / lanes_a_step, piece = lane() % lanes_a_step * kCopyBytes;
    const char* from = static_cast<const char*>(x_.data) + (first_ + (t + step) * x_.stride_time) * size() + piece;
    unsigned char* to = slot + step * lanes_a_step * kCopyBytes + piece;
    const int64_t stride = steps_a_copy * x_.stride_time * size();
    for (int done = 0; done < kSegmentSteps; done += steps_a_copy, from += stride, to += 32 * kCopyBytes) {
      copy_async<kCopyBytes>(to, from);
    }
  }

  // A lane its own channel. Copies of two bytes cannot be asynchronous.
  __device__ __forceinline__ void fetch_own(int64_t t, int steps, unsigned char* slot) const {
    const int64_t first = element_at(x_, row_.batch, t, row_.channel);
    if (x_.dtype == SPIKESCAN_FLOAT32) {
      const auto* from = static_cast<const uint32_t*>(x_.data) + first;
      auto* to = reinterpret_cast<uint32_t*>(slot) + lane();
      for (int j = 0; j < steps; ++j) copy_async<sizeof(uint32_t)>(to + j * 32, from + j * x_.stride_time);
      for (int j = steps; j < kSegmentSteps; ++j) to[j * 32] = 0;
    } else {
      RawSegment raw;
      load_raw(x_, row_.batch, t, row_.channel, steps, raw);
      auto* to = reinterpret_cast<uint16_t*>(slot) + lane();
#pragma unroll
      for (int j = 0; j < kSegmentSteps; ++j) to[j * 32] = static_cast<uint16_t>(raw.bits[j]);
    }
  }

  const spikescan_tensor& x_;
  const RowLane& row_;
  unsigned char* const memory_;
  int64_t first_;  // the element of the warp's first row at t = 0
  bool wide_;
  int first_slot_ = 0, end_ = 0;
};

}  // namespace spikescan
