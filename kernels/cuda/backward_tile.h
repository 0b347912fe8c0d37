// The backward pass of one tile (SPEC section 2): the states rebuilt from x and the saved carry, the gradients scanned
// back over the segments, the decays' sums. Nothing of size B T C is kept.
#pragma once

#include "kernels/cuda/look_back.h"
#include "kernels/cuda/neuron_tile.h"
#include "kernels/element/firing.h"

namespace spikescan {

// Rebuilding takes the carry into the chunk from what forward saved: no tile waits for another.
template <spikescan_recurrence R>
struct SavedCarries {
  using Neuron = NeuronTile<R>;
  const BackwardCall& call;
  const Place& place;
  const Tile& tile;
  int64_t batch;
  float before[Neuron::kStates];  // leaders: the states before the chunk's first step

  template <class Scan>
  __device__ __forceinline__ void carry_in(int scan, const Map<Scan::kOrder>&, const float (&)[Scan::kOrder],
                                           double (&carry)[Scan::kOrder]) {
    const spikescan_description& d = call.description;
    const auto* saved = static_cast<const double*>(call.args.saved);
    for (int n = 0; n < Scan::kOrder; ++n) {
      const int state = Neuron::api_state(scan, n);
      if (tile.chunk == 0) {
        carry[n] = load_state(call.args.initial_state[state], place, tile, batch);
      } else {
        carry[n] = place.in_tensor ? saved[slot_index(state, batch, tile.chunk - 1, tile.channel, d.batch,
                                                      saved_slots(call.plan.chunks), d.channels)]
                                   : 0.0;
      }
      before[state] = static_cast<float>(carry[n]);
    }
  }
  template <class Scan>
  __device__ __forceinline__ void carry_out(int, const double (&)[Scan::kOrder]) {}
};

// With one row of partial sums and a decay a channel there is nothing left to add up, and no second kernel.
__host__ __device__ inline bool sums_finish_here(const BackwardCall& call) {
  return call.plan.partial_rows == 1 && !call.description.shared_decay;
}

template <spikescan_recurrence R>
class BackwardTile {
 public:
  using Neuron = NeuronTile<R>;
  using States = typename Neuron::States;
  using Steps = float[kSegmentSteps];
  static constexpr int kParameters = Neuron::kCuba ? 2 : 1;  // beta, alpha
  // On V and then I; or, for psu_lif, one scan on R and one on V.
  using Scan = GradientScan<Neuron::kOrder>;

  __device__ __forceinline__ BackwardTile(const BackwardCall& call, const TileShared& shared, const Place& place,
                                          const Tile& tile)
      : call_(call),
        d_(call.description),
        shared_(shared),
        place_(place),
        tile_(tile),
        decays_(load_decays(d_, call.args, place, tile)) {}

  // The batches of a row of partial sums: several only where there is one chunk.
  __device__ __forceinline__ void run() {
    const int64_t group = batches_per_row(d_.time);
    const int64_t first = tile_.batch_row * group;
    const int64_t end = first + group < d_.batch ? first + group : d_.batch;
    for (batch_ = first; batch_ < end; ++batch_) {
      run_batch();
      __syncthreads();  // the next batch takes the shared memory over
    }
    if (d_.time > 0) store_partials();
  }

  // ---- What a gradient scan asks of its surroundings ----
  template <class S>
  __device__ __forceinline__ void carry_in(int first_state, const Map<S::kOrder>& map,
                                           const float (&aggregate)[S::kOrder], double (&carry)[S::kOrder]) {
    for (int n = 0; n < S::kOrder; ++n) {
      carry[n] = load_state(call_.args.grad_final_state[first_state + n], place_, tile_, batch_);
    }
    if (call_.plan.chunks == 1) return;
    ChunkChain<S> chain(d_, call_.plan, call_.args.workspace, first_state, tile_, batch_);
    chain.publish_aggregate(place_, aggregate);
    chain.look_back(map, place_, carry);
  }

