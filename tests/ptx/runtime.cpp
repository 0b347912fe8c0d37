// A CUDA runtime in the place of libcudart.so whose kernels are the PTX that nvcc made, run on the CPU: device memory
// is host memory, and a launch has ended when it returns. SPIKESCAN_PTX names the files, between colons;
// SPIKESCAN_PTX_PROCESSORS is the number of multiprocessors, by which the library chooses its plans (132).
#include <cuda_runtime_api.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "ptx/launch.h"

namespace {

constexpr std::size_t kAlignment = 256;  // cudaMalloc's

// Made at the first use: a library registers its kernels before this file's own variables are made.
std::map<const void*, std::string>& names() {
  static auto* made = new std::map<const void*, std::string>;
  return *made;
}

void write_never_ran(const char* path) {
  std::ofstream file(path);
  for (const ptx::Coverage& of : ptx::coverage()) {
    file << of.kernel << ": " << of.never_ran.size() << " of " << of.instructions << " never ran:";
    for (const int line : of.never_ran) file << ' ' << line;
    file << '\n';
  }
}

void add_files() {
  const char* paths = std::getenv("SPIKESCAN_PTX");
  if (!paths) throw std::runtime_error("SPIKESCAN_PTX is not set; it must name PTX files, with colons between them");
  std::istringstream list(paths);
  for (std::string path; std::getline(list, path, ':');) ptx::add_file(path);
  std::atexit([] {
    std::printf("%s\n", ptx::summary().c_str());
    if (const char* path = std::getenv("SPIKESCAN_PTX_NEVER_RAN")) write_never_ran(path);
  });
}

cudaError_t run(const void* kernel, dim3 grid, dim3 block, void** arguments, std::size_t shared_bytes) try {
  static const bool ready = (add_files(), true);
  if (!ready || grid.y != 1 || grid.z != 1 || block.y != 1 || block.z != 1) return cudaErrorInvalidConfiguration;
  ptx::launch(names().at(kernel), grid.x, block.x, arguments, shared_bytes);
  return cudaSuccess;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  std::abort();
}

int attribute(cudaDeviceAttr which) {
  const char* processors = std::getenv("SPIKESCAN_PTX_PROCESSORS");
  switch (which) {
    case cudaDevAttrMultiProcessorCount:
      return processors ? std::atoi(processors) : 132;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      return 227 * 1024;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
      return 228 * 1024;
    default:
      return 0;
  }
}

template <class Handle>
cudaError_t make(Handle* handle) {
  *handle = static_cast<Handle>(std::malloc(1));
  return cudaSuccess;
}
cudaError_t take_back(void* handle) {
  std::free(handle);
  return cudaSuccess;
}

}  // namespace

extern "C" {

const char* cudaGetErrorName(cudaError_t error) {
  return error == cudaSuccess ? "cudaSuccess" : "an error";
}
const char* cudaGetErrorString(cudaError_t error) {
  return cudaGetErrorName(error);
}
cudaError_t cudaGetLastError() {
  return cudaSuccess;
}
cudaError_t cudaPeekAtLastError() {
  return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}
cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int) {
  return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr which, int) {
  *value = attribute(which);
  return cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
  std::memset(properties, 0, sizeof *properties);
  std::snprintf(properties->name, sizeof properties->name, "PTX on the CPU");
  properties->multiProcessorCount = attribute(cudaDevAttrMultiProcessorCount);
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}
cudaError_t cudaDriverGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaMalloc(void** memory, std::size_t bytes) {
  *memory = std::aligned_alloc(kAlignment, (bytes + kAlignment - 1) / kAlignment * kAlignment);
  return *memory || bytes == 0 ? cudaSuccess : cudaErrorMemoryAllocation;
}
cudaError_t cudaFree(void* memory) {
  return take_back(memory);
}
cudaError_t cudaMemcpyAsync(void* destination, const void* source, std::size_t bytes, cudaMemcpyKind, cudaStream_t) {
  std::memcpy(destination, source, bytes);
  return cudaSuccess;
}
cudaError_t cudaMemsetAsync(void* destination, int byte, std::size_t bytes, cudaStream_t) {
  std::memset(destination, byte, bytes);
  return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  return make(stream);
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  return take_back(stream);
}
cudaError_t cudaStreamSynchronize(cudaStream_t) {
  return cudaSuccess;
}
cudaError_t cudaEventCreate(cudaEvent_t* event) {
  return make(event);
}
cudaError_t cudaEventRecord(cudaEvent_t, cudaStream_t) {
  return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t) {
  return cudaSuccess;
}
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t, cudaEvent_t) {
  *milliseconds = 1.0f;
  return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  return take_back(event);
}

cudaError_t cudaFuncSetAttribute(const void*, cudaFuncAttribute, int) {
  return cudaSuccess;
}
cudaError_t cudaLaunchKernel(const void* kernel, dim3 grid, dim3 block, void** arguments, std::size_t shared_bytes,
                             cudaStream_t) {
  return run(kernel, grid, block, arguments, shared_bytes);
}

// ---- What nvcc's own code in an object asks of the runtime ----
void __cudaRegisterFunction(void**, const char* host_function, char*, const char* device_name, int, uint3*, uint3*,
                            dim3*, dim3*, int*) {
  names()[host_function] = device_name;
}
unsigned __cudaPushCallConfiguration(dim3, dim3, std::size_t, cudaStream_t) {
  return 1;  // kernels are launched by cudaLaunchKernel alone
}
cudaError_t __cudaPopCallConfiguration(dim3*, dim3*, std::size_t*, void*) {
  return cudaErrorInvalidConfiguration;
}
cudaError_t __cudaLaunchKernel(cudaKernel_t handle, dim3 grid, dim3 block, void** arguments, std::size_t shared_bytes,
                               cudaStream_t) {
  return run(handle, grid, block, arguments, shared_bytes);
}

}  // extern "C"
