// The forward kernels: one object and one thread a row where rows are many, or a chunk of one where rows times chunks
// are; else one object a tile, in the queue's order or, of fine tiles, a block each. The plan chooses.
#pragma once

#include "kernels/cuda/forward_row.h"
#include "kernels/cuda/forward_tile.h"
#include "kernels/cuda/settled.h"
#include "kernels/cuda/tile_prefetch.h"
#include "kernels/cuda/tile_queue.h"

namespace spikescan {

template <spikescan_recurrence R, bool kPhases>
__global__ void __launch_bounds__(most_tile_threads(R), resident_tiles(R))
    forward_tiles_kernel(const __grid_constant__ ForwardCall call, Phase phase) {
  Place place(call.plan);
  const TileShared shared(dynamic_shared(), NeuronTile<R>::kOrder, kSegmentSteps, forward_columns(R));
  TileQueue queue(call.description, call.plan, call.args.workspace, phase, shared, /*reverse=*/false);
  for (Tile tile; queue.next(place, tile);) {
    if (Tile later; queue.later(place, later)) {
      prefetch_tile(call.args.x, later.batch_row(), later.chunk() * kChunkSteps, place, later);
    }
    ForwardTile<R, kPhases, kSegmentSteps>(call, phase, shared, place, tile).run();
  }
}

template <spikescan_recurrence R>
__global__ void __launch_bounds__(kMostFineThreads, resident_fine_tiles(R, false))
    forward_fine_tiles_kernel(const __grid_constant__ ForwardCall call, Phase phase) {
  Place place(call.plan);
  const TileShared shared(dynamic_shared(), NeuronTile<R>::kOrder, kQuarterSteps, forward_columns(R));
  for_fine_tiles(call, phase, /*reverse=*/false, shared, place, [&](const Tile& tile) {
    ForwardTile<R, true, kQuarterSteps>(call, phase, shared, place, tile).run();
  });
}

// A thread's row, all of them in the order of memory.
__device__ __forceinline__ RowLane forward_row(const spikescan_description& d, int64_t block) {
  const int64_t row = block * kRowThreads + threadIdx.x;
  RowLane lane = {};
  lane.batch = row / d.channels;
  lane.channel = row - lane.batch * d.channels;
  lane.inside = lane.batch < d.batch;
  lane.find_together(d.channels);
  lane.take_row(d.time);
  return lane;
}

// A thread's piece. A warp has 32 channels of one chunk, so that all its lanes have as many steps.
__device__ __forceinline__ RowLane forward_piece(const spikescan_description& d, const Plan& plan, Phase phase,
                                                 int64_t block) {
  const int64_t groups = divide_up(d.channels, 32), links = links_of(plan, phase);
  const int64_t warp = block * (kRowThreads / 32) + threadIdx.x / 32, piece = warp / groups;
  RowLane lane = {};
  lane.batch = piece / links;
  lane.channel = (warp - piece * groups) * 32 + threadIdx.x % 32;
  lane.inside = lane.batch < d.batch && lane.channel < d.channels;
  lane.find_together(d.channels);
  lane.take_chunk(d.time, chunk_of_link(plan, piece - lane.batch * links, false));
  return lane;
}

// The second number of __launch_bounds__ leaves registers for so many blocks on a multiprocessor: with one more some
// forms would spill.
template <spikescan_recurrence R, bool kPieces, class Form>
__global__ void __launch_bounds__(kRowThreads, kResidentForwardRows)
    forward_rows_kernel(const __grid_constant__ ForwardCall given, Phase phase) {
  const auto& call = Form::settle(given);
  const spikescan_description& d = call.description;
  constexpr ForwardRowLayout kLayout = forward_row_layout(R);
  typename ForwardRow<R, kPieces>::Tables tables(dynamic_shared() + kLayout.tables);
  RowRandom& random = *reinterpret_cast<RowRandom*>(dynamic_shared() + kLayout.random);
  prepare(random, random_origin(call));
  __syncthreads();
  for (int64_t turn = blockIdx.x; turn < (kPieces ? piece_blocks(call.plan, phase) : call.plan.row_blocks);
       turn += gridDim.x) {
    const RowLane lane =
        kPieces ? forward_piece(d, call.plan, phase, piece_block(call.plan, phase, turn)) : forward_row(d, turn);
    ForwardRow<R, kPieces>(call, phase, random, tables, lane,
                           lane.inside ? load_decays(d, call.args, lane.channel) : ChannelDecays{})
        .run(dynamic_shared() + kLayout.ring);
  }
}

}  // namespace spikescan
