// Outputs of a call from which stores past the caches pay: less may still be in them when the caller reads it.
#pragma once

#include <cstdint>

namespace spikescan {

constexpr int64_t kStreamingBytes = int64_t{4} << 20;

}  // namespace spikescan
