// The generator of kernels/element/philox.h for vectors of lanes (rows): what rows or times have in common is made
// once. With the counter (t / 4, c, b, stream) each word after the first two rounds is a part of the row's and one of
// the time's, added by an exclusive or; and of the third round's two products, one knows nothing of the channel.
#pragma once

#include "kernels/cpu/lane_block.h"
#include "kernels/cpu/vector.h"
#include "kernels/element/philox.h"
#include "kernels/random_origin.h"

SPIKESCAN_ELEMENT_BEGIN

// What t / 4 makes of the generator's first rounds.
struct PhiloxTime {
  // For rows of several batches, before the third round: a part of words 0 and 2, and word 1. One vector of each
  // counts, or, where chunks of the rows stand side by side, each row's.
  alignas(64) uint64_t word0[kLanes], word1[kLanes], word2[kLanes];
  // For rows of one batch: a part of word 2 before the third round; after it a part of words 0 and 2, and word 3.
  struct OfBatch {
    uint64_t into2, from0, from2, from3;
  } of_batch;
};

// The generator works on 64-bit lanes whose low halves count: the even rows of a vector, then its odd rows. A product's
// high half needs one shift or shuffle and its low half nothing.
class VectorPhilox {
  static constexpr int kRounds = kPhiloxRounds;

 public:
  explicit VectorPhilox(const RandomOrigin& origin) : origin_(origin) {
    for (int round = 0; round < kRounds; ++round) {
      const PhiloxKey key = round_key(origin.key, round);
      key_low_[round] = key.low;
      key_high_[round] = key.high;
    }
  }

  // The rows' part of the first two rounds.
  void set_rows(const LaneBlock& block) {
    one_batch_ = block.lanes == block.width();
    places_ = block.chunks() > 1 ? static_cast<int>(divide_up(block.lanes, kFloats)) * kFloats : 1;
    const uint64_t batch_product = uint64_t{kPhiloxMultiplier1} * static_cast<uint32_t>(origin_.batch + block.batch[0]);
    batch_low_ = static_cast<uint32_t>(batch_product);
    for (int l = 0; l < block.lanes; l += kFloats) {
      const Pair channel = sorted(block.channel + l);
      Pair batch_high = {{pairs(high_word(batch_product)), pairs(high_word(batch_product))}};
      if (!one_batch_) {
        const Pair batch = sorted(block.batch + l);
        for (int odd = 0; odd < 2; ++odd) {
          const Pairs product =
              multiply(batch.of[odd] + pairs(static_cast<uint64_t>(origin_.batch)), kPhiloxMultiplier1);
          hn::Store(product, PairTag(), row_low_ + l + odd * kDoubles);
          batch_high.of[odd] = high(product);
        }
      }
      for (int odd = 0; odd < 2; ++odd) {
        const int place = l + odd * kDoubles;
        const Pairs second = hn::Xor3(
            batch_high.of[odd], channel.of[odd] + pairs(static_cast<uint64_t>(origin_.channel)), pairs(key_low_[0]));
        const Pairs product = multiply(second, kPhiloxMultiplier0);
        hn::Store(product, PairTag(), row_product_ + place);
        hn::Store(high(product), PairTag(), row_high_ + place);
      }
      if (places_ == 1) continue;  // a row's first chunk has none
      const Pair chunk = sorted(block.chunk + l);
      for (int odd = 0; odd < 2; ++odd) {
        hn::Store(multiply(chunk.of[odd], kChunkSteps / 4), PairTag(), row_quads_ + l + odd * kDoubles);
      }
    }
  }

  // Of step t of the block's first chunk.
  void at_time(int64_t t, PhiloxTime& time) const {
    const auto first = static_cast<uint64_t>((origin_.time + t) >> 2);
    if (one_batch_) return of_batch_at(static_cast<uint32_t>(first), time.of_batch);
    for (int place = 0; place < places_; place += kDoubles) {
      const Pairs quad = places_ == 1 ? pairs(first) : pairs(first) + hn::Load(PairTag(), row_quads_ + place);
      const Pairs product0 = multiply(quad, kPhiloxMultiplier0);
      const Pairs third = hn::Xor(high(product0), pairs(origin_.stream ^ key_high_[0]));
      const Pairs product1 = multiply(third, kPhiloxMultiplier1);
      hn::Store(hn::Xor(high(product1), pairs(key_low_[1])), PairTag(), time.word0 + place);
      hn::Store(product1, PairTag(), time.word1 + place);
      hn::Store(hn::Xor(product0, pairs(key_high_[1])), PairTag(), time.word2 + place);
    }
  }

