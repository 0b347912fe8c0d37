// What a backend is to the host: plain structs and function pointers. kernels/cpu and kernels/cuda each fill one in;
// they know neither host/ nor each other.
#pragma once

#include "include/spikescan/spikescan.h"
#include "kernels/element/firing.h"
#include "kernels/plan.h"

namespace spikescan {

// A checked call. Kernels are given it by value, so it must stay below CUDA's 4 KiB of parameters.
struct ForwardCall {
  spikescan_description description;
  spikescan_forward_args args;
  Firing firing;
  Plan plan;
};

struct BackwardCall {
  spikescan_description description;
  spikescan_backward_args args;
  Firing firing;
  Plan plan;
};

// `where` names the failing call of the platform, `error` its error, `text` what the platform says of it (may be null).
// Static strings, null on success.
struct BackendResult {
  spikescan_status status;
  const char* where;
  const char* error;
  const char* text = nullptr;
};
constexpr BackendResult kOk = {SPIKESCAN_OK, nullptr, nullptr};

struct Backend {
  BackendResult (*device_count)(int32_t* count);
  BackendResult (*facts)(DeviceFacts* facts);  // of the current device
  BackendResult (*query_device)(int32_t device, spikescan_device_info* info);
  BackendResult (*forward)(const ForwardCall& call, void* stream);
  BackendResult (*backward)(const BackwardCall& call, void* stream);
  BackendResult (*allocate)(size_t bytes, void** memory);
  BackendResult (*free)(void* memory);
  BackendResult (*copy)(void* destination, const void* source, size_t bytes, void* stream);
  BackendResult (*fill)(void* destination, int byte, size_t bytes, void* stream);
  BackendResult (*stream_create)(void** stream);
  BackendResult (*stream_destroy)(void* stream);
  BackendResult (*stream_synchronize)(void* stream);
  BackendResult (*timer_create)(void** timer);
  BackendResult (*timer_start)(void* timer, void* stream);
  BackendResult (*timer_stop)(void* timer, void* stream);
  BackendResult (*timer_seconds)(void* timer, double* seconds);
  BackendResult (*timer_destroy)(void* timer);
  bool host_memory;  // the host can read the backend's memory, so the values of decays and device key are checked
};

const Backend* cpu_backend();
const Backend* cuda_backend();  // null where it is not built

}  // namespace spikescan
