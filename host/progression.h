// Exact questions about sums of two strides, without walking over them: tensors have up to 2^56 elements.
#pragma once

#include <cstdint>

namespace spikescan {

// Products of two 64-bit numbers.
__extension__ typedef __int128 Wide;

struct Axis {
  Wide count;   // at least 1
  Wide stride;  // at least 1 where count is above 1
};

// Is there u in [0, a.count) and v in [0, b.count) with low <= u * a.stride + v * b.stride <= high? Strides at least 1,
// both counts and both spans below 2^66.
bool reaches_window(Axis a, Axis b, Wide low, Wide high);

}  // namespace spikescan
