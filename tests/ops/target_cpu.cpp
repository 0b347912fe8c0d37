#include "ops/target.h"

const spikescan::support::Target& spikescan::ops::target() {
  static const support::Target cpu = {"cpu", SPIKESCAN_BACKEND_CPU, true, true};
  return cpu;
}
