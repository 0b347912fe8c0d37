// The generator against published known answers, and the place of every element in it (docs/model.md, section 3): what
// the CPU backend draws for a segment is the uniform of the element's own global index, and no two elements share one.
#include "kernels/element/philox.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <vector>

#include "tests/element/known_answers.h"
#include "tests/element/lane_sampler.h"

namespace spikescan::testing {
namespace {

PhiloxKey key_of(uint64_t seed) {
  return {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)};
}

TEST(Philox, KnownAnswers) {
  const std::vector<BlockAnswer> blocks = read_known_answers().blocks;
  ASSERT_EQ(blocks.size(), 3u);
  for (const BlockAnswer& a : blocks) {
    const uint32_t* c = a.counter;
    const PhiloxWords got = philox4x32_10(c[0], c[1], c[2], c[3], {a.key[0], a.key[1]});
    for (int i = 0; i < 4; ++i) EXPECT_EQ(got.w[i], a.words[i]) << "word " << i;
  }
}

TEST(Philox, UniformsAreTheUpper24BitsExactly) {
  EXPECT_EQ(uniform_of(0), 0.0f);
  EXPECT_EQ(uniform_of(0xff), 0.0f);
  EXPECT_EQ(uniform_of(0x100), 0x1p-24f);
  EXPECT_EQ(uniform_of(0x80000000u), 0.5f);
  EXPECT_EQ(uniform_of(0xffffffffu), 1.0f - 0x1p-24f);
  for (uint32_t n = 0; n < 1u << 24; ++n) {
    ASSERT_EQ(uniform_of(n << 8 | (n & 0xffu)), static_cast<double>(n) / 16777216.0);
  }
}

TEST(Philox, KnownUniformsOfElements) {
  const std::vector<UniformAnswer> uniforms = read_known_answers().uniforms;
  ASSERT_EQ(uniforms.size(), 20u);
  for (const UniformAnswer& a : uniforms) {
    const RandomOrigin origin = {key_of(a.seed), a.stream, a.b, a.t, a.c};
    Segment u;
    draw_uniforms(origin, 0, 0, 0, 1, u);
    EXPECT_EQ(a.numerator, a.word >> 8);
    EXPECT_EQ(u.at[0][0] * 0x1p24f, static_cast<float>(a.numerator))
        << std::hex << a.seed << std::dec << ' ' << a.stream << ' ' << a.b << ' ' << a.t << ' ' << a.c;
  }
}

constexpr uint64_t kSeeds[] = {0, 1, 0x10000, 0x80000000, 0xffffffff, 0x100000000, uint64_t{1} << 63, ~uint64_t{0}};
constexpr uint32_t kStreams[] = {0, 1, 2, 0xffff, 0x10000, 0x80000000, 0xffffffff};
constexpr int64_t kBatches[] = {0, 1, 2, 0xffff, 0x10000, 0x80000000, 0xffffffff};
constexpr int64_t kTimes[] = {0, 16, 0xfff0, 0x10000, 0x40000, int64_t{1} << 33, (int64_t{1} << 34) - 16};
constexpr int64_t kChannels[] = {0, 16, 0xfff0, 0x10000, 0x7ffffff0, 0x80000000, 0xfffffff0};

// Calls visit(origin, uniforms of 16 steps by 16 channels) for every element of a grid around the powers of two.
template <class Visit>
void visit_grid(Visit visit) {
  for (const uint64_t seed : kSeeds) {
    for (const uint32_t stream : kStreams) {
      for (const int64_t b : kBatches) {
        for (const int64_t t : kTimes) {
          for (const int64_t c : kChannels) {
            const RandomOrigin origin = {key_of(seed), stream, b, t, c};
            Segment u;
            draw_uniforms(origin, 0, 0, 0, kSegmentSteps, u);
            visit(origin, u);
          }
        }
      }
    }
  }
}

TEST(Philox, EveryElementDrawsTheWordOfItsOwnCounter) {
  visit_grid([](const RandomOrigin& o, const Segment& u) {
    for (int j = 0; j < kSegmentSteps; ++j) {
      for (int l = 0; l < kLanes; ++l) {
        const int64_t t = o.time + j, c = o.channel + l;
        const PhiloxWords w = philox4x32_10(static_cast<uint32_t>(t / 4), static_cast<uint32_t>(c),
                                            static_cast<uint32_t>(o.batch), o.stream, o.key);
        ASSERT_EQ(u.at[j][l], static_cast<float>(w.w[t % 4] / 256) / 16777216.0f) << t << ' ' << c;
      }
    }
  });
}

TEST(Philox, RowsOfOneBatchDrawAsRowsOfAnyDo) {
  visit_grid([](const RandomOrigin& o, const Segment& u) {
    Segment any;
    draw_rows(o, rows_of_any_batch(0, 0), 0, kSegmentSteps, any);
    for (int j = 0; j < kSegmentSteps; ++j) {
      for (int l = 0; l < kLanes; ++l) ASSERT_EQ(u.at[j][l], any.at[j][l]) << o.time + j << ' ' << o.channel + l;
    }
  });
}

// Four steps of one channel are 96 random bits: among 1.2 million blocks two equal ones come about once in 10^17 grids,
// unless two elements share a counter.
TEST(Philox, NoTwoElementsShareABlock) {
  using Block = std::array<float, 4>;
  std::vector<Block> blocks;
  visit_grid([&](const RandomOrigin&, const Segment& u) {
    for (int j = 0; j < kSegmentSteps; j += 4) {
      for (int l = 0; l < kLanes; ++l) blocks.push_back({u.at[j][l], u.at[j + 1][l], u.at[j + 2][l], u.at[j + 3][l]});
    }
  });
  const size_t expected = std::size(kSeeds) * std::size(kStreams) * std::size(kBatches) * std::size(kTimes) *
                          std::size(kChannels) * kSegmentSteps / 4 * kLanes;
  EXPECT_EQ(blocks.size(), expected);
  std::sort(blocks.begin(), blocks.end());
  EXPECT_EQ(std::adjacent_find(blocks.begin(), blocks.end()), blocks.end());
  // The search itself: a block put in twice is found.
  blocks.push_back(blocks[blocks.size() / 2]);
  std::sort(blocks.begin(), blocks.end());
  EXPECT_NE(std::adjacent_find(blocks.begin(), blocks.end()), blocks.end());
}

// Pieces of a sequence, a batch or the channels draw what the whole would have drawn, wherever they start.
TEST(Philox, OriginsAndOffsetsAddUp) {
  const RandomOrigin whole = {key_of(12345), 6, 100, 1000, 64};
  for (int64_t shift = 0; shift < 9; ++shift) {
    const RandomOrigin piece = {whole.key, whole.stream, whole.batch + 3, whole.time + shift, whole.channel + 16};
    for (int steps = 1; steps <= kSegmentSteps; ++steps) {
      Segment a, b;
      draw_uniforms(whole, 3, shift, 16, steps, a);
      draw_uniforms(piece, 0, 0, 0, steps, b);
      Segment whole_run[2];
      draw_uniforms(whole, 3, 0, 16, kSegmentSteps, whole_run[0]);
      draw_uniforms(whole, 3, kSegmentSteps, 16, kSegmentSteps, whole_run[1]);
      for (int j = 0; j < steps; ++j) {
        const int64_t t = shift + j;
        for (int l = 0; l < kLanes; ++l) {
          ASSERT_EQ(a.at[j][l], b.at[j][l]) << shift << ' ' << steps;
          ASSERT_EQ(a.at[j][l], whole_run[t / kSegmentSteps].at[t % kSegmentSteps][l]) << shift << ' ' << steps;
        }
      }
    }
  }
}

TEST(Philox, TheKeyComesFromTheCallOrFromDeviceMemory) {
  ForwardCall call = {};
  call.args.seed = 0x0123456789abcdef;
  call.args.stream = 7;
  call.description.batch_origin = 1;
  call.description.time_origin = 2;
  call.description.channel_origin = 3;
  const RandomOrigin by_value = random_origin(call);
  EXPECT_EQ(by_value.key.low, 0x89abcdefu);
  EXPECT_EQ(by_value.key.high, 0x01234567u);
  EXPECT_EQ(by_value.stream, 7u);
  EXPECT_EQ(by_value.batch, 1);
  EXPECT_EQ(by_value.time, 2);
  EXPECT_EQ(by_value.channel, 3);
  const spikescan_device_key key = {0xfedcba9876543210, 9, 0, 10, 20, 30};
  call.args.device_key = &key;
  const RandomOrigin by_pointer = random_origin(call);
  EXPECT_EQ(by_pointer.key.low, 0x76543210u);
  EXPECT_EQ(by_pointer.key.high, 0xfedcba98u);
  EXPECT_EQ(by_pointer.stream, 9u);
  EXPECT_EQ(by_pointer.batch, 10);
  EXPECT_EQ(by_pointer.time, 20);
  EXPECT_EQ(by_pointer.channel, 30);
}

}  // namespace
}  // namespace spikescan::testing
