// What the kernels of a pass hand on about its chunks, in the workspace: [state][B][links - 1][C], the states in the
// order of the scans. First what a link's chunk leaves from a zero carry, its aggregate; then, in the same place, the
// carry, the state that goes from this link to the next.
#pragma once

#include "kernels/backend.h"
#include "kernels/cuda/device.h"
#include "kernels/cuda/phase.h"
#include "kernels/link_slots.h"
#include "kernels/slot_index.h"

namespace spikescan {

struct ChunkLinks {
  const spikescan_description& d;
  const Plan& plan;
  void* workspace;

  __device__ __forceinline__ double& at(int state, int64_t batch, int64_t link, int64_t channel) const {
    return reinterpret_cast<double*>(
        static_cast<char*>(workspace) +
        plan.carries)[slot_index(state, batch, link, channel, d.batch, link_slots(plan.chunks), d.channels)];
  }
  // `first_state`: where the scan's states begin.
  template <int N>
  __device__ __forceinline__ void keep(const float (&aggregate)[N], int first_state, int64_t batch, int64_t link,
                                       int64_t channel) const {
    for (int n = 0; n < N; ++n) at(first_state + n, batch, link, channel) = aggregate[n];
  }
  // What a row's scan has scanned.
  template <class Scan>
  __device__ __forceinline__ void keep_aggregate(const Scan& scan, int first_state, int64_t batch, int64_t link,
                                                 int64_t channel) const {
    float aggregate[Scan::N];
    scan.aggregate(aggregate);
    keep(aggregate, first_state, batch, link, channel);
  }
};

}  // namespace spikescan
