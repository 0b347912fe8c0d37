// What a thread keeps for each of its steps lies in columns of shared memory. A cursor goes along one.
#pragma once

#include "kernels/cuda/tile.h"

namespace spikescan {

// Step by step, rising or falling; four steps an access where the compiler knows that the thread's kSteps are all
// there.
template <int kSteps, bool kFalling>
class ColumnCursor {
 public:
  // `columns`: the thread's.
  __device__ __forceinline__ ColumnCursor(float* columns, int which) : column_(columns + which * kSteps) {}

  __device__ __forceinline__ void put(int j, bool full, float value) {
    if (!full) {
      column_[j] = value;
      return;
    }
    four_[j % 4] = value;
    if (j % 4 == (kFalling ? 0 : 3)) four_steps(j) = {four_[0], four_[1], four_[2], four_[3]};
  }

  // `first`: the step that the way starts at.
  __device__ __forceinline__ float get(int j, bool full, int first) {
    if (!full) return column_[j];
    if (j == first || j % 4 == (kFalling ? 3 : 0)) {
      const float4 read = four_steps(j);
      four_[0] = read.x;
      four_[1] = read.y;
      four_[2] = read.z;
      four_[3] = read.w;
    }
    return four_[j % 4];
  }

 private:
  __device__ __forceinline__ float4& four_steps(int j) const { return reinterpret_cast<float4*>(column_)[j / 4]; }

  float* column_;
  float four_[4];
};

}  // namespace spikescan
