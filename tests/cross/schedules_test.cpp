// In what order blocks and threads run, and how many blocks are there at a time, changes no bit.
#include "cross/both.h"
#include "simt/simt.h"
#include "support/coverage.h"
#include "support/random_case.h"

namespace spikescan::cross {
namespace {

using support::Case;

// Enough chunks that a block looks back past a published carry, and more than one tile of channels.
Case scheduled_case(spikescan_recurrence recurrence) {
  Case c;
  c.description.recurrence = recurrence;
  c.description.batch = 1;
  c.description.time = 6 * ops::chunk_steps() + 100;
  c.description.channels = 9;
  c.spikes_dtype = SPIKESCAN_BITS32;
  support::fill(c, 81, {.lowest_decay = 0.9f, .highest_decay = 1.0f});
  return c;
}

class Schedules : public ops::OpsWith<spikescan_recurrence> {};
INSTANTIATE_TEST_SUITE_P(All, Schedules, testing::ValuesIn(support::kRecurrences),
                         [](const auto& info) { return support::name_of(info.param); });

TEST_P(Schedules, ChangeNothing) {
  const Case c = scheduled_case(GetParam());
  const Outputs want = run(cpu(), c);
  uint64_t seed = 1;
  for (const int resident : {1, 2, 3, 4, 8}) {
    for (const bool shuffle_blocks : {false, true}) {
      for (const bool shuffle_threads : {false, true}) {
        simt::Options options;
        options.resident_blocks = resident;
        options.shuffle_blocks = shuffle_blocks;
        options.shuffle_threads = shuffle_threads;
        options.seed = ++seed;
        const simt::ScopedOptions scoped(options);
        EXPECT_EQ(difference(ops::target(), c, want), "")
            << resident << " blocks resident, blocks shuffled " << shuffle_blocks << ", threads shuffled "
            << shuffle_threads << ", seed " << seed;
      }
    }
  }
}

}  // namespace
}  // namespace spikescan::cross
