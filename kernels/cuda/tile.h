// A tile: one batch, a few channels, one chunk of time. A thread has one channel and one segment of 16 steps.
// Here: a thread's place in a tile, and the tile's shared memory.
#pragma once

#include "kernels/backend.h"
#include "kernels/cuda/device.h"
#include "kernels/layout.h"

namespace spikescan {

// Which one: in shared memory, since a register is dear (tile_queue.h writes it).
struct Turn {
  int64_t batch_row;
  int64_t first_channel;
  int64_t link;  // chunks of the row that come before, in the scan's direction; -1: there is no such tile
  int64_t chunk;
};

// A thread's place in its tile.
struct Place {
  int channel, channels;
  int segment, segments;
  bool leads;      // one thread a channel does what is done once a chunk; they are the first lanes of the first warp
  bool in_tensor;  // the last channel tile may hang over

  __device__ __forceinline__ Place(const Plan& plan, int thread)
      : channel(thread % plan.tile_channels),
        channels(plan.tile_channels),
        segment(thread / plan.tile_channels),
        segments(plan.tile_segments),
        leads(thread < plan.tile_channels),
        in_tensor(false) {}

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
  int64_t index;  // of the tile
  int64_t run;    // the one after this one
  int64_t drawn;  // runs, where there are no tickets
  int64_t left;   // tiles of this run, this one included
};
static_assert(sizeof(TileTurns) <= kTurnWords * sizeof(int64_t));

struct Tile {
  const Turn* turn;
  int in_tile;  // this thread's channel in it
  int length;   // steps of the chunk

  __device__ __forceinline__ int64_t batch_row() const { return turn->batch_row; }
  __device__ __forceinline__ int64_t channel() const { return turn->first_channel + in_tile; }
  __device__ __forceinline__ int64_t link() const { return turn->link; }
  __device__ __forceinline__ int64_t chunk() const { return turn->chunk; }
};

// Shared memory by what it holds; sizes in layout.h.
struct TileShared {
  TileTurns* turns;
  // [segments][order][channels]: what a segment's own steps leave, then the state before it, from zero at the chunk's
  // start
  double* chain;
  double* carry_in;   // [order][channels]
  double* carry_out;  // [order][channels]
  double* walked;     // [states][channels]: the carry that a block takes along from chunk to chunk
  double* totals;     // [parameters][channels]: the decays' gradients so far
  float* before;      // [states][channels]: backward's, before the chunk's first step
  float* parked;      // [steps][32]: the first warp's, while it chains
  float* handover;    // [segments][2][channels]: from thread to thread outside the scans
  // [channels][half steps][coefficients] and a word more, [threads][columns][steps] and a word more: what one thread
  // looks at lies at fixed places from where it starts, and neighbours start in different banks.
  float* responses;
  float* columns;

  __device__ __forceinline__ TileShared(unsigned char* memory, int order, const Place& place) {
    turns = reinterpret_cast<TileTurns*>(memory);
    chain = reinterpret_cast<double*>(memory) + kTurnWords;
    carry_in = chain + place.lanes() * order;
    carry_out = carry_in + order * place.channels;
    walked = carry_out + order * place.channels;
    totals = walked + kMostStates * place.channels;
    before = reinterpret_cast<float*>(totals + kMostStates * place.channels);
    parked = before + kMostStates * place.channels;
    handover = parked + 32 * kSegmentSteps;
    responses = handover + place.lanes() * 2;
    columns = responses + response_words(order) * place.channels;
  }

  // What the thread of `lane` keeps for each of its steps, in `kColumns` columns.
  template <int kColumns>
  __device__ __forceinline__ float* column(int which, int lane) const {
    return columns + lane * column_words(kColumns) + which * kSegmentSteps;
  }
};

}  // namespace spikescan
