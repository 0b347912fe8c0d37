// The decays' gradients over one row or piece, by one thread: a segment's products in float32, the segments' sums in
// double, in the contract's order. Where the state before a segment's first step is not known yet, the sum waits for
// it.
#pragma once

#include "kernels/cuda/decay_sums.h"
#include "kernels/cuda/neuron_scans.h"
#include "kernels/cuda/row_lane.h"

namespace spikescan {

template <spikescan_recurrence R>
class RowDecaySums {
 public:
  using Neuron = NeuronScans<R>;
  static constexpr int kOrder = Neuron::kOrder;
  static constexpr int kStates = Neuron::kStates;
  static constexpr int kParameters = parameter_count(R);

  __device__ __forceinline__ void prepare(const BackwardCall& call, const RowLane& lane) {
#pragma unroll
    for (int p = 0; p < kParameters; ++p) counts_[p] = lane.inside && decay_sum_counts(call, p, lane.channel);
  }
  __device__ __forceinline__ void begin_batch() {
    waits_ = false;
  }

  // Step j's products of the gradients with the states before it. `refractory`: psu_lif's A; `x`: spsn's.
  __device__ __forceinline__ static void add_products(const float (&output)[kOrder][kSegmentSteps], int j,
                                                      const float (&before)[kStates], float refractory, float x,
                                                      float (&sums)[kParameters]) {
    sums[0] = fused(output[0][j], R == SPIKESCAN_SPSN ? before[0] - x : before[0], sums[0]);
    if constexpr (Neuron::kPsu) sums[0] = fused(refractory, before[1], sums[0]);
    if constexpr (Neuron::kCuba) sums[1] = fused(output[1][j], before[1], sums[1]);
  }

  // A segment whose products are all there but its first step's.
  __device__ __forceinline__ void end_segment(const float (&output)[kOrder][kSegmentSteps], float refractory, float x,
                                              const float (&sums)[kParameters]) {
    for (int n = 0; n < kOrder; ++n) output_[n] = output[n][0];
    refractory_ = refractory;
    x_ = x;
    for (int p = 0; p < kParameters; ++p) sum_[p] = sums[p];
    waits_ = true;
  }
  __device__ __forceinline__ bool waits() const {
    return waits_;
  }
  // `before`: the states before that step.
  __device__ __forceinline__ void complete(const float (&before)[kStates]) {
    float output[kOrder][kSegmentSteps];
    for (int n = 0; n < kOrder; ++n) output[n][0] = output_[n];
    add_products(output, 0, before, refractory_, x_, sum_);
    for (int p = 0; p < kParameters; ++p) totals_[p] += static_cast<double>(sum_[p]);
    waits_ = false;
  }

  // Of the chunk, or of the batches whose sums are one.
  __device__ __forceinline__ void store(const BackwardCall& call, int64_t batch_row, int chunk, int64_t channel) {
    for (int p = 0; p < kParameters; ++p) {
      store_decay_sum(call, p, batch_row, chunk, channel, counts_[p], totals_[p]);
      totals_[p] = 0.0;
    }
  }

 private:
  float output_[kOrder], refractory_, x_;  // of the first step of the segment that waits
  float sum_[kParameters];
  bool waits_;
  double totals_[kParameters] = {};
  bool counts_[kParameters] = {};
};

}  // namespace spikescan
