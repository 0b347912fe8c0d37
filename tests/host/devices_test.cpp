// Versions, names, devices, sizes and plans of the library built for the CPU alone.
#include <gtest/gtest.h>

#include <cstring>
#include <set>

#include "host/names.h"
#include "host/resolve.h"
#include "kernels/element/chunking.h"
#include "refusals.h"

namespace spikescan::test {
namespace {

// A number that is no enumerator, as a C program may pass it.
template <class Enum>
Enum number(int value) {
  Enum result;
  std::memcpy(&result, &value, sizeof result);
  return result;
}

TEST(Version, TextAndNumberAgree) {
  EXPECT_STREQ(spikescan_version(), "0.1.0");
  EXPECT_EQ(spikescan_version_number(), 100);
}

TEST(StatusName, EachHasItsOwn) {
  std::set<std::string> names;
  for (int i = SPIKESCAN_OK; i <= SPIKESCAN_INTERNAL_ERROR; ++i) {
    names.insert(spikescan_status_name(static_cast<spikescan_status>(i)));
  }
  EXPECT_EQ(names.size(), 8u);
  EXPECT_TRUE(names.count("SPIKESCAN_WORKSPACE_TOO_SMALL"));
  EXPECT_STREQ(spikescan_status_name(number<spikescan_status>(-4)), "unknown status");
}

// The words that plans and refusals say.
TEST(Names, AreTheHeadersOwn) {
  EXPECT_STREQ(dtype_name(SPIKESCAN_FLOAT32), "float32");
  EXPECT_STREQ(dtype_name(SPIKESCAN_FLOAT16), "float16");
  EXPECT_STREQ(dtype_name(SPIKESCAN_BFLOAT16), "bfloat16");
  EXPECT_STREQ(dtype_name(SPIKESCAN_UINT8), "uint8");
  EXPECT_STREQ(dtype_name(SPIKESCAN_BITS32), "bits32");
  EXPECT_STREQ(recurrence_name(SPIKESCAN_LIF), "lif");
  EXPECT_STREQ(recurrence_name(SPIKESCAN_SPSN), "spsn");
  EXPECT_STREQ(recurrence_name(SPIKESCAN_CUBA_LIF), "cuba_lif");
  EXPECT_STREQ(recurrence_name(SPIKESCAN_PSU_LIF), "psu_lif");
  EXPECT_STREQ(rule_name(SPIKESCAN_SIGMOID_BERNOULLI), "sigmoid_bernoulli");
  EXPECT_STREQ(rule_name(SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI), "refractory_sigmoid_bernoulli");
  EXPECT_STREQ(rule_name(SPIKESCAN_HEAVISIDE), "heaviside");
  EXPECT_STREQ(rule_name(SPIKESCAN_NONE), "none");
  EXPECT_STREQ(backend_name(SPIKESCAN_BACKEND_CPU), "cpu");
  EXPECT_STREQ(backend_name(SPIKESCAN_BACKEND_CUDA), "cuda");
}

TEST(Names, OfNoNumberOfTheEnum) {
  for (const int beyond : {-1, 100}) EXPECT_STREQ(dtype_name(beyond), "unknown");
  EXPECT_STREQ(dtype_name(kDtypes), "unknown");
  EXPECT_STREQ(recurrence_name(kRecurrences), "unknown");
}

TEST(Backend, Built) {
  EXPECT_EQ(spikescan_backend_built(SPIKESCAN_BACKEND_AUTO), 1);
  EXPECT_EQ(spikescan_backend_built(SPIKESCAN_BACKEND_CPU), 1);
  EXPECT_EQ(spikescan_backend_built(SPIKESCAN_BACKEND_CUDA), 0);
  EXPECT_EQ(spikescan_backend_built(number<spikescan_backend>(9)), 0);
}

TEST(Backend, AutoIsTheCpuHere) {
  spikescan_backend resolved = SPIKESCAN_BACKEND_CUDA;
  EXPECT_EQ(spikescan_resolve_backend(SPIKESCAN_BACKEND_AUTO, &resolved), SPIKESCAN_OK);
  EXPECT_EQ(resolved, SPIKESCAN_BACKEND_CPU);
  EXPECT_EQ(spikescan_resolve_backend(SPIKESCAN_BACKEND_CPU, &resolved), SPIKESCAN_OK);
  EXPECT_EQ(resolved, SPIKESCAN_BACKEND_CPU);
}

TEST(Backend, RefusedOnAProcessorWithoutTheInstructions) {
  Backend cpu = *cpu_backend();
  cpu.device_count = [](int32_t* count) {
    *count = 0;
    return BackendResult{SPIKESCAN_OK, nullptr, nullptr};
  };
  for (const spikescan_backend requested : {SPIKESCAN_BACKEND_CPU, SPIKESCAN_BACKEND_AUTO}) {
    Sentence error;
    Resolved resolved;
    EXPECT_EQ(resolve({&cpu, nullptr}, requested, &resolved, error), SPIKESCAN_BACKEND_UNAVAILABLE);
    EXPECT_NE(std::string(error.text()).find("lacks SSE4.2"), std::string::npos) << error.text();
  }
}

TEST(Backend, RefusalsOfResolve) {
  spikescan_backend resolved = SPIKESCAN_BACKEND_AUTO;
  EXPECT_EQ(spikescan_resolve_backend(SPIKESCAN_BACKEND_CUDA, &resolved), SPIKESCAN_BACKEND_UNAVAILABLE);
  expect_sentence({"backend is CUDA (2)", "CUDA is not built into this library", "CPU (1)"});
  EXPECT_EQ(spikescan_resolve_backend(number<spikescan_backend>(3), &resolved), SPIKESCAN_INVALID_ARGUMENT);
  expect_sentence({"backend is 3"});
  EXPECT_EQ(spikescan_resolve_backend(SPIKESCAN_BACKEND_CPU, nullptr), SPIKESCAN_INVALID_ARGUMENT);
  expect_sentence({"resolved is null"});
  EXPECT_EQ(resolved, SPIKESCAN_BACKEND_AUTO);
}

TEST(Backend, EveryCallRefusesCuda) {
  ForwardCase forward;
  forward.d.backend = SPIKESCAN_BACKEND_CUDA;
  EXPECT_EQ(forward.run(), SPIKESCAN_BACKEND_UNAVAILABLE);
  expect_sentence({"CUDA is not built"});
  EXPECT_TRUE(forward.arena.unchanged());
  BackwardCase backward;
  backward.d.backend = SPIKESCAN_BACKEND_CUDA;
  EXPECT_EQ(backward.run(), SPIKESCAN_BACKEND_UNAVAILABLE);
  EXPECT_TRUE(backward.arena.unchanged());
  constexpr auto cuda = SPIKESCAN_BACKEND_CUDA;
  int here = 0;
  void* pointer = &here;
  double seconds = 1.5;
  spikescan_device_info info = {};
  info.struct_size = sizeof info;
  const spikescan_status statuses[] = {
      spikescan_query_device(cuda, 0, &info),
      spikescan_allocate(cuda, 16, &pointer),
      spikescan_free(cuda, &here),
      spikescan_copy(cuda, &here, &seconds, 4, nullptr),
      spikescan_fill(cuda, &here, 1, 4, nullptr),
      spikescan_stream_create(cuda, &pointer),
      spikescan_stream_destroy(cuda, &here),
      spikescan_stream_synchronize(cuda, nullptr),
      spikescan_timer_create(cuda, &pointer),
      spikescan_timer_start(cuda, &here, nullptr),
      spikescan_timer_stop(cuda, &here, nullptr),
      spikescan_timer_seconds(cuda, &here, &seconds),
      spikescan_timer_destroy(cuda, &here),
  };
  for (const spikescan_status status : statuses) EXPECT_EQ(status, SPIKESCAN_BACKEND_UNAVAILABLE);
  EXPECT_EQ(pointer, &here);
  EXPECT_EQ(here, 0);
  EXPECT_EQ(seconds, 1.5);
  EXPECT_EQ(info.name[0], '\0');
}

TEST(Device, Count) {
  int32_t count = -1;
  EXPECT_EQ(spikescan_device_count(SPIKESCAN_BACKEND_CPU, &count), SPIKESCAN_OK);
  EXPECT_EQ(count, 1);
  EXPECT_EQ(spikescan_device_count(SPIKESCAN_BACKEND_CUDA, &count), SPIKESCAN_OK) << "no device is no error";
  EXPECT_EQ(count, 0);
  EXPECT_EQ(spikescan_device_count(SPIKESCAN_BACKEND_AUTO, &count), SPIKESCAN_OK);
  EXPECT_EQ(count, 1);
  EXPECT_EQ(spikescan_device_count(number<spikescan_backend>(-1), &count), SPIKESCAN_INVALID_ARGUMENT);
  expect_sentence({"backend is -1"});
  EXPECT_EQ(count, 1);
}

TEST(Device, Query) {
  spikescan_device_info info = {};
  info.struct_size = sizeof info;
  ASSERT_EQ(spikescan_query_device(SPIKESCAN_BACKEND_AUTO, 0, &info), SPIKESCAN_OK) << spikescan_last_error();
  EXPECT_EQ(info.struct_size, sizeof info);
  EXPECT_NE(info.name[0], '\0');
  EXPECT_GT(info.processors, 0);
  EXPECT_GT(info.memory_bytes, 0);
  EXPECT_EQ(info.compute_major, 0);
  EXPECT_EQ(info.runtime_version, 0);
  EXPECT_NE(info.instruction_set[0], '\0');
}

TEST(Device, RefusalsOfQuery) {
  spikescan_device_info info = {};
  for (const int32_t device : {1, -1, INT32_MAX}) {
    info.struct_size = sizeof info;
    EXPECT_EQ(spikescan_query_device(SPIKESCAN_BACKEND_CPU, device, &info), SPIKESCAN_INVALID_ARGUMENT);
    expect_sentence({"device is " + text_of(int64_t{device}), "from 0 to 0"});
  }
  info.struct_size = sizeof info - 1;
  EXPECT_EQ(spikescan_query_device(SPIKESCAN_BACKEND_CPU, 0, &info), SPIKESCAN_INVALID_ARGUMENT);
  expect_sentence({"info.struct_size is " + text_of(static_cast<int64_t>(sizeof info - 1))});
  EXPECT_EQ(spikescan_query_device(SPIKESCAN_BACKEND_CPU, 0, nullptr), SPIKESCAN_INVALID_ARGUMENT);
  expect_sentence({"info is null"});
  EXPECT_EQ(info.name[0], '\0');
}

TEST(TimeUnits, EitherMayBeNull) {
  int64_t split = 0, saved = 0, other = 0;
  spikescan_time_units(&split, &saved);
  EXPECT_EQ(saved, kSavedSteps);
  EXPECT_EQ(split, kSplitSteps);
  spikescan_time_units(nullptr, &other);
  EXPECT_EQ(other, saved);
  spikescan_time_units(&other, nullptr);
  EXPECT_EQ(other, split);
  spikescan_time_units(nullptr, nullptr);
}

// States of 8 bytes for every 64 steps but the first.
TEST(Sizes, Saved) {
  const auto saved = [](spikescan_recurrence recurrence, int64_t batch, int64_t time, int64_t channels) {
    CallCase call;
    call.d.recurrence = recurrence;
    call.d.batch = batch;
    call.d.time = time;
    call.d.channels = channels;
    return call.sizes().saved;
  };
  EXPECT_EQ(saved(SPIKESCAN_LIF, 2, 64, 3), 0u);
  EXPECT_EQ(saved(SPIKESCAN_LIF, 2, 65, 3), 2u * 1 * 3 * 8);
  EXPECT_EQ(saved(SPIKESCAN_SPSN, 2, 1024, 3), 2u * 15 * 3 * 8);
  EXPECT_EQ(saved(SPIKESCAN_CUBA_LIF, 2, 129, 3), 2u * 2 * 2 * 3 * 8);
  EXPECT_EQ(saved(SPIKESCAN_PSU_LIF, 1, int64_t{1} << 34, 1), 2u * ((int64_t{1} << 28) - 1) * 8);
  EXPECT_EQ(saved(SPIKESCAN_CUBA_LIF, int64_t{1} << 22, int64_t{1} << 30, 16),
            2u * (int64_t{1} << 22) * ((int64_t{1} << 24) - 1) * 16 * 8);
  EXPECT_EQ(saved(SPIKESCAN_LIF, 0, int64_t{1} << 34, int64_t{1} << 32), 0u);
}

TEST(Sizes, RefusalsOfTheStruct) {
  CallCase call;
  EXPECT_EQ(spikescan_query_sizes(&call.d, nullptr), SPIKESCAN_INVALID_ARGUMENT);
  expect_sentence({"sizes is null"});
  spikescan_sizes sizes = {8, 1, 2, 3};
  EXPECT_EQ(spikescan_query_sizes(&call.d, &sizes), SPIKESCAN_INVALID_ARGUMENT);
  expect_sentence({"sizes.struct_size is 8"});
  EXPECT_EQ(sizes.saved, 3u);
}

TEST(Plan, SaysBackendDeviceAndBothPasses) {
  CallCase call;
  char text[4096];
  ASSERT_EQ(spikescan_describe_plan(&call.d, text, sizeof text), SPIKESCAN_OK) << spikescan_last_error();
  for (const char* part :
       {"backend=cpu device=\"", " processors=", " instruction_set=", " recurrence=cuba_lif", " rule=sigmoid_bernoulli",
        " dtype=float32\n", "forward: workspace_bytes=0\n", "backward: partial_rows=", " workspace_bytes="}) {
    EXPECT_NE(std::strstr(text, part), nullptr) << part << " in " << text;
  }
  EXPECT_EQ(std::strstr(text, "tile"), nullptr) << "the CPU has none: " << text;
}

TEST(Plan, IsCutToTheCapacity) {
  CallCase call;
  char text[12];
  std::memset(text, '#', sizeof text);
  EXPECT_EQ(spikescan_describe_plan(&call.d, text, 8), SPIKESCAN_OK);
  EXPECT_STREQ(text, "backend");
  EXPECT_EQ(text[8], '#');
  EXPECT_EQ(spikescan_describe_plan(&call.d, text, 0), SPIKESCAN_INVALID_ARGUMENT);
  expect_sentence({"capacity is 0"});
  EXPECT_EQ(spikescan_describe_plan(&call.d, nullptr, 8), SPIKESCAN_INVALID_ARGUMENT);
  expect_sentence({"text is null"});
  EXPECT_STREQ(text, "backend");
}

}  // namespace
}  // namespace spikescan::test
