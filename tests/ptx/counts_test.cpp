// Instructions of PTX that the kernels run in fixed calls, an element: what a change costs shows as far as nvcc decides
// it, also for shapes and dtypes whose machine code no table has. Lanes that have no row count as the others.
// SPIKESCAN_PTX_WRITE_COUNTS=FILE writes the table anew (the target ptx_counts).
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "ops/target.h"
#include "ptx/launch.h"
#include "support/coverage.h"
#include "support/random_case.h"

namespace spikescan::ptx_counts {
namespace {

constexpr spikescan_dtype kFloat = SPIKESCAN_FLOAT32, kBFloat = SPIKESCAN_BFLOAT16, kBits = SPIKESCAN_BITS32;

struct Call {
  spikescan_recurrence recurrence;
  spikescan_dtype x, spikes;
  int64_t batch, time, channels;
  int processors;
  bool misaligned = false;
};
// On one multiprocessor calls of some hundred rows take rows, as those of some ten thousand do on a whole device.
constexpr Call kCalls[] = {
    {SPIKESCAN_LIF, kFloat, kFloat, 4, 1024, 128, 1},       {SPIKESCAN_SPSN, kFloat, kFloat, 4, 1024, 128, 1},
    {SPIKESCAN_CUBA_LIF, kFloat, kFloat, 4, 1024, 128, 1},  {SPIKESCAN_PSU_LIF, kFloat, kFloat, 4, 1024, 128, 1},
    {SPIKESCAN_LIF, kBFloat, kBFloat, 4, 1024, 128, 1},     {SPIKESCAN_LIF, kFloat, kBits, 4, 1024, 128, 1},
    {SPIKESCAN_LIF, kBFloat, kBits, 4, 1024, 128, 1},       {SPIKESCAN_LIF, kFloat, SPIKESCAN_UINT8, 4, 1024, 128, 1},
    {SPIKESCAN_LIF, kFloat, kFloat, 4, 1024, 128, 1, true}, {SPIKESCAN_LIF, kFloat, kFloat, 4, 1000, 130, 1},
    {SPIKESCAN_CUBA_LIF, kFloat, kFloat, 4, 1000, 130, 1},  {SPIKESCAN_PSU_LIF, kFloat, kFloat, 4, 1000, 130, 1},
    {SPIKESCAN_LIF, kFloat, kFloat, 4, 1024, 500, 1},       {SPIKESCAN_PSU_LIF, kFloat, kFloat, 4, 1024, 500, 1},
    {SPIKESCAN_LIF, kFloat, kFloat, 100, 1024, 5, 1},       {SPIKESCAN_LIF, kFloat, kFloat, 160, 100, 128, 1},
    {SPIKESCAN_LIF, kFloat, kFloat, 160, 25, 128, 1},       {SPIKESCAN_CUBA_LIF, kFloat, kFloat, 160, 25, 128, 1},
    {SPIKESCAN_LIF, kFloat, kFloat, 512, 8, 128, 1},        {SPIKESCAN_LIF, kFloat, kFloat, 1, 16384, 64, 4},  // pieces
    {SPIKESCAN_PSU_LIF, kFloat, kFloat, 1, 16384, 64, 4},                                                      // pieces
    {SPIKESCAN_LIF, kFloat, kFloat, 1, 16384, 8, 4},         // tiles that look back
    {SPIKESCAN_LIF, kFloat, kFloat, 1, 1024, 64, 132},       // fine tiles
    {SPIKESCAN_CUBA_LIF, kFloat, kFloat, 1, 1024, 64, 132},  // fine tiles
    {SPIKESCAN_LIF, kFloat, kFloat, 32, 1024, 64, 132},      // tiles
};

std::string name_of(const Call& call) {
  std::ostringstream text;
  text << support::name_of(call.recurrence) << ' ' << support::name_of(call.x) << ' ' << support::name_of(call.spikes)
       << ' ' << call.batch << 'x' << call.time << 'x' << call.channels << (call.misaligned ? " misaligned" : "")
       << " on " << call.processors;
  return text.str();
}

support::Case case_of(const Call& call) {
  support::Case c;
  c.description.recurrence = call.recurrence;
  c.description.batch = call.batch;
  c.description.time = call.time;
  c.description.channels = call.channels;
  c.description.dtype = c.grad_spikes_dtype = call.x;
  c.spikes_dtype = call.spikes;
  c.misaligned = call.misaligned;
  c.wanted.membrane = false;
  for (int n = 0; n < 2; ++n) c.wanted.final_state[n] = c.wanted.grad_initial[n] = false;
  support::fill(c, 1, {.initial_state = false, .grad_membrane = false, .grad_final_state = false});
  return c;
}

// "name: forward backward"
std::string counted(const Call& call) {
  setenv("SPIKESCAN_PTX_PROCESSORS", std::to_string(call.processors).c_str(), 1);
  const support::Case c = case_of(call);
  const auto start = ptx::executed();
  const support::Forward forward = support::forward(ops::target(), c);
  const auto between = ptx::executed();
  support::backward(ops::target(), c, forward.saved);
  const auto end = ptx::executed();
  const auto an_element = [&](uint64_t instructions) {
    return static_cast<double>(instructions) / static_cast<double>(c.elements());
  };
  char text[100];
  std::snprintf(text, sizeof text, ": %.1f %.1f", an_element(between - start), an_element(end - between));
  return name_of(call) + text;
}

TEST(Counts, AreThoseOfTheTable) {
  std::string table = "# Instructions of PTX an element, forward and backward: nvcc " SPIKESCAN_NVCC
                      "; cmake --build BUILD --target ptx_counts.\n";
  if (const char* path = std::getenv("SPIKESCAN_PTX_WRITE_COUNTS")) {
    for (const Call& call : kCalls) table += counted(call) + "\n";
    ASSERT_TRUE(std::ofstream(path) << table);
    return;
  }
  std::ifstream file(SPIKESCAN_COUNTS_TABLE);
  std::string line;
  std::getline(file, line);
  if (line + "\n" != table) GTEST_SKIP() << "the table is another compiler's: " << line;
  for (const Call& call : kCalls) {
    std::getline(file, line);
    EXPECT_EQ(counted(call), line);
  }
  EXPECT_FALSE(std::getline(file, line)) << line;
}

}  // namespace
}  // namespace spikescan::ptx_counts
