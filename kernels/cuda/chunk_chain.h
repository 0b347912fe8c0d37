// The chain over the chunks of every row, between a pass's aggregates and its last kernel: c' = M^1024 c + aggregate,
// each carry in its aggregate's place.
//
// It is as long as there are chunks, but a carry soon counts for nothing: after 8 links M^8192 of it is left. So a
// row's links are cut into runs, a thread each, and all runs start at once, as if the carry before them were 0. In each
// turn a run starts again from what the one before it left in the turn before, until nothing changes: a fixed point.
// Then every carry follows from the one before it by the contract's own operations, and the first one from the initial
// state: they are the carries that one thread would have found link by link, to the bit. The n-th run is right after n
// turns at the latest; most often all are after one, and a second sees that nothing changes.
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

// A block's rows: `plan.chain_columns` neighbouring channels of one batch. Neighbouring threads have neighbouring
// channels, of each run in turn.
template <class Scan>
class ChainedRuns {
 public:
  static constexpr int N = Scan::kOrder;

  __device__ __forceinline__ ChainedRuns(const ChunkChainCall& chain, int64_t batch, int64_t first_channel)
      : chain_(chain),
        batch_(batch),
        columns_(chain.plan.chain_columns),
        run_(static_cast<int>(threadIdx.x) / columns_),
        channel_(first_channel + static_cast<int>(threadIdx.x) % columns_),
        links_(link_slots(chain.plan.chunks)),
        inside_(channel_ < chain.description.channels) {
    const ChunkLinks links = {chain.description, chain.plan, chain.workspace};
    for (int n = 0; n < N; ++n) memory_[n] = &links.at(chain.first_state + n, batch, 0, channel_);
  }

  // All threads of a block together.
  __device__ __forceinline__ void run() {
    const int threads = static_cast<int>(blockDim.x);
    const int64_t window = static_cast<int64_t>(threads / columns_) * kRunLinks;
    fetch(run_ * kRunLinks);  // on its way while powers are made
    start();
    for (int64_t first = window;; first += window) {
      find_carry();
      store();
      if (first >= links_) return;
      if (run_ == 0) take(threads - columns_);  // of the last run
      fetch(first + run_ * kRunLinks);
      first_map_ = whole_chunk_;
    }
  }

 private:
  __device__ __forceinline__ float decay(int n) const {
    const float* raw = chain_.decays[n];
    return raw && inside_ ? clip_decay(raw[chain_.description.shared_decay ? 0 : channel_]) : 0.0f;
  }

  __device__ __forceinline__ void start() {
    for (int n = 0; n < N; ++n) {
      const spikescan_state& from = chain_.start[n];
      const bool given = run_ == 0 && from.data && inside_;
      before_[n] = given ? from.data[batch_ * from.stride_batch + channel_] : 0.0f;
    }
    const Decays<N> decays = {decay(0), N == 2 ? decay(1) : 0.0f};
    const Map<N> map = Scan::map(decays);
    whole_chunk_ = power(map, kChunkSteps);
    // Backward in time the first chunk may be a short one.
    const int length = chunk_steps(chain_.description.time, chunk_of(0));
    first_map_ = run_ == 0 && length != kChunkSteps ? power(map, length) : whole_chunk_;
  }

  __device__ __forceinline__ double& memory(int n, int i) const {
    return memory_[n][(first_ + i) * chain_.description.channels];
  }

  __device__ __forceinline__ void fetch(int64_t first) {
    first_ = first;
    const int64_t left = inside_ && first < links_ ? links_ - first : 0;
    count_ = static_cast<int>(left < kRunLinks ? left : kRunLinks);
    rounds_ = 0;
#pragma unroll
    for (int i = 0; i < kRunLinks; ++i) {
      for (int n = 0; n < N; ++n) added_[i][n] = i < count_ ? memory(n, i) : 0.0;
      rounds_ |= static_cast<unsigned>(Scan::leaves_split(chunk_of(first + i))) << i;
    }
  }
  __device__ __forceinline__ int64_t chunk_of(int64_t link) const {
    return chunk_of_link(chain_.plan, link, Scan::kReverse);
  }

  // [turn % 2][N][threads]: what the threads' runs leave.
  __device__ __forceinline__ double& left_by(int thread, int n) const {
    return reinterpret_cast<double*>(dynamic_shared())[(turn_ % 2 * N + n) * static_cast<int>(blockDim.x) + thread];
  }
  // The carry before the run, from the thread so much further; whether it is another one than it was.
  __device__ __forceinline__ bool take(int offset) {
    double taken[N];
    for (int n = 0; n < N; ++n) taken[n] = left_by(static_cast<int>(threadIdx.x) + offset, n);
    const bool moved = !same(taken, before_);
    for (int n = 0; n < N; ++n) before_[n] = taken[n];
    return moved;
  }

  // Finds the carry before the run. A run whose carry is the same as before has nothing to do.
  __device__ __forceinline__ void find_carry() {
    double left[N] = {};
    bool first = true, moved = true;
    for (;;) {
      bool changed = false;
      if (moved) {
        double carry[N];
        walk(carry, [](int, const double(&)[N]) {});
        changed = count_ > 0 && (first || !same(carry, left));
        for (int n = 0; n < N; ++n) left[n] = carry[n];
      }
      ++turn_;
      for (int n = 0; n < N; ++n) left_by(static_cast<int>(threadIdx.x), n) = left[n];
      if (__syncthreads_or(changed) == 0) return;
      moved = run_ > 0 && take(-columns_);
      first = false;
    }
  }
  // Bit for bit, but that NaNs are alike.
  __device__ __forceinline__ static bool same(const double (&a)[N], const double (&b)[N]) {
    bool all = true;
    for (int n = 0; n < N; ++n) {
      all &= __double_as_longlong(a[n]) == __double_as_longlong(b[n]) || (a[n] != a[n] && b[n] != b[n]);
    }
    return all;
  }

  __device__ __forceinline__ void store() const {
    double carry[N];
    walk(carry, [&](int i, const double(&after)[N]) {
      for (int n = 0; n < N; ++n) memory(n, i) = after[n];
    });
  }

  // From the carry before the run over its links; body(i, carry) after each.
  template <class Body>
  __device__ __forceinline__ void walk(double (&carry)[N], Body body) const {
    for (int n = 0; n < N; ++n) carry[n] = before_[n];
#pragma unroll
    for (int i = 0; i < kRunLinks; ++i) {
      if (i >= count_) break;
      advance_chunk(i == 0 ? first_map_ : whole_chunk_, carry, added_[i], !usually((rounds_ >> i & 1) == 0));
      body(i, carry);
    }
  }

  const ChunkChainCall& chain_;
  const int64_t batch_;
  const int columns_, run_;
  const int64_t channel_, links_;
  const bool inside_;
  double* memory_[N];  // of link 0
  Map<N> whole_chunk_;
  double before_[N];  // the carry before the run
  int turn_ = 0;
  // Of the run in this window.
  int64_t first_;
  int count_;
  unsigned rounds_;   // a bit for each link whose carry is rounded
  Map<N> first_map_;  // over its first link
  double added_[kRunLinks][N];
};

template <class Scan>
__global__ void __launch_bounds__(kMostChainThreads, 1)
    chain_chunks_kernel(const __grid_constant__ ChunkChainCall chain) {
  const int columns = chain.plan.chain_columns;
  const int64_t groups = divide_up(chain.description.channels, columns);
  const int64_t batch = blockIdx.x / groups;
  ChainedRuns<Scan>(chain, batch, (blockIdx.x - batch * groups) * columns).run();
}

}  // namespace spikescan
