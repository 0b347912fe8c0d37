// CUDA's block and warp collectives. A default argument remembers the caller's line: threads that meet must stand at
// the same one. Block barriers and __syncwarp order memory; shuffles and votes do not, here as in CUDA, so that
// ThreadSanitizer reports shared memory that relies on a shuffle alone.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "simt/device_names.h"

namespace simt::detail {

enum class Collective : std::uint8_t {
  syncthreads,
  syncthreads_or,
  syncthreads_and,
  syncthreads_count,
  syncwarp,
  shfl,
  shfl_up,
  shfl_down,
  shfl_xor,
  ballot,
  any,
  all,
};

int block_collective(Collective kind, int predicate, Site site);
std::uint64_t warp_collective(Collective kind, unsigned mask, std::uint64_t value, unsigned argument, int width,
                              Site site);
[[noreturn]] void trap(Site site);

template <class T>
T shuffle(Collective kind, unsigned mask, T value, unsigned argument, int width, Site site) {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= 8, "a shuffle moves at most 8 bytes");
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  bits = warp_collective(kind, mask, bits, argument, width, site);
  std::memcpy(&value, &bits, sizeof(T));
  return value;
}

}  // namespace simt::detail

// `file` and `line` are never passed: their defaults are evaluated at the call.
#define SIMT_CALLER const char *file = __builtin_FILE(), int line = __builtin_LINE()
#define SIMT_SITE \
  ::simt::Site {  \
    file, line    \
  }

inline void __syncthreads(SIMT_CALLER) {
  simt::detail::block_collective(simt::detail::Collective::syncthreads, 0, SIMT_SITE);
}
inline int __syncthreads_or(int predicate, SIMT_CALLER) {
  return simt::detail::block_collective(simt::detail::Collective::syncthreads_or, predicate, SIMT_SITE);
}
inline int __syncthreads_and(int predicate, SIMT_CALLER) {
  return simt::detail::block_collective(simt::detail::Collective::syncthreads_and, predicate, SIMT_SITE);
}
inline int __syncthreads_count(int predicate, SIMT_CALLER) {
  return simt::detail::block_collective(simt::detail::Collective::syncthreads_count, predicate, SIMT_SITE);
}

inline void __syncwarp(unsigned mask = 0xffffffffu, SIMT_CALLER) {
  simt::detail::warp_collective(simt::detail::Collective::syncwarp, mask, 0, 0, 32, SIMT_SITE);
}
template <class T>
T __shfl_sync(unsigned mask, T value, int source_lane, int width = 32, SIMT_CALLER) {
  return simt::detail::shuffle(simt::detail::Collective::shfl, mask, value, static_cast<unsigned>(source_lane), width,
                               SIMT_SITE);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, SIMT_CALLER) {
  return simt::detail::shuffle(simt::detail::Collective::shfl_up, mask, value, delta, width, SIMT_SITE);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, SIMT_CALLER) {
  return simt::detail::shuffle(simt::detail::Collective::shfl_down, mask, value, delta, width, SIMT_SITE);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = 32, SIMT_CALLER) {
  return simt::detail::shuffle(simt::detail::Collective::shfl_xor, mask, value, static_cast<unsigned>(lane_mask), width,
                               SIMT_SITE);
}
inline unsigned __ballot_sync(unsigned mask, int predicate, SIMT_CALLER) {
  return static_cast<unsigned>(
      simt::detail::warp_collective(simt::detail::Collective::ballot, mask, predicate != 0, 0, 32, SIMT_SITE));
}
inline int __any_sync(unsigned mask, int predicate, SIMT_CALLER) {
  return static_cast<int>(
      simt::detail::warp_collective(simt::detail::Collective::any, mask, predicate != 0, 0, 32, SIMT_SITE));
}
inline int __all_sync(unsigned mask, int predicate, SIMT_CALLER) {
  return static_cast<int>(
      simt::detail::warp_collective(simt::detail::Collective::all, mask, predicate != 0, 0, 32, SIMT_SITE));
}

[[noreturn]] inline void __trap(SIMT_CALLER) {
  simt::detail::trap(SIMT_SITE);
}

#undef SIMT_CALLER
#undef SIMT_SITE
