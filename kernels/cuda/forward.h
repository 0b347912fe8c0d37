// The forward kernel: tiles in the queue's order, one object a tile.
#pragma once

#include "kernels/cuda/forward_tile.h"

namespace spikescan {

template <spikescan_recurrence R>
__global__ void __launch_bounds__(most_tile_threads(false)) forward_kernel(const __grid_constant__ ForwardCall call) {
  Place place(call.plan, static_cast<int>(threadIdx.x));
  const TileShared shared(dynamic_shared(), NeuronTile<R>::kOrder, place);
  TileQueue queue(call.plan, call.args.workspace, /*reverse=*/false);
  for (Tile tile; queue.next(call.description, place, tile);) {
    ForwardTile<R>(call, shared, place, tile).run();
    __syncthreads();  // the next tile takes the shared memory over
  }
}

}  // namespace spikescan
