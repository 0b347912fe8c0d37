// Reads tests/vectors/philox_kat.txt, whose head describes the format.
#pragma once

#include <cstdint>
#include <vector>

namespace spikescan::testing {

struct BlockAnswer {
  uint32_t counter[4], key[2], words[4];
};

struct UniformAnswer {
  uint64_t seed;
  uint32_t stream;
  int64_t b, t, c;
  uint32_t word, numerator;
};

struct KnownAnswers {
  std::vector<BlockAnswer> blocks;
  std::vector<UniformAnswer> uniforms;
};

// Throws std::runtime_error where the file is missing or a line is not understood.
KnownAnswers read_known_answers();

}  // namespace spikescan::testing
