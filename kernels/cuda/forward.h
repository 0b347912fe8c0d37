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
__global__ void __launch_bounds__(kRowThreads, kResidentForwardRows - (NeuronTile<R>::kPsu && Form::kConverts))
    forward_rows_kernel(const __grid_constant__ ForwardCall given) {
  const auto& call = Form::settle(given);
  const spikescan_description& d = call.description;
  constexpr ForwardRowLayout kLayout = forward_row_layout(R);
  RowTables<NeuronTile<R>::kOrder> tables(dynamic_shared() + kLayout.tables);
  RandomOrigin& origin = *reinterpret_cast<RandomOrigin*>(dynamic_shared() + kLayout.origin);
  if (threadIdx.x == 0) origin = random_origin(call);
  __syncthreads();
  const int in_warp = static_cast<int>(threadIdx.x) % 32;
  for (int64_t block = blockIdx.x; block < call.plan.row_blocks; block += gridDim.x) {
    const int64_t row = block * kRowThreads + threadIdx.x, first = row - in_warp;
    RowLane lane = {};
    lane.batch = row / d.channels;
    lane.channel = row - lane.batch * d.channels;
    lane.inside = lane.batch < d.batch;
    lane.together = first % d.channels + 32 <= d.channels;
    ForwardRow<R>(call, origin, tables, lane, lane.inside ? load_decays(d, call.args, lane.channel) : ChannelDecays{})
        .run(dynamic_shared() + kLayout.ring);
  }
}

}  // namespace spikescan
