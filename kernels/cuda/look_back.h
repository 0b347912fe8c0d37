// How chunks hand their state on (docs/architecture.md): every tile publishes its aggregate, every fourth also the
// carry that leaves it. Who needs a carry goes back to the nearest published one and replays the chain from there: the
// same operations in the same order whoever does them, so the same bits whatever the timing.
#pragma once

#include "kernels/cuda/tile.h"
#include "kernels/element/recurrence.h"

namespace spikescan {

// One scan's chain over the chunks of one row of tiles. Links count from 0 in the scan's direction. The block's first
// warp together: its first lanes lead the channels.
template <class Scan>
class ChunkChain {
 public:
  static constexpr int N = Scan::kOrder;
  enum Status : uint32_t { kNothing, kAggregate, kCarry };

  // `scan`: 0, or 1 for psu_lif's second scan. `workspace` and `plan` are the call's.
  __device__ __forceinline__ ChunkChain(const spikescan_description& d, const Plan& plan, void* workspace, int scan,
                                        const Tile& tile, int64_t batch)
      : d_(d), chunks_(plan.chunks), tile_(tile), batch_(batch), first_state_(scan) {
    char* memory = static_cast<char*>(workspace);
    const int64_t rows = plan.channel_tiles * plan.batch_rows;
    flags_ = reinterpret_cast<uint32_t*>(memory + plan.flags) + (scan * rows + tile.row) * saved_slots(chunks_);
    aggregates_ = reinterpret_cast<float*>(memory + plan.aggregates);
    carries_ = reinterpret_cast<double*>(memory + plan.carries);
  }

  __device__ __forceinline__ int64_t link() const { return link_of(tile_.chunk); }

  // After the last chunk nobody follows.
  __device__ __forceinline__ void publish_aggregate(const Place& place, const float (&aggregate)[N]) {
    if (link() >= saved_slots(chunks_)) return;
    if (place.leads && place.in_tensor) {
      for (int n = 0; n < N; ++n) aggregates_[aggregate_index(n, link())] = aggregate[n];
    }
    raise(kAggregate);
  }

  __device__ __forceinline__ void publish_carry(const Place& place, const double (&carry)[N]) {
    if (link() >= saved_slots(chunks_) || (link() + 1) % kCarrySpacing != 0) return;
    if (place.leads && place.in_tensor) {
      for (int n = 0; n < N; ++n) carries_[carry_index(n, link())] = carry[n];
    }
    raise(kCarry);
  }

  // A leader's `carry` comes as the state before link 0 and becomes the state before this tile's link.
  __device__ __forceinline__ void look_back(const Map<N>& map, const Place& place, double (&carry)[N]) {
    int64_t known = nearest_carry();
    if (!place.leads || !place.in_tensor) return;
    if (known > 0) {
      for (int n = 0; n < N; ++n) carry[n] = carries_[carry_index(n, known - 1)];
    }
    if (known == link()) return;
    const Map<N> whole_chunk = power(map, kChunkSteps);
    // Several aggregates are on their way at once; they are applied one after another.
    constexpr int kAhead = 4;
    for (; known < link(); known += kAhead) {
      float aggregates[kAhead][N];
#pragma unroll
      for (int i = 0; i < kAhead; ++i) {
        for (int n = 0; n < N; ++n) {
          aggregates[i][n] = known + i < link() ? aggregates_[aggregate_index(n, known + i)] : 0.0f;
        }
      }
#pragma unroll
      for (int i = 0; i < kAhead; ++i) {
        if (known + i < link()) replay(map, whole_chunk, known + i, aggregates[i], carry);
      }
    }
  }

 private:
  __device__ __forceinline__ int64_t link_of(int64_t chunk) const {
    return Scan::kReverse ? chunks_ - 1 - chunk : chunk;
  }
  __device__ __forceinline__ int64_t aggregate_index(int n, int64_t link) const {
    return slot_index(first_state_ + n, batch_, link, tile_.channel, d_.batch, saved_slots(chunks_), d_.channels);
  }
  __device__ __forceinline__ int64_t carry_index(int n, int64_t link) const {
    return slot_index(first_state_ + n, batch_, link / kCarrySpacing, tile_.channel, d_.batch, carry_slots(chunks_),
                      d_.channels);
  }
  // The number of links whose outcome is known: up to the nearest published carry. Flags are read 32 at a time, a lane
  // each.
  __device__ __forceinline__ int64_t nearest_carry() {
    for (int64_t before = link();; before -= 32) {
      const int64_t mine = before - 1 - static_cast<int>(threadIdx.x);
      const bool found = mine < 0 || await(mine) == kCarry;  // before link 0 the state is given
      // What the other lanes' flags guard is read from here on.
      __syncwarp();
      const unsigned lanes = __ballot_sync(0xffffffffu, found);
      if (lanes != 0) return before - (__ffs(static_cast<int>(lanes)) - 1);
    }
  }

  __device__ __forceinline__ void replay(const Map<N>& map, const Map<N>& whole_chunk, int64_t link,
                                         const float (&aggregate)[N], double (&carry)[N]) const {
    const int64_t chunk = link_of(link);  // its own inverse
    const int length = chunk_steps(d_.time, chunk);
    advance_chunk(length == kChunkSteps ? whole_chunk : power(map, length), carry, aggregate,
                  Scan::leaves_split(chunk));
  }

  // The leaders' writes come before the flag: the warp barrier orders theirs before the first lane's release.
  __device__ __forceinline__ void raise(Status status) {
    __syncwarp();
    if (threadIdx.x == 0) DeviceAtomic<uint32_t>(flags_[link()]).store(status, cuda::std::memory_order_release);
  }
  __device__ __forceinline__ uint32_t await(int64_t link) {
    DeviceAtomic<uint32_t> flag(flags_[link]);
    for (;;) {
      if (const uint32_t status = flag.load(cuda::std::memory_order_acquire); status != kNothing) return status;
      spin_pause();
    }
  }

  const spikescan_description& d_;
  int64_t chunks_;
  const Tile& tile_;
  int64_t batch_;
  int first_state_;
  uint32_t* flags_;
  float* aggregates_;
  double* carries_;
};

}  // namespace spikescan
