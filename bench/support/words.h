// Words of a command line: a name's place in its table, and a shape.
#pragma once

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "names.h"

namespace spikescan::bench {

// Ends the program, as shape_of() does, where the word is not known.
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

// BxTxC, as in 64x1024x512; none where the word is no shape.
inline std::optional<Shape> read_shape(const char* word) {
  Shape shape = {};
  char rest = 0;
  const int read =
      std::sscanf(word, "%" SCNd64 "x%" SCNd64 "x%" SCNd64 "%c", &shape.batch, &shape.time, &shape.channels, &rest);
  if (read != 3 || shape.batch < 1 || shape.time < 1 || shape.channels < 1) return std::nullopt;
  return shape;
}
inline Shape shape_of(const char* word) {
  if (const auto shape = read_shape(word)) return *shape;
  std::fprintf(stderr, "'%s' is no shape; one is 64x1024x512 (B x T x C)\n", word);
  std::exit(2);
}

inline constexpr const char* kDirections[] = {"forward", "backward"};

}  // namespace spikescan::bench
