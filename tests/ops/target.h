// The backend under test: one of target_cpu.cpp, target_simt.cpp and target_cuda.cpp is linked in.
#pragma once

#include <gtest/gtest.h>

#include "kernels/element/chunking.h"
#include "support/arena.h"

namespace spikescan::ops {

const support::Target& target();

// Chooses among what must not change a bit: in the harness the device's size, which decides how a call is cut into
// blocks, and the schedule. `n` is any number; 0 is the default.
void vary(uint64_t n);

// Lengths of the numerical contract: tests cross them, whatever they are.
inline int64_t chunk_steps() {
  return kChunkSteps;
}
inline int64_t split_steps() {
  int64_t steps = 0;
  spikescan_time_units(&steps, nullptr);
  return steps;
}

// Every test of this folder: skipped where the backend has no device.
class Ops : public testing::Test {
 protected:
  void SetUp() override {
    int32_t count = 0;
    ASSERT_EQ(spikescan_device_count(target().backend, &count), SPIKESCAN_OK) << spikescan_last_error();
    if (count == 0) GTEST_SKIP() << "no device for " << target().name;
  }
};

template <class Parameter>
class OpsWith : public Ops, public testing::WithParamInterface<Parameter> {};

}  // namespace spikescan::ops
