// Which tile a block works on: blocks take runs of neighbouring tiles, all rows of one link of the chain before the
// next link. Where tiles look back, by tickets: so the tiles that a tile waits for are done or on their way, however
// many blocks are resident. Elsewhere in turn; any order would do.
#pragma once

#include "kernels/cuda/phase.h"
#include "kernels/cuda/tile.h"

namespace spikescan {

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

  __device__ __forceinline__ void enter(int64_t index, Turn& turn) const {
    const int64_t rows = plan_.channel_tiles * plan_.batch_rows;
    if (index >= rows * links_of(plan_, phase_)) {
      turn.link = -1;
      return;
    }
    turn.link = plan_.chunks == 1 ? 0 : index / rows;
    const int64_t row = index - turn.link * rows;
    turn.batch_row = row / plan_.channel_tiles;
    turn.first_channel = (row - turn.batch_row * plan_.channel_tiles) * plan_.tile_channels;
    turn.chunk = chunk_of_link(plan_, turn.link, reverse_);
    turn.length = chunk_steps(d_.time, turn.chunk);
  }

  __device__ __forceinline__ void decide() {
    const int64_t index = turns_.run * plan_.run + turns_.in_run;
    enter(index, turns_.now);
    enter(index + int64_t{gridDim.x} * plan_.run, turns_.later);
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
