// Philox4x32 with 10 rounds (Salmon, Moraes, Dror, Shaw: "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011) and a
// word's uniform (docs/model.md, section 3, which also says which element takes which counter). The CUDA backend takes
// cuRAND's own function where its header is at hand (kernels/cuda/generator.h); tests/element/curand_test.cpp compares
// the two.
#pragma once

#include <cstdint>

#include "kernels/element/compat.h"

SPIKESCAN_ELEMENT_BEGIN

constexpr uint32_t kPhiloxMultiplier0 = 0xD2511F53u, kPhiloxMultiplier1 = 0xCD9E8D57u;
constexpr int kPhiloxRounds = 10;
constexpr int kPhiloxSteps = 4;  // of a channel, that one call serves, a word each

struct PhiloxWords {
  uint32_t w[4];
};

struct PhiloxKey {
  uint32_t low, high;
};

SPIKESCAN_HD uint32_t high_word(uint64_t product) {
  return static_cast<uint32_t>(product >> 32);
}

// Rounds count from 0.
SPIKESCAN_HD PhiloxKey round_key(PhiloxKey key, int round) {
  const auto n = static_cast<uint32_t>(round);
  return {key.low + n * 0x9E3779B9u, key.high + n * 0xBB67AE85u};
}

SPIKESCAN_HD PhiloxWords philox_round(const PhiloxWords& counter, PhiloxKey key) {
  const auto& c = counter.w;
  const uint64_t p0 = uint64_t{kPhiloxMultiplier0} * c[0];
  const uint64_t p1 = uint64_t{kPhiloxMultiplier1} * c[2];
  return {{high_word(p1) ^ c[1] ^ key.low, static_cast<uint32_t>(p1), high_word(p0) ^ c[3] ^ key.high,
           static_cast<uint32_t>(p0)}};
}

SPIKESCAN_HD PhiloxWords philox4x32_10(uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3, PhiloxKey key) {
  PhiloxWords words = {{c0, c1, c2, c3}};
#if defined(__CUDACC__)
#pragma unroll
#endif
  for (int round = 0; round < kPhiloxRounds; ++round) words = philox_round(words, round_key(key, round));
  return words;
}

// A word's upper 24 bits as a uniform in [0, 1): exact, a multiple of 2^-24.
SPIKESCAN_HD float uniform_of(uint32_t word) {
  return static_cast<float>(word >> 8) * 5.9604644775390625e-8f;
}

SPIKESCAN_ELEMENT_END
