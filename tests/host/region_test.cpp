// Which arguments share memory: the exact answers against sets of bytes, and legal slices of one buffer.
#include "host/region.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "host/memory_range.h"

namespace spikescan {
namespace {

// From `first`, runs of `run` bytes.
Region region_of(uintptr_t first, int64_t run, Axis outer, Axis inner) {
  Region region = {};
  region.first = first;
  region.run = run;
  region.axes[0] = outer;
  region.axes[1] = inner;
  region.bytes = static_cast<size_t>(run + (outer.count - 1) * outer.stride + (inner.count - 1) * inner.stride);
  return region;
}

// Every byte, or with `twice` whether one comes up a second time.
std::set<uintptr_t> bytes_of(const Region& region, bool* twice = nullptr) {
  std::set<uintptr_t> bytes;
  for (int64_t u = 0; u < region.axes[0].count; ++u) {
    for (int64_t v = 0; v < region.axes[1].count; ++v) {
      for (int64_t r = 0; r < region.run; ++r) {
        const auto at =
            static_cast<uintptr_t>(region.first + u * region.axes[0].stride + v * region.axes[1].stride + r);
        if (!bytes.insert(at).second && twice) *twice = true;
      }
    }
  }
  return bytes;
}

bool share_a_byte(const Region& a, const Region& b) {
  const std::set<uintptr_t> of_a = bytes_of(a);
  for (const uintptr_t byte : bytes_of(b)) {
    if (of_a.count(byte)) return true;
  }
  return false;
}

class Random {
 public:
  explicit Random(unsigned seed) : generator_(seed) {}
  int64_t operator()(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(generator_);
  }

