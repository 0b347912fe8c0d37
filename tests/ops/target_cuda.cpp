#include "ops/target.h"

namespace spikescan::ops {

const support::Target& target() {
  static const support::Target cuda = {"cuda", SPIKESCAN_BACKEND_CUDA, false, true};
  return cuda;
}

void vary(uint64_t) {}

}  // namespace spikescan::ops
