// V, and M for psu_lif, within 8 * 2^-24 of the sum of their terms' magnitudes, for every decay in [0, 1] and sequences
// up to 10^6 steps, though the promise allows a unit more at each split (docs/model.md, section 5).
#include <algorithm>

#include "ops/target.h"
#include "support/against_reference.h"
#include "support/coverage.h"
#include "support/random_case.h"

namespace spikescan::ops {
namespace {

using support::Case;

enum class Input { constant, random, one_signed, alternating, impulse, none };
constexpr Input kInputs[] = {Input::constant,    Input::random,  Input::one_signed,
                             Input::alternating, Input::impulse, Input::none};

// One channel for each decay, with every special place of the clipping and of float32's spacing near 1.
const std::vector<float> kDecays = {0.0f,  1.0f, 0x1.fffffep-1f, 0x1p-24f, -0.1f,   1.1f,     0.5f,
                                    0.75f, 0.9f, 0.99f,          0.999f,   0.9999f, 0.99999f, 0x1.fffff0p-1f};

float input_at(Input input, int64_t t, support::Random& random) {
  switch (input) {
    case Input::constant:
      return 0.7f;
    case Input::random:
      return random.uniform(-1, 1);
    case Input::one_signed:
      return random.uniform(0, 1);
    case Input::alternating:
      return t % 2 ? -0.7f : 0.9f;
    case Input::impulse:
      return t == 2 ? 1.0f : 0.0f;
    case Input::none:
      return 0;
  }
  return 0;
}

// One row of `time` steps for each decay, seen through the rule `none`; threshold 0 leaves M as it is.
Case membrane_case(spikescan_recurrence recurrence, Input input, const std::vector<float>& decays, int64_t time,
                   bool initial_state) {
  Case c;
  c.description.recurrence = recurrence;
  c.description.rule = SPIKESCAN_NONE;
  c.description.threshold = 0;
  c.description.batch = 1;
  c.description.time = time;
  c.description.channels = static_cast<int64_t>(decays.size());
  support::Random random(5);
  c.beta = decays;
  if (c.has_alpha()) c.alpha.assign(decays.rbegin(), decays.rend());
  for (int64_t t = 0; t < time; ++t) {
    for (size_t i = 0; i < decays.size(); ++i) c.x.push_back(input_at(input, t, random));
  }
  for (int n = 0; n < (c.has_second() ? 2 : 1) && initial_state; ++n) {
    for (size_t i = 0; i < decays.size(); ++i) c.initial[n].push_back(random.uniform(-3, 3));
  }
  c.wanted = {true, true, {true, true}, false, false, false, false, {false, false}};
  return c;
}

void expect_accurate(const Case& c, support::Report& worst) {
  const support::Report report = support::expect_states(target(), c);
  worst.membrane = std::max(worst.membrane, report.membrane);
  worst.distance = std::max(worst.distance, report.distance);
}

class Membrane : public OpsWith<spikescan_recurrence> {};
INSTANTIATE_TEST_SUITE_P(All, Membrane, testing::ValuesIn(support::kRecurrences),
                         [](const auto& info) { return support::name_of(info.param); });

TEST_P(Membrane, EveryDecayAndInput) {
  support::Report worst;
  for (const Input input : kInputs) {
    for (const bool initial_state : {false, true}) {
      SCOPED_TRACE(testing::Message() << "input " << static_cast<int>(input) << " initial state " << initial_state);
      vary(static_cast<uint64_t>(input) * 2 + initial_state);
      expect_accurate(
          membrane_case(GetParam(), input, kDecays, target().fast ? 4099 : 2 * chunk_steps() + 3, initial_state),
          worst);
    }
  }
  RecordProperty("worst_units", std::to_string(worst.membrane) + " " + std::to_string(worst.distance));
}

// Without a carry the scans take a shorter way; one number of one channel is a carry.
TEST_P(Membrane, OneNumberCarriedIn) {
  support::Report worst;
  Case c = membrane_case(GetParam(), Input::none, kDecays, 40, true);
  for (auto& of_state : c.initial) std::fill(of_state.begin(), of_state.end(), 0.0f);
  for (auto& of_state : c.initial) {
    for (float& value : of_state) {
      SCOPED_TRACE(testing::Message() << "value " << &value - of_state.data());
      value = 3.0f;
      expect_accurate(c, worst);
      value = 0.0f;
    }
  }
}

// A carry that rounds too often, or powers made in float32, fail here and nowhere else.
TEST_P(Membrane, AMillionSteps) {
  const int64_t time = target().fast ? 1000000 : split_steps() + 5000;  // the harness crosses one split
  support::Report worst;
  for (const Input input : {Input::constant, Input::one_signed, Input::random}) {
    SCOPED_TRACE(testing::Message() << "input " << static_cast<int>(input));
    expect_accurate(membrane_case(GetParam(), input, {1.0f, 0.99999f, 0x1.fffffep-1f}, time, true), worst);
  }
  RecordProperty("worst_units", std::to_string(worst.membrane) + " " + std::to_string(worst.distance));
}

TEST_P(Membrane, AWrongMembraneIsSeen) {
  Case c = membrane_case(GetParam(), Input::random, {0.9f}, 300, true);
  const support::Forward got = support::forward(target(), c);
  c.x[100] += 0x1p-12f;
  EXPECT_GT(support::worst_error(got.membrane, reference::states_of(support::problem_of(c)).membrane), 8);
}

}  // namespace
}  // namespace spikescan::ops
