// Segments of x on their way to a block's rows: a ring of them in shared memory for each warp, fetched by asynchronous
// copies in the order of their use. No register waits for memory, and a segment can be read twice.
#pragma once

#include "kernels/cuda/row_lane.h"
#include "kernels/cuda/segment_io.h"
#include "kernels/row_layout.h"

namespace spikescan {

// [kSlots][16 steps][32 lanes] in x's dtype, the row's or piece's first segment first or, in reverse, its last. A
// warp's lanes together.
// kFloor: a ring in reverse stops at the piece's first segment and not at 0, which one forward never reaches.
template <int kSlots, bool kReverse, bool kFloor = false>
class RowRing {
 public:
  // `memory`: the block's. `full`: where the segments of 16 steps end, and `rest` the steps of one more; not both zero.
  __device__ __forceinline__ RowRing(unsigned char* memory, const spikescan_tensor& x, int full, int rest,
                                     const RowLane& row)
      : x_(x), row_(row), memory_(memory + threadIdx.x / 32 * kSlots * kRingSlotBytes), full_(full), rest_(rest) {
    const int first = kReverse ? full_ - (rest_ == 0) : row.first_segment;
    const char* warp = row.warp_start(x);
    wide_ = row.copies_wide(x, warp);
    from_ = row.wide_piece(x, warp, int64_t{first} * kSegmentSteps);
    for (int i = 0; i < kSlots; ++i) replace_oldest(kReverse ? first - i : first + i);
  }

  // `segment` is the one after those fetched so far, in the ring's direction. Past the end there is nothing to fetch,
  // which counts as a fetch.
  __device__ __forceinline__ void replace_oldest(int segment) {
    __syncwarp();  // every lane has read the oldest
    unsigned char* slot = memory_ + oldest_ * kRingSlotBytes;
    const int floor = kFloor ? row_.first_segment : 0;
    if (usually(wide_ && segment >= floor && segment < full_)) {
      fetch_wide(slot);
    } else if (segment >= floor && (segment < full_ || (segment == full_ && rest_ > 0)) && row_.inside) {
      fetch_own(segment, segment < full_ ? kSegmentSteps : rest_, slot);
    }
    const int64_t segment_bytes = kSegmentSteps * x_.stride_time * float_bytes(x_);
    from_ += kReverse ? -segment_bytes : segment_bytes;
    commit_copies();
    oldest_ = oldest_ + 1 < kSlots ? oldest_ + 1 : 0;
  }

  // Until all is there but the last `kPending` fetches.
  template <int kPending>
  __device__ __forceinline__ void await_all_but() const {
    await_copies<kPending>();
    __syncwarp();  // the other lanes' copies
  }

  // Of the segments held, the one that was fetched `age` after the oldest.
  __device__ __forceinline__ void read(int age, float (&out)[kSegmentSteps]) const {
    const int place = oldest_ + age < kSlots ? oldest_ + age : oldest_ + age - kSlots;
    const unsigned char* slot = memory_ + place * kRingSlotBytes;
    RawSegment raw;
    if (x_.dtype == SPIKESCAN_FLOAT32) {
#pragma unroll
      for (int j = 0; j < kSegmentSteps; ++j) {
        raw.bits[j] = reinterpret_cast<const uint32_t*>(slot)[j * 32 + lane_of_warp()];
      }
    } else {
#pragma unroll
      for (int j = 0; j < kSegmentSteps; ++j) {
        raw.bits[j] = reinterpret_cast<const uint16_t*>(slot)[j * 32 + lane_of_warp()];
      }
    }
    decode(raw, x_.dtype, out);
  }

  // The oldest segment, once it was read for the last time, has room for a float of the lane's own at each step, 32
  // apart.
  __device__ __forceinline__ void give_up_oldest() const {
    if (x_.dtype != SPIKESCAN_FLOAT32) __syncwarp();  // they are wider than what other lanes may still be reading
  }
  __device__ __forceinline__ float* in_oldest() const {
    return reinterpret_cast<float*>(memory_ + seen_anew(oldest_) * kRingSlotBytes) + lane_of_warp();
  }

 private:
  // Eight or four lanes copy a step of 32 channels.
  __device__ __forceinline__ int lanes_a_step() const {
    return lanes_of_step(x_);
  }

  __device__ __forceinline__ void fetch_wide(unsigned char* slot) const {
    const int64_t stride = 32 / lanes_a_step() * x_.stride_time * float_bytes(x_);
    const char* from = from_;
    unsigned char* to = slot + lane_of_warp() * kCopyBytes;
#pragma unroll
    for (int i = 0; i < kSegmentSteps / 4; ++i, from += stride) {
      if (i * 32 < kSegmentSteps * lanes_a_step()) copy_async<kCopyBytes>(to + i * 32 * kCopyBytes, from);
    }
  }

  // A lane its own channel, seldom: no part of it may be worked out before it is known to be needed. Copies of two
  // bytes cannot be asynchronous.
  __device__ __forceinline__ void fetch_own(int segment, int steps, unsigned char* slot) const {
    const int64_t t = int64_t{seen_anew(segment)} * kSegmentSteps;
    const int64_t first = element_at(x_, row_.batch, t, row_.channel);
    if (x_.dtype == SPIKESCAN_FLOAT32) {
      const auto* from = static_cast<const uint32_t*>(x_.data) + first;
      auto* to = reinterpret_cast<uint32_t*>(slot) + lane_of_warp();
      const auto copy = [&](int j, bool) {
        copy_async<sizeof(uint32_t)>(to + j * 32, from);
        from += x_.stride_time;
      };
      for_steps<false, kSegmentSteps>(steps, copy);
      for (int j = steps; j < kSegmentSteps; ++j) to[j * 32] = 0;
    } else {
      RawSegment raw;
      load_raw(x_, row_.batch, t, row_.channel, steps, raw);
      auto* to = reinterpret_cast<uint16_t*>(slot) + lane_of_warp();
#pragma unroll
      for (int j = 0; j < kSegmentSteps; ++j) to[j * 32] = static_cast<uint16_t>(raw.bits[j]);
    }
  }

  const spikescan_tensor& x_;
  const RowLane& row_;
  unsigned char* const memory_;
  const int full_, rest_;  // the end of the segments of 16 steps, and the steps of one more
  const char* from_;       // this lane's piece of the segment that is fetched next
  bool wide_;
  int oldest_ = 0;
};

}  // namespace spikescan
