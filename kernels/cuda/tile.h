// A tile: one batch, a few channels, one chunk of time. A thread has one channel and one segment of 16 steps.
// Here: which tile a block works on, a thread's place in it, and the tile's shared memory.
#pragma once

#include "kernels/backend.h"
#include "kernels/cuda/device.h"
#include "kernels/layout.h"

namespace spikescan {

struct Tile {
  int64_t row;  // batch row and channel tile as one number: the tiles of one row are scanned one after another
  int64_t batch_row, chunk;
  int64_t channel;  // this thread's
  int length;       // steps of the chunk
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
};

// Shared memory by what it holds; sizes in layout.h.
struct TileShared {
  // [segments][order][channels]: what a segment's own steps leave, then the state before it, from zero at the chunk's
  // start
  double* chain;
  double* carry_in;   // [order][channels]
  double* carry_out;  // [order][channels]
  float* handover;    // [segments][2][channels]: from thread to thread outside the scans
  float* responses;   // [half steps][coefficients][channels]
  float* states;      // [states][steps][threads]: backward's, a column for each thread

  __device__ __forceinline__ TileShared(unsigned char* memory, int order, const Place& place) {
    const int lanes = place.segments * place.channels;
    chain = reinterpret_cast<double*>(memory);
    carry_in = chain + lanes * order;
    carry_out = carry_in + order * place.channels;
    handover = reinterpret_cast<float*>(carry_out + order * place.channels);
    responses = handover + lanes * 2;
    states = responses + kHalfSteps * (order == 1 ? 1 : kMostCoefficients) * place.channels;
  }
};

// Hands out tiles. With one chunk any order will do; with more, tickets make sure that the tiles a tile waits for are
// done or on their way, however many blocks are resident: first all rows of one chunk, then the next chunk.
class TileQueue {
 public:
  __device__ __forceinline__ TileQueue(const Plan& plan, void* workspace, bool reverse)
      : plan_(plan),
        ticket_(plan.chunks > 1 ? reinterpret_cast<unsigned long long*>(static_cast<char*>(workspace) + plan.ticket)
                                : nullptr),
        static_next_(blockIdx.x),
        reverse_(reverse) {}

  // All threads of the block together; false when no tile is left.
  __device__ __forceinline__ bool next(const spikescan_description& d, Place& place, Tile& tile) {
    const int64_t index = ticket_ ? draw() : static_next_;
    static_next_ += gridDim.x;
    if (index >= plan_.tiles) return false;
    const int64_t rows = plan_.channel_tiles * plan_.batch_rows;
    const int64_t turn = index / rows;
    tile.row = index % rows;
    tile.chunk = reverse_ ? plan_.chunks - 1 - turn : turn;
    tile.batch_row = tile.row / plan_.channel_tiles;
    tile.channel = tile.row % plan_.channel_tiles * plan_.tile_channels + place.channel;
    tile.length = chunk_steps(d.time, tile.chunk);
    place.in_tensor = tile.channel < d.channels;
    return true;
  }

 private:
  __device__ __forceinline__ int64_t draw() {
    auto* drawn = reinterpret_cast<unsigned long long*>(dynamic_shared());
    __syncthreads();  // the tile before may still be read
    if (threadIdx.x == 0)
      *drawn = DeviceAtomic<unsigned long long>(*ticket_).fetch_add(1, cuda::std::memory_order_relaxed);
    __syncthreads();
    const auto index = static_cast<int64_t>(*drawn);
    __syncthreads();  // the tile's own use of the memory begins
    return index;
  }

  const Plan& plan_;
  unsigned long long* ticket_;
  int64_t static_next_;
  bool reverse_;
};

}  // namespace spikescan
