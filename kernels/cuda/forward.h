// The forward kernels: tiles in the queue's order, one object a tile, where rows are few; one object and one thread a
// row where they are many. The plan chooses.
#pragma once

#include "kernels/cuda/forward_row.h"
#include "kernels/cuda/forward_tile.h"
#include "kernels/cuda/settled.h"
#include "kernels/cuda/tile_queue.h"

namespace spikescan {

template <spikescan_recurrence R>
__global__ void __launch_bounds__(most_tile_threads(R), resident_tiles(R))
    forward_tiles_kernel(const __grid_constant__ ForwardCall call) {
  Place place(call.plan);
  const TileShared shared(dynamic_shared(), NeuronTile<R>::kOrder, forward_columns(R));
  TileQueue queue(call.description, call.plan, call.args.workspace, shared, /*reverse=*/false);
  for (Tile tile; queue.next(place, tile);) {
    if (Tile later; queue.later(place, later)) {
      prefetch_tile(call.args.x, later.batch_row(), later.chunk() * kChunkSteps, place, later);
    }
    ForwardTile<R>(call, shared, place, tile).run();
  }
}

// The second number of __launch_bounds__ is the most blocks a multiprocessor can be given before registers spill.
template <spikescan_recurrence R, class Form>
__global__ void __launch_bounds__(kRowThreads, NeuronTile<R>::kPsu ? 3 : 4)
    forward_rows_kernel(const __grid_constant__ ForwardCall given) {
  const auto& call = Form::settle(given);
  const spikescan_description& d = call.description;
  RowTables<NeuronTile<R>::kOrder> tables(dynamic_shared());
  RandomOrigin& origin = *reinterpret_cast<RandomOrigin*>(dynamic_shared() + row_tables_bytes(NeuronTile<R>::kOrder));
  if (threadIdx.x == 0) origin = random_origin(call);
  __syncthreads();
  for (int64_t row = int64_t{blockIdx.x} * kRowThreads + threadIdx.x; row < d.batch * d.channels;) {
    const int64_t batch = row / d.channels, channel = row - batch * d.channels;
    ForwardRow<R>(call, origin, tables, batch, channel, load_decays(d, call.args, channel)).run();
    // Made anew: kept over the whole row it would cost the registers that the loop needs.
    row = batch * d.channels + channel + int64_t{gridDim.x} * kRowThreads;
  }
}

}  // namespace spikescan
