// Every CUDA call of every entry point fails, once or from then on: the status and the sentence say
// so, the device stays, nothing is lost, and the next call works. And an error of the caller's own stays the caller's.
#include <gtest/gtest.h>

#include "stub/entries.h"

namespace stub {
namespace {

// Out of memory, a bad argument, a fault of earlier work that surfaces now, a stream that is being captured.
constexpr cudaError_t kErrors[] = {cudaErrorMemoryAllocation, cudaErrorInvalidValue, cudaErrorIllegalAddress,
                                   cudaErrorStreamCaptureUnsupported};

spikescan_status status_of(cudaError_t error) {
  return error == cudaErrorMemoryAllocation ? SPIKESCAN_OUT_OF_MEMORY : SPIKESCAN_CUDA_ERROR;
}

class Failing : public testing::TestWithParam<Entry> {
 protected:
  void SetUp() override {
    start_afresh();
    set_device(1);
  }

  // The calls of one undisturbed run that could fail.
  int count_calls() {
    const Entry& entry = GetParam();
    EXPECT_EQ(entry.prepare(), SPIKESCAN_OK);
    plan_failure({1000000, cudaErrorInvalidValue, false, ""});
    forget_calls();
    const spikescan_status status = entry.call();
    EXPECT_EQ(status, SPIKESCAN_OK) << spikescan_last_error();
    const int count = counted();
    plan_failure({});
    entry.tidy(status);
    return count;
  }

  void fail_call(const Failure& failure) {
    const Entry& entry = GetParam();
    const int before = live_objects();
    ASSERT_EQ(entry.prepare(), SPIKESCAN_OK);
    forget_calls();
    plan_failure(failure);
    const spikescan_status status = entry.call();
    const std::string sentence = spikescan_last_error();
    EXPECT_GE(failures(), 1);
    plan_failure({});
    EXPECT_EQ(status, status_of(failure.error)) << sentence;
    EXPECT_NE(sentence.find(cudaGetErrorName(failure.error)), std::string::npos) << sentence;
    EXPECT_NE(sentence.find(first_failed()), std::string::npos) << sentence;
    EXPECT_EQ(device(), 1);
    EXPECT_EQ(last_error(), cudaSuccess) << "the caller's next question would find it";
    entry.tidy(status);
    // An event that could not be destroyed is lost, and so is one that had to be when nothing worked any more.
    const bool may_lose = entry.name == "timer_destroy" || (entry.name == "timer_create" && failure.from_then_on);
    if (!may_lose) {
      EXPECT_EQ(live_objects(), before);
    }
  }

  void expect_works() {
    const Entry& entry = GetParam();
    ASSERT_EQ(entry.prepare(), SPIKESCAN_OK);
    const spikescan_status status = entry.call();
    EXPECT_EQ(status, SPIKESCAN_OK) << spikescan_last_error();
    EXPECT_STREQ(spikescan_last_error(), "");
    entry.tidy(status);
  }

