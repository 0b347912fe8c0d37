// The gradient of x in the place of that of the spikes: the bits of two tensors apart, and not a byte beside them.
#include "ops/target.h"
#include "support/coverage.h"
#include "support/random_case.h"

namespace spikescan::ops {
namespace {

using support::Backward;
using support::Case;
using support::Layout;

struct Shape {
  const char* name;
  int64_t batch, time, channels;
};

// Chunks of 1024 steps whose gradients are wanted twice where time is split over threads or blocks.
class InPlace : public OpsWith<std::tuple<spikescan_recurrence, Shape>> {
 protected:
  void expect_the_bits_of_two_tensors(Case c) const {
    const std::vector<unsigned char> saved = support::forward(target(), c).saved;
    const Backward apart = support::backward(target(), c, saved);
    c.grad_x_in_place = true;
    EXPECT_EQ(support::difference(support::backward(target(), c, saved), apart), "");
  }
};

const Shape kShapes[] = {
    {"one_row_of_many_chunks", 1, 5 * 1024 + 77, 1},  // one lane, one thread of a block
    {"two_rows_of_many_chunks", 2, 4 * 1024, 1},      // time split, and several batches to a block
    {"full_lanes", 1, 2 * 1024 + 42, 64},             // whole rows from memory, without a tile between
    {"lanes_and_a_tail", 2, 70, 130},
    {"several_batches_to_a_row", 40, 35, 3},
};
INSTANTIATE_TEST_SUITE_P(Every, InPlace,
                         testing::Combine(testing::ValuesIn(support::kRecurrences), testing::ValuesIn(kShapes)),
                         [](const auto& info) {
                           return std::string(support::name_of(std::get<0>(info.param))) + "_" +
                                  std::get<1>(info.param).name;
                         });

TEST_P(InPlace, EveryDtypeAndLayout) {
  const auto& [recurrence, shape] = GetParam();
  uint64_t seed = 300;
  for (const spikescan_dtype dtype : support::kFloatDtypes) {
    for (const Layout layout : {Layout::batch_first, Layout::time_first, Layout::padded, Layout::window}) {
      Case c;
      c.description.recurrence = recurrence;
      c.description.batch = shape.batch;
      c.description.time = shape.time;
      c.description.channels = shape.channels;
      c.description.dtype = c.grad_spikes_dtype = dtype;
      c.grad_spikes_layout = c.grad_x_layout = layout;
      c.misaligned = ++seed % 2 == 0;
      vary(seed);
      support::fill(c, seed, {.grad_membrane = seed % 3 != 0});
      SCOPED_TRACE(testing::Message() << "dtype " << dtype << " layout " << static_cast<int>(layout));
      expect_the_bits_of_two_tensors(c);
    }
  }
}

}  // namespace
}  // namespace spikescan::ops
