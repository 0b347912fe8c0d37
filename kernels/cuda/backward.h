// The backward kernels, last chunk first: tiles in the queue's order, or a thread a row. The plan chooses.
#pragma once

#include "kernels/cuda/backward_row.h"
#include "kernels/cuda/backward_tile.h"
#include "kernels/cuda/settled.h"
#include "kernels/cuda/tile_queue.h"

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
// or, with fewer columns than threads, one batch of 32 channels, and the block's other warps have the next batches of
// the same.
template <spikescan_recurrence R, int kColumns, class Form>
__global__ void __launch_bounds__(kRowThreads, resident_rows(R) - Form::kFewerBlocks)
    backward_rows_kernel(const __grid_constant__ BackwardCall given) {
  const auto& call = Form::settle(given);
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
                                     ? load_decays(d, call.args, at.channel)
                                     : ChannelDecays{};
    BackwardRow<R, kColumns>(call, memory, batch_row, at, decays).run();
  }
}

}  // namespace spikescan
