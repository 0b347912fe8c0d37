#include "kernels/cpu/instruction_sets.h"

#if defined(SPIKESCAN_X86_ISAS)
#include <cpuid.h>
#endif

namespace spikescan {
#if defined(SPIKESCAN_X86_ISAS)
namespace {

// Clang's __builtin_cpu_supports does not know the name.
bool has_f16c() {
  unsigned a, b, c, d;
  return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C) != 0;
}

}  // namespace
#endif

const LanePasses* const* usable_passes() {
  static const auto list = [] {
    struct {
      const LanePasses* passes[4] = {};
    } found;
    int n = 0;
#if defined(SPIKESCAN_X86_ISAS)
    __builtin_cpu_init();
    const bool sse4 =
        __builtin_cpu_supports("ssse3") && __builtin_cpu_supports("sse4.1") && __builtin_cpu_supports("sse4.2");
    const bool avx2 = sse4 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                      __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") && has_f16c();
    const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") &&
                        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512vl");
    if (avx512) found.passes[n++] = lane_passes_avx512();
    if (avx2) found.passes[n++] = lane_passes_avx2();
    if (sse4) found.passes[n++] = lane_passes_sse4();
#else
    found.passes[n++] = SPIKESCAN_JOIN(lane_passes_, SPIKESCAN_ONLY_ISA)();
#endif
    return found;
  }();
  return list.passes;
}

}  // namespace spikescan
