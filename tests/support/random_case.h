// Inputs for a case whose description, dtypes and layouts are set: drawn around the threshold, so that neurons spike
// sometimes and gradients are not zero.
#pragma once

#include <cstdint>

#include "support/run.h"

namespace spikescan::support {

// SplitMix64: small, seeded, the same on every machine.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t bits();
  int64_t below(int64_t count) { return static_cast<int64_t>(bits() % static_cast<uint64_t>(count)); }
  float uniform(float low, float high);
  bool chance(int one_in) { return below(one_in) == 0; }
  template <class T, size_t N>
  const T& pick(const T (&values)[N]) {
    return values[below(N)];
  }

 private:
  uint64_t state_;
};

struct Fill {
  float lowest_decay = 0.05f, highest_decay = 0.97f;
  bool special_decays = false;  // now and then 0, 1, or outside [0, 1]
  bool initial_state = true, grad_spikes = true, grad_membrane = true, grad_final_state = true;
  bool own_uniforms = false;
};

void fill(Case& c, uint64_t seed, const Fill& options = {});

}  // namespace spikescan::support