  // Steps from a multiple of four in global time to t.
  int phase(int64_t t) const { return static_cast<int>((origin_.time + t) & 3); }

  // Four steps after each of some times, of kFloats rows from `first_row` on and of the next ones: the upper 24 bits of
  // their words, those of the first rows first. Several go side by side, since each round waits for the one before it.
  template <int kTimes, int kVectors>
  HWY_INLINE void draw(const PhiloxTime* times, int first_row, Words (&steps)[4 * kTimes * kVectors]) const {
    if (one_batch_) return draw_from<kTimes, kVectors, true>(times, first_row, steps);
    draw_from<kTimes, kVectors, false>(times, first_row, steps);
  }

 private:
  struct Counter {
    Pairs w[4];
  };

  // Of a vector of rows the even ones, and the odd ones.
  struct Pair {
    Pairs of[2];
  };
  static HWY_INLINE Pair sorted(const int64_t* rows) {
    const auto* places = reinterpret_cast<const uint64_t*>(rows);
    const Pairs low = hn::LoadU(PairTag(), places), high = hn::LoadU(PairTag(), places + kDoubles);
    return {{hn::ConcatEven(PairTag(), high, low), hn::ConcatOdd(PairTag(), high, low)}};
  }

  template <int kTimes, int kVectors, bool kOneBatch>
  HWY_INLINE void draw_from(const PhiloxTime* times, int first_row, Words (&steps)[4 * kTimes * kVectors]) const {
    constexpr int kCalls = kTimes * kVectors;
    Counter even[kCalls], odd[kCalls];
    for (int i = 0; i < kCalls; ++i) {
      const PhiloxTime& time = times[i % kTimes];
      const int even_row = first_row + i / kTimes * kFloats, odd_row = even_row + kFloats / 2;
      if constexpr (kOneBatch) {
        even[i] = after_three(time.of_batch, even_row);
        odd[i] = after_three(time.of_batch, odd_row);
      } else {
        even[i] = after_three(time, places_ == 1 ? 0 : even_row, even_row);
        odd[i] = after_three(time, places_ == 1 ? 0 : odd_row, odd_row);
      }
    }
#pragma GCC unroll 8
    for (int round = 3; round < kRounds - 1; ++round) {
      const Pairs low = pairs(key_low_[round]), high = pairs(key_high_[round]);
      for (int i = 0; i < kCalls; ++i) {
        pass(even[i], low, high);
        pass(odd[i], low, high);
      }
    }
    for (int i = 0; i < kCalls; ++i) finish(even[i], odd[i], steps + 4 * i);
  }

  static HWY_INLINE Pairs pairs(uint64_t x) {
    return hn::Set(PairTag(), x);
  }
  static HWY_INLINE Pairs high(Pairs product) {
#if SPIKESCAN_AVX512
    return hn::BitCast(PairTag(), hn::DupOdd(hn::BitCast(WordTag(), product)));  // on more ports than a shift
#else
    return hn::ShiftRight<32>(product);
#endif
  }
  static HWY_INLINE Pairs multiply(Pairs x, uint32_t by) {
    return hn::MulEven(hn::BitCast(WordTag(), x), words(by));
  }
  // Even and odd rows in their places: of the low halves, and of the high halves.
#if SPIKESCAN_AVX512
  static HWY_INLINE Words low_words(Pairs even, Pairs odd) {
    return Words{_mm512_mask_shuffle_epi32(even.raw, 0xAAAA, odd.raw, static_cast<_MM_PERM_ENUM>(0xA0))};
  }
  static HWY_INLINE Words high_words(Pairs even, Pairs odd) {
    return Words{_mm512_mask_shuffle_epi32(odd.raw, 0x5555, even.raw, static_cast<_MM_PERM_ENUM>(0xF5))};
  }
#else
  static HWY_INLINE Words low_words(Pairs even, Pairs odd) {
    return hn::OddEven(hn::DupEven(hn::BitCast(WordTag(), odd)), hn::BitCast(WordTag(), even));
  }
  static HWY_INLINE Words high_words(Pairs even, Pairs odd) {
    return hn::OddEven(hn::BitCast(WordTag(), odd), hn::DupOdd(hn::BitCast(WordTag(), even)));
  }
#endif

