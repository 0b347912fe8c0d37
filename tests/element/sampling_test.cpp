// Sampling: exact checks first, since a bias of 2^-24 would need 2^52 draws to show; then about 1,000
// statistics with fixed seeds; then the same checks against samplers with a planted fault each.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <set>

#include "tests/element/sampling_faults.h"

namespace spikescan::testing {
namespace {

// 1,000 two-sided tests at 10^-9 each: a family error of 10^-6. The seeds are fixed, so this is no matter of luck.
constexpr double kLimit = 6.11;

std::vector<Statistic> outliers(const Sampler& sampler) {
  std::vector<Statistic> out;
  for (Statistic& s : statistics(sampler)) {
    if (!(std::fabs(s.z) < kLimit)) out.push_back(std::move(s));
  }
  return out;
}

TEST(Sampling, ExactChecksHold) {
  for (const std::string& failure : exact_failures(library_sampler())) ADD_FAILURE() << failure;
}

TEST(Sampling, StatisticsHold) {
  for (const Statistic& s : outliers(library_sampler())) ADD_FAILURE() << s.name << ": z = " << s.z;
}

// As many statistics as the limit was made for, each another, and together as spread as standard normals.
TEST(Sampling, StatisticsAreWhatTheLimitAssumes) {
  const std::vector<Statistic> all = statistics(library_sampler());
  EXPECT_GE(all.size(), 980u);
  EXPECT_LE(all.size(), 1020u);
  std::set<std::string> names;
  double squares = 0.0;
  for (const Statistic& s : all) {
    names.insert(s.name);
    squares += s.z * s.z;
  }
  EXPECT_EQ(names.size(), all.size());
  // The mean of 1,000 squares has a standard deviation of 0.045.
  EXPECT_NEAR(squares / static_cast<double>(all.size()), 1.0, 0.2);
}

TEST(Sampling, PinnedCountsAreNeitherEmptyNorFull) {
  int count = 0;
  for (int64_t spikes; (spikes = pinned_spikes(library_sampler(), count)) >= 0; ++count) {
    EXPECT_GT(spikes, 100) << count;
    EXPECT_LT(spikes, 16284) << count;
  }
  EXPECT_EQ(count, 12);
}

TEST(Sampling, EveryPlantedFaultIsSeen) {
  EXPECT_GE(sampler_faults().size(), 19u);
  for (const SamplerFault& fault : sampler_faults()) {
    const size_t exact = exact_failures(fault.sampler).size();
    const size_t statistical = outliers(fault.sampler).size();
    std::printf("%-32s %2zu exact checks, %4zu statistics\n", fault.name, exact, statistical);
    EXPECT_GT(exact + statistical, 0u) << fault.name;
    EXPECT_EQ(statistical > 0, fault.shows_in_statistics) << fault.name;
  }
}

}  // namespace
}  // namespace spikescan::testing
