// Which backend a call goes to. AUTO is CUDA where it is built and has a device, else the CPU.
#pragma once

#include "host/error.h"

namespace spikescan {

struct Backends {
  const Backend* cpu;
  const Backend* cuda;  // null where it is not built
};

// Those of this library.
Backends built_backends();

struct Resolved {
  spikescan_backend id;  // CPU or CUDA
  const Backend* backend;
};

// `requested` may be any number.
spikescan_status resolve(const Backends& backends, int requested, Resolved* resolved, Sentence& error);
// For a call with a stream. What is an executor where AUTO is the CPU would be taken for CUDA's stream on another
// machine: so an executor's backend has to be named.
spikescan_status resolve_with_stream(const Backends& backends, int requested, const void* stream, Resolved* resolved,
                                     Sentence& error);
// Usable devices of the backend that resolve would choose. That there is none, or no such backend, is no error: 0.
spikescan_status count_devices(const Backends& backends, int requested, int32_t* count, Sentence& error);

}  // namespace spikescan
