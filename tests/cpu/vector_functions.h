// The rules, the sigmoid and products in doubles as one instruction set's vectors work them out, as plain arrays.
#pragma once

#include "kernels/element/firing.h"

namespace spikescan::testing {

constexpr int kValues = 64;

struct VectorFunctions {
  void (*sigmoids)(const float* x, float* out);
  void (*gradients)(const Firing& firing, const float* m, float* out);
  void (*spikes)(const Firing& firing, const float* m, const float* u, float* out);
  void (*drawn_spikes)(const Firing& firing, const float* m, const float* u, float* out);  // sigmoid rule; u as drawn
  void (*products)(const float* a, const float* b, float* out);
  void (*fused_sums)(const float* a, const float* b, const float* c, float* out);
};

const VectorFunctions& vector_functions_baseline();
const VectorFunctions& vector_functions_neon();
const VectorFunctions& vector_functions_sse4();
const VectorFunctions& vector_functions_avx2();
const VectorFunctions& vector_functions_avx512();

}  // namespace spikescan::testing
