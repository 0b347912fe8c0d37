// `spikescan-bench sweep` without a device: which plans are tried, and what is said of canned times.
#include "command/sweep.h"

#include <gmock/gmock.h>

#include <set>

#include "command/plans.h"

namespace spikescan::bench {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr DeviceFacts kDevice = {132, 227 * 1024, 228 * 1024};  // an H100's

spikescan_description description(int64_t batch, int64_t time, int64_t channels) {
  spikescan_description d = SPIKESCAN_DESCRIPTION_INIT;
  d.batch = batch;
  d.time = time;
  d.channels = channels;
  return d;
}

TEST(CandidatePlans, StartWithThePlannersChoiceAndAreDistinct) {
  for (const bool backward : {false, true}) {
    for (const auto& d : {description(64, 1024, 512), description(1, 1000000, 64), description(1, 1024, 64)}) {
      const auto plans = candidate_plans(d, backward, kDevice);
      const Plan own = backward ? plan_backward(d, kDevice) : plan_forward(d, kDevice);
      ASSERT_GE(plans.size(), 2u);
      EXPECT_EQ(describe(plans.front()), describe(own));
      std::set<std::string> texts;
      for (const Plan& plan : plans) {
        texts.insert(describe(plan));
        EXPECT_GE(plan.blocks, 1);
        EXPECT_LE(plan.shared_bytes, kDevice.shared_bytes);
        // What the planner lays out for itself: a plan with other facts must not write beyond its own workspace.
        EXPECT_LE(plan.cleared_bytes, plan.workspace_bytes);
      }
      EXPECT_EQ(texts.size(), plans.size());
    }
  }
}

TEST(CandidatePlans, TryTheOtherStrategyAsWell) {
  std::set<Strategy> strategies;
  for (const Plan& plan : candidate_plans(description(64, 4096, 512), false, kDevice)) strategies.insert(plan.strategy);
  EXPECT_GE(strategies.size(), 2u);
}

TEST(Loss, IsOfTheChoiceAgainstTheBest) {
  EXPECT_DOUBLE_EQ(loss({"case", {{"own", 1.1}, {"other", 1.0}, {"worse", 3.0}}}), 1.1 / 1.0 - 1.0);
  EXPECT_EQ(loss({"case", {{"own", 1.0}, {"other", 1.5}}}), 0.0);
  EXPECT_EQ(loss({"case", {}}), 0.0);
}

TEST(Report, NamesLossesBeyondThreePercentTheWorstFirst) {
  const std::string text = report({{"fine", {{"own", 1.02}, {"other", 1.0}}},
                                   {"bad", {{"own", 1.05e-3}, {"wider", 1.0e-3}}},
                                   {"worst", {{"own", 2.0e-3}, {"wider", 3.0e-3}, {"rows", 1.0e-3}}}});
  EXPECT_THAT(text, Not(HasSubstr("fine")));
  EXPECT_THAT(text, HasSubstr("worst: the planner's choice takes 100.0% longer than the best"));
  EXPECT_LT(text.find("worst"), text.find("bad"));
  EXPECT_THAT(text, HasSubstr("1.0000 ms  rows"));
  EXPECT_THAT(text, HasSubstr("2 of 3 cases lose more than 3% (7 plans tried)"));
}

}  // namespace
}  // namespace spikescan::bench
