// The backward kernel, last chunk first; and the kernels that finish the decays' gradients in the contract's order.
#pragma once

#include "kernels/cuda/backward_row.h"
#include "kernels/cuda/backward_tile.h"
#include "kernels/cuda/tile_queue.h"
#include "kernels/reduce.h"

namespace spikescan {

template <spikescan_recurrence R>
__global__ void __launch_bounds__(most_tile_threads(R), resident_tiles(R))
    backward_kernel(const __grid_constant__ BackwardCall call) {
  Place place(call.plan);
  const TileShared shared(dynamic_shared(), NeuronTile<R>::kOrder, backward_columns(R));
  TileQueue queue(call.description, call.plan, call.args.workspace, shared, /*reverse=*/true);
  for (Tile tile; queue.next(place, tile);) {
    if (Tile later; queue.later(place, later)) {
      prefetch_tile(call.args.x, later.batch_row() * call.plan.row_batches, later.chunk() * kChunkSteps, place, later);
    }
    BackwardTile<R>(call, shared, place, tile).run();
  }
}

// A thread for each channel of each row of partial sums. A warp has 32 rows in the order of memory, wherever they are;
// or, with kSharedColumns, one batch of 32 channels, and the block's other warps have the next batches of the same.
template <spikescan_recurrence R, int kColumns>
__global__ void __launch_bounds__(kRowThreads, resident_rows(R))
    backward_rows_kernel(const __grid_constant__ BackwardCall call) {
  constexpr int kWarps = kRowThreads / 32;
  const spikescan_description& d = call.description;
  const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
  BackwardRowMemory<R, kColumns> memory(dynamic_shared());
  for (int64_t block = blockIdx.x; block < call.plan.row_blocks; block += gridDim.x) {
    int64_t first = (block * kWarps + warp) * 32, batch_row = 0;
    RowLane at = {};
    if constexpr (kColumns == kRowThreads) {
      batch_row = (first + lane) / d.channels;
      at.channel = first + lane - batch_row * d.channels;
      at.together = first % d.channels + 32 <= d.channels;
    } else {
      const int64_t groups = d.channels / 32, rows = block / groups;
      batch_row = rows * kWarps + warp;
      at.channel = (block - rows * groups) * 32 + lane;
      at.together = true;
    }
    at.inside = batch_row < call.plan.batch_rows;
    const ChannelDecays decays = batch_row < call.plan.batch_rows || kColumns < kRowThreads
                                     ? load_decays(d, call.args, at.channel) : ChannelDecays{};
    BackwardRow<R, kColumns>(call, memory, batch_row, at, decays).run();
  }
}

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
      sum.gradient[channel] =
          sum.decay && decay_has_gradient(sum.decay[channel]) ? static_cast<float>(sums[column]) : 0.0f;
    }
  }
}

// One block sums the channels' totals of a shared decay.
__global__ void __launch_bounds__(kChannelAccumulators) reduce_channels_kernel(const DecaySum sum) {
  auto* sums = reinterpret_cast<double*>(dynamic_shared());
  const int lane = static_cast<int>(threadIdx.x);
  sums[lane] = strided_sum(sum.channels, lane, kChannelAccumulators, [&](int64_t c) { return sum.totals[c]; });
  halve_together(sums, lane, kChannelAccumulators, 1);
  if (lane == 0) sum.gradient[0] = sum.decay && decay_has_gradient(sum.decay[0]) ? static_cast<float>(sums[0]) : 0.0f;
}

}  // namespace spikescan
