// Asks for a tile's sectors of memory, so that they wait in the L2 cache when they are loaded.
#pragma once

#include "kernels/cuda/segment_io.h"
#include "kernels/cuda/tile.h"

namespace spikescan {

constexpr int kSectorBytes = 32;

// Of a tensor of floating-point numbers, batch b, steps from t on. A thread asks for one step, or for as many as share
// a sector.
__device__ __forceinline__ void prefetch_tile(const spikescan_tensor& tensor, int64_t b, int64_t t, const Place& place,
                                              const Tile& tile) {
  const int64_t step_bytes = tensor.stride_time * float_bytes(tensor);
  const int steps = usually(step_bytes >= kSectorBytes) ? 1
                    : step_bytes == 0                   ? tile.length()
                                                        : kSectorBytes / static_cast<int>(step_bytes);
  const char* first = address_at(tensor, b, t, tile.turn->first_channel);
  for (int step = static_cast<int>(threadIdx.x) * steps; step < tile.length(); step += place.lanes() * steps) {
    prefetch_sector(first + step * step_bytes);
  }
}

}  // namespace spikescan
