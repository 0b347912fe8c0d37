// What a kernel asks of its platform: nvcc's names on a GPU; where g++ compiles the kernels (SPIKESCAN_SIMT), those of
// the harness in tests/simt, which also runs them.
#pragma once

#if defined(SPIKESCAN_SIMT)
#include "simt/simt.h"
#else
#include <cuda_runtime.h>

#include <cuda/atomic>
#endif

#include <cstddef>
#include <cstdint>

namespace spikescan {

#if defined(SPIKESCAN_SIMT)
inline unsigned char* dynamic_shared() {
  return simt::dynamic_shared();
}
inline void spin_pause() {
  simt::pause();
}
inline void prefetch_sector(const void*) {}
inline float seen_anew(float x) {
  return x;
}
#else
__device__ __forceinline__ unsigned char* dynamic_shared() {
  extern __shared__ __align__(16) unsigned char memory[];
  return memory;
}
__device__ __forceinline__ void spin_pause() {
  __nanosleep(20);
}
__device__ __forceinline__ void prefetch_sector(const void* address) {
  asm volatile("prefetch.global.L2 [%0];" ::"l"(address));
}
// x, of which the compiler knows nothing: what follows from it is computed again where it is needed, and does not wait
// in registers since an earlier phase.
__device__ __forceinline__ float seen_anew(float x) {
  asm volatile("" : "+f"(x));
  return x;
}
#endif

// Words between blocks, at the scope of the device.
template <class T>
using DeviceAtomic = cuda::atomic_ref<T, cuda::thread_scope_device>;

}  // namespace spikescan
