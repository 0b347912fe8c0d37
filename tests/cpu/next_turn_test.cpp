// What a turn asks memory for is what the next one reads, whatever the lengths of both.
#include "kernels/cpu/next_turn.h"

#include <gtest/gtest.h>

namespace spikescan::testing {
namespace {

// A step of the next turn asked for `at`, the place in time of who asks: the own turn's segment, or -1 before them all.
struct Asked {
  int at[kSavedSteps];
};
Asked ask(int own, int next, bool backward, bool last_first) {
  Asked asked;
  for (int& at : asked.at) at = kSavedSteps;
  int done = 0, steps = 0;
  for (int segment = 0; done < own; done += steps, ++segment) {
    // Backward begins with what the last segment has, forward ends with it.
    const int last = own % kSegmentSteps == 0 ? kSegmentSteps : own % kSegmentSteps;
    const int left = own - done < kSegmentSteps ? own - done : kSegmentSteps;
    steps = backward && done == 0 ? last : left;
    const int first = first_asked(next, done, steps, last_first);
    EXPECT_GE(first, 0);
    for (int j = first; j < first + steps && j < next; ++j) {
      if (asked.at[j] > segment) asked.at[j] = segment;
    }
  }
  return asked;
}

TEST(NextTurn, AsksForAllThatItHasStepsFor) {
  for (const bool backward : {false, true}) {
    for (const bool last_first : {false, true}) {
      for (int own = 1; own <= kSavedSteps; ++own) {
        for (int next = 1; next <= kSavedSteps; ++next) {
          SCOPED_TRACE(::testing::Message()
                       << own << " steps, then " << next << ", backward " << backward << ", last first " << last_first);
          const Asked asked = ask(own, next, backward, last_first);
          const int most = own < next ? own : next;
          for (int i = 0; i < most; ++i) {
            ASSERT_LT(asked.at[last_first ? next - 1 - i : i], kSavedSteps) << i;
            if (i > 0) {
              ASSERT_GE(asked.at[last_first ? next - 1 - i : i], asked.at[last_first ? next - i : i - 1]) << i;
            }
          }
          // The surplus is asked for at once, and not here.
          for (int i = most; i < next; ++i) ASSERT_EQ(asked.at[last_first ? next - 1 - i : i], kSavedSteps) << i;
        }
      }
    }
  }
}

TEST(NextTurn, IsOfTheRowsLength) {
  EXPECT_EQ(turn_at(0, 100, 64).steps, 64);
  EXPECT_EQ(turn_at(64, 100, 64).steps, 36);
  EXPECT_EQ(turn_at(64, 100, 64).first, 64);
}

StripPlace place(int index, int blocks) {
  return {index, blocks, index + 1 < blocks ? 64 : -64 * (blocks - 1), 64, true};
}

TEST(NextTurn, IsTheNextBlocksThenTheFirstOnesLater) {
  const Turn own = {64, 64}, later = {0, 64};
  const NextTurn inside(place(0, 3), 1000, own, later, 2), last(place(2, 3), 1000, own, later, 2);
  EXPECT_EQ(inside.turn().first, own.first);
  EXPECT_EQ(inside.channels(), 64);
  EXPECT_EQ(inside.batches(), 0);
  EXPECT_EQ(last.turn().first, later.first);
  EXPECT_EQ(last.channels(), -128);
  EXPECT_EQ(last.batches(), 2);
}

TEST(NextTurn, OfFewStepsIsTheBlocksOwn) {
  const Turn only = {0, 10};
  const NextTurn turn(place(0, 3), 10, only, only, 2);
  EXPECT_EQ(turn.channels(), 0);
  EXPECT_EQ(turn.batches(), 2);
}

}  // namespace
}  // namespace spikescan::testing
