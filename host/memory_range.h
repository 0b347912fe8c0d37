// Byte ranges of memory as integers: comparing unrelated pointers would be undefined.
#pragma once

#include <cstddef>
#include <cstdint>

namespace spikescan {

inline uintptr_t address_of(const void* pointer) {
  return reinterpret_cast<uintptr_t>(pointer);
}

// The range's last byte still has an address.
inline bool fits_address_space(uintptr_t first, size_t bytes) {
  return bytes == 0 || bytes - 1 <= UINTPTR_MAX - first;
}

// Of ranges that fit.
inline bool ranges_meet(uintptr_t a, size_t a_bytes, uintptr_t b, size_t b_bytes) {
  if (a_bytes == 0 || b_bytes == 0) return false;
  return a < b ? b - a < a_bytes : a - b < b_bytes;
}

}  // namespace spikescan
