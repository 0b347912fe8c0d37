// What a CPU call gets in the place of a stream: null, or the caller's threads, or how many of OpenMP's.
#pragma once

#include "host/error.h"

namespace spikescan {

// `stream` is looked at where the call runs on the CPU only.
spikescan_status validate_executor(const spikescan_description& d, const void* stream, Sentence& error);

}  // namespace spikescan
