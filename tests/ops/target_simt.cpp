// The CUDA backend whose kernels are compiled for the host and run by the SIMT harness.
#include "ops/target.h"

const spikescan::support::Target& spikescan::ops::target() {
  static const support::Target simt = {"simt", SPIKESCAN_BACKEND_CUDA, true, false};
  return simt;
}
