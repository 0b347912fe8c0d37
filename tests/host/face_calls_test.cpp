// The C++ face on a CUDA backend that only records (fake_cuda.h): what reaches another device than the CPU, on which
// stream, and that no failure is lost.
#include <gtest/gtest.h>

#include <functional>
#include <spikescan/spikescan.hpp>

#include "fake_cuda.h"

namespace spikescan::test {
namespace {

constexpr Shape kShape{1, 4, 2};

class FaceCalls : public testing::Test {
 protected:
  void SetUp() override { reset_fake(); }
  void TearDown() override { reset_fake(); }
};

// A call that is told to fail there gets there, on the caller's stream, and throws.
void expect_fails_at(const char* function, const std::function<void(StreamRef)>& call) {
  SCOPED_TRACE(function);
  char place;
  void* const stream = &place;
  reset_fake();
  fake().failing = function;
  EXPECT_THROW(call(stream), Error);
  EXPECT_STREQ(fake().last, function);
  EXPECT_EQ(fake().stream, stream);
  fake().failing = nullptr;
}

TEST_F(FaceCalls, StreamsArriveAndFailuresComeBack) {
  Tensor tensor(Device::cuda, kShape);
  const std::vector<float> values(8);
  expect_fails_at("fill", [&](StreamRef stream) { tensor.zero(stream); });
  DeviceKey key(Device::cuda);
  Timer timer(Device::cuda);
  expect_fails_at("timer_start", [&](StreamRef stream) { timer.start(stream); });
  expect_fails_at("timer_stop", [&](StreamRef stream) { timer.stop(stream); });
  // Copies wait.
  for (const char* function : {"copy", "stream_synchronize"}) {
    expect_fails_at(function, [&](StreamRef stream) { tensor.copy_from(values, stream); });
    expect_fails_at(function, [&](StreamRef stream) { tensor.to_vector(stream); });
    expect_fails_at(function, [&](StreamRef stream) { key.set({}, {}, stream); });
  }
  fake().failing = "timer_seconds";
  EXPECT_THROW(timer.seconds(), Error);
}

TEST_F(FaceCalls, AStreamIsWaitedFor) {
  const Stream stream(Device::cuda);
  ASSERT_NE(stream.raw(), nullptr);
  EXPECT_EQ(StreamRef(stream).raw(), stream.raw());
  stream.synchronize();
  EXPECT_STREQ(fake().last, "stream_synchronize");
  EXPECT_EQ(fake().stream, stream.raw());
}

// It is set from the start: a kernel may read it at once.
TEST_F(FaceCalls, ANewKeyIsWritten) {
  fake().failing = "copy";
  EXPECT_THROW(DeviceKey(Device::cuda), Error);
  EXPECT_EQ(fake().bytes, sizeof(spikescan_device_key));
}

TEST_F(FaceCalls, PassesGetTheirStreamAndWorkspace) {
  const Problem problem{.device = Device::cuda, .shape = {1, 1025, 2}};  // two chunks: forward needs a workspace
  float x[2050] = {}, beta[2] = {}, v[2050] = {};
  alignas(256) static std::byte memory[1 << 16];
  const std::span<std::byte> workspace = memory;
  Memory saved = make_saved(problem);
  EXPECT_EQ(saved.device(), Device::cuda);
  const ConstTensorView x_view(x, problem.shape), beta_view(beta, problem.decay_shape());
  expect_fails_at("forward", [&](StreamRef stream) {
    forward(problem, {.x = x_view, .beta = beta_view, .membrane = TensorView(v, problem.shape)}, workspace, stream);
  });
  EXPECT_EQ(fake().forward.args.workspace, memory);
  EXPECT_EQ(fake().forward.args.workspace_bytes, sizeof memory);
  alignas(8) std::byte states[512] = {};
  expect_fails_at("backward", [&](StreamRef stream) {
    backward(problem, {.x = x_view, .beta = beta_view, .saved = states, .grad_x = TensorView(v, problem.shape)},
             workspace, stream);
  });
  EXPECT_EQ(fake().backward.args.workspace, memory);
  EXPECT_EQ(fake().backward.args.workspace_bytes, sizeof memory);
  EXPECT_EQ(fake().backward.args.saved_bytes, sizeof states);
}

TEST_F(FaceCalls, AWorkspaceFollowsTheProblemsDevice) {
  Workspace workspace(Problem{.device = Device::cpu, .shape = {40, 5000, 300}});
  const Problem small{.device = Device::cuda, .shape = {1, 10, 3}};
  workspace.reserve(small);
  EXPECT_STREQ(fake().last, "allocate");
  EXPECT_EQ(fake().bytes, workspace.size());
  EXPECT_EQ(workspace.size(), small.sizes().backward_workspace);
}

TEST_F(FaceCalls, AskedOfOneDeviceAmongSeveralOrOfNone) {
  fake().devices = 3;
  EXPECT_EQ(device_info(Device::cuda, 2).processors, 102);
  EXPECT_TRUE(usable(Device::cuda));
  fake().devices = 0;
  EXPECT_FALSE(usable(Device::cuda));
}

}  // namespace
}  // namespace spikescan::test
