// The backend under test: one of target_cpu.cpp, target_simt.cpp and target_cuda.cpp is linked in.
#pragma once

#include <gtest/gtest.h>

#include "support/arena.h"

namespace spikescan::ops {

const support::Target& target();

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
