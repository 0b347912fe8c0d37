// The device, its facts, versions and errors (runtime.h).
#include <cstdio>
#include <cstring>
#include <mutex>
#include <set>

#include "simt/runtime.h"

namespace simt {
namespace {

constexpr std::size_t kSharedBytesWithoutAsking = 48 * 1024;

std::mutex device_mutex;
Device current_device;
std::set<const void*> kernels_with_large_shared;

thread_local cudaError_t last_error = cudaSuccess;
thread_local std::string last_fault;

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
    {cudaErrorNotSupported, "cudaErrorNotSupported", "operation not supported"},
    {cudaErrorIllegalAddress, "cudaErrorIllegalAddress", "an illegal memory access was encountered"},
    {cudaErrorLaunchFailure, "cudaErrorLaunchFailure", "unspecified launch failure"},
    {cudaErrorIllegalState, "cudaErrorIllegalState", "the operation cannot be performed in the present state"},
    {cudaErrorStreamCaptureUnsupported, "cudaErrorStreamCaptureUnsupported", "not permitted when stream is capturing"},
};

// Whether the device with this number exists, as an error.
cudaError_t check_device(int number) {
  const int count = device().count;
  if (count == 0) return cudaErrorNoDevice;
  return number >= 0 && number < count ? cudaSuccess : cudaErrorInvalidDevice;
}

int bytes_as_int(std::size_t bytes) {
  return static_cast<int>(bytes);
}

// -1 where the model has no such attribute.
int attribute(const Device& d, cudaDeviceAttr which) {
  switch (which) {
    case cudaDevAttrMultiProcessorCount:
      return d.processors;
    case cudaDevAttrComputeCapabilityMajor:
      return d.compute_major;
    case cudaDevAttrComputeCapabilityMinor:
      return d.compute_minor;
    case cudaDevAttrMaxThreadsPerBlock:
      return 1024;
    case cudaDevAttrMaxThreadsPerMultiProcessor:
      return d.threads_of_processor;
    case cudaDevAttrWarpSize:
      return 32;
    case cudaDevAttrMaxSharedMemoryPerBlock:
      return bytes_as_int(kSharedBytesWithoutAsking);
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      return bytes_as_int(d.shared_bytes_of_block);
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
      return bytes_as_int(d.shared_bytes_of_processor);
    case cudaDevAttrL2CacheSize:
      return bytes_as_int(d.l2_bytes);
    case cudaDevAttrMaxGridDimX:
      return 2147483647;
    default:
      return -1;
  }
}

}  // namespace

Device device() {
  const std::lock_guard lock(device_mutex);
  return current_device;
}

void set_device(const Device& device) {
  const std::lock_guard lock(device_mutex);
  current_device = device;
}

std::string take_fault() {
  std::string sentence;
  sentence.swap(last_fault);
  return sentence;
}

namespace detail {

cudaError_t answer(cudaError_t error) {
  if (error != cudaSuccess) last_error = error;
  return error;
}

cudaError_t fault(cudaError_t error, const std::string& sentence) {
  std::fprintf(stderr, "%s\n", sentence.c_str());
  last_fault = sentence;
  return answer(error);
}

cudaError_t check_launch(const void* kernel, std::size_t shared_bytes) {
  if (device().count == 0) return answer(cudaErrorNoDevice);
  if (shared_bytes <= kSharedBytesWithoutAsking) return cudaSuccess;
  const std::lock_guard lock(device_mutex);
  if (kernels_with_large_shared.count(kernel) != 0) return cudaSuccess;
  return fault(cudaErrorInvalidValue, "simt: " + std::to_string(shared_bytes) +
                                          " bytes of dynamic shared memory are more than 48 KiB, and the kernel was "
                                          "never given cudaFuncAttributeMaxDynamicSharedMemorySize");
}

}  // namespace detail
}  // namespace simt

using namespace simt;

extern "C" {

cudaError_t cudaGetLastError() {
  const cudaError_t error = last_error;
  last_error = cudaSuccess;
  return error;
}

cudaError_t cudaPeekAtLastError() {
  return last_error;
}

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
  return "an error that the harness's runtime never gives";
}

cudaError_t cudaGetDeviceCount(int* count) {
  *count = device().count;
  return detail::answer(*count == 0 ? cudaErrorNoDevice : cudaSuccess);
}

cudaError_t cudaGetDevice(int* number) {
  *number = 0;
  return detail::answer(check_device(0));
}

cudaError_t cudaSetDevice(int number) {
  return detail::answer(check_device(number));
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr which, int number) {
  if (const cudaError_t error = check_device(number); error != cudaSuccess) return detail::answer(error);
  *value = attribute(device(), which);
  if (*value >= 0) return cudaSuccess;
  return detail::fault(cudaErrorNotSupported,
                       "simt: the harness's device has no attribute " + std::to_string(static_cast<int>(which)));
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int number) {
  if (const cudaError_t error = check_device(number); error != cudaSuccess) return detail::answer(error);
  const Device d = device();
  std::memset(properties, 0, sizeof *properties);
  std::snprintf(properties->name, sizeof properties->name, "SIMT harness");
  properties->totalGlobalMem = d.memory_bytes;
  properties->sharedMemPerBlock = kSharedBytesWithoutAsking;
  properties->sharedMemPerBlockOptin = d.shared_bytes_of_block;
  properties->sharedMemPerMultiprocessor = d.shared_bytes_of_processor;
  properties->warpSize = 32;
  properties->maxThreadsPerBlock = 1024;
  properties->maxThreadsPerMultiProcessor = d.threads_of_processor;
  properties->multiProcessorCount = d.processors;
  properties->major = d.compute_major;
  properties->minor = d.compute_minor;
  properties->l2CacheSize = bytes_as_int(d.l2_bytes);
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = device().runtime_version;
  return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int* version) {
  *version = device().driver_version;
  return cudaSuccess;
}

cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute which, int value) {
  if (which != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaSuccess;  // the others are hints
  if (value < 0 || static_cast<std::size_t>(value) > device().shared_bytes_of_block) {
    return detail::answer(cudaErrorInvalidValue);
  }
  const std::lock_guard lock(device_mutex);
  kernels_with_large_shared.insert(kernel);
  return cudaSuccess;
}

}  // extern "C"
