// Compiled once for each instruction set, as kernels/cpu/lane_passes.cpp is.
#include "tests/cpu/vector_functions.h"

#include "kernels/cpu/isa_entry.h"
#include "kernels/cpu/tiny_numbers.h"
#include "kernels/cpu/vector_firing.h"

SPIKESCAN_ELEMENT_BEGIN

// In memory of its own, which is aligned.
struct Values {
  alignas(64) float at[testing::kValues];
  explicit Values(const float* from) { __builtin_memcpy(at, from, sizeof at); }
};

template <class Function>
void each_vector(const float* from, float* out, Function function) {
  Values values(from);
  for (int l = 0; l < testing::kValues; l += kFloats) store(function(load(values.at + l), l), values.at + l);
  __builtin_memcpy(out, values.at, sizeof values.at);
}

void sigmoids(const float* x, float* out) {
  each_vector(x, out, [](Floats v, int) HWY_ATTR { return sigmoid(v); });
}

void gradients(const Firing& firing, const float* m, float* out) {
  with_gradient(firing, [&]<class Rule>(TypeOf<Rule>) HWY_ATTR {
    const Rule rule(firing);
    each_vector(m, out, [&](Floats v, int) HWY_ATTR { return rule.end(rule.begin(v)); });
  });
}

template <class Rule>
void fire(const Rule& rule, const float* m, const float* u, float* out) {
  const Values uniforms(u);
  each_vector(m, out,
              [&](Floats v, int l) HWY_ATTR { return one_where(rule.spike(rule.odds(v), load(uniforms.at + l))); });
}

void spikes(const Firing& firing, const float* m, const float* u, float* out) {
  if (firing.rule == SPIKESCAN_SIGMOID_BERNOULLI) return fire(SigmoidRule(firing, 1.0f), m, u, out);
  fire(RefractoryRule(firing, 1.0f), m, u, out);
}

void drawn_spikes(const Firing& firing, const float* m, const float* u, float* out) {
  fire(DrawnSigmoidRule(firing, 1.0f), m, u, out);
}

void products(const float* a, const float* b, float* out) {
  const Values factors(a);
  each_vector(b, out, [&](Floats v, int l) HWY_ATTR { return InDoubles::product(load(factors.at + l), v); });
}

void fused_sums(const float* a, const float* b, const float* c, float* out) {
  const Values factors(a), addends(c);
  each_vector(b, out, [&](Floats v, int l) HWY_ATTR {
    return InDoubles::fused_sum(load(factors.at + l), v, load(addends.at + l));
  });
}

SPIKESCAN_ELEMENT_END

namespace spikescan::testing {

const VectorFunctions& SPIKESCAN_JOIN(vector_functions_, SPIKESCAN_ELEMENT_ISA)() {
  static constexpr VectorFunctions functions = {sigmoids, gradients, spikes, drawn_spikes, products, fused_sums};
  return functions;
}

}  // namespace spikescan::testing