 private:
  static std::string first_failed() {
    for (const Call& call : calls()) {
      if (call.answer != cudaSuccess) return call.function;
    }
    return "no call failed";
  }
};

TEST_P(Failing, IsReportedAndOverAfterwards) {
  const int count = count_calls();
  ASSERT_GE(count, 1) << "the entry calls no CUDA function";
  for (int nth = 1; nth <= count; ++nth) {
    for (const bool from_then_on : {false, true}) {
      for (const cudaError_t error : kErrors) {
        SCOPED_TRACE(std::to_string(nth) + " of " + std::to_string(count) + (from_then_on ? " and on " : " ") +
                     cudaGetErrorName(error));
        fail_call({nth, error, from_then_on, ""});
        expect_works();
      }
    }
  }
}

TEST_P(Failing, AnErrorThatWaitsIsTheCallers) {
  const Entry& entry = GetParam();
  ASSERT_EQ(entry.prepare(), SPIKESCAN_OK);
  set_last_error(cudaErrorInvalidResourceHandle);
  const spikescan_status status = entry.call();
  EXPECT_EQ(status, SPIKESCAN_OK) << spikescan_last_error();
  EXPECT_EQ(last_error(), cudaErrorInvalidResourceHandle);
  entry.tidy(status);
}

std::string name_of_entry(const testing::TestParamInfo<Entry>& info) {
  std::string name;
  for (const char letter : info.param.name) {
    if (letter != ',') name += letter == ' ' ? '_' : letter;
  }
  return name;
}
INSTANTIATE_TEST_SUITE_P(Entries, Failing, testing::ValuesIn(entries()), name_of_entry);

// ---- No device ----

struct Absence {
  const char* name;
  cudaError_t error;
  const char* function;  // that fails; empty: all
  int driver_version;
};
constexpr int kOldDriver = CUDART_VERSION - 1000;

class NoDevice : public testing::TestWithParam<Absence> {
 protected:
  void SetUp() override {
    start_afresh();
    set_driver_version(GetParam().driver_version);
    plan_failure({1, GetParam().error, true, GetParam().function});
  }
  void TearDown() override { start_afresh(); }
};

TEST_P(NoDevice, IsNoErrorAndLeavesNone) {
  int32_t count = -1;
  EXPECT_EQ(spikescan_device_count(SPIKESCAN_BACKEND_CUDA, &count), SPIKESCAN_OK) << spikescan_last_error();
  EXPECT_EQ(count, 0);
  EXPECT_EQ(last_error(), cudaSuccess);
}

TEST_P(NoDevice, CudaIsUnavailable) {
  spikescan_backend resolved = SPIKESCAN_BACKEND_AUTO;
  EXPECT_EQ(spikescan_resolve_backend(SPIKESCAN_BACKEND_CUDA, &resolved), SPIKESCAN_BACKEND_UNAVAILABLE);
  EXPECT_NE(std::string(spikescan_last_error()).find("CUDA"), std::string::npos) << spikescan_last_error();
  for (const Entry& entry : entries()) {
    if (entry.name == "device_count") continue;
    const spikescan_status status = entry.prepare();
    EXPECT_EQ(status != SPIKESCAN_OK ? status : entry.call(), SPIKESCAN_BACKEND_UNAVAILABLE) << entry.name;
  }
  EXPECT_TRUE(launches(calls()).empty());
}

TEST_P(NoDevice, AutoRunsOnTheCpu) {
  spikescan_backend resolved = SPIKESCAN_BACKEND_AUTO;
  EXPECT_EQ(spikescan_resolve_backend(SPIKESCAN_BACKEND_AUTO, &resolved), SPIKESCAN_OK);
  EXPECT_EQ(resolved, SPIKESCAN_BACKEND_CPU);
  const float x[4] = {1, 0, 0, 0}, beta = 0.5f;
  float v[4] = {};
  spikescan_description d = SPIKESCAN_DESCRIPTION_INIT;
  d.batch = d.channels = 1;
  d.time = 4;
  spikescan_forward_args args{};
  args.struct_size = sizeof args;
  args.x = {const_cast<float*>(x), SPIKESCAN_FLOAT32, 4, 1};
  args.beta = &beta;
  args.membrane = {v, SPIKESCAN_FLOAT32, 4, 1};
  EXPECT_EQ(spikescan_forward(&d, &args, nullptr), SPIKESCAN_OK) << spikescan_last_error();
  EXPECT_EQ(v[3], 0.125f);
}

// The runtime says of no driver that it is too old. A driver that is there and finds no device may be an old one.
INSTANTIATE_TEST_SUITE_P(Machines, NoDevice,
                         testing::Values(Absence{"NoDriver", cudaErrorInsufficientDriver, "cudaGetDeviceCount", 0},
                                         Absence{"NoDriverVersion", cudaErrorInsufficientDriver, "", 0},
                                         Absence{"NoDeviceUnderADriver", cudaErrorNoDevice, "", kOldDriver}),
                         [](const auto& info) { return std::string(info.param.name); });

// A driver older than the runtime is no absence: its GPU is there, and AUTO on the CPU would get its pointers.
class OldDriver : public testing::Test {
 protected:
  void SetUp() override {
    start_afresh();
    set_driver_version(kOldDriver);
    plan_failure({1, cudaErrorInsufficientDriver, true, "cudaGetDeviceCount"});
  }
  void TearDown() override { start_afresh(); }

  void expect_named() {
    const std::string sentence = spikescan_last_error();
    for (const char* part : {"cudaGetDeviceCount", "cudaErrorInsufficientDriver", "driver version is insufficient"}) {
      EXPECT_NE(sentence.find(part), std::string::npos) << sentence;
    }
    EXPECT_EQ(last_error(), cudaSuccess);
  }
};

TEST_F(OldDriver, IsAnErrorOfCudaAndAuto) {
  for (const spikescan_backend backend : {SPIKESCAN_BACKEND_AUTO, SPIKESCAN_BACKEND_CUDA}) {
    int32_t count = -1;
    EXPECT_EQ(spikescan_device_count(backend, &count), SPIKESCAN_CUDA_ERROR);
    EXPECT_EQ(count, -1);
    expect_named();
    spikescan_backend resolved = SPIKESCAN_BACKEND_CPU;
    EXPECT_EQ(spikescan_resolve_backend(backend, &resolved), SPIKESCAN_CUDA_ERROR);
    expect_named();
  }
  for (const Entry& entry : entries()) {
    const spikescan_status status = entry.prepare();
    EXPECT_EQ(status != SPIKESCAN_OK ? status : entry.call(), SPIKESCAN_CUDA_ERROR) << entry.name;
    expect_named();
  }
  EXPECT_TRUE(launches(calls()).empty());
}

TEST_F(OldDriver, LeavesTheCpu) {
  int32_t count = 0;
  EXPECT_EQ(spikescan_device_count(SPIKESCAN_BACKEND_CPU, &count), SPIKESCAN_OK) << spikescan_last_error();
  EXPECT_EQ(count, 1);
  spikescan_backend resolved = SPIKESCAN_BACKEND_AUTO;
  EXPECT_EQ(spikescan_resolve_backend(SPIKESCAN_BACKEND_CPU, &resolved), SPIKESCAN_OK) << spikescan_last_error();
}

// A count that fails for another reason is no reason to take the CPU: the pointers may be the device's.
TEST(FailingCount, IsNoAbsence) {
  start_afresh();
  plan_failure({1, cudaErrorIllegalAddress, true, ""});
  spikescan_backend resolved = SPIKESCAN_BACKEND_AUTO;
  EXPECT_EQ(spikescan_resolve_backend(SPIKESCAN_BACKEND_AUTO, &resolved), SPIKESCAN_CUDA_ERROR);
  plan_failure({});
}

}  // namespace
}  // namespace stub
