// The kernels that finish the decays' gradients, in the contract's order.
#pragma once

#include "kernels/backend.h"
#include "kernels/cuda/device.h"
#include "kernels/element/recurrence.h"
#include "kernels/reduce.h"

namespace spikescan {

// One decay parameter on its way from partial sums to its gradient.
struct DecaySum {
  const float* partials;  // [rows][channels]
  int64_t rows, channels;
  double* totals;      // [channels]; null where each channel has its own decay
  const float* decay;  // raw: outside [0, 1] the gradient is zero
  float* gradient;
};

constexpr int kReduceChannels = 8;

// Halves the accumulators together; the order is halving_sum()'s (kernels/reduce.h).
__device__ __forceinline__ void halve_together(double* sums, int lane, int lanes, int stride) {
  for (int half = lanes / 2; half > 0; half /= 2) {
    __syncthreads();
    if (lane < half) sums[lane * stride] += sums[(lane + half) * stride];
  }
}

// A block sums kReduceChannels channels over the rows: kRowAccumulators threads each.
__global__ void __launch_bounds__(kReduceChannels* kRowAccumulators) reduce_rows_kernel(const DecaySum sum) {
  auto* sums = reinterpret_cast<double*>(dynamic_shared());  // [accumulators][channels]
  const int column = static_cast<int>(threadIdx.x) % kReduceChannels;
  const int lane = static_cast<int>(threadIdx.x) / kReduceChannels;
  for (int64_t first = int64_t{blockIdx.x} * kReduceChannels; first < sum.channels;
       first += int64_t{gridDim.x} * kReduceChannels) {
    const int64_t channel = first + column;
    const bool inside = channel < sum.channels;
    __syncthreads();  // the channels before may still be read
    sums[lane * kReduceChannels + column] =
        inside
            ? strided_sum(sum.rows, lane, kRowAccumulators,
                          [&](int64_t row) { return static_cast<double>(sum.partials[row * sum.channels + channel]); })
            : 0.0;
    halve_together(sums + column, lane, kRowAccumulators, kReduceChannels);
    if (lane != 0 || !inside) continue;
    if (sum.totals) {
      sum.totals[channel] = sums[column];
    } else {
      sum.gradient[channel] = clipped_gradient(sum.decay, channel, sums[column]);
    }
  }
}

// One block sums the channels' totals of a shared decay.
__global__ void __launch_bounds__(kChannelAccumulators) reduce_channels_kernel(const DecaySum sum) {
  auto* sums = reinterpret_cast<double*>(dynamic_shared());
  const int lane = static_cast<int>(threadIdx.x);
  sums[lane] = strided_sum(sum.channels, lane, kChannelAccumulators, [&](int64_t c) { return sum.totals[c]; });
  halve_together(sums, lane, kChannelAccumulators, 1);
  if (lane == 0) sum.gradient[0] = clipped_gradient(sum.decay, 0, sums[0]);
}

}  // namespace spikescan