 private:
  std::mt19937 generator_;
};

TEST(Window, EqualsCounting) {
  Random random(11);
  int reached = 0;
  constexpr int kCases = 20000;
  for (int i = 0; i < kCases; ++i) {
    const Axis a = {random(1, 9), random(1, 40)}, b = {random(1, 9), random(1, 40)};
    const int64_t low = random(-60, 700), high = low + random(0, 12);
    bool expected = false;
    for (int64_t u = 0; u < a.count; ++u) {
      for (int64_t v = 0; v < b.count; ++v) {
        const Wide at = u * a.stride + v * b.stride;
        expected = expected || (at >= low && at <= high);
      }
    }
    ASSERT_EQ(reaches_window(a, b, low, high), expected)
        << i << ": " << int64_t(a.count) << " x " << int64_t(a.stride) << ", " << int64_t(b.count) << " x "
        << int64_t(b.stride) << " in " << low << ".." << high;
    reached += expected;
  }
  EXPECT_GT(reached, kCases / 10) << "a test of misses alone proves little";
  EXPECT_LT(reached, kCases * 9 / 10);
}

TEST(Window, HugeNumbers) {
  const Wide big = Wide{1} << 62;
  // (2^31 - 1) * 2^31 is the largest sum below 2^62; the next is 2^62 itself.
  const Axis a = {(Wide{1} << 32), Wide{1} << 31}, b = {1, 1};
  EXPECT_FALSE(reaches_window(a, b, big - (Wide{1} << 31) + 1, big - 1));
  EXPECT_TRUE(reaches_window(a, b, big - (Wide{1} << 31) + 1, big));
  // Strides 2^31 and 2^31 - 1 leave no gap below the count, and the first gap is known: u + v = n reaches from
  // n 2^31 - n to n 2^31.
  const Axis c = {1000, Wide{1} << 31}, d = {1000, (Wide{1} << 31) - 1};
  EXPECT_TRUE(reaches_window(c, d, (Wide{1} << 31) * 10 - 10, (Wide{1} << 31) * 10 - 10));
  EXPECT_FALSE(reaches_window(c, d, (Wide{1} << 31) * 10 - 11, (Wide{1} << 31) * 10 - 11));
}

TEST(Region, OverlapOfItselfEqualsCounting) {
  Random random(12);
  int overlaps = 0;
  constexpr int kCases = 20000;
  for (int i = 0; i < kCases; ++i) {
    const Region region = region_of(1000, random(1, 5), {random(1, 7), random(0, 40)}, {random(1, 7), random(0, 40)});
    bool expected = false;
    bytes_of(region, &expected);
    ASSERT_EQ(overlaps_itself(region), expected)
        << i << ": run " << int64_t(region.run) << ", " << int64_t(region.axes[0].count) << " x "
        << int64_t(region.axes[0].stride) << ", " << int64_t(region.axes[1].count) << " x "
        << int64_t(region.axes[1].stride);
    overlaps += expected;
  }
  EXPECT_GT(overlaps, kCases / 10);
  EXPECT_LT(overlaps, kCases * 9 / 10);
}

// Strides that interlock: neither axis lies inside the other's stride, and yet nothing meets.
TEST(Region, InterlockedStrides) {
  const Axis threes = {2, 3};
  EXPECT_FALSE(overlaps_itself(region_of(0, 1, {3, 2}, threes))) << "0 2 4 and 3 5 7";
  EXPECT_TRUE(overlaps_itself(region_of(0, 1, {4, 2}, {3, 3}))) << "6 = 3 * 2 = 2 * 3";
  EXPECT_FALSE(overlaps_itself(region_of(0, 4, {int64_t{1} << 32, 4}, {4, int64_t{1} << 34})));
  EXPECT_TRUE(overlaps_itself(region_of(0, 4, {(int64_t{1} << 32) + 1, 4}, {4, int64_t{1} << 34})));
}

// What is apart must be found apart and what shares must be found sharing, unless there are more than two strides.
void hold_against_counting(const Region& a, const Region& b, int* decided, int* shared) {
  const bool expected = share_a_byte(a, b);
  const Sharing found = sharing_of(a, b);
  if (found == Sharing::kUndecided) return;
  ++*decided;
  *shared += expected;
  ASSERT_EQ(found == Sharing::kShares, expected);
}

TEST(Region, SharingWithEqualStridesIsExact) {
  Random random(13);
  int decided = 0, shared = 0;
  constexpr int kCases = 6000;
  for (int i = 0; i < kCases; ++i) {
    const int64_t outer = random(1, 60), inner = random(1, 60);
    const Region a = region_of(1000, random(1, 5), {random(1, 5), outer}, {random(1, 5), inner});
    const Region b = region_of(1000 + random(-80, 80), random(1, 5), {random(1, 5), outer}, {random(1, 5), inner});
    hold_against_counting(a, b, &decided, &shared);
    if (HasFatalFailure()) return;
  }
  EXPECT_EQ(decided, kCases);
  EXPECT_GT(shared, kCases / 10);
  EXPECT_LT(shared, kCases * 9 / 10);
}

TEST(Region, SharingWithAnyStridesIsNeverWrong) {
  Random random(14);
  int decided = 0, shared = 0;
  constexpr int kCases = 6000;
  for (int i = 0; i < kCases; ++i) {
    const Region a = region_of(1000, random(1, 5), {random(1, 5), random(0, 60)}, {random(1, 5), random(0, 60)});
    const Region b =
        region_of(1000 + random(-80, 80), random(1, 5), {random(1, 5), random(0, 60)}, {random(1, 5), random(0, 60)});
    hold_against_counting(a, b, &decided, &shared);
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(decided, kCases / 4);
  EXPECT_GT(shared, 100);
}

// ---- Slices of one buffer, as programs make them; each pair would be refused by its ranges alone
// ---------------------

void expect_apart(const Region& a, const Region& b) {
  EXPECT_TRUE(ranges_meet(a.first, a.bytes, b.first, b.bytes)) << "not a case that interleaves";
  EXPECT_FALSE(share_a_byte(a, b)) << "not a case that is apart";
  EXPECT_EQ(sharing_of(a, b), Sharing::kApart);
  EXPECT_EQ(sharing_of(b, a), Sharing::kApart);
}

// A buffer [4, 6, 16] of floats, 64 bytes a row.
constexpr int64_t kRow = 64, kBatch = 6 * kRow;

TEST(RegionSlices, OfChannels) {
  expect_apart(region_of(0, 32, {4, kBatch}, {6, kRow}), region_of(32, 32, {4, kBatch}, {6, kRow}));
  expect_apart(region_of(0, 28, {4, kBatch}, {6, kRow}), region_of(28, 36, {4, kBatch}, {6, kRow}));
}

TEST(RegionSlices, OfChannelsTimeFirst) {
  expect_apart(region_of(0, 32, {4, kRow}, {6, 4 * kRow}), region_of(32, 32, {4, kRow}, {6, 4 * kRow}));
}

// Three different strides: only their common period tells.
TEST(RegionSlices, OfChannelsAndEverySecondStep) {
  expect_apart(region_of(0, 32, {4, kBatch}, {5, kRow}), region_of(32, 32, {4, kBatch}, {2, 2 * kRow}));
}

TEST(RegionSlices, OfTimeWithPaddedChannels) {
  expect_apart(region_of(0, 60, {4, kBatch}, {3, kRow}), region_of(3 * kRow, 60, {4, kBatch}, {3, kRow}));
}

TEST(RegionSlices, EvenAndOddSteps) {
  const Axis steps = {3, 2 * kRow};
  expect_apart(region_of(0, kRow, {4, kBatch}, steps), region_of(kRow, kRow, {4, kBatch}, steps));
  // Five steps: a batch is an odd number of rows, so no period keeps the two apart.
  expect_apart(region_of(0, 60, {4, 5 * kRow}, {3, 2 * kRow}), region_of(kRow, 60, {4, 5 * kRow}, {2, 2 * kRow}));
}

TEST(RegionSlices, OfBatchesTimeFirst) {
  expect_apart(region_of(0, kRow, {2, kRow}, {6, 4 * kRow}), region_of(2 * kRow, kRow, {2, kRow}, {6, 4 * kRow}));
}

TEST(RegionSlices, StateBesideItsTensor) {
  // A record of 7 rows for each batch: six of membrane, one of state.
  expect_apart(region_of(0, kRow, {4, 7 * kRow}, {6, kRow}), region_of(6 * kRow, kRow, {4, 7 * kRow}, {1, 0}));
}

TEST(RegionSlices, PackedSpikesBesideTheMembrane) {
  // A record for each batch: 40 rows of membrane, then two rows of words.
  expect_apart(region_of(0, 12, {4, 42 * 12}, {40, 12}), region_of(40 * 12, 12, {4, 42 * 12}, {2, 12}));
}

TEST(RegionSlices, ByTheByteBesideFloats) {
  // A record for each step: 3 floats, then 3 bytes and one of padding.
  expect_apart(region_of(0, 12, {4, 6 * 16}, {6, 16}), region_of(12, 3, {4, 6 * 16}, {6, 16}));
}

TEST(RegionSlices, OneTooManyIsSeen) {
  const Region left = region_of(0, 33, {4, kBatch}, {6, kRow}), right = region_of(32, 32, {4, kBatch}, {6, kRow});
  EXPECT_EQ(sharing_of(left, right), Sharing::kShares);
  EXPECT_EQ(sharing_of(right, left), Sharing::kShares);
}

TEST(RegionSlices, ThreeStridesMayStayUndecided) {
  const Region a = region_of(0, 1, {5, 7}, {5, 50}), b = region_of(3, 1, {5, 11}, {5, 50});
  EXPECT_EQ(sharing_of(a, b), Sharing::kUndecided);
}

TEST(Range, EndOfTheAddressSpace) {
  EXPECT_TRUE(fits_address_space(UINTPTR_MAX, 1));
  EXPECT_FALSE(fits_address_space(UINTPTR_MAX, 2));
  EXPECT_TRUE(fits_address_space(UINTPTR_MAX, 0));
  EXPECT_TRUE(ranges_meet(UINTPTR_MAX - 3, 4, UINTPTR_MAX, 1));
  EXPECT_FALSE(ranges_meet(UINTPTR_MAX - 3, 3, UINTPTR_MAX, 1));
  EXPECT_FALSE(ranges_meet(5, 0, 5, 1));
}

}  // namespace
}  // namespace spikescan
