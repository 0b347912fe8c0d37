// A call's outputs, in bytes, from which on stores past the caches pay: less may still be in them when it is read.
#pragma once

#include <cstdint>

namespace spikescan {

constexpr int64_t kStreamingBytes = int64_t{4} << 20;

}  // namespace spikescan
