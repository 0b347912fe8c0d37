// A tile: one batch, a few channels, one chunk of time. A thread has one channel and one segment of 16 steps.
// Here: a thread's place in a tile, and the way into the tile's shared memory.
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
  int channel, channels;
  int segment, segments;
  bool leads;      // one thread a channel does what is done once a chunk; they are the first lanes of the first warp
  bool in_tensor;  // the last channel tile may hang over

  __device__ __forceinline__ Place(const Plan& plan)
      : channels(plan.tile_channels), segments(plan.tile_segments), in_tensor(false) {
    look_again();
  }

  // From the thread's number, and with it all that the compiler derives from a place: where registers are dear, three
  // instructions cost less than keeping them from phase to phase. A tile's channels are a power of two.
  __device__ __forceinline__ void look_again() {
    const int thread = seen_anew(static_cast<int>(threadIdx.x));
    channel = thread & (channels - 1);
    segment = thread >> (__ffs(channels) - 1);
    leads = thread < channels;
  }

  // Steps of this thread's segment, 0 past the chunk's end.
  __device__ __forceinline__ int steps(int length) const {
    const int left = length - segment * kSegmentSteps;
    return left < 0 ? 0 : (left < kSegmentSteps ? left : kSegmentSteps);
  }
  __device__ __forceinline__ int lanes() const { return segments * channels; }
  __device__ __forceinline__ int lane() const { return segment * channels + channel; }
};

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
  __device__ __forceinline__ int64_t channel() const { return turn->first_channel + place->channel; }
  __device__ __forceinline__ int64_t link() const { return turn->link; }
  __device__ __forceinline__ int64_t chunk() const { return turn->chunk; }
  __device__ __forceinline__ int length() const { return static_cast<int>(turn->length); }

  // Of the thread's segment: where it starts in time, and its steps inside the tensor.
  __device__ __forceinline__ int64_t first_step() const {
    return chunk() * kChunkSteps + place->segment * kSegmentSteps;
  }
  __device__ __forceinline__ int steps() const { return place->in_tensor ? place->steps(length()) : 0; }
};

// Shared memory (kernels/tile_layout.h).
class TileShared {
 public:
  TileCommon& common;

  __device__ __forceinline__ TileShared(unsigned char* memory, int order, int columns)
      : common(*reinterpret_cast<TileCommon*>(memory)), lanes_(memory + common_bytes(order)), columns_(columns) {}

  __device__ __forceinline__ float* columns(int lane) const { return reinterpret_cast<float*>(record(lane)); }
  __device__ __forceinline__ double& chain(int lane, int n) const { return end(lane).chain[n]; }
  // Two words a lane.
  __device__ __forceinline__ float& handover(const Place& place, int word) const {
    return end(word / 2 * place.channels + place.channel).handover[word % 2];
  }

 private:
  __device__ __forceinline__ unsigned char* record(int lane) const { return lanes_ + lane * lane_bytes(columns_); }
  __device__ __forceinline__ LaneEnd& end(int lane) const {
    return *reinterpret_cast<LaneEnd*>(record(lane) + columns_ * kSegmentSteps * sizeof(float));
  }

  unsigned char* lanes_;
  int columns_;
};

}  // namespace spikescan
