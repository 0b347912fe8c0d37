// Outputs that go past the caches: calls of 4 MiB and more, whose rows begin on a cache line or anywhere, in blocks
// that are full or have few lanes. Half the batches, or channels, which write less and go through the caches, must give
// the same bits, and the bytes between and around the rows must stay as they are.
#include <gtest/gtest.h>
#include <omp.h>

#include <string>

#include "kernels/cpu/streaming_bytes.h"
#include "support/coverage.h"
#include "support/forms.h"
#include "support/random_case.h"

namespace spikescan::support {
namespace {

const Target kCpu = {"cpu", SPIKESCAN_BACKEND_CPU, true, true};

struct Rows {
  const char* name;
  int64_t channels;
  Layout layout;
  bool misaligned;
};
// On lines and not; one block, several, two strips of them, blocks of 64, 48 and fewer channels; rows that follow each
// other without a gap or with one; batches side by side in a block whose rows are lines, or not, or a channel each.
constexpr Rows kRows[] = {
    {"lines", 512, Layout::batch_first, false},
    {"off_lines", 512, Layout::batch_first, true},
    {"off_lines_time_first", 192, Layout::time_first, true},
    {"gaps", 128, Layout::padded, false},
    {"window", 64, Layout::window, false},
    {"three_blocks", 130, Layout::batch_first, false},
    {"three_blocks_with_gaps", 130, Layout::padded, false},
    {"three_blocks_time_first", 130, Layout::time_first, false},
    {"narrow_last", 66, Layout::batch_first, true},
    {"even_blocks", 96, Layout::batch_first, false},
    {"uneven_blocks", 100, Layout::batch_first, true},
    {"last_inside_a_line", 193, Layout::batch_first, true},
    {"four_blocks", 200, Layout::batch_first, false},
    {"two_strips", 1000, Layout::batch_first, false},
    {"one_batch_a_block", 48, Layout::batch_first, false},
    {"one_batch_off_lines", 37, Layout::batch_first, true},
    {"batches_of_lines", 32, Layout::batch_first, false},
    {"batches_of_parts", 10, Layout::batch_first, false},
    {"batches_of_two_vectors", 20, Layout::batch_first, false},
    {"batches_with_gaps", 5, Layout::padded, false},
    {"batches_together", 20, Layout::time_first, true},
    {"three_channels", 3, Layout::batch_first, false},
    {"two_channels", 2, Layout::batch_first, false},
    {"one_channel", 1, Layout::batch_first, false},
    {"one_channel_off_lines", 1, Layout::batch_first, true},
};

std::string name_of_test(const testing::TestParamInfo<std::tuple<Rows, spikescan_dtype>>& info) {
  return std::string(std::get<0>(info.param).name) + "_" + support::name_of(std::get<1>(info.param));
}

class Outputs : public testing::TestWithParam<std::tuple<Rows, spikescan_dtype>> {};
INSTANTIATE_TEST_SUITE_P(All, Outputs,
                         testing::Combine(testing::ValuesIn(kRows),
                                          testing::Values(SPIKESCAN_FLOAT32, SPIKESCAN_FLOAT16, SPIKESCAN_BFLOAT16,
                                                          SPIKESCAN_UINT8)),
                         name_of_test);

// The smallest batch that streams elements of `bytes`, of a T that ends inside a turn, with a whole segment or inside
// one.
Case case_of(const Rows& rows, int64_t bytes) {
  Case c;
  spikescan_description& d = c.description;
  const int64_t to_segment = rows.misaligned ? 0 : rows.channels >= 64 ? 4 : 8;
  d.time = (rows.channels >= 64 ? 1100 : 4200) + to_segment;
  d.channels = rows.channels;
  d.batch = kStreamingBytes / (bytes * d.time * d.channels) + 1;
  c.spikes_layout = c.membrane_layout = c.grad_x_layout = rows.layout;
  c.misaligned = rows.misaligned;
  omp_set_num_threads(2);  // with many, a strip is one block
  return c;
}

// All of it in two parts, of the batches or, of one batch, of the channels. Each streams nothing.
void expect_parts(const Case& whole, const Forward& forward, const Backward& backward) {
  const spikescan_description& d = whole.description;
  ASSERT_GE(whole.elements() * static_cast<int64_t>(bytes_of(whole.spikes_dtype)), kStreamingBytes);
  const int axis = d.batch > 1 ? 0 : 2;
  const int64_t all[] = {d.batch, d.time, d.channels}, half = all[axis] / 2;
  for (const int64_t begin : {int64_t{0}, half}) {
    Box box = {{}, {all[0], all[1], all[2]}};
    box.first[axis] = begin;
    box.count[axis] = begin == 0 ? half : all[axis] - half;
    Case part = part_of(whole, box);
    ASSERT_LT(part.elements() * static_cast<int64_t>(bytes_of(whole.spikes_dtype)), kStreamingBytes);
    part.spikes_layout = part.membrane_layout = part.grad_spikes_layout = part.grad_x_layout = Layout::batch_first;
    part.misaligned = part.grad_x_in_place = false;
    ASSERT_EQ(part_difference(kCpu, part, part_of(forward, whole, box), part_of(backward, whole, box)), "")
        << "from " << begin << " on axis " << axis;
  }
}

TEST_P(Outputs, SpikesMembraneAndGradient) {
  const auto& [rows, dtype] = GetParam();
  const int64_t bytes = dtype == SPIKESCAN_FLOAT32 ? 4 : dtype == SPIKESCAN_UINT8 ? 1 : 2;
  Case c = case_of(rows, bytes);
  c.spikes_dtype = dtype;
  if (dtype == SPIKESCAN_UINT8) {
    c.wanted.membrane = c.wanted.grad_x = false;
  } else {
    c.description.dtype = c.membrane_dtype = dtype;
    c.wanted.membrane = rows.channels % 64 != 0 || rows.misaligned;  // and without it
  }
  c.description.recurrence = static_cast<spikescan_recurrence>(rows.channels / 2 % 4);
  fill(c, 7, {.grad_membrane = false, .grad_final_state = false});
  const Forward forward = support::forward(kCpu, c);
  const Backward backward = c.wanted.grad_x ? support::backward(kCpu, c, forward.saved) : Backward{};
  expect_parts(c, forward, backward);
}

// Of rows that end inside their first segment or their second, as floats and in another dtype.
TEST(OutputsOfFewSteps, Spikes) {
  constexpr int64_t kTimes[] = {4, 10, 25, 31};
  int64_t n = 0;
  for (const Rows& rows : kRows) {
    for (const spikescan_dtype dtype : {SPIKESCAN_FLOAT32, n % 3 ? SPIKESCAN_BFLOAT16 : SPIKESCAN_UINT8}) {
      SCOPED_TRACE(testing::Message() << rows.name << ", " << support::name_of(dtype));
      const int64_t bytes = dtype == SPIKESCAN_FLOAT32 ? 4 : dtype == SPIKESCAN_UINT8 ? 1 : 2;
      Case c = case_of(rows, bytes);
      spikescan_description& d = c.description;
      d.time = kTimes[(n + dtype) % 4];
      d.batch = kStreamingBytes / (bytes * d.time * d.channels) + 1;
      d.rule = static_cast<spikescan_rule>(n % 3);
      d.recurrence = static_cast<spikescan_recurrence>(n / 2 % 4);
      c.spikes_dtype = dtype;
      if (dtype != SPIKESCAN_UINT8) d.dtype = dtype;
      c.wanted.membrane = c.wanted.grad_x = c.wanted.grad_beta = c.wanted.grad_alpha = false;
      fill(c, 13);
      expect_parts(c, support::forward(kCpu, c), {});
    }
    ++n;
  }
}

// What one block leaves to the next is then still the gradient of spikes.
TEST(OutputsInPlace, Gradient) {
  for (const int64_t channels : {512, 130, 100, 37, 10, 2, 1}) {
    Case c = case_of({"", channels, Layout::batch_first, true}, 4);
    c.wanted.membrane = false;
    c.grad_x_in_place = true;
    fill(c, 9, {.grad_membrane = false, .grad_final_state = false});
    const Forward forward = support::forward(kCpu, c);
    expect_parts(c, forward, support::backward(kCpu, c, forward.saved));
  }
}

// Float rows that vectors take to memory a line at a time.
class FloatLines : public testing::TestWithParam<spikescan_recurrence> {};
INSTANTIATE_TEST_SUITE_P(All, FloatLines, testing::ValuesIn(kRecurrences),
                         [](const auto& info) { return support::name_of(info.param); });

Case lines_case(spikescan_recurrence recurrence, int64_t time, int64_t channels) {
  Case c;
  c.description.recurrence = recurrence;
  c.description.time = time;
  c.description.channels = channels;
  c.description.batch = kStreamingBytes / (4 * time * channels) + 1;
  c.wanted.membrane = false;
  return c;
}

// Gradients wait in a block's tile until the next rule takes their place there.
TEST_P(FloatLines, Gradient) {
  // Last segments of a row with fewer steps than the others, or as many; blocks with fewer channels than others. Rows
  // of whole lines, and rows that share lines with each other or with what is not the call's.
  constexpr struct {
    int64_t time, channels;
    bool misaligned;
    Layout layout = Layout::batch_first;
  } kShapes[] = {
      {1100, 128, false}, {40, 512, false}, {4, 64, false},  {1024, 208, false},
      {1100, 128, true},  {40, 500, false}, {4, 100, false}, {1024, 130, true, Layout::padded},
  };
  for (const auto& [time, channels, misaligned, layout] : kShapes) {
    enum { kOfSpikes, kOfSpikesInPlace, kOfMembrane };
    for (const int gradient : {kOfSpikes, kOfSpikesInPlace, kOfMembrane}) {
      SCOPED_TRACE(testing::Message() << time << " steps, " << channels << " channels, gradient " << gradient
                                      << (misaligned ? ", off lines" : ""));
      omp_set_num_threads(2);
      Case c = lines_case(GetParam(), time, channels);
      c.misaligned = misaligned;
      c.grad_x_layout = c.grad_spikes_layout = layout;
      c.grad_x_in_place = gradient == kOfSpikesInPlace;
      const bool of_membrane = gradient == kOfMembrane;
      fill(c, 10, {.grad_spikes = !of_membrane, .grad_membrane = of_membrane, .grad_final_state = false});
      const Forward forward = support::forward(kCpu, c);
      expect_parts(c, forward, support::backward(kCpu, c, forward.saved));
    }
  }
}

// Spikes of a row's last steps, of all numbers that are less than a segment, alone and after others.
TEST_P(FloatLines, SpikesOfPartOfASegment) {
  for (int64_t part = 1; part < 16; ++part) {
    const int64_t time = part % 2 == 0 ? part : 16 * (part / 3) + part, channels = part % 3 == 0 ? 208 : 64;
    for (const spikescan_rule rule : kRules) {
      SCOPED_TRACE(testing::Message() << time << " steps, " << channels << " channels, rule " << rule);
      omp_set_num_threads(2);
      Case c = lines_case(GetParam(), time, channels);
      c.description.rule = rule;
      c.wanted.grad_x = c.wanted.grad_beta = c.wanted.grad_alpha = false;
      fill(c, 12 + part);
      expect_parts(c, support::forward(kCpu, c), {});
    }
  }
}

// The same of one row of blocks whose time is split.
TEST_P(FloatLines, GradientOfSplitTime) {
  omp_set_num_threads(4);
  for (const bool misaligned : {false, true}) {
    Case c = lines_case(GetParam(), kStreamingBytes / (4 * 64) + 1, 64);
    c.description.batch = 1;
    c.misaligned = misaligned;
    fill(c, 11);
    const Forward forward = support::forward(kCpu, c);
    expect_parts(c, forward, support::backward(kCpu, c, forward.saved));
  }
}

// The rule `none` writes numbers, not ones.
TEST(OutputsOfNoRule, Distances) {
  for (const Rows& rows : kRows) {
    SCOPED_TRACE(rows.name);
    Case c = case_of(rows, 4);
    c.description.rule = SPIKESCAN_NONE;
    c.wanted.grad_x = c.wanted.membrane = false;
    fill(c, 8);
    expect_parts(c, support::forward(kCpu, c), {});
  }
}

}  // namespace
}  // namespace spikescan::support
