// Calls whose pointers are made up: the stub runs no kernel, so nobody reads them. Far apart, for the overlap checks.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/backend.h"
#include "spikescan/spikescan.h"
#include "stub/stub.h"

namespace stub {

// Both passes of one problem with every optional argument.
struct MadeUp {
  explicit MadeUp(const spikescan_description& description);

  spikescan_description description;
  spikescan_status sizes_status;
  spikescan_sizes sizes{};
  spikescan_forward_args forward{};
  spikescan_backward_args backward{};
};

spikescan_description describe(spikescan_recurrence recurrence, int64_t batch, int64_t time, int64_t channels);

inline cudaStream_t made_up_stream() {
  return reinterpret_cast<cudaStream_t>(std::uintptr_t{0x5eed00});
}

// The calls that start a kernel, and what the library passed to it.
std::vector<Call> launches(const std::vector<Call>& calls);
template <class Argument>
Argument argument_of(const Call& launch);

// The table of resource_usage.py.
struct KernelRow {
  std::string kernel;
  int registers, threads, local_bytes, shared_bytes;
};
std::vector<KernelRow> resource_table();

// Before each test: no calls, no failure, device 0, no last error, a driver as new as the runtime.
void start_afresh();

}  // namespace stub
