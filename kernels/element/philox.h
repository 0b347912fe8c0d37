// Philox4x32 with 10 rounds (Salmon, Moraes, Dror, Shaw: "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011) and a
// word's uniform (docs/model.md, section 3, which also says which element takes which counter). The CUDA backend takes
// cuRAND's own function where its header is at hand (kernels/cuda/generator.h); tests/element/curand_test.cpp compares
// the two.
#pragma once

#include <cstdint>

#include "kernels/element/compat.h"

SPIKESCAN_ELEMENT_BEGIN

struct PhiloxWords {
  uint32_t w[4];
};

struct PhiloxKey {
  uint32_t low, high;
};

SPIKESCAN_HD PhiloxWords philox4x32_10(uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3, PhiloxKey key) {
#if defined(__CUDACC__)
#pragma unroll
#endif
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{0xD2511F53u} * c0;
    const uint64_t p1 = uint64_t{0xCD9E8D57u} * c2;
    c0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ key.low;
    c2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ key.high;
    c1 = static_cast<uint32_t>(p1);
    c3 = static_cast<uint32_t>(p0);
    key.low += 0x9E3779B9u;
    key.high += 0xBB67AE85u;
  }
  return {{c0, c1, c2, c3}};
}

// A word's upper 24 bits as a uniform in [0, 1): exact, a multiple of 2^-24.
SPIKESCAN_HD float uniform_of(uint32_t word) {
  return static_cast<float>(word >> 8) * 5.9604644775390625e-8f;
}

SPIKESCAN_ELEMENT_END
