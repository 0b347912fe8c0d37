// Errors of the C++ face: a failing C call becomes one exception with the library's status and sentence, and sizes that
// only a view knows are refused before the library is called.
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <spikescan/spikescan.hpp>

#include "printing.h"

// AddressSanitizer would end the program at an allocation that is too large, where malloc gives null.
extern "C" const char* __asan_default_options() {
  return "allocator_may_return_null=1";
}

namespace spikescan {
namespace {

Error error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no Error was thrown";
  return Error(Status::ok, "");
}

void expect_error(const std::function<void()>& call, Status status, const std::string& part) {
  const Error error = error_of(call);
  EXPECT_EQ(error.status(), status) << error.what();
  EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
}

// A legal call on the CPU that each test spoils in one place.
struct SmallCall {
  Problem problem{.device = Device::cpu, .shape = {2, 5, 3}};
  Tensor x{Device::cpu, {2, 5, 3}};
  Tensor beta{Device::cpu, {1, 1, 3}};
  Tensor spikes{Device::cpu, {2, 5, 3}};
  Workspace workspace{problem};
  ForwardArgs args{};

  SmallCall() {
    x.zero();
    beta.zero();
    args.x = x;
    args.beta = beta;
    args.spikes = spikes;
  }
  void run() { forward(problem, args, workspace); }
};

TEST(Errors, TheUnspoiledCallWorks) {
  SmallCall call;
  EXPECT_NO_THROW(call.run());
}

TEST(Errors, CarriesStatusAndSentenceOfTheLibrary) {
  SmallCall call;
  call.problem.neuron.threshold = std::numeric_limits<float>::quiet_NaN();
  const Error error = error_of([&] { call.run(); });
  EXPECT_EQ(error.status(), Status::invalid_argument);
  EXPECT_STREQ(error.what(), spikescan_last_error());
  EXPECT_NE(std::string(error.what()).find("threshold"), std::string::npos) << error.what();
}

TEST(Errors, EachStatusComesThrough) {
  for (const auto& [c, status] : {std::pair{SPIKESCAN_INVALID_ARGUMENT, Status::invalid_argument},
                                  {SPIKESCAN_UNSUPPORTED, Status::unsupported},
                                  {SPIKESCAN_BACKEND_UNAVAILABLE, Status::backend_unavailable},
                                  {SPIKESCAN_WORKSPACE_TOO_SMALL, Status::workspace_too_small},
                                  {SPIKESCAN_OUT_OF_MEMORY, Status::out_of_memory},
                                  {SPIKESCAN_CUDA_ERROR, Status::cuda_error},
                                  {SPIKESCAN_INTERNAL_ERROR, Status::internal_error}}) {
    EXPECT_EQ(error_of([c = c] { check(c); }).status(), status);
  }
  EXPECT_NO_THROW(check(SPIKESCAN_OK));
}

TEST(Errors, AProblemsQuestionsAreRefusedAsItsCalls) {
  const Problem problem{.device = Device::cpu, .neuron = {.k = -1.0f}, .shape = {2, 5, 3}};
  expect_error([&] { problem.sizes(); }, Status::invalid_argument, "k is -1");
  expect_error([&] { problem.plan(); }, Status::invalid_argument, "k is -1");
  expect_error([&] { make_saved(problem); }, Status::invalid_argument, "k is -1");
}

TEST(Errors, SentenceOutlivesLaterCalls) {
  SmallCall call;
  call.problem.neuron.k = -1.0f;
  const Error error = error_of([&] { call.run(); });
  const std::string sentence = error.what();
  call.problem.neuron.k = 1.0f;
  call.run();
  EXPECT_STREQ(spikescan_last_error(), "");
  EXPECT_EQ(error.what(), sentence);
  EXPECT_FALSE(sentence.empty());
}

TEST(Errors, NullInputIsNamed) {
  SmallCall call;
  call.args.x = {};
  expect_error([&] { call.run(); }, Status::invalid_argument, "x");
}

TEST(Errors, TooSmallAWorkspace) {
  // Backward always has partial sums to keep once a decay's gradient is asked for.
  const Problem problem{.device = Device::cpu, .shape = {2, 5, 3}};
  ASSERT_GT(problem.sizes().backward_workspace, 0u);
  SmallCall call;
  Tensor grad_beta(Device::cpu, problem.decay_shape());
  Memory saved = make_saved(problem);
  call.args.saved = saved.bytes();
  call.run();
  const BackwardArgs args{.x = call.x, .beta = call.beta, .saved = saved.bytes(), .grad_beta = grad_beta};
  expect_error([&] { backward(problem, args, {}); }, Status::workspace_too_small, "workspace");
}

// Of 65 steps one state is saved.
TEST(Errors, TooLittleSaved) {
  const Problem problem{.device = Device::cpu, .shape = {2, 65, 3}};
  Tensor x(Device::cpu, problem.shape), beta(Device::cpu, problem.decay_shape()), grad_x(Device::cpu, problem.shape);
  x.zero();
  beta.zero();
  Workspace workspace(problem);
  Memory saved = make_saved(problem);
  const std::span<std::byte> small = saved.bytes().first(saved.size() - 1);
  expect_error([&] { forward(problem, {.x = x, .beta = beta, .saved = small}, workspace); },
               Status::workspace_too_small, "saved_bytes is 47");
  expect_error([&] { backward(problem, {.x = x, .beta = beta, .saved = small, .grad_x = grad_x}, workspace); },
               Status::workspace_too_small, "saved_bytes is 47");
}

TEST(Errors, ShapesThatOnlyAViewKnows) {
  SmallCall call;
  Tensor wrong(Device::cpu, {2, 4, 3});
  call.args.x = wrong;
  expect_error([&] { call.run(); }, Status::invalid_argument, "x has shape [2, 4, 3]; the problem needs [2, 5, 3]");

  call = SmallCall();
  call.args.beta = block(call.beta, {}, {1, 1, 2});
  expect_error([&] { call.run(); }, Status::invalid_argument, "beta has shape [1, 1, 2]");

  call = SmallCall();
  call.problem.neuron.shared_decay = true;  // then beta is one value
  expect_error([&] { call.run(); }, Status::invalid_argument, "the problem needs [1, 1, 1]");

  call = SmallCall();
  Tensor state(Device::cpu, {3, 1, 3});
  call.args.final_state[0] = state;
  expect_error([&] { call.run(); }, Status::invalid_argument, "final_state[0] has shape [3, 1, 3]");

  call = SmallCall();
  Tensor bits(Device::cpu, {2, 5, 3}, Dtype::bits32);  // packed spikes of 5 steps are [2, 1, 3]
  call.args.spikes = bits;
  expect_error([&] { call.run(); }, Status::invalid_argument, "the problem needs [2, 1, 3]");
}

TEST(Errors, DecaysAndStatesAreFloat32) {
  SmallCall call;
  Tensor half(Device::cpu, {1, 1, 3}, Dtype::float16);
  call.args.beta = half;
  expect_error([&] { call.run(); }, Status::invalid_argument, "beta has dtype 1");

  call = SmallCall();
  Tensor half_state(Device::cpu, {2, 1, 3}, Dtype::float16);
  call.args.initial_state[0] = half_state;
  expect_error([&] { call.run(); }, Status::invalid_argument, "initial_state[0] has dtype 1");
}

// As the C library's sentences name them.
TEST(Errors, EachTensorHasItsName) {
  SmallCall call;
  Tensor wrong(Device::cpu, {1, 1, 4});
  const auto expect_named = [&](const std::string& name, const auto& run) {
    const Error error = error_of(run);
    EXPECT_EQ(std::string(error.what()).rfind(name + " has shape [1, 1, 4]", 0), 0u) << name << ": " << error.what();
  };
  const auto in_forward = [&](const char* name, auto ForwardArgs::*member) {
    ForwardArgs args = call.args;
    args.*member = wrong;
    expect_named(name, [&] { forward(call.problem, args, call.workspace); });
  };
  in_forward("x", &ForwardArgs::x);
  in_forward("beta", &ForwardArgs::beta);
  in_forward("alpha", &ForwardArgs::alpha);
  in_forward("uniforms", &ForwardArgs::uniforms);
  in_forward("spikes", &ForwardArgs::spikes);
  in_forward("membrane", &ForwardArgs::membrane);
  const auto in_backward = [&](const char* name, auto BackwardArgs::*member) {
    BackwardArgs args{.x = call.x, .beta = call.beta};
    args.*member = wrong;
    expect_named(name, [&] { backward(call.problem, args, call.workspace); });
  };
  in_backward("x", &BackwardArgs::x);
  in_backward("beta", &BackwardArgs::beta);
  in_backward("alpha", &BackwardArgs::alpha);
  in_backward("grad_spikes", &BackwardArgs::grad_spikes);
  in_backward("grad_membrane", &BackwardArgs::grad_membrane);
  in_backward("grad_x", &BackwardArgs::grad_x);
  in_backward("grad_beta", &BackwardArgs::grad_beta);
  in_backward("grad_alpha", &BackwardArgs::grad_alpha);
}

// As the C library's sentences name them.
TEST(Errors, EachStateHasItsName) {
  const Tensor wrong(Device::cpu, {1, 1, 3});
  Tensor wrong_output(Device::cpu, {1, 1, 3});
  for (const int i : {0, 1}) {
    const auto expect_named = [&](const std::function<void()>& run, const std::string& name) {
      expect_error(run, Status::invalid_argument, name + "[" + std::to_string(i) + "] has shape [1, 1, 3]");
    };
    SmallCall call;
    call.args.initial_state[i] = wrong;
    expect_named([&] { call.run(); }, "initial_state");
    call = SmallCall();
    call.args.final_state[i] = wrong_output;
    expect_named([&] { call.run(); }, "final_state");
    const auto run_backward = [&](const BackwardArgs& args) { backward(call.problem, args, {}); };
    BackwardArgs args{.x = call.x, .beta = call.beta};
    args.initial_state[i] = wrong;
    expect_named([&] { run_backward(args); }, "initial_state");
    args = {.x = call.x, .beta = call.beta};
    args.grad_final_state[i] = wrong;
    expect_named([&] { run_backward(args); }, "grad_final_state");
    args = {.x = call.x, .beta = call.beta};
    args.grad_initial_state[i] = wrong_output;
    expect_named([&] { run_backward(args); }, "grad_initial_state");
  }
}

TEST(Errors, ARefusedCallWritesNothing) {
  SmallCall call;
  const std::vector<float> before(30, 7.0f);
  call.spikes.copy_from(before);
  call.problem.neuron.max_prob = 1.5f;
  expect_error([&] { call.run(); }, Status::invalid_argument, "max_prob");
  EXPECT_EQ(call.spikes.to_vector(), before);
}

TEST(Errors, CudaWhereThereIsNone) {
  if (usable(Device::cuda)) GTEST_SKIP() << "this machine has a usable CUDA device";
  expect_error([] { resolve(Device::cuda); }, Status::backend_unavailable, "");
  expect_error([] { Tensor(Device::cuda, {1, 1, 1}); }, Status::backend_unavailable, "");
  expect_error([] { Stream(Device::cuda); }, Status::backend_unavailable, "");
  EXPECT_EQ(resolve(Device::automatic), Device::cpu);
}

TEST(Errors, AnExecutorOnADeviceThatMayBeAnother) {
  if (usable(Device::cuda)) GTEST_SKIP() << "this machine has a usable CUDA device";
  SmallCall call;
  const spikescan_executor threads = {sizeof threads, nullptr, 1, [](void*, int64_t tasks, auto task, void* data) {
                                        for (int64_t i = 0; i < tasks; ++i) task(data, i);
                                      }};
  EXPECT_NO_THROW(forward(call.problem, call.args, call.workspace, threads));
  EXPECT_NO_THROW(forward(call.problem, call.args, call.workspace, &threads));
  call.problem.device = Device::automatic;
  expect_error([&] { forward(call.problem, call.args, call.workspace, threads); }, Status::invalid_argument,
               "an executor needs CPU (1)");
}

TEST(Errors, BothPassesLookAtTheCallersThreads) {
  SmallCall call;
  Tensor grad_x(Device::cpu, call.problem.shape);
  const spikescan_executor none = {sizeof none, nullptr, 0, nullptr};
  expect_error([&] { forward(call.problem, call.args, call.workspace, none); }, Status::invalid_argument,
               "stream.threads is 0");
  expect_error(
      [&] { backward(call.problem, {.x = call.x, .beta = call.beta, .grad_x = grad_x}, call.workspace, none); },
      Status::invalid_argument, "stream.threads is 0");
}

TEST(Errors, NegativeAndOverflowingShapes) {
  expect_error([] { Tensor(Device::cpu, {-1, 2, 3}); }, Status::invalid_argument, "[-1, 2, 3]");
  const int64_t big = int64_t{1} << 32;
  expect_error([=] { Tensor(Device::cpu, {big, big, 3}); }, Status::invalid_argument, "below 2^63");
  expect_error([=] { ConstTensorView(nullptr, {0, big, big}); }, Status::invalid_argument, "below 2^63");
  // 2^62 elements are countable, but their 2^64 bytes are not.
  expect_error([=] { Tensor(Device::cpu, {big, big / 4, 1}); }, Status::invalid_argument, "bytes must be below 2^64");
}

// Of two negative sizes the product is none.
TEST(Errors, NegativeSizesWhoseProductIsNone) {
  for (const Shape shape : {Shape{-2, -3, 4}, Shape{-2, 3, -4}, Shape{2, -3, -4}, Shape{0, -1, 3}, Shape{3, 0, -1}}) {
    expect_error([=] { shape.elements(); }, Status::invalid_argument, "sizes must be >= 0");
  }
  const int64_t big = int64_t{1} << 32;
  expect_error([=] { Shape{2, big, big}.elements(); }, Status::invalid_argument, "below 2^63");
}

TEST(Errors, AnAbsurdAllocation) {
  expect_error([] { Memory(Device::cpu, size_t{1} << 60); }, Status::out_of_memory, "");
}

}  // namespace
}  // namespace spikescan
