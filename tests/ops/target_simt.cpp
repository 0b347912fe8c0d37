// The CUDA backend whose kernels are compiled for the host and run by the SIMT harness.
#include "ops/target.h"
#include "simt/runtime.h"
#include "simt/simt.h"

namespace spikescan::ops {

const support::Target& target() {
  static const support::Target simt = {"simt", SPIKESCAN_BACKEND_CUDA, true, false};
  return simt;
}

void vary(uint64_t n) {
  // A device that any call fills (a thread a row), one that none fills (fine tiles), and some in between.
  constexpr int kProcessors[] = {4, 0, 1000, 1, 20};
  simt::Device device;
  device.processors = kProcessors[n % 5];
  simt::set_device(device);
  simt::Options options;
  options.seed = n + 1;
  options.resident_blocks = static_cast<int>(4 - n % 4);
  options.shuffle_blocks = n % 2 == 1;
  simt::set_options(options);
}

}  // namespace spikescan::ops
