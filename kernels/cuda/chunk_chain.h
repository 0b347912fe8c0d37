// The chain over the chunks of every row, between a pass's aggregates and its last kernel: c' = M^1024 c + aggregate,
// link after link in the contract's order, each carry in its aggregate's place. One warp does nothing else: a link is a
// read, a fused multiply-add in double and a write, all in shared memory. The block's other warps, its helpers, bring
// windows of aggregates there and windows of carries back.
#pragma once

#include "kernels/chain_layout.h"
#include "kernels/cuda/chunk_links.h"
#include "kernels/element/recurrence.h"
#include "kernels/link_slots.h"
#include "kernels/neuron_sizes.h"

namespace spikescan {

// What the kernel is given: one scan's states, in its order.
struct ChunkChainCall {
  spikescan_description description;
  Plan plan;
  void* workspace;
  int first_state;  // where they begin in the workspace
  const float* decays[kMostStates];
  spikescan_state start[kMostStates];  // before link 0
};

constexpr int kChainHelpers = 8;  // warps
constexpr int kChainThreads = 32 * (1 + kChainHelpers);

template <class Scan>
class ChainedRow {
 public:
  static constexpr int N = Scan::kOrder;

  // All threads of a block together; `channel` is the lane's, the same in every warp.
  __device__ __forceinline__ ChainedRow(const ChunkChainCall& chain, int64_t batch, int64_t channel)
      : chain_(chain),
        batch_(batch),
        channel_(channel),
        links_(static_cast<int>(link_slots(chain.plan.chunks))),
        inside_(channel < chain.description.channels) {
    const ChunkLinks links = {chain.description, chain.plan, chain.workspace};
    for (int n = 0; n < N; ++n) fetched_[n] = stored_[n] = &links.at(chain.first_state + n, batch, helper(), channel);
  }

  __device__ __forceinline__ void run() {
    constexpr int kAhead = kChainWindows - 2;
    const int windows = (links_ + kWindowLinks - 1) / kWindowLinks;
    const bool chains = threadIdx.x < 32;
    if (chains) start();
    for (int w = 0; w < kAhead; ++w) fetch(w);
    for (int turn = 0; turn <= windows; ++turn) {
      await_copies<kAhead - 1>();
      __syncthreads();  // this window is there, the one before is chained, the one before that is stored
      if (chains) {
        if (turn < windows) chain_window(turn);
      } else {
        if (turn > 0) store(turn - 1);
      }
      fetch(turn + kAhead);
    }
  }

 private:
  static constexpr int kWindowLinks = kChainWindowWords / N;
  static constexpr int kOwn = kWindowLinks / kChainHelpers;  // a helper's links of a window, kChainHelpers apart
  static constexpr int kTogether = 16;                       // links that are read before any of them is chained
  static_assert(kChainChannels == 32 && kOwn * kChainHelpers * N == kChainWindowWords && kWindowLinks % 32 == 0);

  __device__ __forceinline__ static int lane() { return static_cast<int>(threadIdx.x) % 32; }
  __device__ __forceinline__ static int helper() { return static_cast<int>(threadIdx.x) / 32 - 1; }

  // [kChainWindows][N][kWindowLinks][kChainChannels]: this lane's column.
  __device__ __forceinline__ static double* column(int window, int n) {
    return reinterpret_cast<double*>(dynamic_shared()) +
           (window % kChainWindows * N + n) * (kWindowLinks * kChainChannels) + lane();
  }
  __device__ __forceinline__ int count_of(int window) const {
    const int left = links_ - window * kWindowLinks;
    return left < kWindowLinks ? left : kWindowLinks;
  }

  // ---- The helpers ----
  // body(place in a window's column, number in memory) for each of the helper's own links.
  template <class Body>
  __device__ __forceinline__ void for_own_links(int window, Body body) const {
    const int64_t stride = kChainHelpers * chain_.description.channels;
    const int count = count_of(window) - helper();
#pragma unroll
    for (int i = 0; i < kOwn; ++i) {
      if (i * kChainHelpers < count && inside_) body((i * kChainHelpers + helper()) * kChainChannels, i * stride);
    }
  }

  __device__ __forceinline__ void fetch(int window) {
    if (helper() >= 0) {
      for (int n = 0; n < N; ++n) {
        double* to = column(window, n);
        for_own_links(window,
                      [&](int place, int64_t number) { copy_async<sizeof(double)>(to + place, fetched_[n] + number); });
        fetched_[n] += kWindowLinks * chain_.description.channels;
      }
    }
    commit_copies();
  }

