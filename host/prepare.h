// The way of every pass up to its arguments: take the description over, check it, find its backend, plan.
#pragma once

#include "host/error.h"
#include "host/plan.h"

namespace spikescan {

struct Prepared {
  spikescan_description description;  // checked; `backend` is CPU or CUDA
  const Backend* backend;
  DeviceFacts facts;
};

spikescan_status prepare(const spikescan_description* given, Prepared* prepared, Sentence& error);

}  // namespace spikescan
