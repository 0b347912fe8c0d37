// A tile: one chunk of time of a few rows (b, c): channels of one batch or, backward, of several that share a row of
// partial sums. A thread has a part of a row: a segment of 16 steps or, in a fine tile, a quarter of one. Here: a
// thread's place in a tile, and the way into the tile's shared memory.
#pragma once

#include "kernels/backend.h"
#include "kernels/cuda/segment_steps.h"
#include "kernels/tile_layout.h"

namespace spikescan {

// Which one: in shared memory, since a register is dear (tile_queue.h writes it).
struct Turn {
  int64_t batch_row;
  int64_t first_channel;
  int64_t link;  // chunks of the row that come before, in the scan's direction; -1: there is no such tile
  int64_t chunk;
  int64_t length;  // steps of the chunk
};

// A thread's place in its tile.
struct Place {
  int row, rows;
  int part, parts;
  bool leads;      // one thread a row does what is done once a chunk; they are the first lanes of the first warp
  bool in_tensor;  // the last channels, and the last batches, may hang over

  __device__ __forceinline__ Place(const Plan& plan)
      : rows(plan.tile_channels * plan.tile_batches), parts(plan.tile_parts), in_tensor(false), plan_(plan) {
    look_again();
  }

  // From the thread's number, and with it all that the compiler derives from a place: where registers are dear, three
  // instructions cost less than keeping them from phase to phase. Rows and channels are powers of two.
  __device__ __forceinline__ void look_again() {
    const int thread = seen_anew(static_cast<int>(threadIdx.x));
    row = thread & (rows - 1);
    part = thread >> (__ffs(rows) - 1);
    leads = thread < rows;
  }

  // Of each batch, out of the plan each time: a register is dear.
  __device__ __forceinline__ int channels() const { return seen_anew(plan_.tile_channels); }
  __device__ __forceinline__ int channel() const { return row & (channels() - 1); }
  __device__ __forceinline__ int batch() const { return row >> (__ffs(channels()) - 1); }
  __device__ __forceinline__ int batches() const { return rows >> (__ffs(channels()) - 1); }
  // The leader of a channel's row in the first batch.
  __device__ __forceinline__ bool leads_channel() const { return static_cast<int>(threadIdx.x) < channels(); }

  // Steps of this thread's part, 0 past the chunk's end.
  template <int kSteps>
  __device__ __forceinline__ int steps(int length) const {
    const int left = length - part * kSteps;
    return left < 0 ? 0 : (left < kSteps ? left : kSteps);
  }
  __device__ __forceinline__ int lanes() const { return parts * rows; }
  __device__ __forceinline__ int lane() const { return part * rows + row; }

 private:
  const Plan& plan_;
};

// Of a fine tile: what the thread has that takes quarter q of this thread's segment. All lanes of the warp together.
__device__ __forceinline__ float of_quarter(const Place& place, int q, float mine) {
  const int behind = q - place.part % kSegmentQuarters;
  return __shfl_sync(0xffffffffu, mine, lane_of_warp() + behind * place.rows);
}

// What a block's first thread knows of its work.
struct TileTurns {
  Turn now, later;
  int64_t run, in_run;  // the next tile's
  int64_t next_run;     // the one after
  int64_t drawn;        // runs, where there are no tickets
};
static_assert(sizeof(TileTurns) <= sizeof(TileCommon::turns));

// The tile that a thread works on, or will.
struct Tile {
  const Turn* turn;
  const Place* place;

  __device__ __forceinline__ int64_t batch_row() const { return turn->batch_row; }
  __device__ __forceinline__ int64_t channel() const { return turn->first_channel + place->channel(); }
  __device__ __forceinline__ int64_t link() const { return turn->link; }
  __device__ __forceinline__ int64_t chunk() const { return turn->chunk; }
  __device__ __forceinline__ int length() const { return static_cast<int>(turn->length); }

  // Of the thread's part: where it starts in time, and its steps inside the tensor.
  template <int kSteps>
  __device__ __forceinline__ int64_t first_step() const {
    return chunk() * kChunkSteps + place->part * kSteps;
  }
  template <int kSteps>
  __device__ __forceinline__ int steps() const {
    return place->in_tensor ? place->steps<kSteps>(length()) : 0;
  }
};

// Shared memory (kernels/tile_layout.h).
class TileShared {
 public:
  TileCommon& common;

  // `steps`: a thread's.
  __device__ __forceinline__ TileShared(unsigned char* memory, int order, int steps, int columns)
      : common(*reinterpret_cast<TileCommon*>(memory)),
        lanes_(memory + common_bytes(order)),
        steps_(steps),
        columns_(columns) {}

  __device__ __forceinline__ float* columns(int lane) const { return reinterpret_cast<float*>(record(lane)); }
  __device__ __forceinline__ double& chain(int lane, int n) const { return end(lane).chain[n]; }
  // Two words a lane: those of a row.
  __device__ __forceinline__ float& handover(const Place& place, int row, int word) const {
    return end(word / 2 * place.rows + row).handover[word % 2];
  }
  __device__ __forceinline__ float& handover(const Place& place, int word) const {
    return handover(place, place.row, word);
  }

 private:
  __device__ __forceinline__ unsigned char* record(int lane) const {
    return lanes_ + lane * lane_bytes(steps_, columns_);
  }
  __device__ __forceinline__ LaneEnd& end(int lane) const {
    return *reinterpret_cast<LaneEnd*>(record(lane) + columns_ * steps_ * sizeof(float));
  }

  unsigned char* lanes_;
  int steps_, columns_;
};

}  // namespace spikescan
