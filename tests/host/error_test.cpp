// The last error: whose it is, how long it lasts, that it needs no memory, and that no exception becomes a crash.
#include "host/error.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>

#include "failing_new.h"
#include "host/guard.h"
#include "refusals.h"

namespace spikescan::test {
namespace {

spikescan_status spoiled_call() {
  spikescan_description d = SPIKESCAN_DESCRIPTION_INIT;
  d.k = -1.0f;
  spikescan_sizes sizes = {};
  sizes.struct_size = sizeof sizes;
  return spikescan_query_sizes(&d, &sizes);
}

TEST(LastError, ClearedBySuccess) {
  EXPECT_EQ(spoiled_call(), SPIKESCAN_INVALID_ARGUMENT);
  EXPECT_STREQ(spikescan_last_error(), "k is -1; it must be from 2^-120 to 2^120");
  int32_t count = 0;
  EXPECT_EQ(spikescan_device_count(SPIKESCAN_BACKEND_CPU, &count), SPIKESCAN_OK);
  EXPECT_STREQ(spikescan_last_error(), "");
}

TEST(LastError, KeptByFunctionsWithoutAStatus) {
  EXPECT_EQ(spoiled_call(), SPIKESCAN_INVALID_ARGUMENT);
  spikescan_version();
  spikescan_version_number();
  spikescan_status_name(SPIKESCAN_OK);
  spikescan_backend_built(SPIKESCAN_BACKEND_CPU);
  int64_t split, saved;
  spikescan_time_units(&split, &saved);
  EXPECT_STRNE(spikescan_last_error(), "");
  EXPECT_STRNE(spikescan_last_error(), "") << "asking does not clear it";
}

TEST(LastError, IsTheThreadsOwn) {
  EXPECT_EQ(spoiled_call(), SPIKESCAN_INVALID_ARGUMENT);
  std::thread other([] {
    EXPECT_STREQ(spikescan_last_error(), "");
    int32_t count = 0;
    EXPECT_EQ(spikescan_device_count(SPIKESCAN_BACKEND_AUTO, nullptr), SPIKESCAN_INVALID_ARGUMENT);
    EXPECT_EQ(std::string(spikescan_last_error()).find("count is null"), 0u);
    EXPECT_EQ(spikescan_device_count(SPIKESCAN_BACKEND_CPU, &count), SPIKESCAN_OK);
  });
  other.join();
  EXPECT_STREQ(spikescan_last_error(), "k is -1; it must be from 2^-120 to 2^120");
}

TEST(LastError, NeedsNoMemory) {
  ForwardCase call;
  call.args.x.stride_time = -3;
  set_memory_has_run_out(true);
  const spikescan_status status = call.run();
  set_memory_has_run_out(false);
  EXPECT_EQ(status, SPIKESCAN_INVALID_ARGUMENT);
  EXPECT_STREQ(spikescan_last_error(), "x.stride_time is -3; it must be at least 0");
}

TEST(Guard, MemoryThatRunsOutIsAStatus) {
  CallCase call;
  char text[8] = "as was";
  set_memory_has_run_out(true);
  const spikescan_status status = spikescan_describe_plan(&call.d, text, sizeof text);
  set_memory_has_run_out(false);
  EXPECT_EQ(status, SPIKESCAN_OUT_OF_MEMORY);
  expect_sentence({"memory ran out"});
  EXPECT_STREQ(text, "as was");
  EXPECT_EQ(spikescan_describe_plan(&call.d, text, sizeof text), SPIKESCAN_OK) << "the next call works";
}

TEST(Guard, ABackendWithoutMemoryIsAStatus) {
  void* timer = &timer;
  set_memory_has_run_out(true);
  const spikescan_status status = spikescan_timer_create(SPIKESCAN_BACKEND_CPU, &timer);
  set_memory_has_run_out(false);
  EXPECT_EQ(status, SPIKESCAN_OUT_OF_MEMORY);
  expect_sentence({"failed"});
  EXPECT_EQ(timer, &timer);
}

TEST(Guard, AnyExceptionIsADefectWithAStatus) {
  EXPECT_EQ(guarded([](Sentence&) -> spikescan_status { throw std::logic_error("unlikely"); }),
            SPIKESCAN_INTERNAL_ERROR);
  expect_sentence({"defect", "unlikely"});
  EXPECT_EQ(guarded([](Sentence&) -> spikescan_status { throw 7; }), SPIKESCAN_INTERNAL_ERROR);
  expect_sentence({"defect"});
}

TEST(Sentence, TooLongLosesItsEnd) {
  Sentence sentence;
  const std::string longest(5000, 'a');
  EXPECT_EQ(sentence.invalid("%s", longest.c_str()), SPIKESCAN_INVALID_ARGUMENT);
  EXPECT_EQ(std::string(sentence.text()), std::string(511, 'a'));
}

TEST(Report, HoldsTheCallAndItsError) {
  Sentence sentence;
  EXPECT_EQ(report({SPIKESCAN_CUDA_ERROR, "cudaLaunchKernel", "cudaErrorInvalidValue", "invalid argument"}, sentence),
            SPIKESCAN_CUDA_ERROR);
  EXPECT_STREQ(sentence.text(), "cudaLaunchKernel failed: cudaErrorInvalidValue (invalid argument)");
  EXPECT_EQ(report({SPIKESCAN_OUT_OF_MEMORY, "aligned_alloc", "no memory"}, sentence), SPIKESCAN_OUT_OF_MEMORY);
  EXPECT_STREQ(sentence.text(), "aligned_alloc failed: no memory");
  EXPECT_EQ(report({SPIKESCAN_CUDA_ERROR, nullptr, nullptr}, sentence), SPIKESCAN_CUDA_ERROR);
  EXPECT_STREQ(sentence.text(), "the backend failed: no error was named");
  sentence.clear();
  EXPECT_EQ(report({SPIKESCAN_OK, nullptr, nullptr}, sentence), SPIKESCAN_OK);
  EXPECT_STREQ(sentence.text(), "");
}

}  // namespace
}  // namespace spikescan::test
