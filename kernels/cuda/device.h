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

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
#error "The kernels need compute capability 8.0: asynchronous copies, minima that keep a NaN, conversions to bfloat16."
#endif

namespace spikescan {

#if defined(SPIKESCAN_SIMT)
inline unsigned char* dynamic_shared() {
  return simt::dynamic_shared();
}
inline void spin_pause() {
  simt::pause();
}
inline void prefetch_sector(const void*) {}
template <int kBytes>
inline void copy_async(void* shared, const void* global) {
  simt::copy_async<kBytes>(shared, global);
}
inline void commit_copies() {
  simt::commit_copies();
}
template <int kPending>
inline void await_copies() {
  simt::await_copies(kPending);
}
inline float seen_anew(float x) {
  return x;
}
inline int seen_anew(int x) {
  return x;
}
template <class T>
T* held(T* place) {
  return place;
}
inline float approximate_exp2(float z) {
  return simt::approximate_exp2(z);
}
inline float lesser_or_nan(float a, float b) {
  return a < b || a != a ? a : b;
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
// Copies that need no register and no waiting: those before a commit_copies() are one group, and await_copies<n>()
// waits until at most the last n groups of the thread are under way. 4, 8 or 16 bytes, aligned.
template <int kBytes>
__device__ __forceinline__ void copy_async(void* shared, const void* global) {
  const auto to = static_cast<uint32_t>(__cvta_generic_to_shared(shared));
  if constexpr (kBytes == 16) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(global) : "memory");
  } else {
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2;" ::"r"(to), "l"(global), "n"(kBytes) : "memory");
  }
}
__device__ __forceinline__ void commit_copies() {
  asm volatile("cp.async.commit_group;" ::: "memory");
}
template <int kPending>
__device__ __forceinline__ void await_copies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
}
// x, of which the compiler knows nothing: what follows from it is computed again where it is needed, and does not wait
// in registers since an earlier phase.
__device__ __forceinline__ float seen_anew(float x) {
  asm volatile("" : "+f"(x));
  return x;
}
__device__ __forceinline__ int seen_anew(int x) {
  asm volatile("" : "+r"(x));
  return x;
}
// A place in shared memory whose address stays in a register, where the compiler would make it anew at each use.
template <class T>
__device__ __forceinline__ T* held(T* place) {
  auto address = static_cast<uint32_t>(__cvta_generic_to_shared(place));
  asm volatile("" : "+r"(address));
  return static_cast<T*>(__cvta_shared_to_generic(address));
}
// 2^z by the special-function unit: within three units in the last place (NVIDIA's PTX ISA 9.1, section 9.7.3.21: two;
// not measured here), zero below 2^-126, infinite from 128 on.
__device__ __forceinline__ float approximate_exp2(float z) {
  float e;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(e) : "f"(z));
  return e;
}
// The lesser of two, or NaN where one of them is.
__device__ __forceinline__ float lesser_or_nan(float a, float b) {
  float lesser;
  asm("min.NaN.f32 %0, %1, %2;" : "=f"(lesser) : "f"(a), "f"(b));
  return lesser;
}
#endif

// What nearly every warp finds at nearly every segment. tests/stub/sass_paths.cu counts the instructions of such a
// warp, and leaves out the others' ways.
__device__ __forceinline__ bool usually(bool condition) {
#if defined(SPIKESCAN_COUNT_USUAL_PATH)
  if (!condition) __trap();
  return true;
#else
  return __builtin_expect(condition, true);
#endif
}

__device__ __forceinline__ int lane_of_warp() {
  return static_cast<int>(threadIdx.x) % 32;
}

// Words between blocks, at the scope of the device.
template <class T>
using DeviceAtomic = cuda::atomic_ref<T, cuda::thread_scope_device>;

}  // namespace spikescan
