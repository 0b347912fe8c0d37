// The way of every call up to its plan: take the description over, check it, find its backend, ask what the plan needs
// to know of the device. `stream` is null where the call has none.
#pragma once

#include "host/error.h"

namespace spikescan {

struct Prepared {
  spikescan_description description;  // checked; `backend` is CPU or CUDA
  const Backend* backend;
  DeviceFacts facts;
};

spikescan_status prepare(const spikescan_description* given, const void* stream, Prepared* prepared, Sentence& error);

}  // namespace spikescan
