// Problems without elements: null pointers are legal, nothing is read, and T = 0 hands the states on.
#include <gtest/gtest.h>

#include "refusals.h"

namespace spikescan::test {
namespace {

enum class Axis { kBatch, kTime, kChannels };
constexpr Axis kAxes[] = {Axis::kBatch, Axis::kTime, Axis::kChannels};
constexpr spikescan_recurrence kRecurrences[] = {SPIKESCAN_LIF, SPIKESCAN_SPSN, SPIKESCAN_CUBA_LIF, SPIKESCAN_PSU_LIF};

void empty(spikescan_description& d, Axis axis) {
  (axis == Axis::kBatch ? d.batch : axis == Axis::kTime ? d.time : d.channels) = 0;
}

// Without alpha and second states where the recurrence has none.
template <class Case>
void suit(Case& call, spikescan_recurrence recurrence) {
  call.d.recurrence = recurrence;
  if (recurrence != SPIKESCAN_CUBA_LIF) call.args.alpha = nullptr;
  if (recurrence == SPIKESCAN_LIF || recurrence == SPIKESCAN_SPSN) call.args.initial_state[1] = {};
}

TEST(ZeroSize, ForwardWithoutAnyPointer) {
  for (const spikescan_recurrence recurrence : kRecurrences) {
    for (const Axis axis : kAxes) {
      ForwardCase call;
      call.d.recurrence = recurrence;
      empty(call.d, axis);
      call.args = {};
      call.args.struct_size = sizeof call.args;
      EXPECT_EQ(call.run(), SPIKESCAN_OK) << spikescan_last_error();
    }
  }
}

TEST(ZeroSize, BackwardWithoutAnyPointer) {
  for (const spikescan_recurrence recurrence : kRecurrences) {
    for (const Axis axis : kAxes) {
      BackwardCase call;
      call.d.recurrence = recurrence;
      empty(call.d, axis);
      const spikescan_sizes sizes = call.sizes();
      EXPECT_EQ(sizes.saved, 0u);
      void* workspace = call.args.workspace;
      call.args = {};
      call.args.struct_size = sizeof call.args;
      call.args.workspace = workspace;
      call.args.workspace_bytes = sizes.backward_workspace;
      EXPECT_EQ(call.run(), SPIKESCAN_OK) << spikescan_last_error();
    }
  }
}

TEST(ZeroSize, WithoutBatchOrChannelsForwardWritesNothing) {
  for (const Axis axis : {Axis::kBatch, Axis::kChannels}) {
    ForwardCase call;
    empty(call.d, axis);
    EXPECT_EQ(call.run(), SPIKESCAN_OK) << spikescan_last_error();
    EXPECT_TRUE(call.arena.unchanged());
  }
}

// The initial state is 0.25 and 0.25; final_state[0] keeps a wider row, whose gap must stay.
TEST(ZeroSize, WithoutStepsTheStatesAreHandedOn) {
  for (const spikescan_recurrence recurrence : {SPIKESCAN_CUBA_LIF, SPIKESCAN_PSU_LIF}) {
    ForwardCase call;
    suit(call, recurrence);
    call.d.time = 0;
    call.args.x.data = nullptr;
    call.args.beta = nullptr;
    call.args.alpha = nullptr;
    call.args.initial_state[1].data[4] = -7.0f;
    call.args.final_state[0].stride_batch = 4;
    const float gap = call.args.final_state[0].data[3];
    ASSERT_EQ(call.run(), SPIKESCAN_OK) << spikescan_last_error();
    for (int c = 0; c < 3; ++c) {
      EXPECT_EQ(call.args.final_state[0].data[c], 0.25f);
      EXPECT_EQ(call.args.final_state[0].data[4 + c], 0.25f);
    }
    EXPECT_EQ(call.args.final_state[0].data[3], gap);
    EXPECT_EQ(call.args.final_state[1].data[3], 0.25f);
    EXPECT_EQ(call.args.final_state[1].data[4], -7.0f);
  }
}

TEST(ZeroSize, AbsentInitialStateIsHandedOnAsZero) {
  ForwardCase call;
  call.d.time = 0;
  call.args.initial_state[0] = {};
  ASSERT_EQ(call.run(), SPIKESCAN_OK) << spikescan_last_error();
  for (int i = 0; i < 6; ++i) EXPECT_EQ(call.args.final_state[0].data[i], 0.0f);
}

TEST(ZeroSize, WithoutStepsTheGradientsAreHandedOn) {
  for (const bool with_decays : {true, false}) {
    BackwardCase call;
    call.d.time = 0;
    if (!with_decays) call.args.beta = call.args.alpha = nullptr;
    call.args.grad_final_state[1].data[5] = 3.0f;
    ASSERT_EQ(call.run(), SPIKESCAN_OK) << spikescan_last_error();
    for (int i = 0; i < 6; ++i) EXPECT_EQ(call.args.grad_initial_state[0].data[i], 0.125f);
    EXPECT_EQ(call.args.grad_initial_state[1].data[5], 3.0f);
    for (int c = 0; c < 3; ++c) {
      EXPECT_EQ(call.args.grad_beta[c], 0.0f);
      EXPECT_EQ(call.args.grad_alpha[c], 0.0f);
    }
  }
}

TEST(ZeroSize, TheSumOfNothingIsZero) {
  for (const Axis axis : kAxes) {
    for (const bool with_decays : {true, false}) {
      BackwardCase call;
      call.d.shared_decay = 1;
      empty(call.d, axis);
      if (!with_decays) call.args.beta = call.args.alpha = nullptr;
      ASSERT_EQ(call.run(), SPIKESCAN_OK) << spikescan_last_error();
      EXPECT_EQ(call.args.grad_beta[0], 0.0f);
      EXPECT_EQ(call.args.grad_alpha[0], 0.0f);
    }
  }
}

// No page is mapped there: reading would end the program.
template <class T>
const T* nowhere() {
  return reinterpret_cast<const T*>(uintptr_t{4096});
}

TEST(ZeroSize, NothingIsRead) {
  for (const spikescan_recurrence recurrence : {SPIKESCAN_CUBA_LIF, SPIKESCAN_PSU_LIF}) {
    ForwardCase forward;
    suit(forward, recurrence);
    forward.d.time = 0;
    forward.args.x.data = const_cast<float*>(nowhere<float>());
    forward.args.beta = nowhere<float>();
    if (forward.args.alpha) forward.args.alpha = nowhere<float>();
    forward.args.device_key = nowhere<spikescan_device_key>();
    EXPECT_EQ(forward.run(), SPIKESCAN_OK) << spikescan_last_error();
    BackwardCase backward;
    suit(backward, recurrence);
    if (recurrence != SPIKESCAN_CUBA_LIF) backward.args.grad_alpha = nullptr;
    backward.d.time = 0;
    backward.args.x.data = const_cast<float*>(nowhere<float>());
    backward.args.beta = nowhere<float>();
    if (backward.args.alpha) backward.args.alpha = nowhere<float>();
    EXPECT_EQ(backward.run(), SPIKESCAN_OK) << spikescan_last_error();
  }
}

// Several batches, so far apart that their places would overflow. The sanitizers would see it.
TEST(ZeroSize, AnyStrideWillDo) {
  for (const spikescan_recurrence recurrence : kRecurrences) {
    for (const Axis axis : {Axis::kTime, Axis::kChannels}) {
      ForwardCase forward;
      suit(forward, recurrence);
      forward.d.batch = 4;
      empty(forward.d, axis);
      spikescan_forward_args& f = forward.args;
      if (!f.initial_state[1].data) f.final_state[1] = {};
      for (spikescan_tensor* tensor : {&f.x, &f.uniforms, &f.spikes, &f.membrane}) {
        tensor->stride_batch = tensor->stride_time = int64_t{1} << 62;
      }
      EXPECT_EQ(forward.run(), SPIKESCAN_OK) << spikescan_last_error();
      BackwardCase backward;
      suit(backward, recurrence);
      backward.d.batch = 4;
      empty(backward.d, axis);
      spikescan_backward_args& b = backward.args;
      if (!b.initial_state[1].data) b.grad_final_state[1] = b.grad_initial_state[1] = {};
      if (!b.alpha) b.grad_alpha = nullptr;
      for (spikescan_tensor* tensor : {&b.x, &b.grad_spikes, &b.grad_membrane, &b.grad_x}) {
        tensor->stride_batch = tensor->stride_time = int64_t{1} << 62;
      }
      EXPECT_EQ(backward.run(), SPIKESCAN_OK) << spikescan_last_error();
    }
  }
}

// Decays with NaN are refused because they would be read; here they are not.
TEST(ZeroSize, DecaysAreNotLookedAt) {
  ForwardCase call;
  call.d.time = 0;
  const_cast<float*>(call.args.beta)[0] = __builtin_nanf("");
  EXPECT_EQ(call.run(), SPIKESCAN_OK) << spikescan_last_error();
}

// What is given is still checked.
TEST(ZeroSize, GivenArgumentsAreChecked) {
  ForwardCase call;
  call.d.time = 0;
  call.args.x.stride_batch = -1;
  EXPECT_EQ(call.run(), SPIKESCAN_INVALID_ARGUMENT);
  expect_sentence({"x.stride_batch is -1"});
  ForwardCase state;
  state.d.time = 0;
  state.args.final_state[0].data = state.args.initial_state[0].data;
  EXPECT_EQ(state.run(), SPIKESCAN_INVALID_ARGUMENT);
  expect_sentence({"final_state[0]", "initial_state[0]", "share memory"});
}

// 2^56 states that nobody wants are not gone through.
TEST(ZeroSize, NothingToWriteTakesNoTime) {
  ForwardCase call;
  call.d.batch = 1 << 24;
  call.d.time = 0;
  call.d.channels = int64_t{1} << 32;
  call.args = {};
  call.args.struct_size = sizeof call.args;
  EXPECT_EQ(call.run(), SPIKESCAN_OK) << spikescan_last_error();
}

// Outputs of size zero may coincide with anything: they have no bytes.
TEST(ZeroSize, NothingOverlapsNothing) {
  ForwardCase call;
  call.d.channels = 0;
  call.args.membrane.data = call.args.spikes.data = call.args.x.data;
  EXPECT_EQ(call.run(), SPIKESCAN_OK) << spikescan_last_error();
}

}  // namespace
}  // namespace spikescan::test
