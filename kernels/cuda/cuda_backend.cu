// The CUDA backend's table: passes, memory, streams and timers over the CUDA runtime. Everything happens on the
// caller's current device.
#include <cstdio>
#include <new>

#include "kernels/cuda/launch.h"
#include "kernels/cuda/passes.h"

namespace spikescan {
namespace {

// The runtime has one error for no driver and for one that is too old for it. Where there is an old one there is likely
// a GPU, whose memory the caller's pointers may be: that is no absence.
bool has_driver() {
  int version = 0;
  return cudaDriverGetVersion(&version) == cudaSuccess && version > 0;
}

// No driver or no device is an answer, not an error; the runtime remembers it as one all the same, so it is taken back,
// unless the caller had an error of its own waiting.
BackendResult device_count(int32_t* count) {
  const bool clean = cudaPeekAtLastError() == cudaSuccess;
  int devices = 0;
  const cudaError_t error = cudaGetDeviceCount(&devices);
  if (error == cudaErrorNoDevice || (error == cudaErrorInsufficientDriver && !has_driver())) {
    if (clean) cudaGetLastError();
    *count = 0;
    return kOk;
  }
  *count = devices;
  return cuda_result(error, "cudaGetDeviceCount");
}

BackendResult attribute(cudaDeviceAttr name, int device, int* value) {
  return cuda_result(cudaDeviceGetAttribute(value, name, device), "cudaDeviceGetAttribute");
}

BackendResult facts(DeviceFacts* facts) {
  int device = 0, processors = 0, shared = 0, shared_total = 0;
  BackendResult result = cuda_result(cudaGetDevice(&device), "cudaGetDevice");
  if (!result.status) result = attribute(cudaDevAttrMultiProcessorCount, device, &processors);
  if (!result.status) result = attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin, device, &shared);
  if (!result.status) result = attribute(cudaDevAttrMaxSharedMemoryPerMultiprocessor, device, &shared_total);
  if (!result.status) *facts = {processors, static_cast<size_t>(shared), static_cast<size_t>(shared_total)};
  return result;
}

BackendResult query_device(int32_t device, spikescan_device_info* info) {
  cudaDeviceProp properties;
  BackendResult result = cuda_result(cudaGetDeviceProperties(&properties, device), "cudaGetDeviceProperties");
  int runtime = 0, driver = 0;
  if (!result.status) result = cuda_result(cudaRuntimeGetVersion(&runtime), "cudaRuntimeGetVersion");
  if (!result.status) result = cuda_result(cudaDriverGetVersion(&driver), "cudaDriverGetVersion");
  if (result.status) return result;
  std::snprintf(info->name, sizeof info->name, "%s", properties.name);
  info->processors = properties.multiProcessorCount;
  info->compute_major = properties.major;
  info->compute_minor = properties.minor;
  info->memory_bytes = static_cast<int64_t>(properties.totalGlobalMem);
  info->l2_bytes = properties.l2CacheSize;
  info->runtime_version = runtime;
  info->driver_version = driver;
  std::snprintf(info->instruction_set, sizeof info->instruction_set, "sm_%d%d", properties.major, properties.minor);
  return kOk;
}

BackendResult allocate(size_t bytes, void** memory) {
  return cuda_result(cudaMalloc(memory, bytes), "cudaMalloc");
}

BackendResult free_memory(void* memory) {
  return cuda_result(cudaFree(memory), "cudaFree");
}

BackendResult copy(void* destination, const void* source, size_t bytes, void* stream) {
  return cuda_result(cudaMemcpyAsync(destination, source, bytes, cudaMemcpyDefault, static_cast<cudaStream_t>(stream)),
                     "cudaMemcpyAsync");
}

BackendResult fill(void* destination, int byte, size_t bytes, void* stream) {
  return cuda_result(cudaMemsetAsync(destination, byte, bytes, static_cast<cudaStream_t>(stream)), "cudaMemsetAsync");
}

BackendResult stream_create(void** stream) {
  return cuda_result(cudaStreamCreateWithFlags(reinterpret_cast<cudaStream_t*>(stream), cudaStreamNonBlocking),
                     "cudaStreamCreateWithFlags");
}

BackendResult stream_destroy(void* stream) {
  return cuda_result(cudaStreamDestroy(static_cast<cudaStream_t>(stream)), "cudaStreamDestroy");
}

BackendResult stream_synchronize(void* stream) {
  return cuda_result(cudaStreamSynchronize(static_cast<cudaStream_t>(stream)), "cudaStreamSynchronize");
}

struct Timer {
  cudaEvent_t start, stop;
};

BackendResult timer_create(void** timer) {
  auto* made = new (std::nothrow) Timer{};
  if (!made) return {SPIKESCAN_OUT_OF_MEMORY, "new", "no memory"};
  BackendResult result = cuda_result(cudaEventCreate(&made->start), "cudaEventCreate");
  if (!result.status) {
    result = cuda_result(cudaEventCreate(&made->stop), "cudaEventCreate");
    if (result.status) cudaEventDestroy(made->start);
  }
  if (result.status) {
    delete made;
    return result;
  }
  *timer = made;
  return kOk;
}

BackendResult record(cudaEvent_t event, void* stream) {
  return cuda_result(cudaEventRecord(event, static_cast<cudaStream_t>(stream)), "cudaEventRecord");
}

BackendResult timer_start(void* timer, void* stream) {
  return record(static_cast<Timer*>(timer)->start, stream);
}
BackendResult timer_stop(void* timer, void* stream) {
  return record(static_cast<Timer*>(timer)->stop, stream);
}

BackendResult timer_seconds(void* timer, double* seconds) {
  const auto* t = static_cast<Timer*>(timer);
  float milliseconds = 0.0f;
  BackendResult result = cuda_result(cudaEventSynchronize(t->stop), "cudaEventSynchronize");
  if (!result.status) {
    result = cuda_result(cudaEventElapsedTime(&milliseconds, t->start, t->stop), "cudaEventElapsedTime");
  }
  if (!result.status) *seconds = 1e-3 * milliseconds;
  return result;
}

BackendResult timer_destroy(void* timer) {
  auto* t = static_cast<Timer*>(timer);
  const cudaError_t start = cudaEventDestroy(t->start), stop = cudaEventDestroy(t->stop);
  delete t;
  return cuda_result(start != cudaSuccess ? start : stop, "cudaEventDestroy");
}

// The runtime remembers a failure as its last error, which the caller's next question would take for its own. The
// status has told it, so it is taken back, unless an error of the caller's was waiting.
template <auto kFunction>
struct Forgetting;
template <class... Parameter, BackendResult (*kFunction)(Parameter...)>
struct Forgetting<kFunction> {
  static BackendResult call(Parameter... arguments) {
    const bool clean = cudaPeekAtLastError() == cudaSuccess;
    const BackendResult result = kFunction(arguments...);
    if (result.status != SPIKESCAN_OK && clean) cudaGetLastError();
    return result;
  }
};

}  // namespace

const Backend* cuda_backend() {
  static constexpr Backend backend = {Forgetting<device_count>::call,
                                      Forgetting<facts>::call,
                                      Forgetting<query_device>::call,
                                      Forgetting<cuda_forward>::call,
                                      Forgetting<cuda_backward>::call,
                                      Forgetting<allocate>::call,
                                      Forgetting<free_memory>::call,
                                      Forgetting<copy>::call,
                                      Forgetting<fill>::call,
                                      Forgetting<stream_create>::call,
                                      Forgetting<stream_destroy>::call,
                                      Forgetting<stream_synchronize>::call,
                                      Forgetting<timer_create>::call,
                                      Forgetting<timer_start>::call,
                                      Forgetting<timer_stop>::call,
                                      Forgetting<timer_seconds>::call,
                                      Forgetting<timer_destroy>::call,
                                      /*host_memory=*/false};
  return &backend;
}

}  // namespace spikescan
