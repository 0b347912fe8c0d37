// The backward pass of one tile (docs/model.md, section 2): the states rebuilt from x and the saved carry, the
// gradients scanned back over the segments, the decays' sums. Nothing of size B T C is kept. What is looked at again
// waits in columns of shared memory; one value of each of a thread's steps is in registers at a time.
#pragma once

#include "kernels/cuda/decay_sums.h"
#include "kernels/cuda/neuron_tile.h"
#include "kernels/cuda/read_ahead.h"
#include "kernels/cuda/segment_io.h"
#include "kernels/cuda/segment_sums.h"
#include "kernels/cuda/step_columns.h"
#include "kernels/cuda/tile_join.h"
#include "kernels/cuda/tile_prefetch.h"
#include "kernels/saved_slots.h"

namespace spikescan {

// Finds the states of every step, as a pass (NeuronTile, TileScan): they start from what forward saved, and no tile
// waits for another.
template <spikescan_recurrence R, int kSteps>
struct RebuiltStates {
  using Neuron = NeuronTile<R>;
  static constexpr bool kKnowsChain = true;
  const BackwardCall& call;
  const TileShared& shared;
  const Place& place;
  const Tile& tile;
  int64_t batch;
  ColumnCursor<kSteps, false> membranes, others;  // V; I or R

  double chains[Neuron::kStates] = {};  // before the thread's group of segments
  // Of a state: the chain, and by a row's first thread the carry into the chunk, for all of them.
  __device__ __forceinline__ void load(int state) {
    const spikescan_description& d = call.description;
    const auto* saved = static_cast<const double*>(call.args.saved);
    // Of the chunk's carry; its groups' slots follow.
    const int64_t slot = saved_index(d, state, batch, saved_slot(tile.chunk(), 0), tile.channel());
    const int group = place.part * kSteps / kSavedSteps;
    if (group > 0 && tile.steps<kSteps>() > 0) chains[state] = saved[slot + group * d.channels];
    if (place.part > 0) return;
    const double carry = tile.chunk() == 0 ? load_state(call.args.initial_state[state], place, tile, batch)
                         : place.in_tensor ? saved[slot]
                                           : 0.0;
    shared.common.carry_in[state][place.row] = carry;
    shared.common.before[state][place.row] = static_cast<float>(carry);
  }

  template <class Scan>
  __device__ __forceinline__ void know(int first_state, double (&carry)[Scan::kOrder],
                                       double (&chain)[Scan::kOrder]) const {
    for (int n = 0; n < Scan::kOrder; ++n) {
      const int state = Neuron::api_state(first_state, n);
      carry[n] = shared.common.carry_in[state][place.row];
      chain[n] = chains[state];
    }
  }

  __device__ __forceinline__ void put(int state, int j, bool full, float value) {
    if (state == 0) {
      membranes.put(j, full, value);
    } else {
      others.put(j, full, value);
    }
  }
  __device__ __forceinline__ float membrane(int j, bool full) { return membranes.get(j, full, 0); }
};

// kSteps: a thread's, a segment or a quarter.
template <spikescan_recurrence R, bool kPhases, int kSteps>
class BackwardTile {
 public:
  using Neuron = NeuronTile<R>;
  using Steps = float[kSteps];
  using Sums = SegmentSums<R, kSteps>;
  static constexpr bool kFine = kSteps != kSegmentSteps;
  static constexpr int kParameters = parameter_count(R);
  static constexpr int kSumsAhead = 8 / kParameters;
  // On V and then I; or, for psu_lif, one scan on R and one on V.
  using Scan = GradientScan<Neuron::kOrder>;

  __device__ __forceinline__ BackwardTile(const BackwardCall& call, Phase phase, const TileShared& shared, Place& place,
                                          const Tile& tile)
      : call_(call), d_(call.description), phase_(phase), shared_(shared), place_(place), tile_(tile) {}

  // The batches of a row of partial sums, as many at a time as the tile has: several only where there is one chunk.
  __device__ __forceinline__ void run() {
    if (place_.leads) {
      for (int p = 0; p < kParameters; ++p) total(p) = 0.0;
    }
    for (done_ = 0; first_batch() + done_ < end_batch(); done_ += place_.batches()) {
      if (done_ > 0) __syncthreads();  // the batches before are done with the shared memory
      place_.in_tensor = tile_.channel() < d_.channels && batch() < end_batch();
      run_batch();
    }
    if (d_.time > 0 && join().finishes()) store_partials();
  }

  // ---- What TileScan asks of a pass ----
  static constexpr bool kKnowsChain = false;
  // psu_lif's first scan is the one on R.
  __device__ __forceinline__ bool ends_with(int first_state) const {
    return join().ends_with(Neuron::kPsu ? 1 - first_state : 0);
  }
  template <class S>
  __device__ __forceinline__ void keep(int first_state, const float (&aggregate)[S::kOrder]) const {
    join().template keep<S>(first_state, aggregate);
  }

