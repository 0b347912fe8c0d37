#include "kernels/cpu/first_level.h"

namespace spikescan {
namespace {

// AMD's family 19h: Zen 3 and Zen 4, of which the second was measured.
bool loses_by_the_first_level() {
#if defined(SPIKESCAN_X86_ISAS)
  __builtin_cpu_init();
  return __builtin_cpu_is("amdfam19h");
#else
  return false;
#endif
}

}  // namespace

const bool kAsksFirstLevel = !loses_by_the_first_level();

}  // namespace spikescan
