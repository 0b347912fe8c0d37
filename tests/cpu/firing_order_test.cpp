// Whatever fires a segment asks its sink once beside each step and vector, and then puts the spikes there, a row's
// steps in order. A line that nobody asks for changes no result, only the time.
#include <gtest/gtest.h>

#include <map>
#include <utility>

#include "host/firing_setup.h"
#include "kernels/cpu/lane_firing.h"

namespace spikescan::testing {
namespace {

using Places = std::map<std::pair<int, int>, int>;  // of (step, lane): how often

template <bool kPastTheCaches>
struct CountingSink {
  static constexpr bool kStreams = kPastTheCaches;
  Places &asked, &put_at;
  std::map<int, int>& next_step;  // of a lane
  void ask(int j, int l) const {
    EXPECT_EQ(put_at.count({j, l}), 0u) << "asks after it has put: step " << j << ", lane " << l;
    ++asked[{j, l}];
  }
  template <class Spikes>
  void put(int j, int l, Spikes) const {
    EXPECT_EQ(next_step[l]++, j) << "lane " << l;
    ++put_at[{j, l}];
  }
  void end(int) const {}
};

Firing firing_by(spikescan_rule rule) {
  spikescan_description d = {};
  d.rule = rule;
  d.k = 10.0f;
  d.threshold = 1.0f;
  d.max_prob = 1.0f;
  return make_firing(d);
}

// fire(sink) fires so many steps and lanes; past them it may ask and put for whole quarters and vectors.
template <bool kStreams, class Fire>
void expect_each_once(int steps, int lanes, Fire fire) {
  SCOPED_TRACE(::testing::Message() << steps << " steps, " << lanes << " lanes, streams: " << kStreams);
  Places asked, put_at;
  std::map<int, int> next_step;
  fire(CountingSink<kStreams>{asked, put_at, next_step});
  for (int j = 0; j < steps; ++j) {
    for (int l = 0; l < lanes; l += kFloats) {
      EXPECT_EQ((asked[{j, l}]), 1) << "step " << j << ", lane " << l;
      EXPECT_EQ((put_at[{j, l}]), 1) << "step " << j << ", lane " << l;
    }
  }
  for (const auto& [place, times] : asked) EXPECT_EQ(times, put_at[place]);
}

template <class Fire>
void for_sizes(Fire fire) {
  for (const int steps : {kSegmentSteps, 12, 8, 7, 4, 1}) {
    for (const int lanes : {kLanes, 3 * kFloats, 1}) {
      expect_each_once<false>(steps, lanes, [&](auto sink) { fire(steps, lanes, sink); });
      expect_each_once<true>(steps, lanes, [&](auto sink) { fire(steps, lanes, sink); });
    }
  }
}

template <class Rule>
void expect_drawn_in_order(spikescan_rule name) {
  const Rule rule(firing_by(name), kUniformScale);
  VectorPhilox philox(RandomOrigin{});
  LaneBlock block;
  block.set_channels(BlockGrid(kLanes, 1), 0);
  block.set_batches(BlockGrid(kLanes, 1), 0, 1, 0, 1);
  philox.set_rows(block);
  const Segment m = {};
  for_sizes([&](int steps, int lanes, auto sink) { fire_drawn(rule, philox, 0, steps, lanes, TileSource{m}, sink); });
}

TEST(FiringOrder, OfRulesThatDraw) {
  expect_drawn_in_order<SigmoidRule>(SPIKESCAN_SIGMOID_BERNOULLI);
  expect_drawn_in_order<RefractoryRule>(SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI);
}

TEST(FiringOrder, OfRulesThatDoNot) {
  const HeavisideRule rule(firing_by(SPIKESCAN_HEAVISIDE));
  const Segment m = {};
  for_sizes(
      [&](int steps, int lanes, auto sink) { fire_alone(rule, (steps + 3) / 4 * 4, lanes, TileSource{m}, sink); });
}

TEST(FiringOrder, OfUniformsThatAreGiven) {
  const SigmoidRule rule(firing_by(SPIKESCAN_SIGMOID_BERNOULLI), 1.0f);
  const Segment m = {}, u = {};
  for_sizes([&](int steps, int lanes, auto sink) { fire_given(rule, u, steps, lanes, m, sink); });
}

}  // namespace
}  // namespace spikescan::testing
