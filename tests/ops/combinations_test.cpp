// Every recurrence with every rule, dtype of x and dtype of spikes: both passes, bit for bit what float32 gives,
// rounded once. The list of what has really run is held against the specification's.
#include <gtest/gtest-spi.h>

#include "ops/target.h"
#include "support/against_reference.h"
#include "support/coverage.h"
#include "support/forms.h"
#include "support/random_case.h"

namespace spikescan::ops {
namespace {

using support::Case;

std::set<std::string> everything() {
  std::set<std::string> names;
  for (const char* recurrence : {"lif", "spsn", "cuba_lif", "psu_lif"}) {
    for (const char* rule : {"sigmoid_bernoulli", "refractory_sigmoid_bernoulli", "heaviside", "none"}) {
      for (const char* dtype : {"float32", "float16", "bfloat16"}) {
        for (const char* spikes : {"float32", "float16", "bfloat16", "uint8", "bits32"}) {
          const bool whole = std::string(spikes) == "uint8" || std::string(spikes) == "bits32";
          if (std::string(rule) == "none" && whole) continue;
          names.insert(std::string(recurrence) + " " + rule + " " + dtype + " -> " + spikes + " on " + target().name);
        }
      }
    }
  }
  return names;
}

Case combination_case(spikescan_recurrence recurrence, spikescan_rule rule, spikescan_dtype dtype, uint64_t seed) {
  Case c;
  c.description.recurrence = recurrence;
  c.description.rule = rule;
  c.description.dtype = dtype;
  c.description.surrogate = support::kSurrogates[seed % 5];
  c.description.gradient = seed % 2 ? SPIKESCAN_DERIVATIVE : SPIKESCAN_PROBABILITY;
  c.description.shared_decay = seed % 3 == 0;
  c.description.batch = 2;
  c.description.time = chunk_steps() + 37;  // two chunks; the last word of packed spikes holds 5 steps
  c.description.channels = target().fast ? 17 : 2;
  c.grad_spikes_dtype = support::kFloatDtypes[seed % 3];
  c.grad_membrane_dtype = support::kFloatDtypes[(seed / 3) % 3];
  support::fill(c, seed);
  return c;
}

class Combinations : public Ops {};

TEST_F(Combinations, AllRunAndGiveTheBitsOfFloat32) {
  uint64_t seed = 41;
  for (const spikescan_recurrence recurrence : support::kRecurrences) {
    for (const spikescan_rule rule : support::kRules) {
      for (const spikescan_dtype dtype : support::kFloatDtypes) {
        Case c = combination_case(recurrence, rule, dtype, ++seed);
        const Case plain = support::canonical(c);
        const support::Forward forward = support::forward(target(), plain);
        const support::Backward backward = support::backward(target(), plain, forward.saved);
        for (const spikescan_dtype spikes : support::kSpikeDtypes) {
          if (!support::can_spike_as(rule, spikes)) continue;
          vary(seed);
          c.spikes_dtype = spikes;
          c.membrane_dtype = support::kFloatDtypes[++seed % 3];
          EXPECT_EQ(support::form_difference(target(), c, forward, backward), "") << support::combination(target(), c);
        }
      }
    }
  }
  EXPECT_EQ(support::missing(everything(), support::combinations_run()), "");
}

TEST_F(Combinations, AMissingOneIsNamed) {
  std::set<std::string> run = everything();
  EXPECT_EQ(run.size(), 4u * 3 * (3 * 5 + 3));
  const std::string lost = *run.begin();
  run.erase(run.begin());
  EXPECT_EQ(support::missing(everything(), run), lost + "\n");
}

// The conversions of the tests against values worked out by hand.
TEST(Narrowing, RoundsToNearestEven) {
  using support::narrow;
  EXPECT_EQ(narrow(1.0f, SPIKESCAN_FLOAT16), 0x3c00u);
  EXPECT_EQ(narrow(-2.5f, SPIKESCAN_BFLOAT16), 0xc020u);
  EXPECT_EQ(narrow(0x1.002p0f, SPIKESCAN_FLOAT16), 0x3c00u) << "tie to even, down";
  EXPECT_EQ(narrow(0x1.006p0f, SPIKESCAN_FLOAT16), 0x3c02u) << "tie to even, up";
  EXPECT_EQ(narrow(0x1.01p0f, SPIKESCAN_BFLOAT16), 0x3f80u);
  EXPECT_EQ(narrow(0x1.03p0f, SPIKESCAN_BFLOAT16), 0x3f82u);
  EXPECT_EQ(narrow(0x1p-24f, SPIKESCAN_FLOAT16), 1u) << "the least subnormal";
  EXPECT_EQ(narrow(0x1p-25f, SPIKESCAN_FLOAT16), 0u);
  EXPECT_EQ(narrow(0x1.ffcp-15f, SPIKESCAN_FLOAT16), 0x0400u) << "a subnormal that rounds up to a normal";
  EXPECT_EQ(narrow(65519.0f, SPIKESCAN_FLOAT16), 0x7bffu);
  EXPECT_EQ(narrow(65520.0f, SPIKESCAN_FLOAT16), 0x7c00u);
  EXPECT_EQ(narrow(0x1.fffffep127f, SPIKESCAN_BFLOAT16), 0x7f80u);
  for (const spikescan_dtype dtype : {SPIKESCAN_FLOAT16, SPIKESCAN_BFLOAT16}) {
    for (uint32_t bits = 0; bits < 0x10000; ++bits) {
      if (support::is_nan(bits, dtype)) continue;
      ASSERT_EQ(narrow(support::widen(bits, dtype), dtype), bits);
    }
  }
}

}  // namespace
}  // namespace spikescan::ops
