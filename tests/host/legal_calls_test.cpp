// What must not be refused, and gives the values of the plain call: slices of one buffer, bare alignment, repeated
// inputs, buffers that are not needed, structs of a newer program.
#include <gtest/gtest.h>

#include <cstring>

#include "refusals.h"

namespace spikescan::test {
namespace {

struct Values {
  std::vector<float> membrane;
  std::vector<uint8_t> spikes;
  bool operator==(const Values&) const = default;
};

// Element (b, t, c) of forward's two tensors, wherever their strides put them.
Values values_of(const ForwardCase& call) {
  Values values;
  for (int64_t b = 0; b < call.d.batch; ++b) {
    for (int64_t t = 0; t < call.d.time; ++t) {
      for (int64_t c = 0; c < call.d.channels; ++c) {
        const spikescan_tensor &v = call.args.membrane, &s = call.args.spikes;
        const int64_t v_at = b * v.stride_batch + t * v.stride_time + c;
        float value;
        std::memcpy(&value, static_cast<const float*>(v.data) + v_at, sizeof value);
        values.membrane.push_back(value);
        values.spikes.push_back(static_cast<const uint8_t*>(s.data)[b * s.stride_batch + t * s.stride_time + c]);
      }
    }
  }
  return values;
}

// Inputs that differ from element to element, so that a misplaced one shows.
void vary(ForwardCase& call) {
  auto* x = static_cast<float*>(call.args.x.data);
  for (int i = 0; i < 30; ++i) x[i] = 0.1f * static_cast<float>(i % 7) + 0.3f;
  call.args.uniforms = {};
}

Values run(ForwardCase& call) {
  EXPECT_EQ(call.run(), SPIKESCAN_OK) << spikescan_last_error();
  return values_of(call);
}

const Values& plain_values() {
  static const Values values = [] {
    ForwardCase call;
    vary(call);
    return run(call);
  }();
  return values;
}

TEST(LegalForward, PlainCallVaries) {
  const Values& values = plain_values();
  EXPECT_NE(values.membrane.front(), values.membrane.back());
  EXPECT_NE(values.spikes, std::vector<uint8_t>(30, 0));
  EXPECT_NE(values.spikes, std::vector<uint8_t>(30, 1));
}

// One record a step: 3 floats of membrane, 3 bytes of spikes, a byte of padding.
TEST(LegalForward, OutputsInterleavedByTheStep) {
  ForwardCase call;
  vary(call);
  call.args.membrane.stride_time = 4;
  call.args.membrane.stride_batch = 20;
  call.args.spikes = {static_cast<std::byte*>(call.args.membrane.data) + 12, SPIKESCAN_UINT8, 80, 16};
  EXPECT_EQ(run(call), plain_values());
}

// x and membrane are the two halves of the channels of one buffer.
TEST(LegalForward, OutputBesideItsInput) {
  ForwardCase call;
  vary(call);
  auto* wide = static_cast<float*>(call.args.membrane.data);
  for (int row = 0; row < 10; ++row) {
    std::memcpy(wide + row * 6, static_cast<float*>(call.args.x.data) + row * 3, 3 * sizeof(float));
  }
  call.args.x = {wide, SPIKESCAN_FLOAT32, 30, 6};
  call.args.membrane = {wide + 3, SPIKESCAN_FLOAT32, 30, 6};
  EXPECT_EQ(run(call), plain_values());
}

TEST(LegalForward, FinalStateBesideTheMembrane) {
  ForwardCase call;
  vary(call);
  call.args.membrane.stride_batch = 18;
  call.args.final_state[0] = {static_cast<float*>(call.args.membrane.data) + 15, 18};
  EXPECT_EQ(run(call), plain_values());
}

// 4 bytes past a multiple of 16, 1 past one for bytes.
TEST(LegalForward, AlignedToTheDtypeAndNoMore) {
  ForwardCase call;
  vary(call);
  auto* x = static_cast<float*>(call.args.x.data);
  std::memmove(x + 1, x, 30 * sizeof(float));
  call.args.x.data = x + 1;
  call.args.membrane.data = static_cast<float*>(call.args.membrane.data) + 1;
  call.args.spikes.data = static_cast<uint8_t*>(call.args.spikes.data) + 1;
  call.args.beta += 1;
  call.args.alpha += 3;
  for (int i = 0; i < 2; ++i) {
    call.args.initial_state[i].data += 1;
    call.args.final_state[i].data += 1;
  }
  EXPECT_EQ(run(call), plain_values());
}

TEST(LegalForward, InputsMayRepeatAndCoincide) {
  ForwardCase plain, repeated;
  auto* row = static_cast<float*>(repeated.args.x.data);
  for (int c = 0; c < 3; ++c) row[c] = 0.25f * static_cast<float>(c + 1);
  for (int i = 0; i < 30; ++i) static_cast<float*>(plain.args.x.data)[i] = row[i % 3];
  repeated.args.x.stride_batch = repeated.args.x.stride_time = 0;
  repeated.args.uniforms.stride_batch = 0;
  repeated.args.initial_state[0].stride_batch = 0;
  repeated.args.initial_state[1] = repeated.args.initial_state[0];
  repeated.args.alpha = repeated.args.beta;
  plain.args.alpha = plain.args.beta;
  EXPECT_EQ(run(repeated), run(plain));
}

TEST(LegalForward, StridesOfAxesWithOneElementAreNotUsed) {
  ForwardCase plain, call;
  plain.d.batch = plain.d.time = call.d.batch = call.d.time = 1;
  call.args.x.stride_batch = call.args.x.stride_time = INT64_MAX;
  call.args.membrane.stride_batch = 0;
  call.args.membrane.stride_time = INT64_MAX;
  call.args.final_state[0].stride_batch = INT64_MAX;
  call.args.initial_state[1].stride_batch = INT64_MAX;
  EXPECT_EQ(call.run(), SPIKESCAN_OK) << spikescan_last_error();
  plain.run();
  EXPECT_EQ(std::memcmp(call.args.membrane.data, plain.args.membrane.data, 3 * sizeof(float)), 0);
}

TEST(LegalBackward, StridesOfAxesWithOneElementAreNotUsed) {
  BackwardCase plain, call;
  plain.d.batch = plain.d.time = call.d.batch = call.d.time = 1;
  for (spikescan_tensor* tensor : {&call.args.x, &call.args.grad_spikes, &call.args.grad_membrane, &call.args.grad_x}) {
    tensor->stride_batch = tensor->stride_time = INT64_MAX;
  }
  call.args.initial_state[0].stride_batch = call.args.grad_final_state[1].stride_batch = INT64_MAX;
  call.args.grad_initial_state[1].stride_batch = INT64_MAX;
  EXPECT_EQ(call.run(), SPIKESCAN_OK) << spikescan_last_error();
  plain.run();
  EXPECT_EQ(std::memcmp(call.args.grad_x.data, plain.args.grad_x.data, 3 * sizeof(float)), 0);
}

TEST(LegalForward, BuffersThatAreNotNeededAreNotLookedAt) {
  ForwardCase call;
  const spikescan_sizes sizes = call.sizes();
  ASSERT_EQ(sizes.saved, 0u);
  ASSERT_EQ(sizes.forward_workspace, 0u) << "the CPU's forward needs no scratch";
  call.args.saved = call.args.membrane.data;
  call.args.saved_bytes = 0;
  call.args.workspace = static_cast<std::byte*>(call.args.x.data) + 1;
  call.args.workspace_bytes = 7;
  EXPECT_EQ(call.run(), SPIKESCAN_OK) << spikescan_last_error();
}

// Only what is needed of a buffer counts: the rest may hold other arguments.
TEST(LegalBackward, OnlyTheNeededPartOfABufferCounts) {
  BackwardCase call;
  const size_t needed = call.sizes().backward_workspace;
  call.args.grad_x.data = static_cast<std::byte*>(call.args.workspace) + needed;
  EXPECT_EQ(call.run(), SPIKESCAN_OK) << spikescan_last_error();
}

// One element in the batch: its stride says nothing.
TEST(LegalBackward, GradientOfXInPlaceOfThatOfTheSpikes) {
  BackwardCase call;
  call.args.grad_x = call.args.grad_spikes;
  EXPECT_EQ(call.run(), SPIKESCAN_OK) << spikescan_last_error();
  call.d.batch = 1;
  call.args.grad_x.stride_batch = 7;
  EXPECT_EQ(call.run(), SPIKESCAN_OK) << spikescan_last_error();
}

TEST(LegalForward, PackedSpikesAtAMultipleOf32) {
  ForwardCase call;
  call.args.spikes = {call.args.spikes.data, SPIKESCAN_BITS32, 3, 3};
  call.d.time_origin = 96;
  EXPECT_EQ(call.run(), SPIKESCAN_OK) << spikescan_last_error();
}

// 33 steps are two rows of words: the strides are held against words, not steps.
TEST(LegalForward, StridesOfPackedSpikesCountWords) {
  ForwardCase call;
  call.d.time = 33;
  for (spikescan_tensor* t : {&call.args.x, &call.args.uniforms, &call.args.membrane}) t->stride_batch = 99;
  call.args.spikes = {call.args.spikes.data, SPIKESCAN_BITS32, 6, 3};
  EXPECT_EQ(call.run(), SPIKESCAN_OK) << spikescan_last_error();
  call.args.spikes.stride_batch = 5;
  EXPECT_EQ(call.run(), SPIKESCAN_INVALID_ARGUMENT);
  expect_sentence({"spikes.stride_batch is 5", "share memory"});
}

template <class Args>
struct Larger {
  Args known;
  unsigned char more[32];
};

TEST(LegalForward, LargerStructOfZeros) {
  ForwardCase call;
  Larger<spikescan_forward_args> larger = {call.args, {}};
  larger.known.struct_size = sizeof larger;
  EXPECT_EQ(spikescan_forward(&call.d, &larger.known, nullptr), SPIKESCAN_OK) << spikescan_last_error();
  call.arena.remember();
  larger.more[9] = 2;
  EXPECT_EQ(spikescan_forward(&call.d, &larger.known, nullptr), SPIKESCAN_UNSUPPORTED);
  expect_sentence({"args.struct_size is " + text_of(static_cast<int64_t>(sizeof larger)), "is 2"});
  EXPECT_TRUE(call.arena.unchanged());
}

TEST(LegalBackward, LargerStructOfZeros) {
  BackwardCase call;
  Larger<spikescan_backward_args> larger = {call.args, {}};
  larger.known.struct_size = sizeof larger;
  EXPECT_EQ(spikescan_backward(&call.d, &larger.known, nullptr), SPIKESCAN_OK) << spikescan_last_error();
  larger.more[31] = 1;
  EXPECT_EQ(spikescan_backward(&call.d, &larger.known, nullptr), SPIKESCAN_UNSUPPORTED);
}

// Infinite decays are clipped, as any other outside [0, 1].
TEST(LegalForward, InfiniteDecays) {
  ForwardCase call;
  const_cast<float*>(call.args.beta)[0] = __builtin_inff();
  const_cast<float*>(call.args.alpha)[1] = -__builtin_inff();
  EXPECT_EQ(call.run(), SPIKESCAN_OK) << spikescan_last_error();
}

// NaN behind the last decay is nobody's.
TEST(LegalForward, OnlyTheDecaysThemselvesAreRead) {
  ForwardCase call;
  const_cast<float*>(call.args.beta)[3] = __builtin_nanf("");
  EXPECT_EQ(call.run(), SPIKESCAN_OK) << spikescan_last_error();
  call.d.shared_decay = 1;
  const_cast<float*>(call.args.beta)[1] = __builtin_nanf("");
  EXPECT_EQ(call.run(), SPIKESCAN_OK) << spikescan_last_error();
}

}  // namespace
}  // namespace spikescan::test
