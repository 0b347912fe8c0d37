#include "host/validate_struct.h"

namespace spikescan {

spikescan_status check_struct(const void* given, size_t known, const char* name, Sentence& error) {
  if (!given) return error.invalid("%s is null; it must point to a struct", name);
  size_t size;
  std::memcpy(&size, given, sizeof size);
  if (size < known || size > kLargestStruct) {
    return error.invalid("%s.struct_size is %zu; it must be the struct's sizeof, here %zu (at most %zu)", name, size,
                         known, kLargestStruct);
  }
  const auto* bytes = static_cast<const unsigned char*>(given);
  for (size_t i = known; i < size; ++i) {
    if (bytes[i] == 0) continue;
    return error.refuse(SPIKESCAN_UNSUPPORTED,
                        "%s.struct_size is %zu and byte %zu is %d; past the %zu bytes that this library knows all must "
                        "be 0",
                        name, size, i, bytes[i], known);
  }
  return SPIKESCAN_OK;
}

}  // namespace spikescan
