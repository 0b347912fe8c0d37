// The backward kernels, last chunk first: tiles in the queue's order or, if fine, a block each; or a thread a row or a
// chunk of one. The plan chooses.
#pragma once

#include "kernels/cuda/backward_row.h"
#include "kernels/cuda/backward_tile.h"
#include "kernels/cuda/settled.h"
#include "kernels/cuda/tile_prefetch.h"
#include "kernels/cuda/tile_queue.h"

namespace spikescan {

// In phases cuba_lif takes a few registers more than three blocks on a multiprocessor leave; one state has two anyway.
template <spikescan_recurrence R, bool kPhases>
__global__ void __launch_bounds__(most_tile_threads(R), kPhases ? 2 : resident_tiles(R))
    backward_tiles_kernel(const __grid_constant__ BackwardCall call, Phase phase) {
  Place place(call.plan);
  const TileShared shared(dynamic_shared(), NeuronTile<R>::kOrder, kSegmentSteps, backward_columns(R));
  TileQueue queue(call.description, call.plan, call.args.workspace, phase, shared, /*reverse=*/true);
  for (Tile tile; queue.next(place, tile);) {
    if (Tile later; queue.later(place, later)) {
      prefetch_tile(call.args.x, later.batch_row() * call.plan.row_batches, later.chunk() * kChunkSteps, place, later);
    }
    BackwardTile<R, kPhases, kSegmentSteps>(call, phase, shared, place, tile).run();
  }
}

template <spikescan_recurrence R>
__global__ void __launch_bounds__(kMostFineThreads, resident_fine_tiles(R, true))
    backward_fine_tiles_kernel(const __grid_constant__ BackwardCall call, Phase phase) {
  Place place(call.plan);
  const TileShared shared(dynamic_shared(), NeuronTile<R>::kOrder, kQuarterSteps, backward_columns(R));
  for_fine_tiles(call, phase, /*reverse=*/true, shared, place, [&](const Tile& tile) {
    BackwardTile<R, true, kQuarterSteps>(call, phase, shared, place, tile).run();
  });
}

// A thread for each channel of each row of partial sums.
struct BackwardPlace {
  int64_t batch_row;
  RowLane lane;
};

// A warp has 32 rows in the order of memory, wherever they are.
__device__ __forceinline__ BackwardPlace backward_row(const spikescan_description& d, const Plan& plan, int64_t block) {
  const int64_t row = block * kRowThreads + threadIdx.x;
  BackwardPlace at = {};
  at.batch_row = row / d.channels;
  at.lane.channel = row - at.batch_row * d.channels;
  at.lane.find_together(d.channels);
  at.lane.inside = at.batch_row < plan.batch_rows;
  at.lane.take_row(d.time);
  return at;
}

// Or 32 channels of one row, or of one chunk of it, and the block's other warps the same channels of the next. The last
// channels may hang over.
template <RowWork kWork>
__device__ __forceinline__ BackwardPlace backward_shared_rows(const spikescan_description& d, const Plan& plan,
                                                              Phase phase, int64_t block) {
  constexpr bool kPieces = kWork != RowWork::kWhole;
  const int64_t groups = divide_up(d.channels, 32), links = kPieces ? links_of(plan, phase) : 1;
  const int64_t rows = block / groups, row = rows * (kRowThreads / 32) + threadIdx.x / 32;
  BackwardPlace at = {};
  at.batch_row = row / links;
  at.lane.channel = (block - rows * groups) * 32 + threadIdx.x % 32;
  at.lane.inside = at.batch_row < plan.batch_rows && at.lane.channel < d.channels;
  at.lane.find_together(d.channels);
  if constexpr (kPieces) {
    at.lane.take_chunk(d.time, chunk_of_link(plan, row - at.batch_row * links, true));
  } else {
    at.lane.take_row(d.time);
  }
  return at;
}

template <spikescan_recurrence R, int kColumns, RowWork kWork, class Form>
__global__ void __launch_bounds__(kRowThreads, resident_rows(R) - Form::kFewerBlocks)
    backward_rows_kernel(const __grid_constant__ BackwardCall given, Phase phase) {
  const auto& call = Form::settle(given);
  const spikescan_description& d = call.description;
  BackwardRowMemory<R, kColumns> memory(dynamic_shared());
  constexpr bool kPieces = kWork != RowWork::kWhole;
  for (int64_t turn = blockIdx.x; turn < (kPieces ? piece_blocks(call.plan, phase) : call.plan.row_blocks);
       turn += gridDim.x) {
    const int64_t block = kPieces ? piece_block(call.plan, phase, turn) : turn;
    const BackwardPlace at = kColumns == kRowThreads ? backward_row(d, call.plan, block)
                                                     : backward_shared_rows<kWork>(d, call.plan, phase, block);
    // Columns that warps share are wanted where a batch or chunk is missing, too.
    const bool has_decays = kColumns == kRowThreads ? at.lane.inside : at.lane.channel < d.channels;
    BackwardRow<R, kColumns, kWork>(call, phase, memory, at.batch_row, at.lane,
                                    has_decays ? load_decays(d, call.args, at.lane.channel) : ChannelDecays{})
        .run();
  }
}

}  // namespace spikescan
