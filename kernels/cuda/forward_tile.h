// The forward pass of one tile (docs/model.md, sections 1 and 3): x read once, states scanned, spikes drawn; what was
// asked for is written once.
#pragma once

#include "kernels/cuda/neuron_tile.h"
#include "kernels/cuda/segment_firing.h"
#include "kernels/cuda/step_columns.h"
#include "kernels/cuda/tile_join.h"
#include "kernels/saved_slots.h"

namespace spikescan {

template <spikescan_recurrence R, bool kPhases>
class ForwardTile {
 public:
  using Neuron = NeuronTile<R>;
  static constexpr int kColumns = forward_columns(R);

  __device__ __forceinline__ ForwardTile(const ForwardCall& call, Phase phase, const TileShared& shared, Place& place,
                                         const Tile& tile)
      : call_(call),
        d_(call.description),
        phase_(phase),
        shared_(shared),
        place_(place),
        tile_(tile),
        kept_(shared.columns(place.lane()), 0) {}

  __device__ __forceinline__ void run() {
    float values[kSegmentSteps];
    load_segment(call_.args.x, batch(), tile_.first_step(), tile_.channel(), tile_.steps(), values);
    if (!Neuron::run(shared_, place_, tile_, load_decays(d_, call_.args, place_, tile_), values, *this)) return;
    store_final_states();
    if (!Neuron::kPsu && call_.args.membrane.data) store_membrane(values);
    if (call_.args.spikes.data) fire(values);
    if (Neuron::kPsu && call_.args.membrane.data) {
      for_steps<false>(tile_.steps(), [&](int j, bool full) { values[j] = membrane(j, full); });
      store_membrane(values);
    }
  }

  // ---- What NeuronTile and TileScan ask of a pass ----
  __device__ __forceinline__ bool ends_with(int first_state) const { return join().ends_with(first_state); }
  template <class Scan>
  __device__ __forceinline__ void keep(int first_state, const float (&aggregate)[Scan::kOrder]) const {
    join().template keep<Scan>(first_state, aggregate);
  }

  template <class Scan>
  __device__ __forceinline__ void carry_in(int first_state, const Map<Scan::kOrder>& map,
                                           const float (&aggregate)[Scan::kOrder],
                                           double (&carry)[Scan::kOrder]) const {
    for (int n = 0; n < Scan::kOrder; ++n) {
      carry[n] = load_state(call_.args.initial_state[Neuron::api_state(first_state, n)], place_, tile_, batch());
    }
    join().template carry_in<Scan>(first_state, map, aggregate, carry);
    if (tile_.chunk() > 0 && place_.leads) save<Scan>(first_state, 0, carry);
  }
  template <class Scan>
  __device__ __forceinline__ void carry_out(int first_state, const double (&carry)[Scan::kOrder]) const {
    join().template carry_out<Scan>(first_state, carry);
  }

  template <class Scan>
  __device__ __forceinline__ void enter(int first_state, const double (&chain)[Scan::kOrder]) const {
    if (saves_chain(place_.segment)) save<Scan>(first_state, place_.segment, chain);
  }

  __device__ __forceinline__ void put(int state, int j, bool full, float value) {
    last_[state] = value;
    if constexpr (kColumns > 0) {
      if (state == 0) kept_.put(j, full, value);
    }
  }
  __device__ __forceinline__ float membrane(int j, bool full) { return kept_.get(j, full, 0); }

 private:
  __device__ __forceinline__ int64_t batch() const { return tile_.batch_row(); }
  __device__ __forceinline__ TileJoin<kPhases> join() const {
    return {d_, call_.plan, call_.args.workspace, phase_, shared_, place_, tile_, batch()};
  }

  __device__ __forceinline__ void store_membrane(const float (&v)[kSegmentSteps]) const {
    store_segment(call_.args.membrane, batch(), tile_.first_step(), tile_.channel(), tile_.steps(), v);
  }

  // What backward may begin the segment from.
  template <class Scan>
  __device__ __forceinline__ void save(int first_state, int segment, const double (&values)[Scan::kOrder]) const {
    if (!call_.args.saved || !join().finishes() || !place_.in_tensor) return;
    auto* saved = static_cast<double*>(call_.args.saved);
    for (int n = 0; n < Scan::kOrder; ++n) {
      saved[saved_index(d_, Neuron::api_state(first_state, n), batch(), saved_slot(tile_.chunk(), segment),
                        tile_.channel())] = values[n];
    }
  }

  __device__ __forceinline__ void store_final_states() {
    const bool empty = d_.time == 0 && place_.leads;
    const bool last = tile_.steps() > 0 && tile_.first_step() + tile_.steps() == d_.time;
    if (!empty && !last) return;
    for (int n = 0; n < Neuron::kStates; ++n) {
      const float value = empty ? load_state(call_.args.initial_state[n], place_, tile_, batch()) : last_[n];
      store_state(call_.args.final_state[n], place_, tile_, batch(), value);
    }
  }

  // ---- Firing ----
  // `m` is what the rule sees.
  __device__ __forceinline__ void fire(const float (&m)[kSegmentSteps]) {
    place_.look_again();
    if (call_.firing.rule == SPIKESCAN_NONE) {
      return store_distances(call_, batch(), tile_.first_step(), tile_.channel(), tile_.steps(), m);
    }
    uint32_t bits = 0;
    if (tile_.steps() > 0) {
      const RandomOrigin origin = random_origin(call_);
      const SegmentGenerator generator(origin, batch(), tile_.first_step(), tile_.channel());
      bits = spike_bits<1>(call_, origin, fires_quickly(call_, origin), batch(), tile_.first_step(), tile_.channel(),
                           tile_.steps(), m, [&](int first, auto& words) { generator.draw(first, words); });
    }
    place_.look_again();
    if (call_.args.spikes.dtype == SPIKESCAN_BITS32) {
      store_bits(bits);
    } else {
      store_spikes(call_.args.spikes, batch(), tile_.first_step(), tile_.channel(), tile_.steps(), bits);
    }
  }

  // A word is two segments: the second one hands its half over in shared memory.
  __device__ __forceinline__ void store_bits(uint32_t bits) {
    shared_.handover(place_, 2 * place_.segment) = float_of(bits);
    __syncthreads();
    if (tile_.steps() == 0 || place_.segment % 2 != 0) return;
    if (place_.segment + 1 < place_.segments) {
      bits |= bits_of(shared_.handover(place_, 2 * (place_.segment + 1))) << kSegmentSteps;
    }
    store_word(call_, batch(), tile_.first_step(), tile_.channel(), bits);
  }

  const ForwardCall& call_;
  const spikescan_description& d_;
  const Phase phase_;
  const TileShared& shared_;
  Place& place_;
  const Tile& tile_;
  ColumnCursor<false> kept_;          // psu_lif's V
  float last_[Neuron::kStates] = {};  // the states after the segment's last step
};

}  // namespace spikescan
