// The CPU and the CUDA kernels give the same bits: spikes, membranes, states, saved chunks and every gradient.
#include "cross/both.h"
#include "ops/one_case.h"
#include "ops/shape_cases.h"
#include "support/coverage.h"
#include "support/random_case.h"

namespace spikescan::cross {
namespace {

using ops::chunk_steps;
using ops::target;
using support::Case;

void expect_same(const Case& c) {
  EXPECT_EQ(difference(target(), c, run(cpu(), c)), "");
}

Case case_of(spikescan_recurrence recurrence, spikescan_rule rule, int64_t time, uint64_t seed) {
  support::Random random(seed);
  constexpr int64_t kChannels[] = {1, 2, 3, 5, 8, 9, 17, 33};
  Case c;
  spikescan_description& d = c.description;
  d.recurrence = recurrence;
  d.rule = rule;
  d.batch = 1 + random.below(3);
  d.time = time;
  d.channels = random.pick(kChannels);
  d.dtype = random.pick(support::kFloatDtypes);
  d.surrogate = random.pick(support::kSurrogates);
  d.gradient = random.chance(2) ? SPIKESCAN_DERIVATIVE : SPIKESCAN_PROBABILITY;
  d.shared_decay = random.chance(3);
  d.k = random.uniform(0.5f, 20);
  do {
    c.spikes_dtype = random.pick(support::kSpikeDtypes);
  } while (!support::can_spike_as(rule, c.spikes_dtype));
  c.membrane_dtype = random.pick(support::kFloatDtypes);
  c.grad_spikes_dtype = random.pick(support::kFloatDtypes);
  c.grad_membrane_dtype = random.pick(support::kFloatDtypes);
  const support::Layout layout = random.chance(2) ? support::Layout::time_first : support::Layout::batch_first;
  c.x_layout = c.spikes_layout = c.membrane_layout = c.grad_x_layout = layout;
  c.misaligned = random.chance(3);
  support::fill(c, seed, {.highest_decay = 1.02f, .special_decays = true, .own_uniforms = random.chance(4)});
  return c;
}

class Backends : public ops::Ops {};

TEST_F(Backends, EveryCombination) {
  uint64_t seed = 0;
  std::set<std::string> wanted;
  for (const spikescan_recurrence recurrence : support::kRecurrences) {
    for (const spikescan_rule rule : support::kRules) {
      for (const spikescan_dtype dtype : support::kFloatDtypes) {
        for (const spikescan_dtype spikes : support::kSpikeDtypes) {
          if (!support::can_spike_as(rule, spikes)) continue;
          Case c = case_of(recurrence, rule, chunk_steps() + 37, ++seed);
          c.description.dtype = dtype;
          c.spikes_dtype = spikes;
          for (float& x : c.x) x = support::rounded(x, dtype);
          for (const support::Target& backend : {cpu(), target()}) wanted.insert(support::combination(backend, c));
          SCOPED_TRACE(support::combination(target(), c) + ", seed " + std::to_string(seed));
          ops::vary(seed);
          expect_same(c);
        }
      }
    }
  }
  EXPECT_EQ(wanted.size(), 2u * 4 * 3 * (3 * 5 + 3));
  EXPECT_EQ(support::missing(wanted, support::combinations_run()), "");
}

// Around segments, words, chunks and the spacing of carries.
class Lengths : public ops::OpsWith<spikescan_recurrence> {};
INSTANTIATE_TEST_SUITE_P(All, Lengths, testing::ValuesIn(support::kRecurrences),
                         [](const auto& info) { return support::name_of(info.param); });

TEST_P(Lengths, Agree) {
  const int64_t chunk = chunk_steps();
  uint64_t seed = 1000;
  for (const int64_t time : {int64_t{1},  int64_t{7},    int64_t{8},    int64_t{9},  int64_t{15},   int64_t{16},
                             int64_t{17}, int64_t{31},   int64_t{32},   int64_t{33}, int64_t{48},   int64_t{100},
                             chunk - 16,  chunk - 1,     chunk,         chunk + 1,   chunk + 16,    2 * chunk - 1,
                             2 * chunk,   2 * chunk + 1, int64_t{4099}, 4 * chunk,   5 * chunk + 3, 9 * chunk + 1}) {
    for (const spikescan_rule rule : support::kRules) {
      SCOPED_TRACE(testing::Message() << "T = " << time << " rule " << support::name_of(rule) << " seed " << seed + 1);
      ops::vary(++seed);
      expect_same(case_of(GetParam(), rule, time, seed));
    }
  }
}

// The pairwise cases of the shapes test: every 20th in the harness; on a GPU 10,000.
class Shapes : public ops::OpsWith<int> {};
constexpr int kShards = 8;
INSTANTIATE_TEST_SUITE_P(Shard, Shapes, testing::Range(0, kShards));

void run_case(int64_t n) {
  const ops::Choice choice = ops::choice_of(n);
  SCOPED_TRACE("reproduce: cross_" + std::string(target().name) + " --case=" + std::to_string(n) + "   (" +
               ops::describe(choice) + ")");
  ops::vary(static_cast<uint64_t>(n));
  expect_same(ops::case_of(choice, n));
}

TEST_P(Shapes, Pairwise) {
  if (ops::one_case() >= 0) {
    if (ops::one_case() % kShards == GetParam()) run_case(ops::one_case());
    return;
  }
  int64_t run = 0;
  for (int64_t n = GetParam(); n < 20000 && !HasFailure(); n += kShards) {
    const bool chosen = target().fast ? n / kShards % 2 == 0 : n / kShards % 20 == 7;
    const int64_t most = target().fast ? ops::kMostElements : ops::kMostReferenceElements;
    if (!chosen || ops::elements_of(ops::choice_of(n)) > most) continue;
    run_case(n);
    ++run;
  }
  RecordProperty("cases", std::to_string(run));
  EXPECT_GT(run, target().fast ? 1200 : 100);
}

// Many rows: more than 65,535 blocks of a kernel that gave each a block of its own.
TEST_F(Backends, ManyRows) {
  for (const bool wide : {false, true}) {
    Case c = case_of(wide ? SPIKESCAN_CUBA_LIF : SPIKESCAN_LIF, SPIKESCAN_SIGMOID_BERNOULLI, 2, 7);
    c.description.batch = wide ? 1 : 65537;
    c.description.channels = wide ? 65537 : 1;
    c.uniforms.clear();
    support::fill(c, 7);
    for (const uint64_t schedule : {0u, 1u, 2u}) {
      ops::vary(schedule);
      expect_same(c);
    }
  }
}

// More chunks than the chain between pieces takes at a time: 1,024 of four channels.
TEST_F(Backends, ManyChunks) {
  for (const spikescan_recurrence recurrence : {SPIKESCAN_LIF, SPIKESCAN_CUBA_LIF}) {
    Case c = case_of(recurrence, SPIKESCAN_SIGMOID_BERNOULLI, 2, 8);
    c.description.batch = 1;
    c.description.time = 1100 * chunk_steps() + 77;
    c.description.channels = 16;
    c.uniforms.clear();
    support::fill(c, 8, {.lowest_decay = 0.99f, .highest_decay = 1.0f});
    expect_same(c);
  }
}

TEST_F(Backends, ADifferenceIsSeen) {
  const Case c = case_of(SPIKESCAN_LIF, SPIKESCAN_NONE, 100, 3);
  Outputs want = run(cpu(), c);
  want.backward.grad_x.bits[50] ^= 1;
  EXPECT_NE(difference(target(), c, want), "");
  want = run(cpu(), case_of(SPIKESCAN_LIF, SPIKESCAN_NONE, 3 * chunk_steps(), 3));
  ASSERT_FALSE(want.forward.saved.empty());
  want.forward.saved[0] ^= 1;
  EXPECT_NE(difference(target(), case_of(SPIKESCAN_LIF, SPIKESCAN_NONE, 3 * chunk_steps(), 3), want), "");
}

}  // namespace
}  // namespace spikescan::cross
