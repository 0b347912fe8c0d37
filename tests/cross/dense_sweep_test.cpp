// Every rule and gradient over a dense sweep of M: on a GPU 2^20 floats, enough for its approximate reciprocal to meet
// every kind of mantissa (kernels/element/real.h). Uniforms lie at the probability or next to it, where bits decide.
#include <cmath>

#include "cross/both.h"
#include "reference/rules.h"

namespace spikescan::cross {
namespace {

using ops::target;
using support::Case;

struct Form {
  spikescan_rule rule;
  spikescan_gradient gradient;
  spikescan_surrogate surrogate;
};

constexpr float kBeyond[] = {0.0f, -0.0f, 1e30f, -1e30f, INFINITY, -INFINITY};

// Floats of both signs spread evenly over the exponents from 2^-30 to 2^7.
std::vector<float> membranes(int64_t count) {
  std::vector<float> m(std::begin(kBeyond), std::end(kBeyond));
  const double step = 74.0 / static_cast<double>(count);
  for (int64_t i = 0; i < count; ++i) {
    const double size = std::exp2(std::fabs(static_cast<double>(i) * step - 37.0) - 30.0);
    m.push_back(static_cast<float>(i % 2 == 0 ? size : -size));
  }
  return m;
}

Case sweep(const Form& form, float k, float threshold, int64_t count) {
  Case c;
  spikescan_description& d = c.description;
  d.recurrence = SPIKESCAN_LIF;
  d.rule = form.rule;
  d.gradient = form.gradient;
  d.surrogate = form.surrogate;
  d.k = k;
  d.threshold = threshold;
  c.x = membranes(count);
  d.batch = d.time = 1;
  d.channels = static_cast<int64_t>(c.x.size());
  d.shared_decay = 1;
  c.beta = {0.5f};
  c.grad_spikes.assign(c.x.size(), 1.0f);
  if (!c.is_bernoulli()) return c;
  const reference::Rule rule = reference::rule_of(d);
  for (size_t i = 0; i < c.x.size(); ++i) {
    const double p = reference::probability(rule, static_cast<double>(c.x[i] - threshold));
    const double near = std::isnan(p) ? 0.0 : std::floor(p * 0x1p24) + static_cast<double>(i % 3) - 1.0;
    c.uniforms.push_back(static_cast<float>(std::fmin(std::fmax(near, 0.0), 0x1p24 - 1.0) * 0x1p-24));
  }
  return c;
}

class DenseSweep : public ops::Ops {};

TEST_F(DenseSweep, Agrees) {
  std::vector<Form> forms;
  for (const spikescan_gradient g : {SPIKESCAN_PROBABILITY, SPIKESCAN_DERIVATIVE}) {
    forms.push_back({SPIKESCAN_SIGMOID_BERNOULLI, g, SPIKESCAN_ARCTAN});
    forms.push_back({SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI, g, SPIKESCAN_ARCTAN});
  }
  for (int s = SPIKESCAN_ARCTAN; s <= SPIKESCAN_TANH; ++s) {
    forms.push_back({SPIKESCAN_HEAVISIDE, SPIKESCAN_PROBABILITY, static_cast<spikescan_surrogate>(s)});
  }
  const int64_t count = target().fast ? int64_t{1} << 20 : int64_t{1} << 13;
  for (const Form& form : forms) {
    for (const float threshold : {0.0f, 1.0f}) {
      for (const float k : {0x1p-120f, 1.0f, 10.0f, 0x1p120f}) {
        SCOPED_TRACE(testing::Message() << "rule " << form.rule << " gradient " << form.gradient << " surrogate "
                                        << form.surrogate << " k " << k << " threshold " << threshold);
        const Case c = sweep(form, k, threshold, count);
        EXPECT_EQ(difference(target(), c, run(cpu(), c)), "");
      }
    }
  }
}

}  // namespace
}  // namespace spikescan::cross
