// A caller's struct taken over safely: its size is checked first, then the part this library knows is copied. A larger
// struct is a newer program's: accepted if what this library does not know is zero.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "host/error.h"

namespace spikescan {

// No struct of this interface comes near: a size beyond is a field never set.
constexpr size_t kLargestStruct = 1024;

spikescan_status check_struct(const void* given, size_t known, const char* name, Sentence& error);

template <class Struct>
spikescan_status take_struct(const Struct* given, const char* name, Struct* copy, Sentence& error) {
  static_assert(offsetof(Struct, struct_size) == 0 && sizeof(Struct) <= kLargestStruct);
  if (const spikescan_status status = check_struct(given, sizeof(Struct), name, error)) return status;
  std::memcpy(copy, given, sizeof(Struct));
  return SPIKESCAN_OK;
}

}  // namespace spikescan
