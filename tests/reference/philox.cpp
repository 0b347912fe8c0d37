#include "reference/philox.h"

namespace spikescan::reference {

std::array<uint32_t, 4> philox(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key) {
  constexpr uint64_t kMultiplier[2] = {0xD2511F53, 0xCD9E8D57};
  constexpr uint32_t kWeyl[2] = {0x9E3779B9, 0xBB67AE85};
  for (int round = 0; round < 10; ++round) {
    const uint64_t even = kMultiplier[0] * counter[0];
    const uint64_t odd = kMultiplier[1] * counter[2];
    counter = {static_cast<uint32_t>(odd >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(odd),
               static_cast<uint32_t>(even >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(even)};
    for (int i = 0; i < 2; ++i) key[i] += kWeyl[i];
  }
  return counter;
}

double uniform(uint64_t seed, uint32_t stream, int64_t b, int64_t t, int64_t c) {
  const std::array<uint32_t, 4> words =
      philox({static_cast<uint32_t>(t / 4), static_cast<uint32_t>(c), static_cast<uint32_t>(b), stream},
             {static_cast<uint32_t>(seed & 0xffffffffu), static_cast<uint32_t>(seed >> 32)});
  return static_cast<double>(words[static_cast<size_t>(t % 4)] / 256) / 16777216.0;
}

}  // namespace spikescan::reference