  __device__ __forceinline__ void store(int window) {
    for (int n = 0; n < N; ++n) {
      const double* from = column(window, n);
      for_own_links(window, [&](int place, int64_t number) { stored_[n][number] = from[place]; });
      stored_[n] += kWindowLinks * chain_.description.channels;
    }
  }

  // ---- The chaining warp ----
  __device__ __forceinline__ float decay(int n) const {
    const float* raw = chain_.decays[n];
    return raw && inside_ ? clip_decay(raw[chain_.description.shared_decay ? 0 : channel_]) : 0.0f;
  }

  __device__ __forceinline__ void start() {
    const Decays<N> decays = {decay(0), N == 2 ? decay(1) : 0.0f};
    map_ = Scan::map(decays);
    whole_chunk_ = power(map_, kChunkSteps);
    for (int n = 0; n < N; ++n) {
      const spikescan_state& from = chain_.start[n];
      carry_[n] = from.data && inside_ ? from.data[batch_ * from.stride_batch + channel_] : 0.0f;
    }
  }

  // A chunk that is not full, or whose carry is rounded.
  __device__ __forceinline__ bool is_special(int link) const {
    const int64_t chunk = chunk_of_link(chain_.plan, link, Scan::kReverse);
    return chunk_steps(chain_.description.time, chunk) != kChunkSteps || Scan::leaves_split(chunk);
  }

  __device__ __forceinline__ void chain_window(int window) {
    const int first = window * kWindowLinks, count = count_of(window);
    double* columns[N];
    for (int n = 0; n < N; ++n) columns[n] = column(window, n);
    for (int group = 0; group < count; group += 32) {
      const unsigned special = __ballot_sync(0xffffffffu, is_special(first + group + lane()));
      for (int i = 0; i < 32 && group + i < count; i += kTogether) {
        const int left = count - group - i;
        if (left >= kTogether && (special >> i & ((1u << kTogether) - 1)) == 0) {
          chain_plain(columns);
        } else {
          chain_any(columns, first + group + i, left < kTogether ? left : kTogether, special >> i);
        }
        for (int n = 0; n < N; ++n) columns[n] += kTogether * kChainChannels;
      }
    }
  }

  __device__ __forceinline__ void chain_plain(double* const (&columns)[N]) {
    double added[kTogether][N];
#pragma unroll
    for (int i = 0; i < kTogether; ++i) {
      for (int n = 0; n < N; ++n) added[i][n] = columns[n][i * kChainChannels];
    }
#pragma unroll
    for (int i = 0; i < kTogether; ++i) {
      advance(whole_chunk_, carry_, added[i], carry_);
      for (int n = 0; n < N; ++n) columns[n][i * kChainChannels] = carry_[n];
    }
  }

  __device__ __forceinline__ void chain_any(double* const (&columns)[N], int link, int count, unsigned special) {
#pragma unroll 1
    for (int i = 0; i < count; ++i) {
      double added[N];
      for (int n = 0; n < N; ++n) added[n] = columns[n][i * kChainChannels];
      if ((special >> i & 1u) == 0) {
        advance(whole_chunk_, carry_, added, carry_);
      } else {
        chain_special(link + i, added);
      }
      for (int n = 0; n < N; ++n) columns[n][i * kChainChannels] = carry_[n];
    }
  }

  __device__ __forceinline__ void chain_special(int link, const double (&added)[N]) {
    const int64_t chunk = chunk_of_link(chain_.plan, link, Scan::kReverse);
    const int length = chunk_steps(chain_.description.time, chunk);
    float aggregate[N];
    for (int n = 0; n < N; ++n) aggregate[n] = static_cast<float>(added[n]);
    advance_chunk(length == kChunkSteps ? whole_chunk_ : power(map_, length), carry_, aggregate,
                  Scan::leaves_split(chunk));
  }

  const ChunkChainCall& chain_;
  const int64_t batch_, channel_;
  const int links_;
  const bool inside_;
  double *fetched_[N], *stored_[N];  // the helper's first link of the window that comes next
  Map<N> map_, whole_chunk_;
  double carry_[N];
};

template <class Scan>
__global__ void __launch_bounds__(kChainThreads, 1) chain_chunks_kernel(const __grid_constant__ ChunkChainCall chain) {
  const int64_t groups = (chain.description.channels + kChainChannels - 1) / kChainChannels;
  const int64_t batch = blockIdx.x / groups;
  ChainedRow<Scan>(chain, batch, (blockIdx.x - batch * groups) * kChainChannels + threadIdx.x % kChainChannels).run();
}

}  // namespace spikescan
