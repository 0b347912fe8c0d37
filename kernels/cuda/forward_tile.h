// The forward pass of one tile (docs/model.md, sections 1 and 3): x read once, states scanned, spikes drawn; what was
// asked for is written once.
#pragma once

#include "kernels/cuda/neuron_tile.h"
#include "kernels/cuda/segment_firing.h"
#include "kernels/cuda/step_columns.h"
#include "kernels/cuda/tile_join.h"
#include "kernels/saved_slots.h"

namespace spikescan {

// kSteps: a thread's, a segment or a quarter.
template <spikescan_recurrence R, bool kPhases, int kSteps>
class ForwardTile {
 public:
  using Neuron = NeuronTile<R>;
  using Steps = float[kSteps];
  static constexpr int kColumns = forward_columns(R);
  static constexpr bool kFine = kSteps != kSegmentSteps;

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
    Steps values;
    load_steps(call_.args.x, batch(), first_step(), tile_.channel(), steps(), values);
    const ChannelDecays decays = load_decays(d_, call_.args, place_, tile_);
    if constexpr (kFine) draw_early();
    if (!Neuron::run(shared_, place_, tile_, decays, values, *this)) return;
    store_final_states();
    if (!Neuron::kPsu && call_.args.membrane.data) store_membrane(values);
    if (call_.args.spikes.data) fire(values);
    if (Neuron::kPsu && call_.args.membrane.data) {
      for_steps<false, kSteps>(steps(), [&](int j, bool full) { values[j] = membrane(j, full); });
      store_membrane(values);
    }
  }

  // ---- What NeuronTile and TileScan ask of a pass ----
  static constexpr bool kKnowsChain = false;
  __device__ __forceinline__ bool ends_with(int first_state) const { return join().ends_with(first_state); }
  template <class Scan>
  __device__ __forceinline__ void keep(int first_state, const float (&aggregate)[Scan::kOrder]) const {
    join().template keep<Scan>(first_state, aggregate);
  }

  template <class Scan>
  __device__ __forceinline__ void load_carry(int first_state, double (&carry)[Scan::kOrder]) const {
    for (int n = 0; n < Scan::kOrder; ++n) {
      carry[n] = load_state(call_.args.initial_state[Neuron::api_state(first_state, n)], place_, tile_, batch());
    }
    join().template load_carry<Scan>(first_state, carry);
  }
  template <class Scan>
  __device__ __forceinline__ void carry_in(int first_state, const Map<Scan::kOrder>& map,
                                           const float (&aggregate)[Scan::kOrder],
                                           double (&carry)[Scan::kOrder]) const {
    join().template carry_in<Scan>(first_state, map, aggregate, carry);
    if (tile_.chunk() > 0 && place_.leads) save<Scan>(first_state, 0, carry);
  }
  template <class Scan>
  __device__ __forceinline__ void carry_out(int first_state, const double (&carry)[Scan::kOrder]) const {
    join().template carry_out<Scan>(first_state, carry);
  }

  template <class Scan>
  __device__ __forceinline__ void enter(int first_state, int segment, const double (&chain)[Scan::kOrder]) const {
    if (saves_chain(segment)) save<Scan>(first_state, segment, chain);
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
  __device__ __forceinline__ int64_t first_step() const { return tile_.first_step<kSteps>(); }
  __device__ __forceinline__ int steps() const { return tile_.steps<kSteps>(); }
  __device__ __forceinline__ TileJoin<kPhases> join() const {
    return {d_, call_.plan, call_.args.workspace, phase_, shared_, place_, tile_, batch()};
  }

  __device__ __forceinline__ void store_membrane(const Steps& v) const {
    store_steps(call_.args.membrane, batch(), first_step(), tile_.channel(), steps(), v);
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
    const bool last = steps() > 0 && first_step() + steps() == d_.time;
    if (!empty && !last) return;
    for (int n = 0; n < Neuron::kStates; ++n) {
      const float value = empty ? load_state(call_.args.initial_state[n], place_, tile_, batch()) : last_[n];
      store_state(call_.args.final_state[n], place_, tile_, batch(), value);
    }
  }

  // ---- Firing ----
  // `m` is what the rule sees.
  __device__ __forceinline__ void fire(const Steps& m) {
    place_.look_again();
    if (call_.firing.rule == SPIKESCAN_NONE) {
      return store_distances(call_, batch(), first_step(), tile_.channel(), steps(), m);
    }
    const uint32_t bits = steps() > 0 ? draw_spikes(m) : 0u;
    place_.look_again();
    if (call_.args.spikes.dtype == SPIKESCAN_BITS32) {
      store_bits(bits);
    } else {
      store_spikes<kSteps>(call_.args.spikes, batch(), first_step(), tile_.channel(), steps(), bits);
    }
  }

  __device__ __forceinline__ uint32_t draw_spikes(const Steps& m) const {
    if (kFine && has_drawn_) {
      return ((1u << steps()) - 1u) &
             quick_spike_bits<1>(call_.firing, m, [&](int, PhiloxWords(&words)[1]) { words[0] = drawn_; });
    }
    const RandomOrigin origin = random_origin(call_);
    const SegmentGenerator generator(origin, batch(), first_step(), tile_.channel());
    return spike_bits<1>(call_, origin, !kFine && fires_quickly(call_, origin), batch(), first_step(), tile_.channel(),
                         steps(), m, [&](int first, auto& words) { generator.draw(first, words); });
  }

  // While x is on its way. One call of the generator is all that a quarter needs.
  __device__ __forceinline__ void draw_early() {
    const RandomOrigin origin = random_origin(call_);
    has_drawn_ = call_.args.spikes.data && join().finishes() && steps() > 0 && fires_quickly(call_, origin);
    if (!has_drawn_) return;
    PhiloxWords words[1];
    SegmentGenerator(origin, batch(), first_step(), tile_.channel()).draw(0, words);
    drawn_ = words[0];
  }

  // A word is two segments or eight quarters: those after the first hand theirs over in shared memory.
  __device__ __forceinline__ void store_bits(uint32_t bits) {
    constexpr int kParts = kPackedSteps / kSteps;
    shared_.handover(place_, 2 * place_.part) = float_of(bits);
    __syncthreads();
    if (steps() == 0 || place_.part % kParts != 0) return;
#pragma unroll
    for (int i = 1; i < kParts; ++i) {
      if (place_.part + i >= place_.parts) continue;
      bits |= bits_of(shared_.handover(place_, 2 * (place_.part + i))) << i * kSteps;
    }
    store_word(call_, batch(), first_step(), tile_.channel(), bits);
  }

  const ForwardCall& call_;
  const spikescan_description& d_;
  const Phase phase_;
  const TileShared& shared_;
  Place& place_;
  const Tile& tile_;
  ColumnCursor<kSteps, false> kept_;  // psu_lif's V
  float last_[Neuron::kStates] = {};  // the states after the thread's last step
  bool has_drawn_ = false;
  PhiloxWords drawn_;
};

}  // namespace spikescan
