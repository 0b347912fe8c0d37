// The backward pass of one tile (docs/model.md, section 2): the states rebuilt from x and the saved carry, the
// gradients scanned back over the segments, the decays' sums. Nothing of size B T C is kept. What is looked at again
// waits in columns of shared memory; 16 values of a thread are in registers at a time.
#pragma once

#include "kernels/cuda/decay_sums.h"
#include "kernels/cuda/neuron_tile.h"
#include "kernels/cuda/segment_io.h"
#include "kernels/cuda/step_columns.h"
#include "kernels/cuda/tile_join.h"
#include "kernels/cuda/tile_prefetch.h"
#include "kernels/saved_slots.h"

namespace spikescan {

// Finds the states of every step, as a pass (NeuronTile, TileScan): they start from what forward saved, and no tile
// waits for another.
template <spikescan_recurrence R>
struct RebuiltStates {
  using Neuron = NeuronTile<R>;
  const BackwardCall& call;
  const TileShared& shared;
  const Place& place;
  const Tile& tile;
  int64_t batch;
  ColumnCursor<false> membranes, others;  // V; I or R

  __device__ __forceinline__ static bool ends_with(int) { return false; }
  template <class Scan>
  __device__ __forceinline__ void keep(int, const float (&)[Scan::kOrder]) {}

  template <class Scan>
  __device__ __forceinline__ void carry_in(int first_state, const Map<Scan::kOrder>&, const float (&)[Scan::kOrder],
                                           double (&carry)[Scan::kOrder]) {
    const spikescan_description& d = call.description;
    const auto* saved = static_cast<const double*>(call.args.saved);
    for (int n = 0; n < Scan::kOrder; ++n) {
      const int state = Neuron::api_state(first_state, n);
      if (tile.chunk() == 0) {
        carry[n] = load_state(call.args.initial_state[state], place, tile, batch);
      } else {
        carry[n] =
            place.in_tensor ? saved[saved_index(d, state, batch, saved_slot(tile.chunk(), 0), tile.channel())] : 0.0;
      }
      if (place.leads) shared.common.before[state][place.channel] = static_cast<float>(carry[n]);
    }
  }
  template <class Scan>
  __device__ __forceinline__ void carry_out(int, const double (&)[Scan::kOrder]) {}
  template <class Scan>
  __device__ __forceinline__ void enter(int, const double (&)[Scan::kOrder]) {}

  __device__ __forceinline__ void put(int state, int j, bool full, float value) {
    if (state == 0) {
      membranes.put(j, full, value);
    } else {
      others.put(j, full, value);
    }
  }
  __device__ __forceinline__ float membrane(int j, bool full) { return membranes.get(j, full, 0); }
};

template <spikescan_recurrence R, bool kPhases>
class BackwardTile {
 public:
  using Neuron = NeuronTile<R>;
  using Steps = float[kSegmentSteps];
  static constexpr int kParameters = parameter_count(R);
  static constexpr int kSumsAhead = 8 / kParameters;
  // On V and then I; or, for psu_lif, one scan on R and one on V.
  using Scan = GradientScan<Neuron::kOrder>;

  __device__ __forceinline__ BackwardTile(const BackwardCall& call, Phase phase, const TileShared& shared, Place& place,
                                          const Tile& tile)
      : call_(call), d_(call.description), phase_(phase), shared_(shared), place_(place), tile_(tile) {}

  // The batches of a row of partial sums: several only where there is one chunk.
  __device__ __forceinline__ void run() {
    if (place_.leads) {
      for (int p = 0; p < kParameters; ++p) total(p) = 0.0;
    }
    for (in_group_ = 0; in_group_ < call_.plan.row_batches && batch() < d_.batch; ++in_group_) {
      if (in_group_ > 0) __syncthreads();  // the batch before is done with the shared memory
      run_batch();
    }
    if (d_.time > 0 && join().finishes()) store_partials();
  }

  // ---- What TileScan asks of a pass ----
  // psu_lif's first scan is the one on R.
  __device__ __forceinline__ bool ends_with(int first_state) const {
    return join().ends_with(Neuron::kPsu ? 1 - first_state : 0);
  }
  template <class S>
  __device__ __forceinline__ void keep(int first_state, const float (&aggregate)[S::kOrder]) const {
    join().template keep<S>(first_state, aggregate);
  }

  template <class S>
  __device__ __forceinline__ void carry_in(int first_state, const Map<S::kOrder>& map,
                                           const float (&aggregate)[S::kOrder], double (&carry)[S::kOrder]) const {
    for (int n = 0; n < S::kOrder; ++n) {
      carry[n] = load_state(call_.args.grad_final_state[first_state + n], place_, tile_, batch());
    }
    join().template carry_in<S>(first_state, map, aggregate, carry);
  }

