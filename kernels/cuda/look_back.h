// How chunks hand their state on where any block may have any chunk (docs/architecture.md): every tile publishes its
// aggregate, every fourth also the carry that leaves it. Who needs a carry goes back to the nearest published one and
// replays the chain from there: the same operations in the same order whoever does them, so the same bits whatever the
// timing. A published number is one word, which is zero until then: there is no flag to read first, and no order
// between words to keep.
#pragma once

#include "kernels/cuda/phase.h"
#include "kernels/cuda/tile.h"
#include "kernels/element/recurrence.h"
#include "kernels/link_slots.h"
#include "kernels/slot_index.h"

namespace spikescan {

// A number as a word that is never zero: its bits against those of a NaN that no number is, NaNs being made alike.
__device__ __forceinline__ uint32_t word_of(float x) {
  return (x == x ? bits_of(x) : 0x7fc00000u) ^ 0x7fe5a5a5u;
}
__device__ __forceinline__ float number_in(uint32_t word) {
  return float_of(word ^ 0x7fe5a5a5u);
}
__device__ __forceinline__ uint64_t word_of(double x) {
  return static_cast<uint64_t>(x == x ? __double_as_longlong(x) : 0x7ff8000000000000ll) ^ 0x7ffca5a5a5a5a5a5ull;
}
__device__ __forceinline__ double number_in(uint64_t word) {
  return __longlong_as_double(static_cast<long long>(word ^ 0x7ffca5a5a5a5a5a5ull));
}

// One scan's chain over the chunks of one row of tiles. Links count from 0 in the scan's direction. The block's first
// warp together: its first lanes lead the channels.
template <class Scan>
class LookBack {
 public:
  static constexpr int N = Scan::kOrder;

  // `first_state` is where the scan's states begin among the chain's. `workspace` and `plan` are the call's.
  __device__ __forceinline__ LookBack(const spikescan_description& d, const Plan& plan, void* workspace,
                                      int first_state, const TileShared& shared, const Place& place, const Tile& tile,
                                      int64_t batch)
      : d_(d),
        plan_(plan),
        memory_(static_cast<char*>(workspace)),
        first_state_(first_state),
        shared_(shared),
        place_(place),
        tile_(tile),
        batch_(batch) {}

  // After the last chunk nobody follows.
  __device__ __forceinline__ void publish_aggregate(const float (&aggregate)[N]) const {
    if (tile_.link() >= slots() || !place_.leads || !place_.in_tensor) return;
    for (int n = 0; n < N; ++n) put(*this->aggregate(n, tile_.link()), word_of(aggregate[n]));
  }

  __device__ __forceinline__ void publish_carry(const double (&carry)[N]) const {
    if (tile_.link() >= slots() || (tile_.link() + 1) % kCarrySpacing != 0) return;
    if (!place_.leads || !place_.in_tensor) return;
    for (int n = 0; n < N; ++n) put(*this->carry(n, tile_.link() / kCarrySpacing), word_of(carry[n]));
  }

  // A leader's `carry` comes as the state before link 0 and becomes the state before this tile's link.
  __device__ __forceinline__ void look_back(const Map<N>& map, double (&carry)[N]) const {
    int64_t known = nearest_carry();
    if (known > 0 && place_.leads && place_.in_tensor) {
      for (int n = 0; n < N; ++n) carry[n] = number_in(await(*this->carry(n, known / kCarrySpacing - 1)));
    }
    const Map<N> whole_chunk = power(map, kChunkSteps);
    const int most = window();
    while (known < tile_.link()) {
      const int count = static_cast<int>(tile_.link() - known < most ? tile_.link() - known : most);
      const bool plain = fetch(known, count);
      if (place_.leads) replay(map, whole_chunk, known, count, plain, carry);
      known += count;
      __syncwarp();  // the window is read before the next one is fetched
    }
  }

 private:
  static constexpr unsigned kAll = 0xffffffffu;
  static constexpr int kDepth = 4;       // aggregates that a lane has on their way
  static constexpr int kCarryDepth = 2;  // the same of carries
  static constexpr int kUnrolled = 4 / N;

  template <class Word>
  __device__ __forceinline__ static Word get(Word& word) {
    return DeviceAtomic<Word>(word).load(cuda::std::memory_order_relaxed);
  }
  template <class Word>
  __device__ __forceinline__ static Word await(Word& word) {
    for (;;) {
      if (const Word found = get(word); found != 0) return found;
      spin_pause();
    }
  }
  template <class Word>
  __device__ __forceinline__ static void put(Word& word, Word value) {
    DeviceAtomic<Word>(word).store(value, cuda::std::memory_order_relaxed);
  }

