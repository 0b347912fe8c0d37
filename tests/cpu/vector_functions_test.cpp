// The rules, their gradients, the sigmoid and products in doubles in vectors have the bits of kernels/element, for
// floats of every size and the infinities; a NaN is one in both. Each case sees other floats, far apart: the sum of all
// is what makes it dense.
#include "tests/cpu/vector_functions.h"

#include <gtest/gtest.h>
#if defined(SPIKESCAN_X86_VECTORS)
#include <xmmintrin.h>
#endif

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "kernels/cpu/instruction_sets.h"
#include "tests/element/sweep.h"

namespace spikescan::testing {
namespace {

constexpr uint32_t kStride = 32749;  // a prime
constexpr float kMaxProbabilities[] = {0.0f, 1e-38f, 0.8f, 1.0f};

struct Isa {
  std::string name;
  const VectorFunctions& functions;
};
// What this machine runs.
std::vector<Isa> isas() {
  std::vector<Isa> all;
  for (const LanePasses* const* passes = usable_passes(); *passes; ++passes) {
    const std::string name = (*passes)->name;
#if defined(SPIKESCAN_X86_VECTORS)
    all.push_back({name, name == "avx512" ? vector_functions_avx512()
                         : name == "avx2" ? vector_functions_avx2()
                                          : vector_functions_sse4()});
#else
    all.push_back({name, SPIKESCAN_JOIN(vector_functions_, SPIKESCAN_ONLY_ISA)()});
#endif
  }
  return all;
}

// Calls body(values) with kValues floats at a time.
template <class Body>
void for_floats(uint32_t first, Body body) {
  constexpr uint64_t kStep = uint64_t{kStride} * kThinning;
  float values[kValues];
  int n = 0;
  for (uint64_t bits = first % kStep; bits < uint64_t{1} << 32; bits += kStep) {
    values[n++] = float_of(static_cast<uint32_t>(bits));
    if (n < kValues) continue;
    body(values);
    n = 0;
  }
  for (int sign = 0; sign < 2; ++sign) {
    for (n = 0; n < kValues; ++n)
      values[n] = float_of((0x7f7fffe0u + n) | (sign ? 0x80000000u : 0u));  // about infinity
    body(values);
  }
}

bool same(float a, float b) {
  return a != a ? b != b : std::memcmp(&a, &b, sizeof a) == 0;
}

// function(values, out) in vectors and exact(value, place) alone.
template <class Function, class Exact>
void expect_same(uint32_t first, Function function, Exact exact) {
  int64_t different = 0;
  for_floats(first, [&](const float* values) {
    float out[kValues];
    function(values, out);
    for (int i = 0; i < kValues; ++i) {
      const float wanted = exact(values[i], i);
      if (same(out[i], wanted) || ++different > 3) continue;
      ADD_FAILURE() << std::hexfloat << "of " << values[i] << ": " << out[i] << ", wanted " << wanted;
    }
  });
  EXPECT_EQ(different, 0);
}

std::vector<Firing> rules(float threshold, float k) {
  std::vector<Firing> all;
  for (const float max_prob : kMaxProbabilities) {
    all.push_back(firing(SPIKESCAN_SIGMOID_BERNOULLI, threshold, k, max_prob, SPIKESCAN_PROBABILITY));
  }
  all.push_back(firing(SPIKESCAN_SIGMOID_BERNOULLI, threshold, k, 0.8f, SPIKESCAN_DERIVATIVE));
  all.push_back(firing(SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI, threshold, k, 1.0f, SPIKESCAN_PROBABILITY));
  all.push_back(firing(SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI, threshold, k, 1.0f, SPIKESCAN_DERIVATIVE));
  return all;
}

float gradient_of(const Firing& f, float m) {
  return f.rule == SPIKESCAN_SIGMOID_BERNOULLI ? sigmoid_gradient(f, m) : refractory_gradient(f, m);
}

TEST(VectorFunctions, Sigmoid) {
  for (const Isa& isa : isas()) {
    SCOPED_TRACE(isa.name);
    for (uint32_t first = 0; first < kStride; first += kStride / 50) {
      expect_same(first, isa.functions.sigmoids, [](float x, int) { return sigmoid(x); });
    }
  }
}

TEST(VectorFunctions, Rules) {
  uint32_t first = 0;
  for (const float threshold : {-2.5f, 0.0f, 1.0f, 100.0f, 1e30f}) {
    for (const float k : {0x1p-120f, 1e-30f, 0.1f, 7.3f, 10.0f, 1e4f, 1e30f}) {
      for (const Firing& f : rules(threshold, k)) {
        first += 10007;
        for (const Isa& isa : isas()) {
          SCOPED_TRACE(::testing::Message() << isa.name << " rule " << f.rule << " threshold " << threshold << " k "
                                            << k << " max_prob " << f.max_prob << " gradient " << f.gradient);
          expect_same(
              first, [&](const float* m, float* out) { isa.functions.gradients(f, m, out); },
              [&](float m, int) { return gradient_of(f, m); });
          float u[kValues];
          for (int i = 0; i < kValues; ++i) u[i] = static_cast<float>(i * i) / (kValues * kValues);  // more small ones
          for (int i = 3; i < kValues; i += 4) u[i] = f.max_prob * (1.0f - static_cast<float>(i + 1) * 0x1p-24f);
          expect_same(
              first, [&](const float* m, float* out) { isa.functions.spikes(f, m, u, out); },
              [&](float m, int i) { return spike_of(f, m, u[i]); });
          if (f.rule == SPIKESCAN_SIGMOID_BERNOULLI) {
            Firing drawn = f;
            if (f.max_prob == 0.0f) drawn.max_prob = -0.0f;  // which is taken for 0
            expect_same(
                first, [&](const float* m, float* out) { isa.functions.drawn_spikes(drawn, m, u, out); },
                [&](float m, int i) { return spike_of(f, m, u[i]); });
          }
          if (HasFailure()) return;
        }
      }
    }
  }
}

#if defined(SPIKESCAN_X86_VECTORS)
// Subnormal numbers take some processors a hundred clocks each (docs/cpu.md). The processor notes it when it makes one
// or works on one: not where U is so far from 0 that the exponential no longer counts, nor where all numbers are
// normal.
TEST(VectorFunctions, MakeNoSubnormalNumbersThatNobodyWants) {
  constexpr unsigned kAllFlags = 0x3f, kDenormalOperand = 0x02, kUnderflow = 0x10;
  constexpr float kThreshold = 1.0f, kSteepness = 10.0f;
  constexpr float kExponents[] = {0.1f, 1.0f, 20.0f, 80.0f, 110.0f, 130.0f, 1e3f, 1e9f};
  float m[kValues], u[kValues], out[kValues];
  for (int i = 0; i < kValues; ++i) {
    const float exponent = kExponents[i % 8] * (1.0f + 0x1p-10f * static_cast<float>(i));
    m[i] = kThreshold + (i / 8 % 2 ? exponent : -exponent) / kSteepness;
    u[i] = static_cast<float>(i + 1) / (kValues + 1);
  }
  for (const Isa& isa : isas()) {
    const auto expect_none = [&](const Firing& f, auto function) {
      _mm_setcsr(_mm_getcsr() & ~kAllFlags);
      function();
      EXPECT_EQ(_mm_getcsr() & (kDenormalOperand | kUnderflow), 0u)
          << isa.name << " rule " << f.rule << " max_prob " << f.max_prob << " gradient " << f.gradient;
    };
    for (const Firing& f : rules(kThreshold, kSteepness)) {
      if (f.max_prob < 0.5f) continue;
      expect_none(f, [&] { isa.functions.gradients(f, m, out); });
      expect_none(f, [&] { isa.functions.spikes(f, m, u, out); });
      if (f.rule == SPIKESCAN_SIGMOID_BERNOULLI) expect_none(f, [&] { isa.functions.drawn_spikes(f, m, u, out); });
    }
  }
}
#endif

// Addends: 0, any, as large as the product, its opposite, half a unit of it, far below it.
TEST(VectorFunctions, ProductsInDoubles) {
  std::mt19937 generator(1);
  const auto any_float = [&] { return float_of(static_cast<uint32_t>(generator())); };
  for (uint32_t first = 0; first < kStride; first += kStride / 40) {
    float a[kValues];
    for (int i = 0; i < kValues; ++i) {
      const auto whole = static_cast<float>(generator() % 65537);
      // Of few bits, so that many products lie halfway between two floats; decays; small; any.
      const float kinds[] = {1.5f + static_cast<float>(i % 8), whole / 65536.0f, whole / 1e9f, any_float()};
      a[i] = kinds[i % 4];
    }
    for (const Isa& isa : isas()) {
      SCOPED_TRACE(isa.name);
      expect_same(
          first, [&](const float* b, float* out) { isa.functions.products(a, b, out); },
          [&](float b, int i) { return a[i] * b; });
      float c[kValues];
      expect_same(
          first,
          [&](const float* b, float* out) {
            for (int i = 0; i < kValues; ++i) {
              const float near = a[i] * b[i], far = near * 0x1p-60f;
              const float addends[] = {0.0f, any_float(), near * 0.7f, -near, near * 0x1p-24f, far, -far, 0x1p-149f};
              c[i] = addends[generator() % 8];
            }
            isa.functions.fused_sums(a, b, c, out);
          },
          [&](float b, int i) { return fused(a[i], b, c[i]); });
    }
  }
}

}  // namespace
}  // namespace spikescan::testing
