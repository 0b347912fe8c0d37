// The same values in every layout, dtype and alignment, and with any outputs or gradients left out: the same bits, and
// not a byte written beside them.
#include <array>

#include "ops/target.h"
#include "support/coverage.h"
#include "support/forms.h"
#include "support/random_case.h"

namespace spikescan::ops {
namespace {

using support::Backward;
using support::Case;
using support::Forward;
using support::Layout;

class Forms : public OpsWith<spikescan_recurrence> {
 protected:
  Case small_case(int64_t time) const {
    Case c;
    c.description.recurrence = GetParam();
    c.description.batch = 3;
    c.description.time = time;
    c.description.channels = 5;
    return c;
  }
  // Runs `c` in its form, and holds it against the same values in contiguous float32.
  void expect_form(const Case& c) const {
    const Case plain = support::canonical(c);
    const Forward forward = support::forward(target(), plain);
    const Backward backward = support::backward(target(), plain, forward.saved);
    EXPECT_EQ(support::form_difference(target(), c, forward, backward), "");
  }
};
INSTANTIATE_TEST_SUITE_P(All, Forms, testing::ValuesIn(support::kRecurrences),
                         [](const auto& info) { return support::name_of(info.param); });

void set_layouts(Case& c, Layout input, Layout output) {
  c.x_layout = c.uniforms_layout = c.grad_spikes_layout = c.grad_membrane_layout = input;
  c.spikes_layout = c.membrane_layout = c.grad_x_layout = output;
}

TEST_P(Forms, EveryLayoutDtypeAndAlignment) {
  constexpr Layout kOutputs[] = {Layout::batch_first, Layout::time_first, Layout::padded, Layout::window};
  constexpr Layout kInputs[] = {Layout::batch_first, Layout::time_first,   Layout::padded,
                                Layout::window,      Layout::repeat_batch, Layout::repeat_time};
  uint64_t seed = 100;
  for (const Layout input : kInputs) {
    for (const Layout output : kOutputs) {
      for (const bool misaligned : {false, true}) {
        Case c = small_case(35);
        set_layouts(c, input, output);
        c.misaligned = misaligned;
        c.state_padding = misaligned ? 3 : 0;
        vary(++seed);
        c.description.dtype = support::kFloatDtypes[seed % 3];
        c.membrane_dtype = support::kFloatDtypes[(seed / 3) % 3];
        c.grad_spikes_dtype = support::kFloatDtypes[(seed / 2) % 3];
        c.grad_membrane_dtype = support::kFloatDtypes[(seed / 5) % 3];
        c.spikes_dtype = support::kSpikeDtypes[seed % 5];
        support::fill(c, seed, {.own_uniforms = seed % 2 == 0});
        SCOPED_TRACE(testing::Message() << "input layout " << static_cast<int>(input) << " output layout "
                                        << static_cast<int>(output) << " seed " << seed);
        expect_form(c);
      }
    }
  }
}

// More than one chunk, so that saved states and carries take part.
TEST_P(Forms, TimeFirstOverChunks) {
  Case c = small_case(2 * chunk_steps() + 42);
  set_layouts(c, Layout::time_first, Layout::time_first);
  c.description.dtype = SPIKESCAN_BFLOAT16;
  c.spikes_dtype = SPIKESCAN_BITS32;
  support::fill(c, 7);
  expect_form(c);
}

// Every subset of the outputs: what is left keeps its bits.
TEST_P(Forms, OutputsLeftOut) {
  Case c = small_case(chunk_steps() + 6);
  support::fill(c, 8);
  const Forward forward = support::forward(target(), c);
  const Backward backward = support::backward(target(), c, forward.saved);
  for (unsigned subset = 0; subset < 32; ++subset) {
    const auto bit = [subset](int place) { return (subset >> place & 1) != 0; };
    c.wanted = {bit(0), bit(1), {bit(2), bit(3)}, bit(4), bit(0), bit(1), bit(2), {bit(3), bit(4)}};
    vary(subset);
    EXPECT_EQ(support::form_difference(target(), c, forward, backward), "") << "subset " << subset;
  }
}

// An absent gradient or initial state is one of zeros. Compared as numbers: -0 and 0 may differ.
TEST_P(Forms, AbsentInputsAreZeros) {
  Case all = small_case(chunk_steps() + 6);
  support::fill(all, 9);
  const auto zeros = [](const std::vector<float>& like) { return std::vector<float>(like.size()); };
  for (unsigned subset = 0; subset < 64; ++subset) {
    Case absent = all, zero = all;
    std::vector<float>* const in_absent[] = {&absent.grad_spikes,   &absent.grad_membrane, &absent.grad_final[0],
                                             &absent.grad_final[1], &absent.initial[0],    &absent.initial[1]};
    std::vector<float>* const in_zero[] = {&zero.grad_spikes,   &zero.grad_membrane, &zero.grad_final[0],
                                           &zero.grad_final[1], &zero.initial[0],    &zero.initial[1]};
    for (int i = 0; i < 6; ++i) {
      if ((subset >> i & 1) == 0) continue;
      *in_zero[i] = zeros(*in_zero[i]);
      in_absent[i]->clear();
    }
    const Forward with_zeros = support::forward(target(), zero), without = support::forward(target(), absent);
    ASSERT_EQ(with_zeros.membrane.floats(), without.membrane.floats()) << "subset " << subset;
    ASSERT_EQ(with_zeros.spikes.floats(), without.spikes.floats()) << "subset " << subset;
    const Backward a = support::backward(target(), zero, with_zeros.saved);
    const Backward b = support::backward(target(), absent, without.saved);
    ASSERT_EQ(a.grad_x.floats(), b.grad_x.floats()) << "subset " << subset;
    ASSERT_EQ(a.grad_beta.floats(), b.grad_beta.floats()) << "subset " << subset;
    ASSERT_EQ(a.grad_alpha.floats(), b.grad_alpha.floats()) << "subset " << subset;
    for (int n = 0; n < 2; ++n) ASSERT_EQ(a.grad_initial[n].floats(), b.grad_initial[n].floats());
  }
}

// Two runs over differently poisoned memory: an output element that was left unwritten, or scratch read before it was
// written, shows as a difference.
TEST_P(Forms, NothingDependsOnWhatTheMemoryHeld) {
  Case c = small_case(2 * chunk_steps() + 42);
  support::fill(c, 10);
  for (const bool shared : {false, true}) {
    c.description.shared_decay = shared;
    c.beta.resize(static_cast<size_t>(c.decays()), 0.9f);
    if (c.has_alpha()) c.alpha.resize(static_cast<size_t>(c.decays()), 0.8f);
    const Forward a = support::forward(target(), c), b = support::forward(target(), c, support::kOtherPoison);
    EXPECT_EQ(support::difference(a, b), "");
    EXPECT_EQ(support::difference(support::backward(target(), c, a.saved),
                                  support::backward(target(), c, b.saved, support::kOtherPoison)),
              "");
    c.beta.assign(5, 0.7f);
  }
}

// T = 0, B = 0 and C = 0: nothing happens but what the formula says.
TEST_P(Forms, EmptyTensors) {
  for (const auto& [batch, time, channels] :
       {std::array<int64_t, 3>{3, 0, 5}, {3, 0, 70}, {0, 35, 5}, {0, 35, 70}, {3, 35, 0}, {0, 0, 0}}) {
    SCOPED_TRACE(testing::Message() << batch << "x" << time << "x" << channels);
    Case c = small_case(time);
    c.description.batch = batch;
    c.description.channels = channels;
    support::fill(c, 11);
    const Forward forward = support::forward(target(), c);
    const Backward backward = support::backward(target(), c, forward.saved);
    EXPECT_EQ(backward.grad_beta.floats(), std::vector<float>(static_cast<size_t>(channels)));
    for (int n = 0; n < (c.has_second() ? 2 : 1); ++n) {
      EXPECT_EQ(forward.final_state[n].floats(), c.initial[n]) << "the final state is the initial one";
      EXPECT_EQ(backward.grad_initial[n].floats(), c.grad_final[n]);
    }
  }
}

// The runner's own watch: a byte written beside an output is seen.
TEST(Guards, AStrayByteIsSeen) {
  support::Arena arena(target(), support::kPoison);
  const size_t offset = arena.add(10);
  arena.upload();
  arena.download();
  EXPECT_EQ(arena.damage(), "");
  const unsigned char byte = 1;
  arena.put(offset + 10, &byte, 1);
  EXPECT_NE(arena.damage(), "");
}

}  // namespace
}  // namespace spikescan::ops
