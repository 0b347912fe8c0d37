// What a pass does to the caller's CUDA state: everything on the caller's stream, and nothing else touched. So it can
// be captured in a graph, and neither waits nor makes others wait (docs/model.md, section 5).
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <set>

#include "stub/made_up.h"

namespace stub {
namespace {

// What may be called while a stream is being captured: questions, a kernel's attribute, a fill and launches.
const std::set<std::string> kHarmless = {"cudaGetDeviceCount",   "cudaGetDevice",       "cudaDeviceGetAttribute",
                                         "cudaFuncSetAttribute", "cudaPeekAtLastError", "cudaMemsetAsync",
                                         "cudaLaunchKernel"};

std::string misconduct(const std::vector<Call>& calls, cudaStream_t stream) {
  for (const Call& call : calls) {
    if (kHarmless.count(call.function) == 0) return call.function;
    if (call.on_stream && call.stream != stream) return call.function + " on another stream";
  }
  return {};
}

class Stream : public testing::TestWithParam<spikescan_recurrence> {
 protected:
  void SetUp() override { start_afresh(); }

  // One chunk in many rows, many chunks in few rows.
  template <class Body>
  void on_every_problem(Body body) {
    for (const auto [batch, time, channels] : {std::array<int64_t, 3>{4096, 100, 256}, {2, 5000, 3}}) {
      for (const int32_t shared_decay : {0, 1}) {
        spikescan_description d = describe(GetParam(), batch, time, channels);
        d.shared_decay = shared_decay;
        body(MadeUp(d));
      }
    }
  }
};

TEST_P(Stream, EverythingIsOnTheCallersAndNothingElseIsTouched) {
  on_every_problem([](const MadeUp& made) {
    for (cudaStream_t stream : {made_up_stream(), cudaStream_t{}, cudaStreamLegacy, cudaStreamPerThread}) {
      spikescan_sizes sizes{};
      sizes.struct_size = sizeof sizes;
      forget_calls();
      EXPECT_EQ(spikescan_query_sizes(&made.description, &sizes), SPIKESCAN_OK);
      EXPECT_EQ(spikescan_forward(&made.description, &made.forward, stream), SPIKESCAN_OK) << spikescan_last_error();
      EXPECT_EQ(spikescan_backward(&made.description, &made.backward, stream), SPIKESCAN_OK) << spikescan_last_error();
      EXPECT_EQ(misconduct(calls(), stream), "");
      EXPECT_GE(launches(calls()).size(), 2u);
    }
  });
}

TEST_P(Stream, TheCurrentDeviceIsTheCallers) {
  set_device(1);
  on_every_problem([](const MadeUp& made) {
    forget_calls();
    EXPECT_EQ(spikescan_forward(&made.description, &made.forward, nullptr), SPIKESCAN_OK);
    EXPECT_EQ(spikescan_backward(&made.description, &made.backward, nullptr), SPIKESCAN_OK);
    EXPECT_EQ(device(), 1);
    for (const Call& call : calls()) EXPECT_NE(call.function, "cudaSetDevice");
  });
}

INSTANTIATE_TEST_SUITE_P(Recurrences, Stream,
                         testing::Values(SPIKESCAN_LIF, SPIKESCAN_SPSN, SPIKESCAN_CUBA_LIF, SPIKESCAN_PSU_LIF));

TEST(Misconduct, IsSeen) {
  Call fill;
  fill.function = "cudaMemsetAsync";
  fill.on_stream = true;
  fill.stream = made_up_stream();
  EXPECT_EQ(misconduct({fill}, made_up_stream()), "");
  EXPECT_NE(misconduct({fill}, nullptr), "");
  for (const char* function : {"cudaMalloc", "cudaFree", "cudaStreamSynchronize", "cudaSetDevice", "cudaEventCreate",
                               "cudaGetLastError", "cudaDeviceSynchronize"}) {
    Call call;
    call.function = function;
    EXPECT_EQ(misconduct({call}, nullptr), function);
  }
}

// An argument is refused before anything is enqueued.
TEST(Refusal, EnqueuesNothing) {
  start_afresh();
  MadeUp made(describe(SPIKESCAN_LIF, 2, 5000, 3));
  made.forward.workspace_bytes -= 1;
  made.backward.workspace_bytes -= 1;
  EXPECT_EQ(spikescan_forward(&made.description, &made.forward, nullptr), SPIKESCAN_WORKSPACE_TOO_SMALL);
  EXPECT_EQ(spikescan_backward(&made.description, &made.backward, nullptr), SPIKESCAN_WORKSPACE_TOO_SMALL);
  for (const Call& call : calls()) EXPECT_FALSE(call.on_stream) << call.function;
}

// Empty tensors: no kernel may be launched with an empty grid, and T = 0 still hands the states on.
TEST(ZeroSize, LaunchesNoEmptyGrid) {
  for (const auto [batch, time, channels] :
       {std::array<int64_t, 3>{0, 10, 10}, {10, 0, 10}, {10, 10, 0}, {0, 0, 0}, {0, 3000, 0}}) {
    start_afresh();
    const MadeUp made(describe(SPIKESCAN_CUBA_LIF, batch, time, channels));
    EXPECT_EQ(spikescan_forward(&made.description, &made.forward, nullptr), SPIKESCAN_OK) << spikescan_last_error();
    EXPECT_EQ(spikescan_backward(&made.description, &made.backward, nullptr), SPIKESCAN_OK) << spikescan_last_error();
    for (const Call& launch : launches(calls())) EXPECT_GE(launch.grid.x, 1u) << launch.kernel;
  }
}

}  // namespace
}  // namespace stub
