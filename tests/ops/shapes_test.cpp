// Shapes, layouts, dtypes and options, pairwise: 20,000 cases on the CPU. Small ones are held against
// the float64 reference and then, bit for bit, in their own form; of large ones some rows are run alone.
// A failing case names itself: run it alone with --case=N.
#include <algorithm>
#include <set>

#include "ops/one_case.h"
#include "ops/shape_cases.h"
#include "ops/target.h"
#include "support/against_reference.h"
#include "support/forms.h"
#include "support/random_case.h"

namespace spikescan::ops {
namespace {

using support::Backward;
using support::Box;
using support::Case;
using support::Forward;

constexpr int kShards = 8;
constexpr int64_t kCases = 20000;

void run_small(const Case& c) {
  const Case plain = support::canonical(c);
  support::expect_reference(target(), plain, "float32 against float64");
  const Forward forward = support::forward(target(), plain);
  const Backward backward = support::backward(target(), plain, forward.saved);
  EXPECT_EQ(support::form_difference(target(), c, forward, backward), "");
}

// What belongs to the whole alone is cleared: sums over batches that the part does not hold, and saved states.
void expect_part(const Case& whole, const Forward& forward, const Backward& backward, const Box& box) {
  const Case part = support::part_of(whole, box);
  Forward got = support::forward(target(), part);
  Backward gradients = support::backward(target(), part, got.saved);
  if (box.count[0] == whole.description.batch && !whole.description.shared_decay && whole.wanted.grad_beta) {
    const auto first = backward.grad_beta.bits.begin() + box.first[2];
    EXPECT_TRUE(std::equal(gradients.grad_beta.bits.begin(), gradients.grad_beta.bits.end(), first)) << "grad_beta";
  }
  got.saved.clear();
  gradients.grad_beta.bits.clear();
  gradients.grad_alpha.bits.clear();
  EXPECT_EQ(support::difference(got, support::part_of(forward, whole, box)), "");
  EXPECT_EQ(support::difference(gradients, support::part_of(backward, whole, box)), "");
}

void run_large(const Case& c, int64_t n) {
  const spikescan_description& d = c.description;
  const Forward forward = support::forward(target(), c);
  const Backward backward = support::backward(target(), c, forward.saved);
  support::Random random(static_cast<uint64_t>(n) + 99);
  const int64_t batches = std::min<int64_t>(d.batch, 2), channels = std::min<int64_t>(d.channels, 5);
  const Box last = {{d.batch - batches, 0, d.channels - channels}, {batches, d.time, channels}};
  const Box somewhere = {{random.below(d.batch - batches + 1), 0, random.below(d.channels - channels + 1)},
                         {batches, d.time, channels}};
  expect_part(c, forward, backward, last);
  expect_part(c, forward, backward, somewhere);
  const Box column = {{0, 0, d.channels - 1}, {d.batch, d.time, 1}};
  if (d.batch * d.time <= kMostReferenceElements) expect_part(c, forward, backward, column);
  run_small(support::part_of(c, somewhere));
}

void run_case(int64_t n) {
  const Choice choice = choice_of(n);
  SCOPED_TRACE("reproduce: ops_" + std::string(target().name) + " --case=" + std::to_string(n) + "   (" +
               describe(choice) + ")");
  const Case c = case_of(choice, n);
  vary(static_cast<uint64_t>(n));
  if (c.elements() <= kMostReferenceElements) {
    run_small(c);
  } else {
    run_large(c, n);
  }
}

// A GPU runs every 4th case of a shard, so as to finish in a minute; the harness every 40th, and of those the ones that
// it can finish.
int64_t case_step() {
  return target().backend == SPIKESCAN_BACKEND_CPU ? 1 : target().fast ? 4 : 40;
}

bool chosen(int64_t n) {
  const bool small_enough = target().fast || elements_of(choice_of(n)) <= kMostReferenceElements;
  return n / kShards % case_step() == case_step() - 1 && small_enough;
}

class Shapes : public OpsWith<int> {};
INSTANTIATE_TEST_SUITE_P(Shard, Shapes, testing::Range(0, kShards));

TEST_P(Shapes, Pairwise) {
  if (one_case() >= 0) {
    if (one_case() % kShards == GetParam()) run_case(one_case());
    return;
  }
  const auto pairs = static_cast<int64_t>(possible_pairs().size());
  int64_t run = 0;
  for (int64_t n = GetParam(); n < kCases; n += kShards) {
    // Pairs of large sizes take long: once is enough.
    const bool again = n >= pairs;
    if (!chosen(n) || (again && elements_of(choice_of(n)) > kMostReferenceElements)) continue;
    run_case(n);
    ++run;
    if (HasFailure()) break;  // one reproducer is enough
  }
  RecordProperty("cases", std::to_string(run));
  EXPECT_GT(run, kCases / kShards / case_step() * 3 / 4);
}

TEST(ShapeCases, HoldEveryPossiblePair) {
  std::set<std::vector<int>> seen;
  for (int64_t n = 0; n < kCases; ++n) {
    const Choice choice = choice_of(n);
    for (int a = 0; a < kAxes; ++a) {
      for (int b = a + 1; b < kAxes; ++b) seen.insert({a, b, choice.level[a], choice.level[b]});
    }
  }
  int64_t absent = 0;
  for (const Pair& pair : possible_pairs()) {
    absent += !seen.contains({pair.axis[0], pair.axis[1], pair.level[0], pair.level[1]});
  }
  EXPECT_EQ(absent, 0);
}

TEST(ShapeCases, AreTheSameEveryTime) {
  for (const int64_t n : {int64_t{0}, int64_t{4321}, kCases - 1}) {
    EXPECT_EQ(describe(choice_of(n)), describe(choice_of(n)));
    const Case a = case_of(choice_of(n), n), b = case_of(choice_of(n), n);
    EXPECT_EQ(a.x, b.x);
    EXPECT_EQ(a.seed, b.seed);
  }
}

}  // namespace
}  // namespace spikescan::ops
