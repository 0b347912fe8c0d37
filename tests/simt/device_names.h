// The names that nvcc gives a kernel without an include: qualifiers, built-in variables, shared memory, pause.
// NVIDIA's own headers come first: they define some of the same macros, and inline functions of theirs use them.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime_api.h>
#include <vector_functions.h>
#include <vector_types.h>

#include <cstddef>
#include <cuda/atomic>
#include <type_traits>

#undef __global__
#undef __device__
#undef __host__
#undef __constant__
#undef __shared__
#undef __grid_constant__
#undef __launch_bounds__
#undef __forceinline__
#define __global__
#define __device__
#define __host__
#define __constant__
#define __grid_constant__
#define __launch_bounds__(...)
#define __forceinline__ inline __attribute__((always_inline))
// One OS thread runs one block at a time, so its thread-local storage is the block's. It is neither poisoned nor
// guarded: prefer dynamic_shared() and static_shared() below, which are.
#define __shared__ static thread_local

// Variables and not macros, because CUDA's own functions have parameters of these names.
extern constinit thread_local uint3 threadIdx;
extern constinit thread_local uint3 blockIdx;
extern constinit thread_local dim3 blockDim;
extern constinit thread_local dim3 gridDim;
extern "C" const int warpSize;

namespace simt {

// Where in the source a thread stands.
struct Site {
  const char* file = "";
  int line = 0;
};

// The block's dynamic shared memory: 256-byte aligned, exactly as long as the launch asked for, with a guard on either
// side, and filled with NaN (kPoison) when the block starts.
unsigned char* dynamic_shared();

namespace detail {
void* static_shared(const void* key, std::size_t bytes);
template <class Tag>
inline constexpr char kStaticSharedKey = 0;
}  // namespace detail

// A __shared__ variable with the same care. `tag` tells one variable from another: write static_shared<T>([] {}).
template <class T, class Tag>
T& static_shared(Tag) {
  static_assert(std::is_trivially_default_constructible_v<T> && std::is_trivially_destructible_v<T>,
                "shared memory is neither constructed nor destroyed");
  return *static_cast<T*>(detail::static_shared(&detail::kStaticSharedKey<Tag>, sizeof(T)));
}

// The body of every spin loop: lets the block's other threads run, and the other resident blocks.
void pause(const char* file = __builtin_FILE(), int line = __builtin_LINE());

// How many block barriers the calling thread's block has passed: lets a stand-in for a block collective check that its
// storage is not used again without a barrier between.
unsigned long long barrier_count();

}  // namespace simt
