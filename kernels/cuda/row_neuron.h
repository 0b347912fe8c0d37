// A neuron's scans down one row, by one thread. States in the API's order: [0] V, [1] I or R.
#pragma once

#include "kernels/cuda/neuron_scans.h"
#include "kernels/cuda/row_scan.h"

namespace spikescan {

template <spikescan_recurrence R>
struct RowNeuron {
  using Neuron = NeuronScans<R>;
  static constexpr int kOrder = Neuron::kOrder;

  __device__ __forceinline__ explicit RowNeuron(const ChannelDecays& decays)
      : scan({Neuron::kCuba ? decays.alpha : decays.beta, decays.beta}), refractory({decays.beta, decays.beta}) {}

  __device__ __forceinline__ void set_carry(int state, double value) {
    if (kPsu && state == 1) return refractory.set_carry(0, value);
    scan.set_carry(place_in_scan(state), value);
  }
  __device__ __forceinline__ double carry(int state) const {
    return kPsu && state == 1 ? refractory.carry(0) : scan.carry(place_in_scan(state));
  }
  // Of the chain over a chunk's segments.
  __device__ __forceinline__ void set_chain(int state, double value) {
    if (kPsu && state == 1) return refractory.set_chain(0, value);
    scan.set_chain(place_in_scan(state), value);
  }
  __device__ __forceinline__ double chain(int state) const {
    return kPsu && state == 1 ? refractory.chain(0) : scan.chain(place_in_scan(state));
  }

  __device__ __forceinline__ void begin_chunk() {
    scan.begin_chunk();
    if constexpr (kPsu) refractory.begin_chunk();
  }

  // spsn: what x is multiplied by, made anew: a subtraction costs less than a register.
  __device__ __forceinline__ float gain() const { return input_gain(seen_anew(scan.decays().first)); }
  __device__ __forceinline__ void scale(float (&x)[kSegmentSteps]) const {
    if constexpr (R != SPIKESCAN_SPSN) return;
    const float factor = gain();
#pragma unroll
    for (int j = 0; j < kSegmentSteps; ++j) x[j] *= factor;
  }

  RowScan<StateScan<kOrder>> scan;
  RowScan<StateScan<1>> refractory;  // psu_lif's R

 private:
  static constexpr bool kPsu = Neuron::kPsu;
  __device__ __forceinline__ static constexpr int place_in_scan(int state) {
    return kOrder == 2 ? Neuron::api_state(0, state) : 0;  // its own inverse
  }
};

}  // namespace spikescan
