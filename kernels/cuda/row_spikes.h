// A segment of spikes from a warp's rows to memory, each lane having its own row's as bits: 16 bytes a lane and store,
// so that a store has four steps (eight in 16 bits) of all the warp's channels.
#pragma once

#include "kernels/cuda/row_lane.h"
#include "kernels/cuda/segment_firing.h"

namespace spikescan {

// float32. `to` is this lane's place in the segment's first step, `stride` the bytes from step to step. The bits that a
// lane stores lie four apart: masked where they are, and multiplied into 1.0's.
__device__ __forceinline__ void store_wide_floats(char* to, int64_t stride, uint32_t bits) {
  const int lane = lane_of_warp(), step = lane / 8, channel = lane % 8 * 4;
  uint32_t spikes[4];
  for (int i = 0; i < 4; ++i) spikes[i] = __shfl_sync(0xffffffffu, bits, channel + i) >> step;
#pragma unroll
  for (int j = 0; j < kSegmentSteps; j += 4, to += 4 * stride) {
    uint32_t word[4];
    for (int i = 0; i < 4; ++i) word[i] = (spikes[i] & 1u << j) * (bits_of(1.0f) >> j);
    *reinterpret_cast<uint4*>(to) = {word[0], word[1], word[2], word[3]};
  }
}

// 16 bits, `one` of which are 1.0: two channels a word.
__device__ __forceinline__ void store_wide_halves(char* to, int64_t stride, uint32_t one, uint32_t bits) {
  const int lane = lane_of_warp(), step = lane / 4, channel = lane % 4 * 8;
  uint32_t spikes[4];
  for (int i = 0; i < 4; ++i) {
    const uint32_t low = __shfl_sync(0xffffffffu, bits, channel + 2 * i);
    spikes[i] = (low | __shfl_sync(0xffffffffu, bits, channel + 2 * i + 1) << kSegmentSteps) >> step;
  }
#pragma unroll
  for (int j = 0; j < kSegmentSteps; j += 8, to += 8 * stride) {
    uint32_t word[4];
    for (int i = 0; i < 4; ++i) word[i] = (spikes[i] >> j & 0x00010001u) * one;
    *reinterpret_cast<uint4*>(to) = {word[0], word[1], word[2], word[3]};
  }
}

// Goes along a row's spikes, a segment at a time. A warp's lanes together.
class RowSpikes {
 public:
  __device__ __forceinline__ RowSpikes(const spikescan_tensor& spikes, const RowLane& row) : spikes_(spikes) {
    const int64_t t = int64_t{row.first_segment} * kSegmentSteps;
    if (is_words()) {
      to_ = static_cast<char*>(spikes.data) +
            element_at(spikes, row.batch, t / kPackedSteps, row.channel) * sizeof(uint32_t);
    }
    if (!is_wide_dtype()) return;
    const char* warp = row.warp_start(spikes);
    wide_ = row.copies_wide(spikes, warp);
    to_ = const_cast<char*>(row.wide_piece(spikes, warp, t));
  }

  // The segment's `steps` steps; no call is left out. `last`: of the row's segments.
  __device__ __forceinline__ void store(const RowLane& row, int segment, int steps, bool last, uint32_t bits) {
    if (is_words()) return store_half_word(row, segment % 2 != 0, last, bits);
    if (usually(is_wide_dtype() && wide_ && steps == kSegmentSteps)) {
      if (spikes_.dtype == SPIKESCAN_FLOAT32) {
        store_wide_floats(to_, stride(), bits);
      } else {
        const bool half = spikes_.dtype == SPIKESCAN_FLOAT16;
        store_wide_halves(to_, stride(), half ? from_float<Half>(1.0f).bits : from_float<BFloat16>(1.0f).bits, bits);
      }
      to_ += kSegmentSteps * stride();
    } else if (row.inside) {
      const int64_t t = int64_t{seen_anew(segment)} * kSegmentSteps;  // worked out only here
      store_spikes<kSegmentSteps>(spikes_, row.batch, t, row.channel, steps, bits);
    }
  }

 private:
  // A word is two segments.
  __device__ __forceinline__ void store_half_word(const RowLane& row, bool second, bool last, uint32_t bits) {
    word_ = second ? word_ | bits << kSegmentSteps : bits;
    if (!second && !last) return;
    if (row.inside) *reinterpret_cast<uint32_t*>(to_) = word_;
    to_ += spikes_.stride_time * static_cast<int64_t>(sizeof(uint32_t));
  }

  __device__ __forceinline__ bool is_words() const { return spikes_.data && spikes_.dtype == SPIKESCAN_BITS32; }
  __device__ __forceinline__ bool is_wide_dtype() const {
    return spikes_.data && spikes_.dtype != SPIKESCAN_UINT8 && spikes_.dtype != SPIKESCAN_BITS32;
  }
  __device__ __forceinline__ int64_t stride() const { return spikes_.stride_time * float_bytes(spikes_); }

  const spikescan_tensor& spikes_;
  bool wide_ = false;
  char* to_ = nullptr;  // of the next segment: this lane's 16 bytes of its first steps, or the row's word
  uint32_t word_ = 0;
};

}  // namespace spikescan