  __device__ __forceinline__ int64_t slots() const { return link_slots(plan_.chunks); }
  __device__ __forceinline__ int64_t chunk_of(int64_t link) const { return chunk_of_link(plan_, link, Scan::kReverse); }
  __device__ __forceinline__ uint32_t* aggregate(int n, int64_t link) const {
    return reinterpret_cast<uint32_t*>(memory_ + plan_.aggregates) +
           slot_index(first_state_ + n, batch_, link, tile_.channel(), d_.batch, slots(), d_.channels);
  }
  __device__ __forceinline__ uint64_t* carry(int n, int64_t slot) const {
    return reinterpret_cast<uint64_t*>(memory_ + plan_.carries) +
           slot_index(first_state_ + n, batch_, slot, tile_.channel(), d_.batch, published_carry_slots(plan_.chunks),
                      d_.channels);
  }

  // The number of links whose outcome is known: up to the nearest published carry. The lanes look at a slot each, of
  // the first channel; the others' words come with it.
  __device__ __forceinline__ int64_t nearest_carry() const {
    const int lane = static_cast<int>(threadIdx.x);
    const uint64_t* first = carry(0, 0) - place_.row;
    for (int64_t end = tile_.link() / kCarrySpacing; end > 0; end -= 32 * kCarryDepth) {
      bool published[kCarryDepth];
#pragma unroll
      for (int i = 0; i < kCarryDepth; ++i) {
        const int64_t slot = end - 1 - i * 32 - lane;
        published[i] = slot >= 0 && get(const_cast<uint64_t&>(first[slot * d_.channels])) != 0;
      }
#pragma unroll
      for (int i = 0; i < kCarryDepth; ++i) {
        const unsigned lanes = __ballot_sync(kAll, published[i]);
        if (lanes != 0) return (end - i * 32 - (__ffs(static_cast<int>(lanes)) - 1)) * kCarrySpacing;
      }
    }
    return 0;
  }

  // ---- A window of aggregates: fetched by the whole warp, replayed by the leaders ----
  // [links][states][channels], in the place of what threads hand over outside the scans.
  __device__ __forceinline__ int window() const {
    const int fits = place_.lanes() * 2 / (N * place_.rows), wanted = kDepth * 32 / place_.rows;
    return fits < wanted ? fits : wanted;
  }

  // Aggregates are published before their tiles look back, and their tiles come before this one in the queue. True
  // where all links are of full chunks whose carry is not rounded: almost always.
  __device__ __forceinline__ bool fetch(int64_t known, int count) const {
    const int stride = 32 / place_.rows, offset = static_cast<int>(threadIdx.x) / place_.rows;
    bool special = false;
    for (int n = 0; n < N; ++n) {
      const uint32_t* first = aggregate(n, known + offset);
      uint32_t words[kDepth];
#pragma unroll
      for (int i = 0; i < kDepth; ++i) {
        words[i] = offset + i * stride < count && place_.in_tensor
                       ? get(const_cast<uint32_t&>(first[i * stride * d_.channels]))
                       : word_of(0.0f);
      }
#pragma unroll
      for (int i = 0; i < kDepth; ++i) {
        const int link = offset + i * stride;
        if (link >= count) continue;
        if (words[i] == 0) words[i] = await(const_cast<uint32_t&>(first[i * stride * d_.channels]));
        shared_.handover(place_, link * N + n) = number_in(words[i]);
        const int64_t chunk = chunk_of(known + link);
        special = special || chunk_steps(d_.time, chunk) != kChunkSteps || Scan::leaves_split(chunk);
      }
    }
    __syncwarp();  // the leaders read what the other lanes fetched
    return __ballot_sync(kAll, special) == 0;
  }

  __device__ __forceinline__ void replay(const Map<N>& map, const Map<N>& whole_chunk, int64_t known, int count,
                                         bool plain, double (&carry)[N]) const {
#pragma unroll kUnrolled
    for (int link = 0; link < count; ++link) {
      float aggregate[N];
      for (int n = 0; n < N; ++n) aggregate[n] = shared_.handover(place_, link * N + n);
      if (plain) {
        advance_chunk(whole_chunk, carry, aggregate, false);
      } else {
        const int64_t chunk = chunk_of(known + link);
        const int length = chunk_steps(d_.time, chunk);
        advance_chunk(length == kChunkSteps ? whole_chunk : power(map, length), carry, aggregate,
                      Scan::leaves_split(chunk));
      }
    }
  }

  const spikescan_description& d_;
  const Plan& plan_;
  char* memory_;
  const int first_state_;
  const TileShared& shared_;
  const Place& place_;
  const Tile& tile_;
  const int64_t batch_;
};

}  // namespace spikescan
