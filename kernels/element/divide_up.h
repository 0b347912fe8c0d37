// How many parts of size b cover a.
#pragma once

#include <cstdint>

#include "kernels/element/compat.h"

namespace spikescan {

SPIKESCAN_HD constexpr int64_t divide_up(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

}  // namespace spikescan