  template <class S>
  __device__ __forceinline__ void load_carry(int first_state, double (&carry)[S::kOrder]) const {
    for (int n = 0; n < S::kOrder; ++n) {
      carry[n] = load_state(call_.args.grad_final_state[first_state + n], place_, tile_, batch());
    }
    join().template load_carry<S>(first_state, carry);
  }
  template <class S>
  __device__ __forceinline__ void carry_in(int first_state, const Map<S::kOrder>& map,
                                           const float (&aggregate)[S::kOrder], double (&carry)[S::kOrder]) const {
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
  __device__ __forceinline__ void enter(int, int, const double (&)[S::kOrder]) const {}

 private:
  // The thread's, of those that the row of sums has.
  __device__ __forceinline__ int64_t batch() const { return first_batch() + done_ + place_.batch(); }
  __device__ __forceinline__ int64_t first_batch() const { return tile_.batch_row() * call_.plan.row_batches; }
  __device__ __forceinline__ int64_t end_batch() const {
    const int64_t end = first_batch() + call_.plan.row_batches;
    return end < d_.batch ? end : d_.batch;
  }
  __device__ __forceinline__ int64_t first_step() const { return tile_.first_step<kSteps>(); }
  __device__ __forceinline__ int steps() const { return tile_.steps<kSteps>(); }

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
    RawSteps<kSteps> grad_spikes;
    fetch_gradients(grad_spikes);
    Steps values;
    rebuild_states(values);
    load_direct(grad_spikes, values);
    Sums sums;
    if (!scan_gradients(values, sums)) return;
    if (call_.args.grad_beta || call_.args.grad_alpha) add_decay_gradients(sums);
    if constexpr (R == SPIKESCAN_SPSN) {
      const float gain = decays().gain;
#pragma unroll
      for (int j = 0; j < kSteps; ++j) values[j] *= gain;
    }
    if (call_.args.grad_x.data) {
      store_steps(call_.args.grad_x, batch(), first_step(), tile_.channel(), steps(), values);
    }
  }

  __device__ __forceinline__ void load(const spikescan_tensor& tensor, Steps& values) const {
    load_steps(tensor, batch(), first_step(), tile_.channel(), steps(), values);
  }

  // They are needed only when the states are there; a few have registers to wait in.
  __device__ __forceinline__ void fetch_gradients(RawSteps<kSteps>& grad_spikes) const {
    if constexpr (kFine) {
      if (call_.args.grad_spikes.data) load_grad_spikes(grad_spikes);
    } else {
      if (call_.args.grad_spikes.data) prefetch(call_.args.grad_spikes);
    }
    if (call_.args.grad_membrane.data) prefetch(call_.args.grad_membrane);
  }
  __device__ __forceinline__ void prefetch(const spikescan_tensor& tensor) const {
    const int64_t first = batch() - place_.batch();
    for (int i = 0; i < place_.batches() && first + i < end_batch(); ++i) {
      prefetch_tile(tensor, first + i, tile_.chunk() * kChunkSteps, place_, tile_);
    }
  }

  __device__ __forceinline__ void load_grad_spikes(RawSteps<kSteps>& out) const {
    load_raw(call_.args.grad_spikes, batch(), first_step(), tile_.channel(), steps(), out);
  }

  __device__ __forceinline__ float* columns() const {
    return shared_.columns(place_.lane());
  }

  // ---- The states ----
  __device__ __forceinline__ void rebuild_states(Steps& values) {
    load(call_.args.x, values);
    if constexpr (R == SPIKESCAN_SPSN) {
      ColumnCursor<kSteps, false> input(columns(), kInput);
#pragma unroll
      for (int j = 0; j < kSteps; ++j) input.put(j, true, values[j]);
    }
    RebuiltStates<R, kSteps> states = {call_,
                                       shared_,
                                       place_,
                                       tile_,
                                       batch(),
                                       ColumnCursor<kSteps, false>(columns(), 0),
                                       ColumnCursor<kSteps, false>(columns(), Neuron::kStates - 1)};
    for (int state = 0; state < Neuron::kStates; ++state) states.load(state);
    Neuron::run(shared_, place_, tile_, decays(), values, states);
    __syncthreads();  // a thread's first step looks at its neighbour's last; and the scans' memory is taken over
  }

  // A state before the thread's steps, last step first.
  class Previous {
   public:
    __device__ __forceinline__ Previous(const BackwardTile& tile, int state)
        : states_(tile.columns(), state), tile_(tile), state_(state) {}
    __device__ __forceinline__ float get(int j, bool full) {
      return j > 0 ? states_.get(j - 1, full, kSteps - 2) : tile_.before_part(state_);
    }

   private:
    ColumnCursor<kSteps, true> states_;
    const BackwardTile& tile_;
    int state_;
  };

  __device__ __forceinline__ float before_part(int state) const {
    if (!usually(place_.part > 0)) return shared_.common.before[state][place_.row];
    return shared_.columns(place_.lane() - place_.rows)[state * kSteps + kSteps - 1];
  }

