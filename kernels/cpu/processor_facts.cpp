#include "kernels/cpu/processor_facts.h"

namespace spikescan {
namespace {

#if defined(SPIKESCAN_X86_ISAS)
// AMD's family 19h: Zen 3 and Zen 4, of which the second was measured.
bool loses_by_the_first_level() {
  __builtin_cpu_init();
  return __builtin_cpu_is("amdfam19h");
}

bool is_intels() {
  __builtin_cpu_init();
  return __builtin_cpu_is("intel");
}
#else
bool loses_by_the_first_level() {
  return false;
}

bool is_intels() {
  return false;
}
#endif

}  // namespace

const bool kAsksFirstLevel = !loses_by_the_first_level();
bool subnormals_are_slow = is_intels();

}  // namespace spikescan
