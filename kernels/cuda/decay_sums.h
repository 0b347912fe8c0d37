// The decays' gradients over one chunk of one channel: where a row of partial sums goes.
#pragma once

#include "kernels/backend.h"
#include "kernels/cuda/device.h"
#include "kernels/element/recurrence.h"
#include "kernels/partial_sums.h"

namespace spikescan {

// With one row of partial sums and a decay a channel there is nothing left to add up, and no second kernel.
__host__ __device__ inline bool sums_finish_here(const BackwardCall& call) {
  return call.plan.partial_rows == 1 && !call.description.shared_decay;
}

// Whether a sum that is finished here is the gradient: outside [0, 1] a decay has none.
__device__ __forceinline__ bool decay_sum_counts(const BackwardCall& call, int p, int64_t channel) {
  if (!sums_finish_here(call)) return true;
  const float* decay = p == 0 ? call.args.beta : call.args.alpha;
  return decay && decay_has_gradient(decay[channel]);
}

// Of parameter p (beta, alpha), over the batches of `batch_row` and the steps of `chunk`.
__device__ __forceinline__ void store_decay_sum(const BackwardCall& call, int p, int64_t batch_row, int64_t chunk,
                                                int64_t channel, bool counts, double total) {
  float* gradient = p == 0 ? call.args.grad_beta : call.args.grad_alpha;
  if (!gradient) return;
  const auto sum = static_cast<float>(total);
  if (sums_finish_here(call)) {
    gradient[channel] = counts ? sum : 0.0f;
    return;
  }
  partial_sums(call, p)[partial_row(call.plan, batch_row, chunk) * call.description.channels + channel] = sum;
}

}  // namespace spikescan
