// The rules and the sigmoid as one instruction set's vectors work them out, as plain arrays.
#pragma once

#include "kernels/element/firing.h"

namespace spikescan::testing {

constexpr int kValues = 64;

struct VectorFunctions {
  void (*sigmoids)(const float* x, float* out);
  void (*gradients)(const Firing& firing, const float* m, float* out);
  void (*spikes)(const Firing& firing, const float* m, const float* u, float* out);
};

const VectorFunctions& vector_functions_baseline();
const VectorFunctions& vector_functions_neon();
const VectorFunctions& vector_functions_sse4();
const VectorFunctions& vector_functions_avx2();
const VectorFunctions& vector_functions_avx512();

}  // namespace spikescan::testing
