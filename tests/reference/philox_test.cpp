// The tests' generator against Random123's published known answers, and the place of every index in the counter.
#include "reference/philox.h"

#include <gtest/gtest.h>

#include <set>

namespace spikescan::reference {
namespace {

using Counter = std::array<uint32_t, 4>;
using Key = std::array<uint32_t, 2>;

TEST(ReferencePhilox, KnownAnswers) {
  EXPECT_EQ(philox(Counter{}, Key{}), (Counter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr uint32_t kOnes = 0xffffffff;
  EXPECT_EQ(philox({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}),
            (Counter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  // The digits of pi.
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Counter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(ReferencePhilox, UniformTakesItsWordFromTheCounterOfTheSpecification) {
  const uint64_t seed = 0x0123456789abcdef;
  const int64_t b = 5, t = (int64_t{1} << 33) + 7, c = 0xfffffffe;
  const Counter words = philox({static_cast<uint32_t>(t / 4), 0xfffffffe, 5, 9}, {0x89abcdef, 0x01234567});
  EXPECT_EQ(uniform(seed, 9, b, t, c), static_cast<double>(words[3] >> 8) / 16777216.0);
}

TEST(ReferencePhilox, EveryIndexAndBothHalvesOfTheSeedMatter) {
  const std::set<double> drawn = {uniform(1, 0, 0, 0, 0), uniform(1, 0, 0, 1, 0),
                                  uniform(1, 0, 0, 4, 0), uniform(1, 0, 0, 0, 1),
                                  uniform(1, 0, 1, 0, 0), uniform(1, 1, 0, 0, 0),
                                  uniform(2, 0, 0, 0, 0), uniform((uint64_t{1} << 32) + 1, 0, 0, 0, 0)};
  EXPECT_EQ(drawn.size(), 8u);
}

}  // namespace
}  // namespace spikescan::reference
