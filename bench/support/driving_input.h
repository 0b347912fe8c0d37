// x of a benchmark case in the backend's own memory, made once for neighbouring cases that want the same.
#pragma once

#include "c_api.h"
#include "inputs.h"

namespace spikescan::bench {

// Values in `range`; past the first 4 Mi elements a repetition of those, since no pass's time hangs on them and making
// more on one core of a GPU machine takes longer than measuring. Valid until the next call with other arguments.
const Memory& driving_input(spikescan_backend backend, int64_t elements, const Range& range, spikescan_dtype dtype,
                            void* stream);

}  // namespace spikescan::bench
