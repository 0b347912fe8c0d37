// libcudart's functions that the library calls, by way of stub::answer(). A new one shows as an undefined symbol when
// the tests are linked.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "stub/stub.h"

using stub::Call;

namespace {

constexpr int kDevices = 2;

struct ErrorText {
  cudaError_t error;
  const char *name, *text;
};
constexpr ErrorText kErrors[] = {
    {cudaSuccess, "cudaSuccess", "no error"},
    {cudaErrorInvalidValue, "cudaErrorInvalidValue", "invalid argument"},
    {cudaErrorMemoryAllocation, "cudaErrorMemoryAllocation", "out of memory"},
    {cudaErrorInvalidConfiguration, "cudaErrorInvalidConfiguration", "invalid configuration argument"},
    {cudaErrorInsufficientDriver, "cudaErrorInsufficientDriver", "CUDA driver version is insufficient"},
    {cudaErrorNoDevice, "cudaErrorNoDevice", "no CUDA-capable device is detected"},
    {cudaErrorInvalidDevice, "cudaErrorInvalidDevice", "invalid device ordinal"},
    {cudaErrorInvalidResourceHandle, "cudaErrorInvalidResourceHandle", "invalid resource handle"},
    {cudaErrorIllegalAddress, "cudaErrorIllegalAddress", "an illegal memory access was encountered"},
    {cudaErrorLaunchFailure, "cudaErrorLaunchFailure", "unspecified launch failure"},
    {cudaErrorStreamCaptureUnsupported, "cudaErrorStreamCaptureUnsupported", "not permitted when stream is capturing"},
};

cudaError_t answer(const char* function) {
  Call call;
  call.function = function;
  return stub::answer(call);
}

cudaError_t answer_number(const char* function, int number) {
  Call call;
  call.function = function;
  call.number = number;
  return stub::answer(call);
}

cudaError_t answer_stream(const char* function, cudaStream_t stream) {
  Call call;
  call.function = function;
  call.on_stream = true;
  call.stream = stream;
  return stub::answer(call);
}

// The device that every number names: that of an H100.
int attribute(cudaDeviceAttr which) {
  switch (which) {
    case cudaDevAttrMultiProcessorCount:
      return 132;
    case cudaDevAttrMaxThreadsPerBlock:
      return 1024;
    case cudaDevAttrMaxThreadsPerMultiProcessor:
      return 2048;
    case cudaDevAttrWarpSize:
      return 32;
    case cudaDevAttrMaxSharedMemoryPerBlock:
      return 48 * 1024;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      return 227 * 1024;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
      return 228 * 1024;
    case cudaDevAttrComputeCapabilityMajor:
      return 9;
    case cudaDevAttrL2CacheSize:
      return 50 << 20;
    default:
      return 0;
  }
}

// Handles are allocations: a double free is the allocator's, or AddressSanitizer's, to report.
template <class Handle>
cudaError_t make(cudaError_t error, Handle* handle, std::size_t bytes = 1) {
  if (error != cudaSuccess) return error;
  *handle = static_cast<Handle>(std::malloc(bytes));
  stub::count_object(1);
  return cudaSuccess;
}

cudaError_t take_back(cudaError_t error, void* handle) {
  if (error != cudaSuccess || handle == nullptr) return error;
  std::free(handle);
  stub::count_object(-1);
  return cudaSuccess;
}

}  // namespace

