#include "ops/target.h"

namespace spikescan::ops {

const support::Target& target() {
  static const support::Target cpu = {"cpu", SPIKESCAN_BACKEND_CPU, true, true};
  return cpu;
}

void vary(uint64_t) {}

}  // namespace spikescan::ops
