// Whether a processor multiplies subnormal numbers slowly changes which way a pass goes, and no bit.
#include <gtest/gtest.h>

#include <cmath>
#include <utility>
#include <vector>

#include "kernels/cpu/processor_facts.h"
#include "tests/cpu/sample.h"

namespace spikescan::testing {
namespace {

class Slowly {
 public:
  explicit Slowly(bool slowly) { subnormals_are_slow = slowly; }
  ~Slowly() { subnormals_are_slow = before_; }

 private:
  const bool before_ = subnormals_are_slow;
};

void run(Sample& sample, bool slowly, bool keeps_final) {
  const Slowly so(slowly);
  spikescan_forward_args f = sample.forward();
  if (!keeps_final) f.final_state[0] = f.final_state[1] = {};
  ASSERT_EQ(spikescan_forward(&sample.d, &f, nullptr), SPIKESCAN_OK) << spikescan_last_error();
  const spikescan_backward_args b = sample.backward();
  ASSERT_EQ(spikescan_backward(&sample.d, &b, nullptr), SPIKESCAN_OK) << spikescan_last_error();
}

// What becomes of the sample `number`, and of whom tiny numbers come.
struct Kind {
  const char* name;
  void (*change)(Sample&);
};
constexpr Kind kKinds[] = {
    {"slopes", [](Sample& s) { s.d.k = 100.0f; }},
    {"slopes of low states", [](Sample& s) { s.d.k = 60.0f, s.d.threshold = 4.0f; }},
    {"gradients decay", [](Sample& s) { s.keep_last_gradient(); }},
    {"states decay", [](Sample& s) { s.fall_silent(400, 3); }},
    {"states decay to the end", [](Sample& s) { s.fall_silent(4000, 3); }},
    {"states decay beside a threshold of 0", [](Sample& s) { s.fall_silent(300, 5), s.d.threshold = 0.0f; }},
    {"states decay beside a threshold that is tiny", [](Sample& s) { s.fall_silent(300, 5), s.d.threshold = 1e-37f; }},
    {"states decay beside a NaN", [](Sample& s) { s.fall_silent(400, 3), s.put_nan(); }},
    {"both decay", [](Sample& s) { s.fall_silent(500, 20), s.keep_last_gradient(), s.d.threshold = -0.5f; }},
};
constexpr SampleShape kShapes[] = {{1, 1029, 130}, {9, 1104, 5}, {1, 3085, 64}, {2, 2040, 32}, {1, 5200, 3}};

TEST(TinyNumbers, ChangeNoBitWhereTheyAreSlow) {
  int64_t subnormal = 0;
  for (const Kind& kind : kKinds) {
    SCOPED_TRACE(kind.name);
    for (unsigned number = 0; number < 48; ++number) {
      const SampleShape& shape = kShapes[(number + number / 16) % 5];
      const auto made = [&] {
        Sample sample(number, shape.batch, shape.time, shape.channels);
        kind.change(sample);
        sample.gradients_in_place = number % 5 == 0;
        return sample;
      };
      Sample plain = made(), slow = made();
      run(plain, false, number % 3 == 0);
      run(slow, true, number % 3 == 0);
      ASSERT_TRUE(plain.same_outputs(slow)) << number;
      for (const float gradient : plain.grad_beta) subnormal += std::fpclassify(gradient) == FP_SUBNORMAL;
      if (plain.d.dtype == SPIKESCAN_FLOAT32) subnormal += plain.subnormal_gradients();
    }
  }
  EXPECT_GT(subnormal, 10000) << "too little was tested";
}

// Outputs past the caches, in rows off lines: the blocks of a strip share lines, so all of them go the same way, though
// the states of the one are tiny and the other's are not.
TEST(TinyNumbers, ChangeNoBitBesideABlockThatHasNone) {
  constexpr int64_t kBatch = 11, kTime = 1100, kChannels = 100, kElements = kBatch * kTime * kChannels;
  std::vector<float> x(kElements), beta(kChannels), alpha(kChannels);
  for (int64_t i = 0; i < kElements; ++i) {
    const int64_t c = i % kChannels, t = i / kChannels % kTime;
    x[static_cast<size_t>(i)] = c < 64 && t % 400 >= 4 ? 0.0f : static_cast<float>(i * 7919 % 1000) / 4000.0f;
  }
  for (size_t c = 0; c < beta.size(); ++c) {
    beta[c] = c < 64 ? 0.5f : 0.97f;
    alpha[c] = c < 64 ? 0.4f : 0.95f;
  }
  for (int number = 0; number < 16; ++number) {
    const bool with_membrane = number % 2 == 0;
    spikescan_description d = SPIKESCAN_DESCRIPTION_INIT;
    d.backend = SPIKESCAN_BACKEND_CPU;
    d.recurrence = static_cast<spikescan_recurrence>(number / 2 % 4);
    d.threshold = 0.01f;
    d.batch = kBatch;
    d.time = kTime;
    d.channels = kChannels;
    const spikescan_dtype spike_type = number < 8 ? SPIKESCAN_FLOAT32 : SPIKESCAN_UINT8;
    if (spike_type == SPIKESCAN_UINT8) d.batch *= 4;  // as many bytes: the batches' x repeats
    const int64_t repeats = d.batch / kBatch, elements = kElements * repeats;
    const auto fired = [&](bool slowly) {
      const Slowly so(slowly);
      std::vector<unsigned char> spikes(static_cast<size_t>(elements) * (spike_type == SPIKESCAN_UINT8 ? 1 : 4));
      std::vector<float> membrane(static_cast<size_t>(with_membrane ? elements : 1));
      spikescan_forward_args f = {};
      f.struct_size = sizeof f;
      std::vector<float> whole;
      for (int64_t i = 0; i < repeats; ++i) whole.insert(whole.end(), x.begin(), x.end());
      f.x = {whole.data(), SPIKESCAN_FLOAT32, kTime * kChannels, kChannels};
      f.beta = beta.data();
      f.alpha = d.recurrence == SPIKESCAN_CUBA_LIF ? alpha.data() : nullptr;
      f.spikes = {spikes.data(), spike_type, kTime * kChannels, kChannels};
      if (with_membrane) f.membrane = {membrane.data(), SPIKESCAN_FLOAT32, kTime * kChannels, kChannels};
      const spikescan_executor one_thread = {sizeof one_thread, nullptr, 1, nullptr};  // which has whole strips
      EXPECT_EQ(spikescan_forward(&d, &f, const_cast<spikescan_executor*>(&one_thread)), SPIKESCAN_OK)
          << spikescan_last_error();
      return std::make_pair(spikes, membrane);
    };
    EXPECT_EQ(fired(false), fired(true)) << number;
  }
}

}  // namespace
}  // namespace spikescan::testing
