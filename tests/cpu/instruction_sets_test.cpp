// Every instruction set that this machine runs gives the same bits: vectors of 4, 8 or 16 floats, with and without a
// fused multiply-add in hardware, and compiled for this very processor.
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "host/firing_setup.h"
#include "host/plan.h"
#include "kernels/cpu/instruction_sets.h"
#include "kernels/cpu/run_passes.h"
#include "tests/cpu/sample.h"

namespace spikescan {
const LanePasses* lane_passes_native();
}

namespace spikescan::testing {
namespace {

void run(const LanePasses& passes, Sample& sample) {
  ForwardCall f = {};
  f.description = sample.d;
  f.args = sample.forward();
  f.plan = plan_forward(sample.d, {2, 0, 0});
  f.firing = make_firing(sample.d);
  ASSERT_EQ(run_forward(passes, f, nullptr).status, SPIKESCAN_OK);
  BackwardCall b = {};
  b.description = sample.d;
  b.args = sample.backward();
  b.plan = plan_backward(sample.d, {2, 0, 0});
  b.firing = f.firing;
  ASSERT_EQ(run_backward(passes, b, nullptr).status, SPIKESCAN_OK);
}

std::vector<const LanePasses*> all_passes() {
  std::vector<const LanePasses*> all;
  for (const LanePasses* const* passes = usable_passes(); *passes; ++passes) all.push_back(*passes);
#if defined(SPIKESCAN_NATIVE_PASSES)
  all.push_back(lane_passes_native());
#endif
  return all;
}

void expect_same_bits(unsigned number, const SampleShape& shape) {
  const std::vector<const LanePasses*> all = all_passes();
  if (all.size() < 2) GTEST_SKIP() << "one instruction set is built for this processor";
  Sample best(number, shape.batch, shape.time, shape.channels);
  run(*all[0], best);
  for (size_t i = 1; i < all.size(); ++i) {
    Sample other(number, shape.batch, shape.time, shape.channels);
    run(*all[i], other);
    EXPECT_TRUE(best.same_outputs(other)) << number << ": " << all[i]->name << " and " << all[0]->name;
  }
}

TEST(InstructionSets, SameBits) {
  for (unsigned number = 0; number < 64; ++number) {
    expect_same_bits(number, kSampleShapes[number % 4 ^ number / 4 % 4 ^ number / 16]);
  }
}

// Whose chunks stand side by side, more of them in wider vectors.
TEST(InstructionSets, SameBitsOfFewRows) {
  for (unsigned number = 0; number < 16; ++number) expect_same_bits(number, {1, 7000, number % 4 + 1});
}

// Outputs that go past the caches.
TEST(InstructionSets, SameBitsOfLargeOutputs) {
  for (unsigned number = 0; number < 16; ++number) expect_same_bits(number, {17, 1029, number % 3 ? 130 : 128});
}

}  // namespace
}  // namespace spikescan::testing
