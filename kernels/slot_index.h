// How states of channels lie in a buffer, `slots` of them in time: [state][B][slots][C].
#pragma once

#include <cstdint>

#include "kernels/element/compat.h"

namespace spikescan {

SPIKESCAN_HD int64_t slot_index(int state, int64_t batch, int64_t slot, int64_t channel, int64_t batches, int64_t slots,
                                int64_t channels) {
  return ((state * batches + batch) * slots + slot) * channels + channel;
}

}  // namespace spikescan