  template <class S>
  __device__ __forceinline__ void carry_out(int first_state, const double (&carry)[S::kOrder]) {
    if (tile_.chunk == 0 && place_.leads) {
      for (int n = 0; n < S::kOrder; ++n) {
        store_state(call_.args.grad_initial_state[first_state + n], place_, tile_, batch_,
                    static_cast<float>(carry[n]));
      }
    }
    if (call_.plan.chunks == 1) return;
    ChunkChain<S>(d_, call_.plan, call_.args.workspace, first_state, tile_, batch_).publish_carry(place_, carry);
  }

 private:
  __device__ __forceinline__ void run_batch() {
    const int steps = place_.in_tensor ? place_.steps(tile_.length) : 0;
    const int64_t t = tile_.chunk * kChunkSteps + place_.segment * kSegmentSteps;
    rebuild_states(steps, t);
    States gradients = {};
    scan_gradients(steps, t, gradients);
    if (call_.args.grad_beta || call_.args.grad_alpha) add_decay_gradients(steps, t, gradients);
    if (call_.args.grad_x.data) store_grad_x(steps, t, gradients);
  }

  // ---- The states of every step, kept in shared memory: registers are dearer ----
  __device__ __forceinline__ void rebuild_states(int steps, int64_t t) {
    Steps x;
    States states = {};
    load_segment(call_.args.x, batch_, t, tile_.channel, steps, x);
    SavedCarries<R> carries = {call_, place_, tile_, batch_, {}};
    Neuron::run(shared_, place_, tile_, decays_, x, states, carries);
    for (int n = 0; n < Neuron::kStates; ++n) {
#pragma unroll
      for (int j = 0; j < kSegmentSteps; ++j) state(n, j, thread()) = states[n][j];
      before_[n] = carries.before[n];
    }
    __syncthreads();  // a segment's first step looks at its neighbour's last; and the scans' shared memory is taken
                      // over
  }

  __device__ __forceinline__ int thread() const {
    return place_.segment * place_.channels + place_.channel;
  }
  __device__ __forceinline__ float& state(int n, int j, int thread) const {
    return shared_.states[(n * kSegmentSteps + j) * place_.segments * place_.channels + thread];
  }
  __device__ __forceinline__ float previous(int n, int j) const {
    if (j > 0) return state(n, j - 1, thread());
    return place_.segment > 0 ? state(n, kSegmentSteps - 1, thread() - place_.channels) : before_[n];
  }
  __device__ __forceinline__ float rule_input(int j) const {
    const float v = state(0, j, thread());
    return Neuron::kPsu ? v - state(Neuron::kStates - 1, j, thread()) : v;
  }

  // ---- The direct gradient on M, h, and the one on V ----
  __device__ __forceinline__ void load_direct(int steps, int64_t t, Steps& h) const {
    if (!call_.args.grad_spikes.data) {
#pragma unroll
      for (int j = 0; j < kSegmentSteps; ++j) h[j] = 0.0f;
      return;
    }
    load_segment(call_.args.grad_spikes, batch_, t, tile_.channel, steps, h);
#pragma unroll
    for (int j = 0; j < kSegmentSteps; ++j) h[j] *= rule_gradient(call_.firing, rule_input(j));
  }

  __device__ __forceinline__ void add_grad_membrane(int steps, int64_t t, Steps& h) const {
    Steps grad_membrane = {};
    if (call_.args.grad_membrane.data) {
      load_segment(call_.args.grad_membrane, batch_, t, tile_.channel, steps, grad_membrane);
    }
#pragma unroll
    for (int j = 0; j < kSegmentSteps; ++j) h[j] += grad_membrane[j];
  }

  // gradients: [0] G on V, [1] Q on I or A on R.
  __device__ __forceinline__ void scan_gradients(int steps, int64_t t, States& gradients) {
    Steps h;
    load_direct(steps, t, h);
    if constexpr (Neuron::kPsu) {
      Steps negative, output[1];
#pragma unroll
      for (int j = 0; j < kSegmentSteps; ++j) negative[j] = -h[j];
      run_scan<GradientScan<1>>({decays_.beta, decays_.beta}, 1, negative, output);
      add_grad_membrane(steps, t, h);
#pragma unroll
      for (int j = 0; j < kSegmentSteps; ++j) {
        gradients[1][j] = output[0][j];
        h[j] = fused(sigmoid_slope(state(0, j, thread())), output[0][j], h[j]);
      }
      __syncthreads();  // the first scan's shared memory is still being read
      run_scan<GradientScan<1>>({decays_.beta, decays_.beta}, 0, h, output);
#pragma unroll
      for (int j = 0; j < kSegmentSteps; ++j) gradients[0][j] = output[0][j];
    } else {
      add_grad_membrane(steps, t, h);
      run_scan<Scan>({decays_.beta, Neuron::kCuba ? decays_.alpha : decays_.beta}, 0, h, gradients);
    }
  }

