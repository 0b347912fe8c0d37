// Qualifiers that let one header serve nvcc's device code, the CPU backend and the SIMT harness.
// Each CPU instruction set compiles the arithmetic into a namespace of its own (SPIKESCAN_ELEMENT_ISA): without it
// the linker would keep one copy of every inline function and an old CPU could be handed AVX-512 code.
#pragma once

#if defined(__CUDACC__)
#define SPIKESCAN_HD __host__ __device__ __forceinline__
#else
#define SPIKESCAN_HD inline __attribute__((always_inline))
#endif

#ifndef SPIKESCAN_ELEMENT_ISA
#define SPIKESCAN_ELEMENT_ISA portable
#endif

#define SPIKESCAN_ELEMENT_BEGIN \
  namespace spikescan {         \
  inline namespace SPIKESCAN_ELEMENT_ISA {
#define SPIKESCAN_ELEMENT_END \
  }                           \
  }
