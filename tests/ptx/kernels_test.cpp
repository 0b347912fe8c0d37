// Every kernel of the library, as nvcc made it, gives the CPU backend's bits: a call for each form and plan,
// on a device of one multiprocessor, where small calls take the plans of large ones. The interpreter tells which
// kernels were never launched.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "cross/both.h"
#include "kernels/neuron_sizes.h"
#include "ops/target.h"
#include "ptx/launch.h"
#include "support/coverage.h"
#include "support/random_case.h"

namespace spikescan::cross {
namespace {

using support::Case;
using support::Layout;

// What decides the plan.
struct Shape {
  const char* plan;
  int processors;
  int64_t batch, time, channels;
  bool misaligned = false;
  Layout layout = Layout::batch_first;
};

// A chunk, then a group of segments, one more and a part of one.
constexpr int64_t kTime = kChunkSteps + 64 + 16 + 7;
constexpr Shape kPieces = {"pieces", 1, 3, kTime, 32};
constexpr Shape kRowShapes[] = {
    {"rows whose warps share tables", 1, 6, kTime, 32},
    {"the same, on no lines", 1, 4, 525, 32, true, Layout::time_first},
    {"rows with a column of tables each, that cross batches", 1, 3, 528, 36},
    {"the same, on no lines", 1, 3, 517, 37, true, Layout::window},
    {"the same, several batches a warp", 1, 20, 519, 5},
    {"the same, steps side by side", 1, 100, 520, 1},
    kPieces,
    {"pieces, on no lines", 1, 2, kChunkSteps + 39, 48, true, Layout::time_first},
    {"pieces, channels that do not fill a warp", 1, 4, kChunkSteps + 76, 19},
    {"a row of a step", 1, 1, 1, 160},
    {"less than a quarter", 1, 3, 3, 128, true},
    {"a segment but for a step", 1, 1, 15, 128, false, Layout::time_first},
    {"a segment", 1, 1, 16, 132},
    {"a segment and one step", 1, 2, 17, 128},
    {"part of a word of packed spikes", 1, 2, 40, 192},
    {"a group but for a quarter", 1, 1, 60, 128, true, Layout::time_first},
    {"part of a second group", 1, 1, 64 + 29, 128},
};
// Fine tiles, tiles that look back, and more chunks than that is for.
constexpr Shape kTileShapes[] = {
    {"a fine tile alone", 1, 2, 100, 3},
    {"the same, steps side by side", 1, 3, 61, 1},
    {"tiles that look back", 1, 1, 3 * kChunkSteps + 9, 3},
};
constexpr int64_t kPhasesTime = 96 * kChunkSteps + 5;
constexpr Shape kForwardPhases = {"tiles in phases, backward they look back", 5, 1, kPhasesTime, 1};
constexpr Shape kBackwardPhases = {"tiles in phases, forward fine ones", 12, 1, kPhasesTime, 1};
constexpr Shape kBackwardPhasesOfTwoStates = {"the same, of two states", 40, 1, kPhasesTime, 3};
constexpr Shape kFinePhases = {"fine tiles in phases", 132, 1, kPhasesTime, 1};

// What decides the form: dtypes, and whether the call is one of those that settle everything.
struct Form {
  spikescan_dtype x, spikes;
  bool settled;
};
constexpr Form kForms[] = {
    {SPIKESCAN_FLOAT32, SPIKESCAN_FLOAT32, true},   {SPIKESCAN_FLOAT32, SPIKESCAN_BITS32, true},
    {SPIKESCAN_BFLOAT16, SPIKESCAN_BFLOAT16, true}, {SPIKESCAN_BFLOAT16, SPIKESCAN_BITS32, true},
    {SPIKESCAN_FLOAT16, SPIKESCAN_FLOAT16, true},   {SPIKESCAN_FLOAT16, SPIKESCAN_BITS32, true},
    {SPIKESCAN_FLOAT32, SPIKESCAN_UINT8, false},    {SPIKESCAN_BFLOAT16, SPIKESCAN_FLOAT32, false},
    {SPIKESCAN_FLOAT16, SPIKESCAN_BFLOAT16, false}, {SPIKESCAN_FLOAT32, SPIKESCAN_FLOAT16, false},
};

// A value a batch that is not finite, or zero with a sign, or hardly one; late, since a NaN stays to its row's end.
void put_odd_values(std::vector<float>& values, const spikescan_description& d, support::Random& random) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  constexpr float kOdd[] = {std::numeric_limits<float>::quiet_NaN(), kInfinity, -kInfinity, -0.0f, 3e38f, 1e-40f};
  if (values.empty()) return;
  for (int64_t b = 0; b < d.batch; ++b) {
    const int64_t t = d.time - 1 - random.below(divide_up(d.time, 8)), c = random.below(d.channels);
    values[static_cast<size_t>((b * d.time + t) * d.channels + c)] = random.pick(kOdd);
  }
}

// The rest is drawn. It decides which code of a kernel a call takes.
Case case_of(spikescan_recurrence recurrence, const Shape& shape, const Form& form, uint64_t seed) {
  support::Random random(seed);
  Case c;
  spikescan_description& d = c.description;
  d.recurrence = recurrence;
  d.batch = shape.batch;
  d.time = shape.time;
  d.channels = shape.channels;
  d.dtype = form.x;
  // Draws in a row differ in these. The quick test of a spike is sure, or often is not, or the rule is too steep for it
  // and draws start between multiples of four steps; dS/dM has one form or the other.
  constexpr float kSteepness[] = {4, 4, 2000}, kThresholds[] = {1, 300, 1};
  d.k = kSteepness[seed % 3];
  d.threshold = kThresholds[seed % 3];
  if (seed % 3 == 2 && form.spikes != SPIKESCAN_BITS32) d.time_origin = 4 * random.below(100) + 1;
  d.gradient = seed % 2 == 0 ? SPIKESCAN_DERIVATIVE : SPIKESCAN_PROBABILITY;
  d.shared_decay = random.chance(4);
  c.device_key = random.chance(2);
  c.spikes_dtype = form.spikes;
  c.grad_spikes_dtype = form.settled ? form.x : SPIKESCAN_FLOAT32;
  c.misaligned = shape.misaligned;
  c.x_layout = c.spikes_layout = c.grad_spikes_layout = c.grad_x_layout = shape.layout;
  c.wanted.membrane = false;
  for (int n = 0; n < 2; ++n) c.wanted.final_state[n] = c.wanted.grad_initial[n] = !random.chance(3);
  support::Fill fill = {.lowest_decay = 0.5f, .highest_decay = 1.02f, .special_decays = true, .grad_membrane = false};
  fill.initial_state = !random.chance(3);
  fill.grad_final_state = !random.chance(3);
  if (!form.settled) {
    d.rule = random.pick(support::kRules);
    if (!support::can_spike_as(d.rule, form.spikes)) d.rule = SPIKESCAN_HEAVISIDE;
    d.surrogate = random.pick(support::kSurrogates);
    c.wanted.membrane = !random.chance(3);
    c.membrane_dtype = random.pick(support::kFloatDtypes);
    c.grad_spikes_dtype = random.pick(support::kFloatDtypes);
    c.grad_membrane_dtype = random.pick(support::kFloatDtypes);
    c.wanted.grad_x = !random.chance(4);
    fill.grad_membrane = !random.chance(3);
    fill.grad_spikes = !random.chance(4);
    fill.own_uniforms = random.chance(4);
  }
  support::fill(c, seed, fill);
  if (seed % 4 == 0) {
    put_odd_values(c.x, d, random);
    put_odd_values(c.grad_spikes, d, random);
  }
  return c;
}

void set_processors(int count) {
  setenv("SPIKESCAN_PTX_PROCESSORS", std::to_string(count).c_str(), 1);
}

void expect_same(const Case& c) {
  EXPECT_EQ(difference(ops::target(), c, run(cpu(), c)), "");
}

bool contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += name + "\n";
  return text;
}

