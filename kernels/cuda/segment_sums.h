// What a tile's segment adds to the decays' gradients: a gradient times a state before it, summed in float32, the last
// step first.
#pragma once

#include "kernels/cuda/neuron_scans.h"
#include "kernels/cuda/tile.h"

namespace spikescan {

// A step has a term for each state. A thread that has a segment adds them as they come; of a fine tile it keeps those
// of its quarter, until it knows what the quarters after it make.
template <spikescan_recurrence R, int kSteps>
class SegmentSums {
 public:
  static constexpr int kTerms = state_count(R), kParameters = parameter_count(R);

  // Steps come last first, of each its terms in order.
  __device__ __forceinline__ void add(int j, int term, float gradient, float factor) {
    if constexpr (kSteps == kSegmentSteps) {
      accumulate(term, gradient, factor);
    } else {
      gradients_[term][j] = gradient;
      factors_[term][j] = factor;
    }
  }

  // After the last step; `steps`: the thread's. All lanes of the warp together.
  __device__ __forceinline__ void finish([[maybe_unused]] const Place& place, [[maybe_unused]] int steps) {
    if constexpr (kSteps != kSegmentSteps) {
#pragma unroll
      for (int q = kSegmentQuarters - 1; q >= 0; --q) {
        float after[kParameters] = {};
        for (int p = 0; p < kParameters; ++p) {
          if (q < kSegmentQuarters - 1) after[p] = of_quarter(place, q + 1, sums_[p]);
        }
        if (place.part % kSegmentQuarters != q) continue;
        for (int p = 0; p < kParameters; ++p) sums_[p] = after[p];
        for_steps<true, kSteps>(steps, [&](int j, bool) {
          for (int term = 0; term < kTerms; ++term) accumulate(term, gradients_[term][j], factors_[term][j]);
        });
      }
    }
  }

  // Then the segment's first thread puts them where a leader looks for them.
  __device__ __forceinline__ void hand_over(const TileShared& shared, const Place& place) const {
    constexpr int kThreads = kSegmentSteps / kSteps;
    if (place.part % kThreads != 0) return;
    for (int p = 0; p < kParameters; ++p) handed_over(shared, place, place.row, place.part / kThreads, p) = sums_[p];
  }
  __device__ __forceinline__ static float& handed_over(const TileShared& shared, const Place& place, int row,
                                                       int segment, int p) {
    return shared.handover(place, row, segment * 2 + p);
  }

 private:
  __device__ __forceinline__ void accumulate(int term, float gradient, float factor) {
    float& sum = sums_[R == SPIKESCAN_CUBA_LIF ? term : 0];
    sum = fused(gradient, factor, sum);
  }

  static constexpr int kKept = kSteps == kSegmentSteps ? 1 : kSteps;
  float sums_[kParameters] = {};
  float gradients_[kTerms][kKept], factors_[kTerms][kKept];
};

}  // namespace spikescan
