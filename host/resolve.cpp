#include "host/resolve.h"

namespace spikescan {
namespace {

spikescan_status check_backend(int requested, Sentence& error) {
  if (requested >= SPIKESCAN_BACKEND_AUTO && requested <= SPIKESCAN_BACKEND_CUDA) return SPIKESCAN_OK;
  return error.invalid("backend is %d; it must be AUTO (0), CPU (1) or CUDA (2)", requested);
}

// 0 where the backend is not built. A count that fails is an error, not an absence: falling back to the CPU then would
// run it on device pointers.
spikescan_status count_built(const Backend* backend, int32_t* count, Sentence& error) {
  *count = 0;
  return backend ? report(backend->device_count(count), error) : SPIKESCAN_OK;
}

}  // namespace

Backends built_backends() {
  return {cpu_backend(), cuda_backend()};
}

spikescan_status resolve(const Backends& backends, int requested, Resolved* resolved, Sentence& error) {
  if (const spikescan_status status = check_backend(requested, error)) return status;
  int32_t devices = 0;
  if (requested != SPIKESCAN_BACKEND_CPU) {
    if (const spikescan_status status = count_built(backends.cuda, &devices, error)) return status;
  }
  if (devices > 0) {
    *resolved = {SPIKESCAN_BACKEND_CUDA, backends.cuda};
    return SPIKESCAN_OK;
  }
  if (requested == SPIKESCAN_BACKEND_CUDA) {
    return error.refuse(SPIKESCAN_BACKEND_UNAVAILABLE, "backend is CUDA (2); %s, so it must be CPU (1) or AUTO (0)",
                        backends.cuda ? "no CUDA device can be used here" : "CUDA is not built into this library");
  }
  if (const spikescan_status status = count_built(backends.cpu, &devices, error)) return status;
  if (devices == 0) {
    return error.refuse(SPIKESCAN_BACKEND_UNAVAILABLE,
                        "backend is %s; this processor lacks SSE4.2, the least that the CPU backend needs on x86",
                        requested == SPIKESCAN_BACKEND_CPU ? "CPU (1)" : "AUTO (0) and there is no CUDA device");
  }
  *resolved = {SPIKESCAN_BACKEND_CPU, backends.cpu};
  return SPIKESCAN_OK;
}

spikescan_status resolve_with_stream(const Backends& backends, int requested, const void* stream, Resolved* resolved,
                                     Sentence& error) {
  if (const spikescan_status status = resolve(backends, requested, resolved, error)) return status;
  if (requested != SPIKESCAN_BACKEND_AUTO || resolved->id != SPIKESCAN_BACKEND_CPU || !stream) return SPIKESCAN_OK;
  return error.invalid("stream is %p; with backend AUTO (0), here the CPU, it must be null: an executor needs CPU (1)",
                       stream);
}

spikescan_status count_devices(const Backends& backends, int requested, int32_t* count, Sentence& error) {
  if (const spikescan_status status = check_backend(requested, error)) return status;
  int32_t devices = 0;
  if (requested != SPIKESCAN_BACKEND_CPU) {
    if (const spikescan_status status = count_built(backends.cuda, &devices, error)) return status;
  }
  if (devices == 0 && requested != SPIKESCAN_BACKEND_CUDA) {
    if (const spikescan_status status = count_built(backends.cpu, &devices, error)) return status;
  }
  *count = devices;
  return SPIKESCAN_OK;
}

}  // namespace spikescan