  template <class S>
  __device__ __forceinline__ void carry_out(int first_state, const double (&carry)[S::kOrder]) const {
    if (tile_.chunk() == 0 && place_.leads) {
      for (int n = 0; n < S::kOrder; ++n) {
        store_state(call_.args.grad_initial_state[first_state + n], place_, tile_, batch(),
                    static_cast<float>(carry[n]));
      }
    }
    join().template carry_out<S>(first_state, carry);
  }

  template <class S>
  __device__ __forceinline__ void enter(int, const double (&)[S::kOrder]) const {}

 private:
  __device__ __forceinline__ int64_t batch() const { return tile_.batch_row() * call_.plan.row_batches + in_group_; }

  // Loaded where they are needed, and not kept.
  __device__ __forceinline__ ChannelDecays decays() const { return load_decays(d_, call_.args, place_, tile_); }

  // Columns after the states'.
  static constexpr int kInput = 1;       // spsn: x
  static constexpr int kRefractory = 2;  // psu_lif: A

  __device__ __forceinline__ TileJoin<kPhases> join() const {
    return {d_, call_.plan, call_.args.workspace, phase_, shared_, place_, tile_, batch()};
  }

  __device__ __forceinline__ void run_batch() {
    place_.look_again();
    fetch_gradients();
    Steps values;
    rebuild_states(values);
    load_direct(values);
    float sums[kParameters] = {};
    if (!scan_gradients(values, sums)) return;
    if (call_.args.grad_beta || call_.args.grad_alpha) add_decay_gradients(sums);
    if constexpr (R == SPIKESCAN_SPSN) {
      const float gain = decays().gain;
#pragma unroll
      for (int j = 0; j < kSegmentSteps; ++j) values[j] *= gain;
    }
    if (call_.args.grad_x.data) {
      store_segment(call_.args.grad_x, batch(), tile_.first_step(), tile_.channel(), tile_.steps(), values);
    }
  }

  __device__ __forceinline__ void load(const spikescan_tensor& tensor, Steps& values) const {
    load_segment(tensor, batch(), tile_.first_step(), tile_.channel(), tile_.steps(), values);
  }

  // They are needed only when the states are there.
  __device__ __forceinline__ void fetch_gradients() const {
    const int64_t t = tile_.chunk() * kChunkSteps;
    if (call_.args.grad_spikes.data) prefetch_tile(call_.args.grad_spikes, batch(), t, place_, tile_);
    if (call_.args.grad_membrane.data) prefetch_tile(call_.args.grad_membrane, batch(), t, place_, tile_);
  }

  __device__ __forceinline__ float* columns() const {
    return shared_.columns(place_.lane());
  }

  // ---- The states ----
  __device__ __forceinline__ void rebuild_states(Steps& values) {
    load(call_.args.x, values);
    if constexpr (R == SPIKESCAN_SPSN) {
      ColumnCursor<false> input(columns(), kInput);
#pragma unroll
      for (int j = 0; j < kSegmentSteps; ++j) input.put(j, true, values[j]);
    }
    RebuiltStates<R> states = {call_,
                               shared_,
                               place_,
                               tile_,
                               batch(),
                               ColumnCursor<false>(columns(), 0),
                               ColumnCursor<false>(columns(), Neuron::kStates - 1)};
    Neuron::run(shared_, place_, tile_, decays(), values, states);
    __syncthreads();  // a segment's first step looks at its neighbour's last; and the scans' memory is taken over
  }

  // A state before the steps of a segment, last step first.
  class Previous {
   public:
    __device__ __forceinline__ Previous(const BackwardTile& tile, int state)
        : states_(tile.columns(), state), tile_(tile), state_(state) {}
    __device__ __forceinline__ float get(int j, bool full) {
      return j > 0 ? states_.get(j - 1, full, kSegmentSteps - 2) : tile_.before_segment(state_);
    }

   private:
    ColumnCursor<true> states_;
    const BackwardTile& tile_;
    int state_;
  };

  __device__ __forceinline__ float before_segment(int state) const {
    if (!usually(place_.segment > 0)) return shared_.common.before[state][place_.channel];
    return shared_.columns(place_.lane() - place_.channels)[state * kSegmentSteps + kSegmentSteps - 1];
  }

  // ---- The direct gradient on M, h, and the one on V ----
  __device__ __forceinline__ void load_direct(Steps& h) const {
    if (!call_.args.grad_spikes.data) {
#pragma unroll
      for (int j = 0; j < kSegmentSteps; ++j) h[j] = 0.0f;
      return;
    }
    load(call_.args.grad_spikes, h);
    ColumnCursor<false> v(columns(), 0), r(columns(), Neuron::kStates - 1);
    for_steps<false>(tile_.steps(), [&](int j, bool full) {
      const float m = Neuron::kPsu ? v.get(j, full, 0) - r.get(j, full, 0) : v.get(j, full, 0);
      h[j] *= rule_gradient(call_.firing, m);
    });
  }

