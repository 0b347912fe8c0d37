// The sums behind the decays' gradients, in the workspace: one row for each chunk of each row of batches, a parameter's
// (beta, alpha) one after the other's: [parameter][plan.partial_rows][C] float32.
#pragma once

#include "kernels/backend.h"
#include "kernels/element/compat.h"

SPIKESCAN_ELEMENT_BEGIN

SPIKESCAN_HD float* partial_sums(const BackwardCall& call, int parameter) {
  auto* first = reinterpret_cast<float*>(static_cast<char*>(call.args.workspace) + call.plan.partials);
  return first + parameter * call.plan.partial_rows * call.description.channels;
}

// [C], where all channels share a decay: the same memory for one parameter after the other.
SPIKESCAN_HD double* channel_totals(const BackwardCall& call) {
  return reinterpret_cast<double*>(static_cast<char*>(call.args.workspace) + call.plan.totals);
}

SPIKESCAN_HD int64_t partial_row(const Plan& plan, int64_t batch_row, int64_t chunk) {
  return batch_row * plan.chunks + chunk;
}

SPIKESCAN_ELEMENT_END