class Kernels : public ops::OpsWith<spikescan_recurrence> {};
INSTANTIATE_TEST_SUITE_P(All, Kernels, testing::ValuesIn(support::kRecurrences),
                         [](const auto& info) { return support::name_of(info.param); });

TEST_P(Kernels, GiveTheBitsOfTheCpu) {
  const std::string own = "(spikescan_recurrence)" + std::to_string(GetParam());
  uint64_t seed = 0;
  const auto try_draws = [&](const Shape& shape, const Form& form, int draws) {
    SCOPED_TRACE(std::string(shape.plan) + ", x " + support::name_of(form.x) + ", spikes " +
                 support::name_of(form.spikes));
    set_processors(shape.processors);
    for (int draw = 0; draw < draws; ++draw) expect_same(case_of(GetParam(), shape, form, ++seed));
  };
  for (const Form& form : kForms) {
    const int more = form.settled ? 1 : 2;  // of dtypes, rules and tensors that are there or not
    for (const Shape& shape : kRowShapes) try_draws(shape, form, (shape.time > 100 ? 2 : 3) * more);
    for (const Shape& shape : kTileShapes) try_draws(shape, form, 2 * more);
  }
  const bool two_states = state_count(GetParam()) == 2;
  for (const int form : {0, 3, 4, 6, 7, 8, 9}) {
    // One state's kernels are reached by few channels, and so by fewer of their ways in each draw.
    const int draws = form < 6 || two_states ? 1 : 3;
    if (form != 3) try_draws(kForwardPhases, kForms[form], draws);
    try_draws(two_states ? kBackwardPhasesOfTwoStates : kBackwardPhases, kForms[form], draws);
  }
  try_draws(kFinePhases, kForms[3], 1);
  EXPECT_EQ(joined(ptx::never_launched(own)), "");
  // So that the list of calls stays as wide as it is: of a settled form seven to nine tenths of the instructions run,
  // of the others, which serve every dtype and rule, five to eight (SPIKESCAN_PTX_NEVER_RAN=FILE writes down the rest).
  int kernels = 0;
  for (const ptx::Coverage& of : ptx::coverage()) {
    if (!contains(of.kernel, own.c_str())) continue;
    ++kernels;
    const bool settled = contains(of.kernel, "DrawnSpikes") || contains(of.kernel, "SpikesGradient");
    const double ran = 1.0 - static_cast<double>(of.never_ran.size()) / static_cast<double>(of.instructions);
    EXPECT_GT(ran, settled ? 0.7 : 0.5) << of.kernel;
  }
  EXPECT_GT(kernels, 30) << "of which PTX was the library's launched?";
}

// Those that no recurrence has to itself.
TEST(SharedKernels, GiveTheBitsOfTheCpu) {
  set_processors(1);
  for (const spikescan_recurrence recurrence : {SPIKESCAN_LIF, SPIKESCAN_CUBA_LIF}) {
    for (uint64_t seed = 1; seed < 6; ++seed) expect_same(case_of(recurrence, kPieces, kForms[0], seed));
  }
  std::vector<std::string> left;
  for (const std::string& name : ptx::never_launched("")) {
    if (!contains(name, "(spikescan_recurrence)")) left.push_back(name);
  }
  EXPECT_EQ(joined(left), "");
}

TEST(SharedKernels, ADifferenceIsSeen) {
  set_processors(1);
  const Case c = case_of(SPIKESCAN_LIF, kTileShapes[0], kForms[0], 1);
  Outputs want = run(cpu(), c);
  EXPECT_EQ(difference(ops::target(), c, want), "");
  want.backward.grad_x.bits[50] ^= 1;
  EXPECT_NE(difference(ops::target(), c, want), "");
}

}  // namespace
}  // namespace spikescan::cross
