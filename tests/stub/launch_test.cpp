// Every launch stays within CUDA's limits and its kernel's own, for shapes up to far beyond what a GPU holds; and what
// the kernels are told agrees with what the caller gave.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "stub/made_up.h"

namespace stub {
namespace {

constexpr spikescan_recurrence kRecurrences[] = {SPIKESCAN_LIF, SPIKESCAN_SPSN, SPIKESCAN_CUBA_LIF, SPIKESCAN_PSU_LIF};

struct Shape {
  int64_t batch, time, channels;
};
// Each extreme alone, around each power of two that a 32-bit number could get wrong, and mixed.
constexpr Shape kShapes[] = {
    {1, 1, 1},
    {1, 1024, 1},
    {1, 1025, 1},
    {3, 4099, 33},
    {64, 1000, 512},
    {1, 1000000, 700},
    {65537, 17, 65537},
    {1, int64_t{1} << 34, 1},
    {int64_t{1} << 32, 1, 1},
    {1, 1, int64_t{1} << 32},
    {int64_t{1} << 31, 2, 1},
    {(int64_t{1} << 31) + 1, 1, 1},
    {1, 1, (int64_t{1} << 31) - 1},
    {1 << 20, 1 << 20, 1 << 16},  // 2^56 elements, the most there may be
    {int64_t{1} << 32, 1 << 12, 1 << 12},
    {1 << 11, int64_t{1} << 34, 1 << 11},
    {1 << 12, 1 << 12, int64_t{1} << 32},
};

KernelRow row_of(const std::string& kernel) {
  for (const KernelRow& row : resource_table()) {
    if (row.kernel == kernel) return row;
  }
  ADD_FAILURE() << kernel << " is not in the table";
  return {};
}

// The dynamic shared memory that a kernel may have: 48 KiB, or what was asked for before its launch.
size_t granted_bytes(const std::vector<Call>& calls, const std::string& kernel) {
  size_t granted = 48 * 1024;
  for (const Call& call : calls) {
    if (call.function != "cudaFuncSetAttribute" || call.kernel != kernel) continue;
    EXPECT_EQ(call.number, cudaFuncAttributeMaxDynamicSharedMemorySize);
    granted = call.bytes;
  }
  return granted;
}

// Empty, or what is wrong with the launch. CUDA C++ Programming Guide, technical specifications.
std::string launch_problem(const Call& launch, const KernelRow& row, size_t granted) {
  constexpr size_t kMostSharedBytes = 227 * 1024;
  const unsigned threads = launch.block.x * launch.block.y * launch.block.z;
  if (launch.grid.x < 1 || launch.grid.x > 2147483647u) return "grid";
  if (launch.grid.y != 1 || launch.grid.z != 1) return "a grid in y or z";
  if (threads < 1 || threads > 1024) return "threads";
  if (threads > static_cast<unsigned>(row.threads)) return "more threads than the kernel is compiled for";
  if (launch.shared_bytes + static_cast<unsigned>(row.shared_bytes) > std::min(granted, kMostSharedBytes)) {
    return "shared memory";
  }
  return {};
}

class Launch : public testing::TestWithParam<Shape> {
 protected:
  void SetUp() override { start_afresh(); }
};

void expect_launches(const std::vector<Call>& calls, const void* workspace, std::size_t workspace_bytes) {
  const std::vector<Call> found = launches(calls);
  EXPECT_GE(found.size(), 1u);
  for (const Call& launch : found) {
    EXPECT_EQ(launch_problem(launch, row_of(launch.kernel), granted_bytes(calls, launch.kernel)), "") << launch.kernel;
  }
  for (const Call& call : calls) {
    if (call.function != "cudaMemsetAsync") continue;
    EXPECT_EQ(call.destination, workspace);
    EXPECT_LE(call.bytes, workspace_bytes);
    EXPECT_EQ(call.number, 0);
  }
}

TEST_P(Launch, StaysWithinTheLimits) {
  for (const spikescan_recurrence recurrence : kRecurrences) {
    for (const int32_t shared_decay : {0, 1}) {
      spikescan_description d = describe(recurrence, GetParam().batch, GetParam().time, GetParam().channels);
      d.shared_decay = shared_decay;
      const MadeUp made(d);
      ASSERT_EQ(made.sizes_status, SPIKESCAN_OK) << spikescan_last_error();
      forget_calls();
      ASSERT_EQ(spikescan_forward(&d, &made.forward, made_up_stream()), SPIKESCAN_OK) << spikescan_last_error();
      expect_launches(calls(), made.forward.workspace, made.forward.workspace_bytes);
      const auto forward = argument_of<spikescan::ForwardCall>(launches(calls()).back());
      EXPECT_EQ(forward.args.x.data, made.forward.x.data);
      EXPECT_EQ(forward.description.time, d.time);
      EXPECT_LE(forward.plan.workspace_bytes, made.sizes.forward_workspace);
      forget_calls();
      ASSERT_EQ(spikescan_backward(&d, &made.backward, made_up_stream()), SPIKESCAN_OK) << spikescan_last_error();
      expect_launches(calls(), made.backward.workspace, made.backward.workspace_bytes);
      const auto backward = argument_of<spikescan::BackwardCall>(launches(calls()).front());
      EXPECT_EQ(backward.args.grad_x.data, made.backward.grad_x.data);
      EXPECT_LE(backward.plan.workspace_bytes, made.sizes.backward_workspace);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, Launch, testing::ValuesIn(kShapes), [](const auto& info) {
  return std::to_string(info.param.batch) + "x" + std::to_string(info.param.time) + "x" +
         std::to_string(info.param.channels);
});

TEST(LaunchProblem, SeesWhatIsBeyondALimit) {
  Call launch;
  launch.grid = dim3(2147483647u);
  launch.block = dim3(512);
  launch.shared_bytes = 48 * 1024;
  const KernelRow row = {"kernel", 128, 512, 0, 0};
  EXPECT_EQ(launch_problem(launch, row, 48 * 1024), "");
  Call asked;
  asked.function = "cudaFuncSetAttribute";
  asked.kernel = "kernel";
  asked.number = cudaFuncAttributeMaxDynamicSharedMemorySize;
  asked.bytes = 100 * 1024;
  EXPECT_EQ(granted_bytes({asked}, "kernel"), 100u * 1024);
  EXPECT_EQ(granted_bytes({asked}, "another"), 48u * 1024);
  for (const int broken : {0, 1, 2, 3, 4, 5}) {
    Call changed = launch;
    size_t granted = 48 * 1024;
    if (broken == 0) changed.grid.x = 2147483648u;
    if (broken == 1) changed.grid.y = 2;
    if (broken == 2) changed.block.x = 0;
    if (broken == 3) changed.block.x = 513;
    if (broken == 4) ++changed.shared_bytes;
    if (broken == 5) granted = changed.shared_bytes = 228 * 1024;
    EXPECT_NE(launch_problem(changed, row, granted), "") << broken;
  }
}

void run_both(const MadeUp& made) {
  EXPECT_EQ(spikescan_forward(&made.description, &made.forward, nullptr), SPIKESCAN_OK) << spikescan_last_error();
  EXPECT_EQ(spikescan_backward(&made.description, &made.backward, nullptr), SPIKESCAN_OK) << spikescan_last_error();
}

// Calls of the forms that kernels are settled for (kernels/cuda/settled.h).
void run_usual_forms(const Shape& shape, spikescan_recurrence recurrence) {
  for (const spikescan_dtype dtype : {SPIKESCAN_FLOAT32, SPIKESCAN_FLOAT16, SPIKESCAN_BFLOAT16}) {
    spikescan_description d = describe(recurrence, shape.batch, shape.time, shape.channels);
    d.dtype = dtype;
    MadeUp made(d);
    made.forward.membrane = made.backward.grad_membrane = {};
    made.backward.grad_spikes.dtype = dtype;
    run_both(made);  // packed spikes
    void* spikes = made.forward.spikes.data;
    made.forward.spikes = made.forward.x;
    made.forward.spikes.data = spikes;
    run_both(made);
  }
}

// Which kernels the shapes above have started: all that there are, or the limits of some were never looked at.
TEST(Launch, EveryKernelIsLaunched) {
  start_afresh();
  std::set<std::string> started;
  for (const spikescan_recurrence recurrence : kRecurrences) {
    for (const Shape& shape : {Shape{64, 1000, 512}, Shape{3, 4099, 33}, Shape{65537, 17, 65537}, Shape{1, 1000, 20000},
                               Shape{1, 1000000, 64}, Shape{1, 100000, 3}, Shape{1, 400000, 3}, Shape{1, 1000000, 3}}) {
      for (const int32_t shared_decay : {0, 1}) {
        spikescan_description d = describe(recurrence, shape.batch, shape.time, shape.channels);
        d.shared_decay = shared_decay;
        run_both(MadeUp(d));
      }
      run_usual_forms(shape, recurrence);
    }
  }
  for (const Call& launch : launches(calls())) started.insert(launch.kernel);
  const std::vector<std::string> all = kernels();
  EXPECT_EQ(started, std::set<std::string>(all.begin(), all.end()));
}

// What a kernel was asked for last is the device's: between one thread's asking and its launch another may ask.
TEST(Launch, AsksForAsMuchSharedMemoryEachTime) {
  start_afresh();
  for (const int64_t channels : {64, 1000}) run_both(MadeUp(describe(SPIKESCAN_SPSN, 64, 1000, channels)));
  int asked = 0;
  for (const Call& call : calls()) {
    if (call.function != "cudaFuncSetAttribute") continue;
    EXPECT_EQ(call.bytes, 227u * 1024) << call.kernel;
    ++asked;
  }
  EXPECT_GE(asked, 2);
}

// One file lists the kernels that there are, for the whole project: a new one has to be added there by hand.
TEST(Kernels, AreThoseOfTheTable) {
  std::vector<std::string> table;
  for (const KernelRow& row : resource_table()) table.push_back(row.kernel);
  std::sort(table.begin(), table.end());
  EXPECT_EQ(kernels(), table);
}

TEST(Kernels, TakeNoMoreThan4KiBOfArguments) {
  EXPECT_LE(sizeof(spikescan::ForwardCall), 4096u);
  EXPECT_LE(sizeof(spikescan::BackwardCall), 4096u);
}

}  // namespace
}  // namespace stub
