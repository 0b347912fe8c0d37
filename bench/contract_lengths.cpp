// Why the contract's lengths are what they are (docs/reproducibility.md): the worst error of V against long double, in
// units of 2^-24 sum beta^n |x_{t-n}| (the promise is 8), for the contract and for cheaper variants of it: over dense
// inputs, and over impulses.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <random>
#include <tuple>
#include <vector>

#include "kernels/element/recurrence.h"

namespace spikescan::bench {
namespace {

struct Variant {
  const char* name;
  int steps;            // scanned from zero in float32
  bool round_segments;  // d to float32 each time
  int carry_chunks;     // the carry to float32 at every so many chunks
};

constexpr Variant kVariants[] = {{"the contract", kQuarterSteps, false, kSplitChunks},
                                 {"8 steps scanned from zero", 8, false, kSplitChunks},
                                 {"16 steps scanned from zero", 16, false, kSplitChunks},
                                 {"d rounded to float32", kQuarterSteps, true, kSplitChunks},
                                 {"carry rounded every 65536", kQuarterSteps, false, 64},
                                 {"carry rounded every 1024", kQuarterSteps, false, 1}};

class Scan {
 public:
  Scan(const Variant& variant, float beta) : variant_(variant), beta_(beta), map_{beta} {
    for (int j = 1; j <= variant.steps; ++j) response_.push_back(round_power(power(map_, j).a));
    for (int n = 0; n <= kChunkSteps; n += variant.steps) distance_.push_back(power(map_, n).a);
  }

  double worst_error(const std::vector<float>& x) {
    for (size_t first = 0; first < x.size(); first += kChunkSteps) {
      const size_t end = std::min(first + kChunkSteps, x.size());
      double d = 0.0;
      for (size_t t = first; t < end; t += variant_.steps) {
        const float local = segment(x, t, std::min(t + variant_.steps, end),
                                    static_cast<float>(fused(distance_[(t - first) / variant_.steps], carry_, d)));
        d = fused(distance_[1], d, static_cast<double>(local));
        if (variant_.round_segments) d = static_cast<float>(d);
      }
      carry_ = fused(distance_.back(), carry_, static_cast<double>(static_cast<float>(d)));
      if ((first / kChunkSteps + 1) % variant_.carry_chunks == 0) carry_ = static_cast<float>(carry_);
    }
    return worst_;
  }

 private:
  float segment(const std::vector<float>& x, size_t t, size_t end, float entry) {
    float local = 0.0f;
    for (size_t j = 0; t + j < end; ++j) {
      local = fused(beta_, local, x[t + j]);
      exact_ = beta_ * exact_ + x[t + j];
      magnitude_ = beta_ * magnitude_ + std::fabs(x[t + j]);
      const long double error = std::fabs(fused(response_[j], entry, local) - exact_);
      if (magnitude_ > 1e-30L) worst_ = std::max(worst_, static_cast<double>(error / magnitude_ * 16777216.0L));
    }
    return local;
  }

  const Variant& variant_;
  const float beta_;
  const Map<1> map_;
  std::vector<float> response_;
  std::vector<double> distance_;
  double carry_ = 0.0, worst_ = 0.0;
  long double exact_ = 0.0L, magnitude_ = 0.0L;
};

// Constant, one-signed and two-signed in turn.
std::vector<float> input(int kind, size_t time, std::mt19937& generator) {
  std::vector<float> x(time);
  const auto uniform = [&] { return static_cast<float>(generator() >> 8) * 0x1p-24f; };
  const float constant = uniform();
  for (float& value : x) value = kind == 0 ? constant : kind == 1 ? uniform() : 2.0f * uniform() - 1.0f;
  return x;
}

// The worst of impulses: from many random ones always on to a neighbour that is no better.
double worst_impulse(const Variant& variant) {
  std::mt19937 generator(1);
  const auto uniform = [&] { return static_cast<double>(generator()) * 0x1p-32; };
  const auto error = [&](double beta, double size, size_t place) {
    std::vector<float> x(96);
    x[place] = static_cast<float>(size);
    return Scan(variant, static_cast<float>(beta)).worst_error(x);
  };
  double worst = 0.0;
  for (int start = 0; start < 3000; ++start) {
    double beta = start % 2 == 0 ? uniform() : 1.0 - std::pow(10.0, -5.0 * uniform()), size = 1.0 + uniform();
    const size_t place = generator() % kSegmentSteps;
    double found = error(beta, size, place), width = 0.01;
    for (int i = 0; i < 400; ++i, width = i % 60 == 0 ? width / 2 : width) {
      const double b = std::clamp(beta + (uniform() - 0.5) * width * (1.0 - beta + 1e-7), 0.0, 1.0);
      const double s = std::clamp(size + (uniform() - 0.5) * width, 1.0, 2.0);
      const double e = error(b, s, place);
      if (e >= found) std::tie(beta, size, found) = std::tuple(b, s, e);
    }
    worst = std::max(worst, found);
  }
  return worst;
}

}  // namespace
}  // namespace spikescan::bench

int main() {
  using namespace spikescan::bench;
  constexpr float kDecays[] = {1.0f, 0.99999f, 0.9999f, 0.999f, 0.99f, 0.9f, 0.5f};
  for (const Variant& variant : kVariants) {
    double worst = 0.0;
    for (const size_t time : {size_t{20000}, size_t{1000000}}) {
      for (const float beta : kDecays) {
        std::mt19937 generator(1);
        for (int trial = 0; trial < (time > 100000 ? 24 : 240); ++trial) {
          worst = std::max(worst, Scan(variant, beta).worst_error(input(trial % 3, time, generator)));
        }
      }
    }
    std::printf("%-30s %6.1f %6.1f\n", variant.name, worst, worst_impulse(variant));
  }
}