  __device__ __forceinline__ void add_grad_membrane(Steps& h) const {
    if (!call_.args.grad_membrane.data) return;
    Steps grad_membrane;
    load(call_.args.grad_membrane, grad_membrane);
#pragma unroll
    for (int j = 0; j < kSegmentSteps; ++j) h[j] += grad_membrane[j];
  }

  // `values` comes as h and becomes dx. `sums`: the decays' gradients over the segment in float32, last step first.
  // False where a scan ended with its aggregate.
  __device__ __forceinline__ bool scan_gradients(Steps& values, float (&sums)[kParameters]) {
    if constexpr (Neuron::kPsu) {
      if (!scan_refractory_gradient(values)) return false;
      add_grad_membrane(values);
      add_drive_gradient(values);
      __syncthreads();  // the first scan's shared memory is still being read
      Previous v(*this, 0), r(*this, 1);
      ColumnCursor<true> a(columns(), kRefractory);
      return run_scan<GradientScan<1>>(0, values, [&](int j, bool full, const float(&out)[1]) {
        sums[0] = fused(out[0], v.get(j, full), sums[0]);
        sums[0] = fused(a.get(j, full, kSegmentSteps - 1), r.get(j, full), sums[0]);
        return out[0];
      });
    } else {
      add_grad_membrane(values);
      Previous v(*this, 0), i(*this, Neuron::kStates - 1);
      ColumnCursor<true> x(columns(), kInput);
      return run_scan<Scan>(0, values, [&](int j, bool full, const float(&out)[Neuron::kOrder]) {
        const float before = v.get(j, full);
        const float by_decay = R == SPIKESCAN_SPSN ? before - x.get(j, full, kSegmentSteps - 1) : before;
        sums[0] = fused(out[0], by_decay, sums[0]);
        if constexpr (Neuron::kCuba) sums[1] = fused(out[1], i.get(j, full), sums[1]);
        return out[Neuron::kOrder - 1];
      });
    }
  }

  // psu_lif: A, from h; `values` stays h.
  __device__ __forceinline__ bool scan_refractory_gradient(Steps& values) {
#pragma unroll
    for (int j = 0; j < kSegmentSteps; ++j) values[j] = -values[j];
    ColumnCursor<true> a(columns(), kRefractory);
    return run_scan<GradientScan<1>>(1, values, [&](int j, bool full, const float(&out)[1]) {
      a.put(j, full, out[0]);
      return -values[j];
    });
  }

  // psu_lif: V's part in R.
  __device__ __forceinline__ void add_drive_gradient(Steps& values) const {
    ColumnCursor<false> v(columns(), 0), a(columns(), kRefractory);
    for_steps<false>(tile_.steps(), [&](int j, bool full) {
      values[j] = fused(sigmoid_with_slope(v.get(j, full, 0)).slope, a.get(j, full, 0), values[j]);
    });
  }

  template <class S, class Emit>
  __device__ __forceinline__ bool run_scan(int first_state, Steps& values, Emit emit) {
    const ChannelDecays loaded = decays();
    return TileScan<S>(shared_, place_, tile_, {loaded.beta, Neuron::kCuba ? loaded.alpha : loaded.beta})
        .run(first_state, values, *this, emit);
  }

  __device__ __forceinline__ double& total(int p) const {
    return shared_.common.totals[p][place_.channel];
  }

  // ---- The decays: over segments and batches in double ----
  __device__ __forceinline__ void add_decay_gradients(const float (&sums)[kParameters]) {
    for (int p = 0; p < kParameters; ++p) {
      shared_.handover(place_, place_.segment * 2 + p) = sums[p];
    }
    __syncthreads();
    if (usually(!place_.leads)) return;
    for (int p = 0; p < kParameters; ++p) {
      double sum = total(p);
#pragma unroll kSumsAhead
      for (int s = segment_count(tile_.length()) - 1; s >= 0; --s) {
        sum += shared_.handover(place_, s * 2 + p);
      }
      total(p) = sum;
    }
  }

  __device__ __forceinline__ void store_partials() const {
    if (!place_.leads || !place_.in_tensor) return;
    for (int p = 0; p < kParameters; ++p) {
      store_decay_sum(call_, p, tile_.batch_row(), tile_.chunk(), tile_.channel(),
                      decay_sum_counts(call_, p, tile_.channel()), total(p));
    }
  }

  const BackwardCall& call_;
  const spikescan_description& d_;
  const Phase phase_;
  const TileShared& shared_;
  Place& place_;
  const Tile& tile_;
  int in_group_ = 0;
};

}  // namespace spikescan
