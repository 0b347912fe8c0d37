// Words of a command line: a name's place in its table, and a shape. What is neither ends the program.
#pragma once

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "names.h"

namespace spikescan::bench {

template <size_t N>
int index_of(const char* const (&names)[N], const char* word) {
  for (size_t i = 0; i < N; ++i) {
    if (std::strcmp(names[i], word) == 0) return static_cast<int>(i);
  }
  std::fprintf(stderr, "'%s' is no name; there are:", word);
  for (const char* name : names) std::fprintf(stderr, " %s", name);
  std::fprintf(stderr, "\n");
  std::exit(2);
}

// BxTxC.
inline Shape shape_of(const char* word) {
  Shape shape = {};
  if (std::sscanf(word, "%" SCNd64 "x%" SCNd64 "x%" SCNd64, &shape.batch, &shape.time, &shape.channels) == 3) {
    return shape;
  }
  std::fprintf(stderr, "'%s' is no shape; one is 64x1024x512 (B x T x C)\n", word);
  std::exit(2);
}

inline constexpr const char* kDirections[] = {"forward", "backward"};

}  // namespace spikescan::bench
