// The generator down a row: what neighbours in time or in the warp share is made once. With the counter
// (t / 4, c, b, stream) each word after the first two rounds is a part of the row's and one of the time's, added by an
// exclusive or. The row's stays in registers; the time's, the same for all rows, a warp's lanes make for 32 calls to
// come, one each. The keys of the other eight rounds are made once a warp.
#pragma once

#include "kernels/cuda/device.h"
#include "kernels/random_origin.h"
#include "kernels/row_layout.h"

namespace spikescan {

// In shared memory (kernels/row_layout.h).
struct RowRandom {
  static constexpr int kFirstRound = 2, kRounds = kPhiloxRounds - kFirstRound;
  RandomOrigin origin;
  // Each warp's, so that one address leads to all that a segment reads.
  struct Warp {
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
  // The row of batch b, channel c.
  __device__ __forceinline__ RowGenerator(RowRandom& random, int64_t b, int64_t c)
      : random_(random), warp_(*held(&random.warps[threadIdx.x / 32])) {
    const RandomOrigin& origin = random.origin;
    const uint64_t product = uint64_t{kPhiloxMultiplier1} * static_cast<uint32_t>(origin.batch + b);
    second_ = static_cast<uint32_t>(product);
    third_ = uint64_t{kPhiloxMultiplier0} *
             (high_word(product) ^ static_cast<uint32_t>(origin.channel + c) ^ round_key(origin.key, 0).low);
  }

  // Before any segment's draws, the row's or piece's first segment being a multiple of kSegments: the calls of its time
  // and of those after it. A warp's lanes together; they meet once more before the draws, where they wait for x.
  __device__ __forceinline__ void enter(int segment) {
    if (usually(segment % kSegments != 0)) return;
    const RandomOrigin& origin = random_.origin;
    __syncwarp();  // the times before are read, by lanes that may not have met since
    const uint32_t call =
        static_cast<uint32_t>(origin.time >> 2) + static_cast<uint32_t>(segment) * kCalls + lane_of_warp();
    const uint64_t product = uint64_t{kPhiloxMultiplier0} * call;
    const PhiloxKey first = round_key(origin.key, 0), second = round_key(origin.key, 1);
    const uint64_t next = uint64_t{kPhiloxMultiplier1} * (high_word(product) ^ origin.stream ^ first.high);
    warp_.times[lane_of_warp()] = {high_word(next) ^ second.low, static_cast<uint32_t>(next),
                                   static_cast<uint32_t>(product) ^ second.high, 0u};
  }

  // The words of the segment's K times four steps from the first-th on, side by side: each round waits for the one
  // before it.
  template <int K>
  __device__ __forceinline__ void draw(int segment, int first, PhiloxWords (&words)[K]) const {
#pragma unroll
    for (int i = 0; i < K; ++i) {
      const uint4 time = warp_.times[segment % kSegments * kCalls + first + i];
      words[i] = {{time.x ^ second_, time.y, time.z ^ high_word(third_), static_cast<uint32_t>(third_)}};
    }
#pragma unroll
    for (int round = 0; round < RowRandom::kRounds; ++round) {
      const PhiloxKey key = warp_.keys[round];
#pragma unroll
      for (int i = 0; i < K; ++i) words[i] = philox_round(words[i], key);
    }
  }

 private:
  static constexpr int kCalls = kSegmentSteps / kPhiloxSteps;  // of a segment
  static constexpr int kSegments = 32 / kCalls;                // of which the times are made together
  static_assert(kChunkSegments % kSegments == 0);              // a piece is a chunk

  RowRandom& random_;
  RowRandom::Warp& warp_;
  uint32_t second_;  // what the first two rounds make of the row: a part of the first word,
  uint64_t third_;   // and of the third word, and the fourth
};

}  // namespace spikescan
