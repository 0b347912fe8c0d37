// The forward pass of one tile (SPEC sections 1 and 3): x read once, states scanned, spikes drawn; what was asked for
// is written once.
#pragma once

#include "kernels/cuda/look_back.h"
#include "kernels/cuda/neuron_tile.h"
#include "kernels/cuda/segment_firing.h"

namespace spikescan {

template <spikescan_recurrence R>
class ForwardTile {
 public:
  using Neuron = NeuronTile<R>;

  __device__ __forceinline__ ForwardTile(const ForwardCall& call, const TileShared& shared, const Place& place,
                                         const Tile& tile)
      : call_(call), d_(call.description), shared_(shared), place_(place), tile_(tile) {}

  __device__ __forceinline__ void run() {
    const int steps = place_.in_tensor ? place_.steps(tile_.length) : 0;
    const int64_t t = first_step();
    float x[kSegmentSteps];
    typename Neuron::States states = {};
    load_segment(call_.args.x, batch(), t, tile_.channel, steps, x);
    Neuron::run(shared_, place_, tile_, load_decays(d_, call_.args, place_, tile_), x, states, *this);
    if (call_.args.membrane.data) store_segment(call_.args.membrane, batch(), t, tile_.channel, steps, states[0]);
    store_final_states(steps, states);
    if (call_.args.spikes.data) fire(steps, t, states);
  }

  // ---- What a scan asks of its surroundings ----
  template <class Scan>
  __device__ __forceinline__ void carry_in(int scan, const Map<Scan::kOrder>& map,
                                           const float (&aggregate)[Scan::kOrder], double (&carry)[Scan::kOrder]) {
    for (int n = 0; n < Scan::kOrder; ++n) {
      carry[n] = load_state(call_.args.initial_state[Neuron::api_state(scan, n)], place_, tile_, batch());
    }
    if (call_.plan.chunks == 1) return;
    ChunkChain<Scan> chain(d_, call_.plan, call_.args.workspace, scan, tile_, batch());
    chain.publish_aggregate(place_, aggregate);
    chain.look_back(map, place_, carry);
    if (call_.args.saved && tile_.chunk > 0) save<Scan>(scan, carry);
  }

  template <class Scan>
  __device__ __forceinline__ void carry_out(int scan, const double (&carry)[Scan::kOrder]) {
    if (call_.plan.chunks == 1) return;
    ChunkChain<Scan>(d_, call_.plan, call_.args.workspace, scan, tile_, batch()).publish_carry(place_, carry);
  }

 private:
  __device__ __forceinline__ int64_t batch() const { return tile_.batch_row; }
  __device__ __forceinline__ int64_t first_step() const {
    return tile_.chunk * kChunkSteps + place_.segment * kSegmentSteps;
  }

  // What backward starts the chunk from.
  template <class Scan>
  __device__ __forceinline__ void save(int scan, const double (&carry)[Scan::kOrder]) {
    if (!place_.leads || !place_.in_tensor) return;
    auto* saved = static_cast<double*>(call_.args.saved);
    for (int n = 0; n < Scan::kOrder; ++n) {
      saved[slot_index(Neuron::api_state(scan, n), batch(), tile_.chunk - 1, tile_.channel, d_.batch,
                       saved_slots(call_.plan.chunks), d_.channels)] = carry[n];
    }
  }

  __device__ __forceinline__ void store_final_states(int steps, const typename Neuron::States& states) {
    const bool empty = d_.time == 0 && place_.leads;
    const bool last = steps > 0 && first_step() + steps == d_.time;
    if (!empty && !last) return;
    for (int n = 0; n < Neuron::kStates; ++n) {
      float value = load_state(call_.args.initial_state[n], place_, tile_, batch());
      // An order, not an equality: the compiler would turn that into an index, and move the states to local memory.
#pragma unroll
      for (int j = 0; j < kSegmentSteps; ++j) {
        if (j < steps) value = states[n][j];
      }
      store_state(call_.args.final_state[n], place_, tile_, batch(), value);
    }
  }

  // ---- Firing ----
  __device__ __forceinline__ void fire(int steps, int64_t t, const typename Neuron::States& states) {
    float spikes[kSegmentSteps];
#pragma unroll
    for (int j = 0; j < kSegmentSteps; ++j) spikes[j] = Neuron::rule_input(states, j);
    if (steps > 0) fire_segment(call_, batch(), t, tile_.channel, steps, spikes);
    if (call_.args.spikes.dtype == SPIKESCAN_BITS32) {
      store_bits(steps, t, pack_segment(steps, spikes));
    } else {
      store_segment(call_.args.spikes, batch(), t, tile_.channel, steps, spikes);
    }
  }

  // A word is two segments: the second one hands its half over in shared memory.
  __device__ __forceinline__ void store_bits(int steps, int64_t t, uint32_t bits) {
    auto* halves = reinterpret_cast<uint32_t*>(shared_.handover);
    halves[place_.segment * place_.channels + place_.channel] = bits;
    __syncthreads();
    if (steps == 0 || place_.segment % 2 != 0) return;
    if (place_.segment + 1 < place_.segments) {
      bits |= halves[(place_.segment + 1) * place_.channels + place_.channel] << kSegmentSteps;
    }
    store_word(call_, batch(), t, tile_.channel, bits);
  }

  const ForwardCall& call_;
  const spikescan_description& d_;
  const TileShared& shared_;
  const Place& place_;
  const Tile& tile_;
};

}  // namespace spikescan
