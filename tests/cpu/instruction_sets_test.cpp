// Every instruction set that this machine runs gives the same bits: vectors of 4, 8 or 16 floats, with and without a
// fused multiply-add in hardware.
#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <string>

#include "host/firing_setup.h"
#include "host/plan.h"
#include "kernels/cpu/run_passes.h"
#include "tests/cpu/sample.h"

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

TEST(InstructionSets, SameBits) {
  std::set<std::string> names;
  const LanePasses* const* first = usable_passes();
  for (const LanePasses* const* passes = first; *passes; ++passes) names.insert((*passes)->name);
#if defined(__x86_64__)
  if (names.size() < 2) GTEST_SKIP() << "this processor runs one instruction set of the library's";
#else
  if (names.size() < 2) GTEST_SKIP() << "one instruction set is built for this processor";
#endif
  for (unsigned number = 0; number < 64; ++number) {
    const SampleShape& shape = kSampleShapes[number % 4 ^ number / 4 % 4 ^ number / 16];
    Sample best(number, shape.batch, shape.time, shape.channels);
    run(**first, best);
    for (const LanePasses* const* passes = first + 1; *passes; ++passes) {
      Sample other(number, shape.batch, shape.time, shape.channels);
      run(**passes, other);
      EXPECT_TRUE(best.same_outputs(other)) << number << ": " << (*passes)->name << " and " << (*first)->name;
    }
  }
}

}  // namespace
}  // namespace spikescan::testing