extern "C" {

const char* cudaGetErrorName(cudaError_t error) {
  for (const ErrorText& known : kErrors) {
    if (known.error == error) return known.name;
  }
  return "cudaErrorUnknown";
}

const char* cudaGetErrorString(cudaError_t error) {
  for (const ErrorText& known : kErrors) {
    if (known.error == error) return known.text;
  }
  return "an error that no test plans";
}

cudaError_t cudaGetLastError() {
  stub::note("cudaGetLastError");
  const cudaError_t error = stub::last_error();
  stub::set_last_error(cudaSuccess);
  return error;
}

cudaError_t cudaPeekAtLastError() {
  stub::note("cudaPeekAtLastError");
  return stub::last_error();
}

// ---- Devices --------------------------------------------------------------------------------------------------------

cudaError_t cudaGetDeviceCount(int* count) {
  const cudaError_t error = answer("cudaGetDeviceCount");
  *count = error == cudaSuccess ? kDevices : 0;
  return error;
}

cudaError_t cudaGetDevice(int* device) {
  const cudaError_t error = answer("cudaGetDevice");
  if (error == cudaSuccess) *device = stub::device();
  return error;
}

cudaError_t cudaSetDevice(int device) {
  const cudaError_t error = answer_number("cudaSetDevice", device);
  if (error == cudaSuccess) stub::set_device(device);
  return error;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr which, int) {
  const cudaError_t error = answer_number("cudaDeviceGetAttribute", which);
  if (error == cudaSuccess) *value = attribute(which);
  return error;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  const cudaError_t error = answer_number("cudaGetDeviceProperties", device);
  if (error != cudaSuccess) return error;
  std::memset(properties, 0, sizeof *properties);
  std::snprintf(properties->name, sizeof properties->name, "stub %d", device);
  properties->totalGlobalMem = std::size_t{80} << 30;
  properties->multiProcessorCount = attribute(cudaDevAttrMultiProcessorCount);
  properties->major = attribute(cudaDevAttrComputeCapabilityMajor);
  properties->l2CacheSize = attribute(cudaDevAttrL2CacheSize);
  properties->sharedMemPerBlockOptin = attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin);
  properties->sharedMemPerMultiprocessor = attribute(cudaDevAttrMaxSharedMemoryPerMultiprocessor);
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = CUDART_VERSION;
  return answer("cudaRuntimeGetVersion");
}

cudaError_t cudaDriverGetVersion(int* version) {
  const cudaError_t error = answer("cudaDriverGetVersion");
  if (error == cudaSuccess) *version = stub::driver_version();
  return error;
}

// ---- Memory ---------------------------------------------------------------------------------------------------------

cudaError_t cudaMalloc(void** memory, std::size_t bytes) {
  Call call;
  call.function = "cudaMalloc";
  call.bytes = bytes;
  return make(stub::answer(call), memory, bytes);
}

cudaError_t cudaFree(void* memory) {
  return take_back(answer("cudaFree"), memory);
}

cudaError_t cudaMemcpyAsync(void* destination, const void* source, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  Call call;
  call.function = "cudaMemcpyAsync";
  call.on_stream = true;
  call.stream = stream;
  call.destination = destination;
  call.source = source;
  call.bytes = bytes;
  call.number = kind;
  return stub::answer(call);
}

cudaError_t cudaMemsetAsync(void* destination, int byte, std::size_t bytes, cudaStream_t stream) {
  Call call;
  call.function = "cudaMemsetAsync";
  call.on_stream = true;
  call.stream = stream;
  call.destination = destination;
  call.bytes = bytes;
  call.number = byte;
  return stub::answer(call);
}

// ---- Streams and events ---------------------------------------------------------------------------------------------

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  return make(answer_number("cudaStreamCreateWithFlags", static_cast<int>(flags)), stream);
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  return take_back(answer_stream("cudaStreamDestroy", stream), stream);
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return answer_stream("cudaStreamSynchronize", stream);
}

cudaError_t cudaDeviceSynchronize() {
  return answer("cudaDeviceSynchronize");
}

cudaError_t cudaEventCreate(cudaEvent_t* event) {
  return make(answer("cudaEventCreate"), event);
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  return make(answer_number("cudaEventCreateWithFlags", static_cast<int>(flags)), event);
}

cudaError_t cudaEventRecord(cudaEvent_t, cudaStream_t stream) {
  return answer_stream("cudaEventRecord", stream);
}

cudaError_t cudaEventSynchronize(cudaEvent_t) {
  return answer("cudaEventSynchronize");
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t, cudaEvent_t) {
  const cudaError_t error = answer("cudaEventElapsedTime");
  if (error == cudaSuccess) *milliseconds = 250;
  return error;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  return take_back(answer("cudaEventDestroy"), event);
}

}  // extern "C"