  // ---- The direct gradient on M, h, and the one on V ----
  __device__ __forceinline__ void load_direct(RawSteps<kSteps>& grad_spikes, Steps& h) const {
    if (!call_.args.grad_spikes.data) {
#pragma unroll
      for (int j = 0; j < kSteps; ++j) h[j] = 0.0f;
      return;
    }
    if constexpr (!kFine) load_grad_spikes(grad_spikes);
    decode(grad_spikes, call_.args.grad_spikes.dtype, h);
    ColumnCursor<kSteps, false> v(columns(), 0), r(columns(), Neuron::kStates - 1);
    for_steps<false, kSteps>(steps(), [&](int j, bool full) {
      const float m = Neuron::kPsu ? v.get(j, full, 0) - r.get(j, full, 0) : v.get(j, full, 0);
      h[j] *= rule_gradient(call_.firing, m);
    });
  }

  __device__ __forceinline__ void add_grad_membrane(Steps& h) const {
    if (!call_.args.grad_membrane.data) return;
    Steps grad_membrane;
    load(call_.args.grad_membrane, grad_membrane);
#pragma unroll
    for (int j = 0; j < kSteps; ++j) h[j] += grad_membrane[j];
  }

  // `values` comes as h and becomes dx. False where a scan ended with its aggregate.
  __device__ __forceinline__ bool scan_gradients(Steps& values, Sums& sums) {
    if constexpr (Neuron::kPsu) {
      if (!scan_refractory_gradient(values)) return false;
      add_grad_membrane(values);
      add_drive_gradient(values);
      __syncthreads();  // the first scan's shared memory is still being read
      Previous v(*this, 0), r(*this, 1);
      ColumnCursor<kSteps, true> a(columns(), kRefractory);
      return run_scan<GradientScan<1>>(0, values, [&](int j, bool full, const float(&out)[1]) {
        sums.add(j, 0, out[0], v.get(j, full));
        sums.add(j, 1, a.get(j, full, kSteps - 1), r.get(j, full));
        return out[0];
      });
    } else {
      add_grad_membrane(values);
      Previous v(*this, 0), i(*this, Neuron::kStates - 1);
      ColumnCursor<kSteps, true> x(columns(), kInput);
      return run_scan<Scan>(0, values, [&](int j, bool full, const float(&out)[Neuron::kOrder]) {
        const float before = v.get(j, full);
        sums.add(j, 0, out[0], R == SPIKESCAN_SPSN ? before - x.get(j, full, kSteps - 1) : before);
        if constexpr (Neuron::kCuba) sums.add(j, 1, out[1], i.get(j, full));
        return out[Neuron::kOrder - 1];
      });
    }
  }

  // psu_lif: A, from h; `values` stays h.
  __device__ __forceinline__ bool scan_refractory_gradient(Steps& values) {
#pragma unroll
    for (int j = 0; j < kSteps; ++j) values[j] = -values[j];
    ColumnCursor<kSteps, true> a(columns(), kRefractory);
    return run_scan<GradientScan<1>>(1, values, [&](int j, bool full, const float(&out)[1]) {
      a.put(j, full, out[0]);
      return -values[j];
    });
  }

  // psu_lif: V's part in R.
  __device__ __forceinline__ void add_drive_gradient(Steps& values) const {
    ColumnCursor<kSteps, false> v(columns(), 0), a(columns(), kRefractory);
    for_steps<false, kSteps>(steps(), [&](int j, bool full) {
      values[j] = fused(sigmoid_with_slope(v.get(j, full, 0)).slope, a.get(j, full, 0), values[j]);
    });
  }

  template <class S, class Emit>
  __device__ __forceinline__ bool run_scan(int first_state, Steps& values, Emit emit) {
    const ChannelDecays loaded = decays();
    return ScanOfTile<S, kSteps>(shared_, place_, tile_, {loaded.beta, Neuron::kCuba ? loaded.alpha : loaded.beta})
        .run(first_state, values, *this, emit);
  }

  __device__ __forceinline__ double& total(int p) const {
    return shared_.common.totals[p][place_.row];
  }

  // ---- The decays: over segments and batches in double ----
  __device__ __forceinline__ void add_decay_gradients(Sums& sums) {
    sums.finish(place_, steps());
    sums.hand_over(shared_, place_);
    __syncthreads();
    if (usually(!place_.leads_channel())) return;
    for (int p = 0; p < kParameters; ++p) {
      double sum = total(p);
      // Batches past the row's last add zeros.
      for (int row = place_.row; row < place_.rows; row += place_.channels()) add_row(row, p, sum);
      total(p) = sum;
    }
  }
  __device__ __forceinline__ void add_row(int row, int p, double& sum) const {
    const int segments = segment_count(tile_.length());
    read_ahead<kSumsAhead>(
        segments, [&](int i) { return Sums::handed_over(shared_, place_, row, segments - 1 - i, p); },
        [&](int, float of_segment) { sum += of_segment; });
  }

  __device__ __forceinline__ void store_partials() const {
    if (!place_.leads_channel() || !place_.in_tensor) return;
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
  int done_ = 0;  // batches of the row of sums
};

}  // namespace spikescan
