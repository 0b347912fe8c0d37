// Draws that all but equal their probability: where a backend that takes a shorter way to most spikes must not.
#include <cmath>

#include "cross/both.h"
#include "ops/one_case.h"
#include "reference/philox.h"

namespace spikescan::cross {
namespace {

using ops::target;
using support::Case;

// At a decay of 0 the membrane is x, which is still to come.
Case case_of_x(int64_t batch, int64_t time, int64_t channels, float k, float threshold, float max_prob) {
  Case c;
  spikescan_description& d = c.description;
  d.batch = batch;
  d.time = time;
  d.channels = channels;
  d.k = k;
  d.threshold = threshold;
  d.max_prob = max_prob;
  c.beta.assign(static_cast<size_t>(channels), 0.0f);
  c.wanted.saved = false;
  return c;
}

// x lies where the probability is the element's own draw, and then some units in the last place aside.
Case tied_case(float k, float threshold, float max_prob, int units) {
  Case c = case_of_x(2, 80, 33, k, threshold, max_prob);
  const spikescan_description& d = c.description;
  for (int64_t b = 0; b < d.batch; ++b) {
    for (int64_t t = 0; t < d.time; ++t) {
      for (int64_t channel = 0; channel < d.channels; ++channel) {
        const double u = reference::uniform(c.seed, c.stream, b, t, channel);
        const double odds = u / (max_prob - u);  // infinite or negative: no x reaches the draw
        auto x = static_cast<float>(threshold + (odds > 0 ? std::log(odds) / k : 0.0));
        for (int i = 0; i < std::abs(units); ++i) x = std::nextafter(x, units < 0 ? -INFINITY : INFINITY);
        c.x.push_back(x);
      }
    }
  }
  return c;
}

double spiking_share(const Case& c, const support::Forward& forward) {
  double spikes = 0;
  for (const float spike : forward.spikes.floats()) spikes += spike;
  return spikes / static_cast<double>(c.elements());
}

class Ties : public ops::Ops {};

TEST_F(Ties, SpikeAlike) {
  for (const float k : {0.5f, 10.0f, 100.0f, 1300.0f}) {
    for (const float threshold : {0.0f, 1.0f, -0.3f, 30.0f}) {
      for (const float max_prob : {1.0f, 0.8f, 0.003f, 1e-7f}) {
        for (const int units : {-3, -1, 0, 1, 4}) {
          const Case c = tied_case(k, threshold, max_prob, units);
          const support::Forward want = support::forward(cpu(), c);
          EXPECT_EQ(support::difference(support::forward(target(), c, support::kOtherPoison), want), "")
              << "k " << k << " threshold " << threshold << " max_prob " << max_prob << " units " << units;
        }
      }
    }
  }
}

// A draw of 0 fires until e is infinite, and lies near no limit. With this seed the first element draws it; x are the
// floats around the one from which on e is infinite.
TEST_F(Ties, ADrawOfZeroFiresUntilItsExponentialIsInfinite) {
  constexpr uint64_t kSeed = 12121362;
  ASSERT_EQ(reference::uniform(kSeed, 0, 0, 0, 0), 0.0);
  for (const float k : {0.5f, 10.0f, 100.0f}) {
    for (const float threshold : {0.0f, 1.0f, -0.3f}) {
      auto x = static_cast<float>(threshold - 128.0 * std::log(2.0) / k);
      for (int i = 0; i < 16; ++i) x = std::nextafter(x, -INFINITY);
      int spikes = 0;
      for (int i = -16; i <= 16; ++i, x = std::nextafter(x, INFINITY)) {
        Case c = case_of_x(1, 1, 1, k, threshold, 0.8f);
        c.seed = kSeed;
        c.x = {x};
        const support::Forward want = support::forward(cpu(), c);
        EXPECT_EQ(support::difference(support::forward(target(), c, support::kOtherPoison), want), "")
            << "k " << k << " threshold " << threshold << " x " << x;
        spikes += want.spikes.floats()[0] != 0.0f;
      }
      EXPECT_GT(spikes, 0);
      EXPECT_LT(spikes, 33);
    }
  }
}

// The cases are what they are meant to be: a shift of a few units of x decides most spikes.
TEST_F(Ties, AreDecidedByTheLastBits) {
  const Case below = tied_case(10.0f, 0.0f, 1.0f, -16), above = tied_case(10.0f, 0.0f, 1.0f, 16);
  EXPECT_LT(spiking_share(below, support::forward(target(), below)), 0.1);
  EXPECT_GT(spiking_share(above, support::forward(target(), above)), 0.9);
}

}  // namespace
}  // namespace spikescan::cross
