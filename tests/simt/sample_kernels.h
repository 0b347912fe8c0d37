// Kernels for the harness's own tests: correct ones, and the same with one fault planted by a template argument.
// simt_test.cpp runs them for their results, race_program.cpp under ThreadSanitizer.
#pragma once

#include "simt/simt.h"

namespace simt::sample {

constexpr unsigned kTile = 64;  // elements and threads of a block: two warps

enum class Barriers { all, one_missing };

// Sum of each tile, by a tree in shared memory.
template <Barriers kBarriers>
__global__ void sum_tiles(const int* x, int* sums) {
  int* partial = reinterpret_cast<int*>(dynamic_shared());
  partial[threadIdx.x] = x[blockIdx.x * kTile + threadIdx.x];
  for (unsigned stride = kTile / 2; stride > 0; stride /= 2) {
    if (kBarriers == Barriers::all || stride != 8) __syncthreads();
    if (threadIdx.x < stride) partial[threadIdx.x] += partial[threadIdx.x + stride];
  }
  __syncthreads();
  if (threadIdx.x == 0) sums[blockIdx.x] = partial[0];
}

// Inclusive scan of every 32 elements.
__global__ inline void scan_warps(const int* x, int* y) {
  const unsigned place = blockIdx.x * blockDim.x + threadIdx.x;
  const unsigned lane = threadIdx.x % warpSize;
  int value = x[place];
  for (unsigned delta = 1; delta < 32; delta *= 2) {
    const int below = __shfl_up_sync(0xffffffffu, value, delta);
    if (lane >= delta) value += below;
  }
  y[place] = value;
}

enum class Publish { release, relaxed };
enum class TileOrder { ticket, block_index };

// The state between blocks of chained_scan. status: 0 nothing, 1 aggregate, 2 carry.
struct Chain {
  float* aggregate;
  float* carry;  // into the next tile
  unsigned* status;
  unsigned* ticket;
};

template <Publish kPublish>
__device__ inline void publish(unsigned& status, unsigned value) {
  const auto order = kPublish == Publish::release ? cuda::std::memory_order_release : cuda::std::memory_order_relaxed;
  cuda::atomic_ref<unsigned, cuda::thread_scope_device>(status).store(value, order);
}

// Waits until tile's status is not zero.
__device__ inline unsigned await(unsigned& status) {
  const cuda::atomic_ref<unsigned, cuda::thread_scope_device> flag(status);
  for (;;) {
    if (const unsigned value = flag.load(cuda::std::memory_order_acquire); value != 0) return value;
    pause();
  }
}

// The carry into `tile`: back to the nearest published carry, then the aggregates again in their order.
__device__ inline float look_back(const Chain& chain, unsigned tile) {
  unsigned known = tile;
  float carry = 0;
  while (known > 0) {
    if (await(chain.status[known - 1]) == 2) {
      carry = chain.carry[known - 1];
      break;
    }
    --known;
  }
  for (; known < tile; ++known) carry = 0.5f * carry + chain.aggregate[known];
  return carry;
}

// y[tile] = 0.5 y[tile - 1] + the sum of tile's elements, for all tiles in one pass.
template <Publish kPublish, TileOrder kOrder>
__global__ void chained_scan(const float* x, float* y, Chain chain) {
  float* partial = reinterpret_cast<float*>(dynamic_shared());
  unsigned& tile = static_shared<unsigned>([] {});
  if (threadIdx.x == 0) {
    const cuda::atomic_ref<unsigned, cuda::thread_scope_device> ticket(*chain.ticket);
    tile = kOrder == TileOrder::ticket ? ticket.fetch_add(1, cuda::std::memory_order_relaxed) : blockIdx.x;
  }
  __syncthreads();
  partial[threadIdx.x] = x[tile * kTile + threadIdx.x];
  __syncthreads();
  if (threadIdx.x != 0) return;
  float aggregate = 0;
  for (unsigned place = 0; place < kTile; ++place) aggregate += partial[place];
  chain.aggregate[tile] = aggregate;
  publish<kPublish>(chain.status[tile], 1);
  const float carry = 0.5f * look_back(chain, tile) + aggregate;
  chain.carry[tile] = carry;
  publish<kPublish>(chain.status[tile], 2);
  y[tile] = carry;
}

enum class Handover { syncwarp, shuffle_only };

// Lane 0 leaves a value in shared memory for its warp. A shuffle makes the lanes meet but orders no memory.
template <Handover kHandover>
__global__ void hand_over(int* y) {
  int* mail = reinterpret_cast<int*>(dynamic_shared());
  if (threadIdx.x == 0) *mail = 42;
  if (kHandover == Handover::syncwarp) {
    __syncwarp();
  } else {
    __shfl_sync(0xffffffffu, 0, 0);
  }
  y[threadIdx.x] = *mail;
}

}  // namespace simt::sample