  template <class S>
  __device__ __forceinline__ void run_scan(const Decays<S::kOrder>& decays, int first_state, const Steps& input,
                                           float (&output)[S::kOrder][kSegmentSteps]) {
    TileScan<S>(shared_, place_, tile_, decays)
        .run(
            input, output,
            [&](const Map<S::kOrder>& map, const float(&aggregate)[S::kOrder], double(&carry)[S::kOrder]) {
              carry_in<S>(first_state, map, aggregate, carry);
            },
            [&](const double(&carry)[S::kOrder]) { carry_out<S>(first_state, carry); });
  }

  // ---- The decays: float32 sums over a segment, last step first; then over segments and batches in double
  // -------------
  __device__ __forceinline__ void add_decay_gradients(int steps, int64_t t, const States& gradients) {
    Steps x;  // again, from the cache: registers are dearer
    if constexpr (R == SPIKESCAN_SPSN) load_segment(call_.args.x, batch_, t, tile_.channel, steps, x);
    float sums[kParameters] = {};
#pragma unroll
    for (int j = kSegmentSteps - 1; j >= 0; --j) {
      if (j >= steps) continue;
      const float v = previous(0, j);
      sums[0] = fused(gradients[0][j], R == SPIKESCAN_SPSN ? v - x[j] : v, sums[0]);
      if constexpr (Neuron::kPsu) sums[0] = fused(gradients[1][j], previous(1, j), sums[0]);
      if constexpr (Neuron::kCuba) sums[1] = fused(gradients[1][j], previous(1, j), sums[1]);
    }
    __syncthreads();
    for (int p = 0; p < kParameters; ++p) {
      shared_.handover[(place_.segment * 2 + p) * place_.channels + place_.channel] = sums[p];
    }
    __syncthreads();
    if (!place_.leads) return;
    for (int s = segment_count(tile_.length) - 1; s >= 0; --s) {
      for (int p = 0; p < kParameters; ++p) {
        total_[p] += shared_.handover[(s * 2 + p) * place_.channels + place_.channel];
      }
    }
  }

  __device__ __forceinline__ void store_partials() const {
    if (!place_.leads || !place_.in_tensor) return;
    auto* partials = reinterpret_cast<float*>(static_cast<char*>(call_.args.workspace) + call_.plan.partials);
    const int64_t row = tile_.batch_row * call_.plan.chunks + tile_.chunk;
    for (int p = 0; p < kParameters; ++p) {
      float* gradient = p == 0 ? call_.args.grad_beta : call_.args.grad_alpha;
      if (!gradient) continue;
      const auto partial = static_cast<float>(total_[p]);
      if (sums_finish_here(call_)) {
        const float* decay = p == 0 ? call_.args.beta : call_.args.alpha;
        gradient[tile_.channel] = decay_has_gradient(decay[tile_.channel]) ? partial : 0.0f;
      } else {
        partials[(p * call_.plan.partial_rows + row) * d_.channels + tile_.channel] = partial;
      }
    }
  }

  __device__ __forceinline__ void store_grad_x(int steps, int64_t t, States& gradients) const {
    Steps& dx = gradients[Neuron::kCuba ? 1 : 0];
    if constexpr (R == SPIKESCAN_SPSN) {
#pragma unroll
      for (int j = 0; j < kSegmentSteps; ++j) dx[j] *= decays_.gain;
    }
    store_segment(call_.args.grad_x, batch_, t, tile_.channel, steps, dx);
  }

  const BackwardCall& call_;
  const spikescan_description& d_;
  const TileShared& shared_;
  const Place& place_;
  const Tile& tile_;
  const ChannelDecays decays_;
  int64_t batch_ = 0;
  float before_[Neuron::kStates] = {};  // leaders: the states before the chunk
  double total_[kParameters] = {};
};

}  // namespace spikescan
