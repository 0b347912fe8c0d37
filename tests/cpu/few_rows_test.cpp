// Few rows and long time: chunks of one row on many threads, and beside each other in the lanes of one. A few channels
// of a wide call, taken alone in any form, must give the wide call's bits, which one thread makes a row a lane.
#include <gtest/gtest.h>
#include <omp.h>

#include "kernels/cpu/chunk_groups.h"
#include "support/coverage.h"
#include "support/forms.h"
#include "support/random_case.h"

namespace spikescan::support {
namespace {

const Target kCpu = {"cpu", SPIKESCAN_BACKEND_CPU, true, true};

constexpr Layout kLayouts[] = {Layout::batch_first, Layout::batch_first, Layout::time_first, Layout::padded,
                               Layout::window};
// Of two chunks and more, whole ones or with a short one at the end; of more than stand side by side.
constexpr int64_t kTimes[] = {2048,  3 * 1024 + 1,   5 * 1024 + 704, 5 * 1024 + 700,
                              16384, 20 * 1024 + 63, 66 * 1024,      70000};
constexpr int64_t kWideChannels = 66;  // more than one block of lanes
constexpr int kParts = 6;

class FewRows : public testing::TestWithParam<spikescan_recurrence> {};
INSTANTIATE_TEST_SUITE_P(All, FewRows, testing::ValuesIn(kRecurrences),
                         [](const auto& info) { return support::name_of(info.param); });

Case wide_case(spikescan_recurrence recurrence, int64_t time, Random& random, uint64_t number) {
  Case c;
  spikescan_description& d = c.description;
  d.recurrence = recurrence;
  d.rule = kRules[number % 4];
  d.surrogate = random.pick(kSurrogates);
  d.dtype = c.grad_spikes_dtype = random.pick(kFloatDtypes);
  c.membrane_dtype = random.pick(kFloatDtypes);
  do c.spikes_dtype = random.pick(kSpikeDtypes);
  while (!can_spike_as(d.rule, c.spikes_dtype));
  d.time = time;
  d.batch = d.time > 20000 ? 1 : 1 + random.below(5);
  d.channels = kWideChannels;
  d.time_origin = c.spikes_dtype == SPIKESCAN_BITS32 ? 32 * random.below(100) : random.below(100);
  d.batch_origin = random.below(1000);
  d.channel_origin = (int64_t{1} << 32) - 70;
  c.wanted.membrane = !random.chance(3);
  fill(c, number,
       {.special_decays = true,
        .initial_state = !random.chance(3),
        .grad_membrane = !random.chance(3),
        .own_uniforms = c.is_bernoulli() && random.chance(4)});
  return c;
}

// `count` of its channels, in memory as it may be.
Case few_rows(const Case& wide, Random& random, int64_t first, int64_t count) {
  Case c = part_of(wide, {{0, 0, first}, {wide.description.batch, wide.description.time, count}});
  for (Layout* layout : {&c.x_layout, &c.uniforms_layout, &c.spikes_layout, &c.membrane_layout, &c.grad_spikes_layout,
                         &c.grad_membrane_layout, &c.grad_x_layout}) {
    *layout = random.pick(kLayouts);
  }
  c.misaligned = random.chance(2);
  c.grad_x_in_place = random.chance(4);
  if (c.grad_x_in_place) c.grad_x_layout = c.grad_spikes_layout;
  return c;
}

void expect_parts(spikescan_recurrence recurrence, int64_t time, uint64_t number) {
  SCOPED_TRACE(testing::Message() << "case " << number);
  Random random(number);
  const Case wide = wide_case(recurrence, time, random, number);
  omp_set_num_threads(1);
  const Forward forward = support::forward(kCpu, wide);
  const Backward backward = support::backward(kCpu, wide, forward.saved);
  for (int i = 0; i < kParts; ++i) {
    const int64_t count = 1 + random.below(i % 2 == 1 ? 31 : 4), first = random.below(kWideChannels - count);
    SCOPED_TRACE(testing::Message() << count << " channels from " << first);
    const Case few = few_rows(wide, random, first, count);
    const Box box = {{0, 0, first}, {wide.description.batch, time, count}};
    omp_set_num_threads(1 + static_cast<int>(random.below(3)));
    ASSERT_EQ(part_difference(kCpu, few, part_of(forward, wide, box), part_of(backward, wide, box)), "");
    const Backward gradients = support::backward(kCpu, few, support::forward(kCpu, few).saved);
    for (size_t c = 0; c < static_cast<size_t>(count); ++c) {
      const size_t at = static_cast<size_t>(first) + c;
      ASSERT_EQ(gradients.grad_beta.bits[c], backward.grad_beta.bits[at]);
      if (few.has_alpha()) {
        ASSERT_EQ(gradients.grad_alpha.bits[c], backward.grad_alpha.bits[at]);
      }
    }
  }
}

TEST_P(FewRows, AreThoseOfAWideCall) {
  for (uint64_t number = 0; number < 16; ++number) expect_parts(GetParam(), kTimes[(number + number / 8) % 8], number);
}

TEST_P(FewRows, AcrossARoundedCarry) {
  int64_t split = 0;
  spikescan_time_units(&split, nullptr);
  expect_parts(GetParam(), split + 2000, GetParam());
}

void expect_each_chunk_once(int64_t time, bool from_last, int64_t least, int64_t most, int threads) {
  SCOPED_TRACE(testing::Message() << time << " steps, " << least << " to " << most << " chunks, " << threads
                                  << " threads, from the " << (from_last ? "last" : "first"));
  const ChunkGroups groups(time, from_last, least, most, threads);
  const int64_t chunks = chunk_count(time);
  int64_t position = 0;
  for (int64_t i = 0; i < groups.count(); ++i) {
    const ChunkGroups::Group group = groups[i];
    ASSERT_EQ(group.position, position);
    ASSERT_GE(group.count, 1);
    ASSERT_LE(group.count, most);
    const int64_t last = from_last ? 0 : chunks - 1;
    const bool has_last = position <= last && last < position + group.count;
    if (has_last && time % kChunkSteps != 0) {
      ASSERT_EQ(group.count, 1) << "the short one among whole ones";
    }
    position += group.count;
  }
  ASSERT_EQ(position, chunks);
  if (time / kChunkSteps >= threads * least) {
    ASSERT_GE(groups.count(), threads);
  }
}

TEST(ChunkGroups, TakeEachChunkOnceInOrder) {
  for (const int64_t chunks : {1, 2, 3, 15, 16, 17, 64, 65, 100, 976}) {
    for (const int64_t rest : {0, 1, 1023}) {
      for (const int64_t most : {1, 3, 64}) {
        for (const int threads : {1, 2, 7, 64}) {
          for (const int64_t least : {int64_t{1}, (most + 3) / 4}) {
            expect_each_chunk_once(chunks * kChunkSteps + rest, false, least, most, threads);
            expect_each_chunk_once(chunks * kChunkSteps + rest, true, least, most, threads);
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace spikescan::support
