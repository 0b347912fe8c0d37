// A description held against its ranges in the C header. Pure. `backend` is left to resolve().
#pragma once

#include "host/error.h"

namespace spikescan {

// Elements that a tensor may have: past any address space, and small enough that no size derived from it overflows.
constexpr int64_t kMostElements = int64_t{1} << 56;

spikescan_status validate_description(const spikescan_description& description, Sentence& error);

// Where a call's random numbers start. `prefix`: whose origins they are, in sentences.
struct Origins {
  int64_t batch, time, channel;
};
spikescan_status check_origins(const char* prefix, const spikescan_description& description, const Origins& origins,
                               Sentence& error);

}  // namespace spikescan
