// What a backend gets to see and how its failures come back, with a CUDA backend that only records (fake_cuda.h).
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>

#include "fake_cuda.h"
#include "host/names.h"
#include "host/plan.h"
#include "refusals.h"

namespace spikescan::test {
namespace {

constexpr auto kCuda = SPIKESCAN_BACKEND_CUDA;
constexpr auto kAuto = SPIKESCAN_BACKEND_AUTO;

class BackendCalls : public testing::Test {
 protected:
  void SetUp() override { reset_fake(); }
  void TearDown() override { reset_fake(); }
};

TEST_F(BackendCalls, AutoIsCudaWhereThereIsADevice) {
  spikescan_backend resolved = kAuto;
  EXPECT_EQ(spikescan_backend_built(kCuda), 1);
  EXPECT_EQ(spikescan_resolve_backend(kAuto, &resolved), SPIKESCAN_OK);
  EXPECT_EQ(resolved, kCuda);
  EXPECT_EQ(spikescan_resolve_backend(SPIKESCAN_BACKEND_CPU, &resolved), SPIKESCAN_OK);
  EXPECT_EQ(resolved, SPIKESCAN_BACKEND_CPU);
  int32_t count = 0;
  fake().devices = 3;
  EXPECT_EQ(spikescan_device_count(kAuto, &count), SPIKESCAN_OK);
  EXPECT_EQ(count, 3);
}

TEST_F(BackendCalls, WithoutADeviceAutoIsTheCpu) {
  fake().devices = 0;
  spikescan_backend resolved = kAuto;
  EXPECT_EQ(spikescan_resolve_backend(kAuto, &resolved), SPIKESCAN_OK);
  EXPECT_EQ(resolved, SPIKESCAN_BACKEND_CPU);
  int32_t count = -1;
  EXPECT_EQ(spikescan_device_count(kCuda, &count), SPIKESCAN_OK);
  EXPECT_EQ(count, 0);
  EXPECT_EQ(spikescan_device_count(kAuto, &count), SPIKESCAN_OK);
  EXPECT_EQ(count, 1);
  ForwardCase call;
  call.d.backend = kAuto;
  EXPECT_EQ(call.run(), SPIKESCAN_OK) << spikescan_last_error();
  EXPECT_FALSE(call.arena.unchanged()) << "the CPU ran it";
  EXPECT_EQ(fake().calls, 0);
  call.d.backend = kCuda;
  EXPECT_EQ(call.run(), SPIKESCAN_BACKEND_UNAVAILABLE);
  expect_sentence({"backend is CUDA (2)", "no CUDA device"});
}

// Falling back to the CPU because the count failed would run it on device pointers.
TEST_F(BackendCalls, AFailingCountIsAnError) {
  fake().failing = "device_count";
  spikescan_backend resolved = SPIKESCAN_BACKEND_CPU;
  EXPECT_EQ(spikescan_resolve_backend(kAuto, &resolved), SPIKESCAN_CUDA_ERROR);
  expect_sentence({"device_count failed: cudaErrorFake (told to fail)"});
  int32_t count = 7;
  EXPECT_EQ(spikescan_device_count(kCuda, &count), SPIKESCAN_CUDA_ERROR);
  EXPECT_EQ(count, 7);
  EXPECT_EQ(spikescan_device_count(kAuto, &count), SPIKESCAN_CUDA_ERROR);
  EXPECT_EQ(count, 7);
  EXPECT_EQ(spikescan_resolve_backend(SPIKESCAN_BACKEND_CPU, &resolved), SPIKESCAN_OK) << "the CPU asks nobody";
}

TEST_F(BackendCalls, ForwardCarriesThePreparedCall) {
  ForwardCase call;
  call.d.backend = kAuto;
  call.d.k = 100.0f;
  int stream;
  ASSERT_EQ(spikescan_forward(&call.d, &call.args, &stream), SPIKESCAN_OK) << spikescan_last_error();
  EXPECT_STREQ(fake().last, "forward");
  EXPECT_EQ(fake().stream, &stream);
  const ForwardCall& seen = fake().forward;
  EXPECT_EQ(seen.description.backend, kCuda);
  EXPECT_EQ(seen.args.x.data, call.args.x.data);
  EXPECT_EQ(seen.args.device_key, call.args.device_key);
  EXPECT_EQ(seen.firing.rule, SPIKESCAN_SIGMOID_BERNOULLI);
  EXPECT_EQ(seen.firing.steepness.scale, static_cast<float>(-100 * 1.4426950408889634));
  const Plan plan = plan_forward(seen.description, {132, 227 * 1024, 228 * 1024});
  EXPECT_EQ(std::memcmp(&seen.plan, &plan, sizeof plan), 0);
  EXPECT_TRUE(call.arena.unchanged()) << "the host itself writes nothing";
}

TEST_F(BackendCalls, BackwardCarriesThePreparedCall) {
  BackwardCase call;
  call.d.backend = kCuda;
  int stream;
  ASSERT_EQ(spikescan_backward(&call.d, &call.args, &stream), SPIKESCAN_OK) << spikescan_last_error();
  EXPECT_STREQ(fake().last, "backward");
  EXPECT_EQ(fake().stream, &stream);
  EXPECT_EQ(fake().backward.args.grad_x.data, call.args.grad_x.data);
  const Plan plan = plan_backward(fake().backward.description, {132, 227 * 1024, 228 * 1024});
  EXPECT_EQ(std::memcmp(&fake().backward.plan, &plan, sizeof plan), 0);
  EXPECT_TRUE(call.arena.unchanged());
}

// A stride along an axis of one element may be anything: kernels see 0.
TEST_F(BackendCalls, IdleStridesAreCleared) {
  ForwardCase call;
  call.d.backend = kCuda;
  call.d.batch = call.d.time = 1;
  call.args.x.stride_batch = call.args.membrane.stride_time = call.args.final_state[1].stride_batch = INT64_MAX;
  ASSERT_EQ(call.run(), SPIKESCAN_OK) << spikescan_last_error();
  EXPECT_EQ(fake().forward.args.x.stride_batch, 0);
  EXPECT_EQ(fake().forward.args.membrane.stride_time, 0);
  EXPECT_EQ(fake().forward.args.final_state[1].stride_batch, 0);
  BackwardCase backward;
  backward.d.backend = kCuda;
  backward.d.batch = 1;
  backward.args.grad_x.stride_batch = backward.args.grad_initial_state[0].stride_batch = INT64_MAX;
  ASSERT_EQ(backward.run(), SPIKESCAN_OK) << spikescan_last_error();
  EXPECT_EQ(fake().backward.args.grad_x.stride_batch, 0);
  EXPECT_EQ(fake().backward.args.grad_x.stride_time, 3) << "a stride in use stays";
  EXPECT_EQ(fake().backward.args.grad_initial_state[0].stride_batch, 0);
}

// 5 steps of packed spikes are one word.
TEST_F(BackendCalls, IdleStridesOfPackedSpikesAreCleared) {
  ForwardCase call;
  call.d.backend = kCuda;
  call.args.spikes.dtype = SPIKESCAN_BITS32;
  call.args.spikes.stride_time = INT64_MAX;
  ASSERT_EQ(call.run(), SPIKESCAN_OK) << spikescan_last_error();
  EXPECT_EQ(fake().forward.args.spikes.stride_time, 0);
  EXPECT_EQ(fake().forward.args.spikes.stride_batch, call.args.spikes.stride_batch) << "a stride in use stays";
}

// Without elements no stride is in use: times a batch it could overflow.
TEST_F(BackendCalls, StridesWithoutElementsAreCleared) {
  ForwardCase call;
  call.d.backend = kCuda;
  call.d.batch = 4;
  call.d.time = 0;
  for (spikescan_tensor* tensor : {&call.args.x, &call.args.uniforms, &call.args.spikes, &call.args.membrane}) {
    tensor->stride_batch = tensor->stride_time = INT64_MAX;
  }
  ASSERT_EQ(call.run(), SPIKESCAN_OK) << spikescan_last_error();
  const spikescan_forward_args& seen = fake().forward.args;
  for (const spikescan_tensor& tensor : {seen.x, seen.uniforms, seen.spikes, seen.membrane}) {
    EXPECT_NE(tensor.data, nullptr);
    EXPECT_EQ(tensor.stride_batch, 0);
    EXPECT_EQ(tensor.stride_time, 0);
  }
  EXPECT_EQ(seen.final_state[1].stride_batch, 3) << "there are states still";
  BackwardCase backward;
  backward.d.backend = kCuda;
  backward.d.batch = 4;
  backward.d.channels = 0;
  backward.d.shared_decay = 1;  // whose gradient is written without channels as well
  spikescan_backward_args& args = backward.args;
  for (spikescan_tensor* tensor : {&args.x, &args.grad_spikes, &args.grad_membrane, &args.grad_x}) {
    tensor->stride_batch = tensor->stride_time = INT64_MAX;
  }
  args.initial_state[0].stride_batch = args.grad_initial_state[1].stride_batch = INT64_MAX;
  ASSERT_EQ(backward.run(), SPIKESCAN_OK) << spikescan_last_error();
  EXPECT_EQ(fake().backward.args.grad_x.stride_batch, 0);
  EXPECT_EQ(fake().backward.args.grad_x.stride_time, 0);
  EXPECT_EQ(fake().backward.args.initial_state[0].stride_batch, 0);
  EXPECT_EQ(fake().backward.args.grad_initial_state[1].stride_batch, 0);
}

// An absent tensor's dtype may be any number: nobody sees it.
TEST_F(BackendCalls, AbsentTensorsAreCleared) {
  ForwardCase call;
  call.d.backend = kCuda;
  for (spikescan_tensor* tensor : {&call.args.uniforms, &call.args.spikes, &call.args.membrane}) {
    tensor->data = nullptr;
    store(tensor->dtype, 77);
  }
  ASSERT_EQ(call.run(), SPIKESCAN_OK) << spikescan_last_error();
  for (const spikescan_tensor& tensor :
       {fake().forward.args.uniforms, fake().forward.args.spikes, fake().forward.args.membrane}) {
    EXPECT_EQ(number_of(tensor.dtype), SPIKESCAN_FLOAT32);
  }
  EXPECT_EQ(fake().forward.args.x.stride_time, 3) << "a tensor that is there stays";
  BackwardCase backward;
  backward.d.backend = kCuda;
  for (spikescan_tensor* tensor : {&backward.args.grad_spikes, &backward.args.grad_membrane, &backward.args.grad_x}) {
    tensor->data = nullptr;
    store(tensor->dtype, -1);
  }
  ASSERT_EQ(backward.run(), SPIKESCAN_OK) << spikescan_last_error();
  for (const spikescan_tensor& tensor :
       {fake().backward.args.grad_spikes, fake().backward.args.grad_membrane, fake().backward.args.grad_x}) {
    EXPECT_EQ(number_of(tensor.dtype), SPIKESCAN_FLOAT32);
  }
}

// A device's memory cannot be read: a decay's value is the kernel's business, its address is not.
TEST_F(BackendCalls, DecaysInDeviceMemoryAreNotRead) {
  ForwardCase call;
  call.d.backend = kCuda;
  call.args.beta = reinterpret_cast<const float*>(uintptr_t{0x10000});
  call.args.alpha = reinterpret_cast<const float*>(uintptr_t{0x20000});
  EXPECT_EQ(call.run(), SPIKESCAN_OK) << spikescan_last_error();
  call.args.beta = reinterpret_cast<const float*>(uintptr_t{0x10001});
  EXPECT_EQ(call.run(), SPIKESCAN_INVALID_ARGUMENT);
  expect_sentence({"beta is 0x10001"});
}

// The device is asked for its facts, and the plan made, only for a description that is sound.
TEST_F(BackendCalls, NothingIsAskedBeforeTheDescriptionIsSound) {
  ForwardCase call;
  call.d.backend = kCuda;
  call.d.batch = call.d.time = INT64_MAX;
  EXPECT_EQ(call.run(), SPIKESCAN_INVALID_ARGUMENT);
  EXPECT_EQ(fake().counts + fake().facts + fake().calls, 0);
}

TEST_F(BackendCalls, ARefusedCallReachesNoKernel) {
  ForwardCase call;
  call.d.backend = kCuda;
  call.args.membrane.data = call.args.x.data;
  EXPECT_EQ(call.run(), SPIKESCAN_INVALID_ARGUMENT);
  EXPECT_EQ(fake().calls, 0);
}

// One output is enough to have a call run.
TEST_F(BackendCalls, NothingToWriteReachesNoKernel) {
  const auto calls = [](auto& call) {
    reset_fake();
    EXPECT_EQ(call.run(), SPIKESCAN_OK) << spikescan_last_error();
    return fake().calls;
  };
  ForwardCase forward;
  spikescan_forward_args& f = forward.args;
  const spikescan_forward_args all = f;
  forward.d.backend = kCuda;
  f.spikes = f.membrane = {};
  f.final_state[0] = f.final_state[1] = {};
  f.saved = nullptr;
  EXPECT_EQ(calls(forward), 0);
  const spikescan_forward_args none = f;
  (f = none).spikes = all.spikes;
  EXPECT_EQ(calls(forward), 1);
  (f = none).membrane = all.membrane;
  EXPECT_EQ(calls(forward), 1);
  for (const int n : {0, 1}) {
    (f = none).final_state[n] = all.final_state[n];
    EXPECT_EQ(calls(forward), 1);
  }
  (f = none).saved = all.saved;
  EXPECT_EQ(calls(forward), 0) << "of 5 steps nothing is saved";
  forward.d.time = 65;
  EXPECT_EQ(calls(forward), 1);
  BackwardCase backward;
  spikescan_backward_args& b = backward.args;
  const spikescan_backward_args all_gradients = b;
  backward.d.backend = kCuda;
  b.grad_x = {};
  b.grad_beta = b.grad_alpha = nullptr;
  b.grad_initial_state[0] = b.grad_initial_state[1] = {};
  EXPECT_EQ(calls(backward), 0);
  const spikescan_backward_args no_gradient = b;
  (b = no_gradient).grad_x = all_gradients.grad_x;
  EXPECT_EQ(calls(backward), 1);
  (b = no_gradient).grad_beta = all_gradients.grad_beta;
  EXPECT_EQ(calls(backward), 1);
  (b = no_gradient).grad_alpha = all_gradients.grad_alpha;
  EXPECT_EQ(calls(backward), 1);
  for (const int n : {0, 1}) {
    (b = no_gradient).grad_initial_state[n] = all_gradients.grad_initial_state[n];
    EXPECT_EQ(calls(backward), 1);
  }
}

// With several chunks a GPU needs scratch for what they hand on.
TEST_F(BackendCalls, ForwardWorkspaceOnADevice) {
  const auto lengthened = [](auto& call) {
    call.d.backend = kCuda;
    call.d.time = 1025;
    for (spikescan_tensor* t : {&call.args.x, &call.args.uniforms, &call.args.spikes, &call.args.membrane}) {
      t->stride_batch = 1025 * 3;
    }
    const auto needed = static_cast<int64_t>(call.sizes().forward_workspace);
    EXPECT_GT(needed, 0);
    return needed;
  };
  ForwardCase whole;
  lengthened(whole);
  EXPECT_EQ(whole.run(), SPIKESCAN_OK) << spikescan_last_error();
  ForwardCase small;
  const int64_t needed = lengthened(small);
  small.args.workspace_bytes = static_cast<size_t>(needed - 1);
  EXPECT_EQ(small.run(), SPIKESCAN_WORKSPACE_TOO_SMALL);
  expect_sentence({"workspace_bytes is " + text_of(needed - 1), "at least " + text_of(needed)});
  ForwardCase null;
  lengthened(null);
  null.args.workspace = nullptr;
  EXPECT_EQ(null.run(), SPIKESCAN_INVALID_ARGUMENT);
  expect_sentence({"workspace is null"});
  ForwardCase misaligned;
  lengthened(misaligned);
  misaligned.args.workspace = static_cast<std::byte*>(misaligned.args.workspace) + 64;
  EXPECT_EQ(misaligned.run(), SPIKESCAN_INVALID_ARGUMENT);
  expect_sentence({"workspace is " + text_of(misaligned.args.workspace), "256"});
  ForwardCase over;
  lengthened(over);
  over.args.workspace = over.args.membrane.data;
  EXPECT_EQ(over.run(), SPIKESCAN_INVALID_ARGUMENT);
  expect_sentence({"workspace", "membrane", "share memory"});
  EXPECT_EQ(fake().calls, 1) << "only the whole call got through";
}

// ---- Every function's failure ---------------------------------------------------------------------------------------

struct Entry {
  const char* function;
  std::function<spikescan_status()> call;
};

// Outputs that a failing call must leave alone.
struct Outputs {
  void* pointer = &pointer;
  double seconds = -1.0;
  spikescan_device_info info = {};
  spikescan_sizes sizes = {sizeof sizes, 1, 2, 3};
  char text[8] = "as was";
};

std::vector<Entry> entries(Outputs& out, ForwardCase& forward, BackwardCase& backward) {
  out.info.struct_size = sizeof out.info;
  static int here, there;
  return {
      {"facts", [&] { return spikescan_query_sizes(&forward.d, &out.sizes); }},
      {"facts", [&] { return spikescan_describe_plan(&forward.d, out.text, sizeof out.text); }},
      {"facts", [&] { return forward.run(); }},
      {"forward", [&] { return forward.run(); }},
      {"backward", [&] { return backward.run(); }},
      {"query_device", [&] { return spikescan_query_device(kCuda, 0, &out.info); }},
      {"query_device", [&] { return spikescan_describe_plan(&forward.d, out.text, sizeof out.text); }},
      {"allocate", [&] { return spikescan_allocate(kCuda, 64, &out.pointer); }},
      {"free", [] { return spikescan_free(kCuda, &here); }},
      {"copy", [] { return spikescan_copy(kCuda, &here, &there, 4, &here); }},
      {"fill", [] { return spikescan_fill(kCuda, &here, 1, 4, &here); }},
      {"stream_create", [&] { return spikescan_stream_create(kCuda, &out.pointer); }},
      {"stream_destroy", [] { return spikescan_stream_destroy(kCuda, &here); }},
      {"stream_synchronize", [] { return spikescan_stream_synchronize(kCuda, &here); }},
      {"timer_create", [&] { return spikescan_timer_create(kCuda, &out.pointer); }},
      {"timer_start", [] { return spikescan_timer_start(kCuda, &here, &there); }},
      {"timer_stop", [] { return spikescan_timer_stop(kCuda, &here, &there); }},
      {"timer_seconds", [&] { return spikescan_timer_seconds(kCuda, &here, &out.seconds); }},
      {"timer_destroy", [] { return spikescan_timer_destroy(kCuda, &here); }},
  };
}

TEST_F(BackendCalls, EveryFailureComesBackWithItsCallAndError) {
  for (const spikescan_status status : {SPIKESCAN_CUDA_ERROR, SPIKESCAN_OUT_OF_MEMORY}) {
    Outputs out;
    ForwardCase forward;
    BackwardCase backward;
    forward.d.backend = backward.d.backend = kCuda;
    for (const Entry& entry : entries(out, forward, backward)) {
      reset_fake();
      fake().failing = entry.function;
      fake().status = status;
      EXPECT_EQ(entry.call(), status) << entry.function;
      expect_sentence({std::string(entry.function) + " failed: cudaErrorFake (told to fail)"});
      EXPECT_EQ(out.pointer, &out.pointer) << entry.function;
      EXPECT_EQ(out.seconds, -1.0) << entry.function;
      EXPECT_EQ(out.info.name[0], '\0') << entry.function;
      EXPECT_EQ(out.sizes.saved, 3u) << entry.function;
      EXPECT_STREQ(out.text, "as was") << entry.function;
      fake().failing = nullptr;
      Outputs again;
      for (const Entry& retried : entries(again, forward, backward)) {
        if (std::strcmp(retried.function, entry.function) != 0) continue;
        EXPECT_EQ(retried.call(), SPIKESCAN_OK) << "the next call works: " << entry.function;
        EXPECT_STREQ(spikescan_last_error(), "");
      }
    }
  }
}

TEST_F(BackendCalls, StreamsAndBytesArriveAsGiven) {
  int here[4] = {}, there[4] = {}, stream;
  EXPECT_EQ(spikescan_copy(kAuto, here, there, 12, &stream), SPIKESCAN_OK);
  EXPECT_EQ(fake().bytes, 12u);
  EXPECT_EQ(fake().stream, &stream);
  EXPECT_EQ(spikescan_fill(kCuda, here, -1, 9, nullptr), SPIKESCAN_OK);
  EXPECT_EQ(fake().bytes, 9u);
  EXPECT_EQ(fake().byte, 0xff);
  EXPECT_EQ(fake().stream, nullptr);
  double seconds = 0.0;
  EXPECT_EQ(spikescan_timer_seconds(kCuda, here, &seconds), SPIKESCAN_OK);
  EXPECT_EQ(seconds, 2.5);
}

// Null needs no release; nothing of no size is copied or allocated.
TEST_F(BackendCalls, NothingToDoReachesNoBackend) {
  void* pointer = &pointer;
  EXPECT_EQ(spikescan_free(kCuda, nullptr), SPIKESCAN_OK);
  EXPECT_EQ(spikescan_stream_destroy(kCuda, nullptr), SPIKESCAN_OK);
  EXPECT_EQ(spikescan_timer_destroy(kCuda, nullptr), SPIKESCAN_OK);
  EXPECT_EQ(spikescan_copy(kCuda, nullptr, nullptr, 0, nullptr), SPIKESCAN_OK);
  EXPECT_EQ(spikescan_fill(kCuda, nullptr, 0, 0, nullptr), SPIKESCAN_OK);
  EXPECT_EQ(spikescan_allocate(kCuda, 0, &pointer), SPIKESCAN_OK);
  EXPECT_EQ(pointer, nullptr);
  EXPECT_EQ(fake().calls, 0);
  EXPECT_EQ(spikescan_stream_synchronize(kCuda, nullptr), SPIKESCAN_OK) << "the default stream can be waited for";
  EXPECT_STREQ(fake().last, "stream_synchronize");
}

TEST_F(BackendCalls, QueryOfOneDeviceAmongSeveral) {
  fake().devices = 3;
  spikescan_device_info info = {};
  info.struct_size = sizeof info;
  EXPECT_EQ(spikescan_query_device(kCuda, 2, &info), SPIKESCAN_OK);
  EXPECT_EQ(info.processors, 102);
  EXPECT_EQ(spikescan_query_device(kCuda, 3, &info), SPIKESCAN_INVALID_ARGUMENT);
  expect_sentence({"device is 3", "from 0 to 2"});
}

TEST_F(BackendCalls, PlanNamesTheDeviceWhereItIsKnown) {
  CallCase call;
  call.d.backend = kCuda;
  char text[4096];
  ASSERT_EQ(spikescan_describe_plan(&call.d, text, sizeof text), SPIKESCAN_OK);
  EXPECT_NE(std::strstr(text, "backend=cuda device=\"Fake GPU\" processors=132"), nullptr) << text;
  fake().devices = 2;
  ASSERT_EQ(spikescan_describe_plan(&call.d, text, sizeof text), SPIKESCAN_OK);
  EXPECT_NE(std::strstr(text, "device=\"the current one of 2\" processors=132 recurrence="), nullptr) << text;
}

// A comment's words, which its lines break anywhere.
std::string words_of(std::istream& text) {
  std::string words;
  for (std::string word; text >> word;) {
    if (word != "*") words += word + " ";
  }
  return words;
}

TEST_F(BackendCalls, TheHeadersSampleOfAPlanIsOne) {
  fake().name = "NVIDIA H200";
  spikescan_description d = SPIKESCAN_DESCRIPTION_INIT;
  d.backend = kCuda;
  d.batch = 256;
  d.time = 1024;
  d.channels = 512;
  char text[4096];
  ASSERT_EQ(spikescan_describe_plan(&d, text, sizeof text), SPIKESCAN_OK);
  std::istringstream plan(text);
  std::ifstream header(SPIKESCAN_C_HEADER);
  ASSERT_TRUE(header.is_open());
  EXPECT_NE(words_of(header).find(words_of(plan)), std::string::npos) << text;
}

}  // namespace
}  // namespace spikescan::test
