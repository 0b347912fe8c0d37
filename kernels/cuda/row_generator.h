// The generator down a row: what neighbours in time or in the warp share is made once. With the counter
// (t / 4, c, b, stream) each word after the first two rounds is a part of the row's and one of the time's, added by an
// exclusive or; and of the third round's two products, one knows nothing of the channel. The row's part stays in
// registers (its batch's, where a warp has several, is made anew: no form has a register to spare); the time's, with
// that product where the warp's rows are channels of one batch, the warp's lanes make for 32 calls to come, one each.
// The keys of the rounds after the second are made once a warp.
#pragma once

#include "kernels/cuda/device.h"
#include "kernels/cuda/row_lane.h"
#include "kernels/random_origin.h"
#include "kernels/row_layout.h"

namespace spikescan {

// In shared memory (kernels/row_layout.h).
struct RowRandom {
  static constexpr int kFirstRound = 2, kRounds = kPhiloxRounds - kFirstRound;
  RandomOrigin origin;
  // Each warp's, so that one address leads to all that a segment reads.
  struct Warp {
    // Of a warp whose rows are channels of one batch: a part of word 0 after the third round, of word 2 before and
    // after it, and word 3. Of any other, before that round: a part of word 0, word 1, a part of word 2.
    uint4 times[32];
    PhiloxKey keys[kRounds];
  } warps[kRowThreads / 32];
};
static_assert(sizeof(RowRandom) <= kRandomBytes);

// Every thread of the block, before any looks.
__device__ __forceinline__ void prepare(RowRandom& random, const RandomOrigin& origin) {
  const int lane = lane_of_warp();
  if (threadIdx.x == 0) random.origin = origin;
  if (lane < RowRandom::kRounds) {
    random.warps[threadIdx.x / 32].keys[lane] = round_key(origin.key, RowRandom::kFirstRound + lane);
  }
}

class RowGenerator {
 public:
  // `row` outlives it.
  __device__ __forceinline__ RowGenerator(RowRandom& random, const RowLane& row)
      : random_(random), warp_(*held(&random.warps[threadIdx.x / 32])), row_(row) {
    const RandomOrigin& origin = random.origin;
    of_row_ =
        uint64_t{kPhiloxMultiplier0} *
        (high_word(of_batch()) ^ static_cast<uint32_t>(origin.channel + row.channel) ^ round_key(origin.key, 0).low);
  }

  // Before any segment's draws, the row's or piece's first segment being a multiple of kSegments: the calls of its time
  // and of those after it. A warp's lanes together; they meet once more before the draws, where they wait for x.
  __device__ __forceinline__ void enter(int segment) {
    if (usually(segment % kSegments != 0)) return;
    const RandomOrigin& origin = random_.origin;
    __syncwarp();  // the times before are read, by lanes that may not have met since
    const uint32_t call =
        static_cast<uint32_t>(origin.time >> 2) + static_cast<uint32_t>(segment) * kCalls + lane_of_warp();
    const PhiloxKey key0 = round_key(origin.key, 0), key1 = round_key(origin.key, 1), key2 = warp_.keys[0];
    const uint64_t first = uint64_t{kPhiloxMultiplier0} * call;
    const uint64_t second = uint64_t{kPhiloxMultiplier1} * (high_word(first) ^ origin.stream ^ key0.high);
    const uint32_t word0 = high_word(second) ^ key1.low, word1 = static_cast<uint32_t>(second),
                   word2 = static_cast<uint32_t>(first) ^ key1.high;
    uint4& time = warp_.times[lane_of_warp()];
    if (!usually(row_.together)) {
      time = {word0, word1, word2, 0u};
      return;
    }
    const uint64_t third = uint64_t{kPhiloxMultiplier0} * (word0 ^ static_cast<uint32_t>(of_batch()));
    time = {word1 ^ key2.low, word2, high_word(third) ^ key2.high, static_cast<uint32_t>(third)};
  }

  // The words of the segment's K times four steps from the first-th on, side by side: each round waits for the one
  // before it.
  template <int K>
  __device__ __forceinline__ void draw(int segment, int first, PhiloxWords (&words)[K]) const {
    const uint4* const times = warp_.times + segment % kSegments * kCalls + first;
    const uint32_t high = high_word(of_row_), low = static_cast<uint32_t>(of_row_);
    if (usually(row_.together)) {
#pragma unroll
      for (int i = 0; i < K; ++i) {
        const uint4 time = times[i];
        const uint64_t product = uint64_t{kPhiloxMultiplier1} * (time.y ^ high);
        words[i] = {{high_word(product) ^ time.x, static_cast<uint32_t>(product), time.z ^ low, time.w}};
      }
    } else {
      const auto word0 = static_cast<uint32_t>(of_batch());
      const PhiloxKey key = warp_.keys[0];
#pragma unroll
      for (int i = 0; i < K; ++i) {
        const uint4 time = times[i];
        words[i] = philox_round({{time.x ^ word0, time.y, time.z ^ high, low}}, key);
      }
    }
#pragma unroll
    for (int round = 1; round < RowRandom::kRounds; ++round) {
      const PhiloxKey key = warp_.keys[round];
#pragma unroll
      for (int i = 0; i < K; ++i) words[i] = philox_round(words[i], key);
    }
  }

 private:
  static constexpr int kCalls = kSegmentSteps / kPhiloxSteps;  // of a segment
  static constexpr int kSegments = 32 / kCalls;                // of which the times are made together
  static_assert(kChunkSegments % kSegments == 0);              // a piece is a chunk

  // What the first round makes of the row's batch; the low half is its part of word 0 after two rounds.
  __device__ __forceinline__ uint64_t of_batch() const {
    return uint64_t{kPhiloxMultiplier1} * static_cast<uint32_t>(random_.origin.batch + row_.batch);
  }

  RowRandom& random_;
  RowRandom::Warp& warp_;
  const RowLane& row_;
  uint64_t of_row_;  // what the first two rounds make of it: a part of word 2, and word 3
};

}  // namespace spikescan
