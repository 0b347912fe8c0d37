// Packed spikes: 32 steps a word, so a word is full after two segments.
#pragma once

#include "kernels/cpu/lane_block.h"
#include "kernels/cpu/row_places.h"
#include "kernels/cpu/vector.h"
#include "kernels/packed_spikes.h"

SPIKESCAN_ELEMENT_BEGIN

class SpikeWords {
 public:
  void add(const Segment& spikes, int64_t t, int steps, int lanes) {
    const int shift = static_cast<int>(t % kPackedSteps);
    for (int l = 0; l < lanes; l += kFloats) {
      Words bits = words(0u), bit = words(1u);
      for (int j = 0; j < steps; ++j, bit = bit + bit) {
        bits = with_bit_where(load(spikes.at[j] + l) != floats(0.0f), bits, bit);
      }
      merge(l, shift, bits);
    }
  }

  static HWY_INLINE Words with_bit_where(FloatMask spikes, Words bits, Words bit) {
#if SPIKESCAN_AVX512
    return Words{_mm512_mask_or_epi32(bits.raw, spikes.raw, bits.raw, bit.raw)};
#else
    return hn::Or(bits, hn::IfThenElseZero(hn::RebindMask(WordTag(), spikes), bit));
#endif
  }

  // Bits that belong from `shift` on, of the kFloats rows from l on.
  HWY_INLINE void merge(int l, int shift, Words bits) {
    if (shift != 0) bits = hn::Or(hn::Load(WordTag(), word_ + l), hn::ShiftLeftSame(bits, shift));
    hn::Store(bits, WordTag(), word_ + l);
  }

  void write(const spikescan_tensor& tensor, const RowPlaces& rows, int64_t t, int lanes) const {
    auto* data = static_cast<uint32_t*>(tensor.data) + t / kPackedSteps * tensor.stride_time;
    rows.each_run(lanes, [&](int first, int count) {
      __builtin_memcpy(data + rows.first(first), word_ + first, static_cast<size_t>(count) * sizeof word_[0]);
    });
  }

 private:
  alignas(64) uint32_t word_[kLanes] = {};
};

SPIKESCAN_ELEMENT_END
