// Packed spikes: step t is bit t % 32 of word t / 32.
#pragma once

#include <cstdint>

#include "include/spikescan/spikescan.h"
#include "kernels/element/compat.h"
#include "kernels/element/divide_up.h"

namespace spikescan {

constexpr int kPackedSteps = 32;

// Elements of a channel along time: steps, or words where packed.
SPIKESCAN_HD int64_t elements_in_time(int dtype, int64_t time) {
  return dtype == SPIKESCAN_BITS32 ? divide_up(time, kPackedSteps) : time;
}

}  // namespace spikescan
