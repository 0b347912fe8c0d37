// A CUDA backend for tests of the host layer: it records what it is given and does nothing, or fails as told.
// The linker takes its cuda_backend() in place of the library's "not built".
#pragma once

#include "kernels/backend.h"

namespace spikescan::test {

struct FakeCuda {
  int32_t devices = 1;
  const char* name = "Fake GPU";
  const char* failing = nullptr;  // the function of Backend that fails
  spikescan_status status = SPIKESCAN_CUDA_ERROR;
  // What it was asked.
  int calls = 0, counts = 0, facts = 0;  // `calls`: of any function but device_count and facts
  const char* last = "";
  ForwardCall forward = {};
  BackwardCall backward = {};
  void* stream = nullptr;
  size_t bytes = 0;
  int byte = -1;
};

FakeCuda& fake();
inline void reset_fake() {
  fake() = FakeCuda();
}

}  // namespace spikescan::test
