// The one function that launches kernels: checks the grid against CUDA's limits, launches, and returns the launch's own
// error. cudaLaunchKernel rather than <<<>>>, which would make us read, and so clear, the caller's last error.
#pragma once

#include <type_traits>

#include "kernels/backend.h"
#include "kernels/cuda/device.h"

#if defined(SPIKESCAN_SIMT)
#include "simt/try_launch.h"
#endif

namespace spikescan {

inline BackendResult cuda_result(cudaError_t error, const char* where) {
  if (error == cudaSuccess) return kOk;
  const spikescan_status status = error == cudaErrorMemoryAllocation ? SPIKESCAN_OUT_OF_MEMORY : SPIKESCAN_CUDA_ERROR;
  return {status, where, cudaGetErrorName(error), cudaGetErrorString(error)};
}

struct LaunchConfig {
  int64_t blocks;
  int threads;
  size_t shared_bytes;
  cudaStream_t stream;
  size_t shared_limit = 0;  // the device's, for a block that may pass 48 KiB
};

template <class... Parameter>
BackendResult launch(const char* where, const LaunchConfig& config, void (*kernel)(Parameter...),
                     const std::type_identity_t<Parameter>&... arguments) {
  constexpr int64_t kMostBlocks = 2147483647;
  constexpr int kMostThreads = 1024;
  constexpr size_t kSharedBytesWithoutAsking = 48 * 1024;
  if (config.blocks < 1 || config.blocks > kMostBlocks || config.threads < 1 || config.threads > kMostThreads) {
    return {SPIKESCAN_INTERNAL_ERROR, where, "the plan's grid is outside CUDA's limits"};
  }
  if (config.shared_bytes > kSharedBytesWithoutAsking) {
    // All launches ask for the same: it is the device's state, and another thread's smaller wish would fail this one.
    const cudaError_t asked =
        cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), cudaFuncAttributeMaxDynamicSharedMemorySize,
                             static_cast<int>(config.shared_limit));
    if (asked != cudaSuccess) return cuda_result(asked, "cudaFuncSetAttribute");
  }
  const dim3 grid(static_cast<unsigned>(config.blocks)), block(static_cast<unsigned>(config.threads));
#if defined(SPIKESCAN_SIMT)
  return cuda_result(simt::try_launch(grid, block, config.shared_bytes, kernel, arguments...), where);
#else
  void* pointers[] = {const_cast<void*>(static_cast<const void*>(&arguments))...};
  return cuda_result(cudaLaunchKernel(kernel, grid, block, pointers, config.shared_bytes, config.stream), where);
#endif
}

}  // namespace spikescan
