// CUDA's scalar intrinsics that kernels may use, in plain C++ with the same results.
// Rounding is the host's default, to nearest even, as the _rn names promise.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "simt/device_names.h"

inline int __popc(unsigned value) {
  return std::popcount(value);
}
inline int __clz(int value) {
  return std::countl_zero(static_cast<unsigned>(value));
}
// One plus the place of the lowest set bit; zero where no bit is set.
inline int __ffs(int value) {
  return __builtin_ffs(value);
}

inline unsigned __brev(unsigned value) {
  unsigned reversed = 0;
  for (int bit = 0; bit < 32; ++bit) reversed |= ((value >> bit) & 1u) << (31 - bit);
  return reversed;
}

inline unsigned __umulhi(unsigned a, unsigned b) {
  return static_cast<unsigned>((static_cast<std::uint64_t>(a) * b) >> 32);
}

inline unsigned __funnelshift_l(unsigned low, unsigned high, unsigned shift) {
  const std::uint64_t both = (static_cast<std::uint64_t>(high) << 32) | low;
  return static_cast<unsigned>((both << (shift & 31u)) >> 32);
}
inline unsigned __funnelshift_r(unsigned low, unsigned high, unsigned shift) {
  const std::uint64_t both = (static_cast<std::uint64_t>(high) << 32) | low;
  return static_cast<unsigned>(both >> (shift & 31u));
}

// Each nibble of the selector picks one of the eight bytes b:a; its top bit spreads that byte's sign instead.
inline unsigned __byte_perm(unsigned a, unsigned b, unsigned selector) {
  const std::uint64_t both = (static_cast<std::uint64_t>(b) << 32) | a;
  unsigned result = 0;
  for (int byte = 0; byte < 4; ++byte) {
    const unsigned pick = (selector >> (4 * byte)) & 0xfu;
    unsigned value = static_cast<unsigned>(both >> (8 * (pick & 7u))) & 0xffu;
    if (pick & 8u) value = (value & 0x80u) ? 0xffu : 0u;
    result |= value << (8 * byte);
  }
  return result;
}

namespace simt {

// The special-function unit's 2^z: somewhere within three units in the last place, as kernels/cuda/device.h has it.
// Which way it is wrong depends on z alone.
inline float approximate_exp2(float z) {
  const float right = std::exp2(z);
  if (!(right < std::numeric_limits<float>::infinity())) return right;  // infinity or NaN
  if (right < std::numeric_limits<float>::min()) return 0.0f;
  const int units = static_cast<int>(std::bit_cast<unsigned>(z) * 0x9E3779B9u >> 29) % 7 - 3;
  return std::bit_cast<float>(std::bit_cast<unsigned>(right) + static_cast<unsigned>(units));
}

}  // namespace simt

inline unsigned __float_as_uint(float value) {
  return std::bit_cast<unsigned>(value);
}
inline float __uint_as_float(unsigned value) {
  return std::bit_cast<float>(value);
}
inline long long __double_as_longlong(double value) {
  return std::bit_cast<long long>(value);
}
inline double __longlong_as_double(long long value) {
  return std::bit_cast<double>(value);
}

inline float __fmaf_rn(float a, float b, float c) {
  return std::fmaf(a, b, c);
}
inline double __fma_rn(double a, double b, double c) {
  return std::fma(a, b, c);
}
// Out of range saturates and NaN gives zero, where C++ leaves both undefined.
inline int __float2int_rn(float value) {
  if (value != value) return 0;
  if (value >= 2147483648.0f) return 2147483647;
  if (value < -2147483648.0f) return -2147483647 - 1;
  return static_cast<int>(std::nearbyint(value));
}

// A cache hint: a plain load.
template <class T>
T __ldg(const T* address) {
  return *address;
}

inline void __nanosleep(unsigned) {
  simt::pause();
}
