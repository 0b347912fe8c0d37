#include "ops/target.h"

const spikescan::support::Target& spikescan::ops::target() {
  static const support::Target cuda = {"cuda", SPIKESCAN_BACKEND_CUDA, false, true};
  return cuda;
}