  // The last round, its words brought together: a row's four steps.
  HWY_INLINE void finish(const Counter& even, const Counter& odd, Words* steps) const {
    constexpr int last = kRounds - 1;
    const Pairs even0 = multiply(even.w[0], kPhiloxMultiplier0), odd0 = multiply(odd.w[0], kPhiloxMultiplier0);
    const Pairs even1 = multiply(even.w[2], kPhiloxMultiplier1), odd1 = multiply(odd.w[2], kPhiloxMultiplier1);
    const Words low = words(static_cast<uint32_t>(key_low_[last])),
                high = words(static_cast<uint32_t>(key_high_[last]));
    steps[0] = hn::Xor3(high_words(even1, odd1), low_words(even.w[1], odd.w[1]), low);
    steps[1] = low_words(even1, odd1);
    steps[2] = hn::Xor3(high_words(even0, odd0), low_words(even.w[3], odd.w[3]), high);
    steps[3] = low_words(even0, odd0);
    for (int i = 0; i < 4; ++i) steps[i] = hn::ShiftRight<8>(steps[i]);
  }

  void of_batch_at(uint32_t quad, PhiloxTime::OfBatch& time) const {
    const auto product = [](uint32_t by, uint64_t word) { return uint64_t{by} * static_cast<uint32_t>(word); };
    const uint64_t product0 = product(kPhiloxMultiplier0, quad);
    const uint64_t product1 = product(kPhiloxMultiplier1, high_word(product0) ^ origin_.stream ^ key_high_[0]);
    const uint64_t product2 = product(kPhiloxMultiplier0, high_word(product1) ^ batch_low_ ^ key_low_[1]);
    time = {product0 ^ key_high_[1], product1 ^ key_low_[2], high_word(product2) ^ key_high_[2], product2};
  }

  // The words of some rows after three rounds.
  HWY_INLINE Counter after_three(const PhiloxTime::OfBatch& time, int place) const {
    const Pairs word2 = hn::Xor(hn::Load(PairTag(), row_high_ + place), pairs(time.into2));
    const Pairs word3 = hn::Load(PairTag(), row_product_ + place);
    const Pairs product = multiply(word2, kPhiloxMultiplier1);
    return {{hn::Xor(high(product), pairs(time.from0)), product, hn::Xor(word3, pairs(time.from2)), pairs(time.from3)}};
  }
  HWY_INLINE Counter after_three(const PhiloxTime& time, int of_time, int place) const {
    Counter c = {{hn::Xor(hn::Load(PairTag(), row_low_ + place), hn::Load(PairTag(), time.word0 + of_time)),
                  hn::Load(PairTag(), time.word1 + of_time),
                  hn::Xor(hn::Load(PairTag(), row_high_ + place), hn::Load(PairTag(), time.word2 + of_time)),
                  hn::Load(PairTag(), row_product_ + place)}};
    pass(c, pairs(key_low_[2]), pairs(key_high_[2]));
    return c;
  }

  static HWY_INLINE void pass(Counter& c, Pairs key_low, Pairs key_high) {
    const Pairs p0 = multiply(c.w[0], kPhiloxMultiplier0);
    const Pairs p1 = multiply(c.w[2], kPhiloxMultiplier1);
    c.w[0] = hn::Xor3(high(p1), c.w[1], key_low);
    c.w[2] = hn::Xor3(high(p0), c.w[3], key_high);
    c.w[1] = p1;
    c.w[3] = p0;
  }

  const RandomOrigin origin_;
  uint64_t key_low_[kRounds], key_high_[kRounds];
  bool one_batch_ = false;  // all rows are of one, whose part of word 0 after two rounds is batch_low_
  uint32_t batch_low_ = 0;
  int places_ = 1;  // of PhiloxTime's arrays
  alignas(64) uint64_t row_product_[kLanes] = {};
  alignas(64) uint64_t row_high_[kLanes] = {};   // its high half
  alignas(64) uint64_t row_low_[kLanes] = {};    // that part of each row, where batches differ
  alignas(64) uint64_t row_quads_[kLanes] = {};  // to the row's own chunk
};

// 2^24 times uniform_of(), from the 24 bits.
HWY_INLINE Floats to_scaled_uniform(Words bits) {
  return hn::ConvertTo(FloatTag(), hn::BitCast(hn::RebindToSigned<FloatTag>(), bits));
}

SPIKESCAN_ELEMENT_END
