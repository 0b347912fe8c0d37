// Which tile a block works on: blocks take runs of neighbouring tiles, all rows of one link of the chain before the
// next link. Where tiles look back, by tickets: so the tiles that a tile waits for are done or on their way, however
// many blocks are resident. Elsewhere in turn; any order would do.
#pragma once

#include "kernels/cuda/phase.h"
#include "kernels/cuda/tile.h"

namespace spikescan {

// Of an index past the last, there is no tile.
__device__ __forceinline__ Turn turn_of(const spikescan_description& d, const Plan& plan, Phase phase, bool reverse,
                                        int64_t index) {
  Turn turn = {};
  const int64_t rows = plan.channel_tiles * plan.batch_rows;
  if (index >= rows * links_of(plan, phase)) {
    turn.link = -1;
    return turn;
  }
  turn.link = plan.chunks == 1 ? 0 : index / rows;
  const int64_t row = index - turn.link * rows;
  turn.batch_row = row / plan.channel_tiles;
  turn.first_channel = (row - turn.batch_row * plan.channel_tiles) * plan.tile_channels;
  turn.chunk = chunk_of_link(plan, turn.link, reverse);
  turn.length = chunk_steps(d.time, turn.chunk);
  return turn;
}

// Fine tiles: a block each, and nobody to ask; more than the grid's blocks are taken in turn.
template <class Call, class Use>
__device__ __forceinline__ void for_fine_tiles(const Call& call, Phase phase, bool reverse, const TileShared& shared,
                                               Place& place, Use use) {
  Turn& turn = *reinterpret_cast<Turn*>(shared.common.turns);
  for (int64_t index = blockIdx.x;; index += gridDim.x) {
    if (threadIdx.x == 0) turn = turn_of(call.description, call.plan, phase, reverse, index);
    __syncthreads();
    if (turn.link < 0) return;
    const Tile tile = {&turn, &place};
    place.in_tensor = tile.channel() < call.description.channels;
    use(tile);
    __syncthreads();  // before another one takes the memory
  }
}

// The first thread decides and tells the others: its divisions, and the ticket's way to memory and back, are paid once.
class TileQueue {
 public:
  __device__ __forceinline__ TileQueue(const spikescan_description& d, const Plan& plan, void* const& workspace,
                                       Phase phase, const TileShared& shared, bool reverse)
      : plan_(plan),
        d_(d),
        workspace_(workspace),
        phase_(phase),
        turns_(*reinterpret_cast<TileTurns*>(shared.common.turns)),
        reverse_(reverse) {
    if (threadIdx.x != 0) return;
    turns_.drawn = turns_.in_run = 0;
    turns_.run = draw();
    turns_.next_run = draw();
  }

  // All threads of the block together; false when no tile is left.
  __device__ __forceinline__ bool next(Place& place, Tile& tile) {
    __syncthreads();  // the tile before is done with the shared memory
    if (!usually(threadIdx.x != 0)) decide();
    __syncthreads();  // the others read the first thread's decision
    place.look_again();
    if (!read(turns_.now, place, tile)) return false;
    place.in_tensor = tile.channel() < d_.channels;
    return true;
  }

  // The tile that this block, or another one, takes some time from now: worth fetching, and no more than a guess.
  __device__ __forceinline__ bool later(const Place& place, Tile& tile) const {
    return read(turns_.later, place, tile);
  }

 private:
  __device__ __forceinline__ static bool read(const Turn& turn, const Place& place, Tile& tile) {
    tile.turn = &turn;
    tile.place = &place;
    return turn.link >= 0;
  }

  __device__ __forceinline__ void decide() {
    const int64_t index = turns_.run * plan_.run + turns_.in_run;
    turns_.now = turn_of(d_, plan_, phase_, reverse_, index);
    turns_.later = turn_of(d_, plan_, phase_, reverse_, index + int64_t{gridDim.x} * plan_.run);
    if (++turns_.in_run < plan_.run) return;
    turns_.in_run = 0;
    turns_.run = turns_.next_run;
    turns_.next_run = draw();  // one ahead: nobody waits for it now
  }

  // A block works on its runs in the order of their numbers, so that the lowest tile not done is always being worked
  // on.
  __device__ __forceinline__ int64_t draw() {
    if (plan_.strategy == kTiles && plan_.chunks > 1) {
      auto* ticket = reinterpret_cast<unsigned long long*>(static_cast<char*>(workspace_) + plan_.ticket);
      return static_cast<int64_t>(
          DeviceAtomic<unsigned long long>(*ticket).fetch_add(1, cuda::std::memory_order_relaxed));
    }
    return int64_t{blockIdx.x} + turns_.drawn++ * gridDim.x;
  }

  const Plan& plan_;
  const spikescan_description& d_;
  void* const& workspace_;
  const Phase phase_;
  TileTurns& turns_;
  bool reverse_;
};

}  // namespace spikescan
