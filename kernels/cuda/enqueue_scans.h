// The scans of a pass, in either direction: one kernel, or those of its phases; before it, where tiles look back, what
// they publish is cleared.
#pragma once

#include "kernels/cuda/launch.h"
#include "kernels/cuda/passes.h"

namespace spikescan {

// The launches by recurrence, as errors name them.
struct LaunchNames {
  const char *lif, *spsn, *cuba_lif, *psu_lif;
};

template <class Call>
BackendResult enqueue_scans(const LaunchNames& names, const Call& call, cudaStream_t stream) {
  if (call.plan.blocks == 0) return kOk;
  if (call.plan.cleared_bytes > 0) {
    const cudaError_t error = cudaMemsetAsync(call.args.workspace, 0, call.plan.cleared_bytes, stream);
    if (error != cudaSuccess) return cuda_result(error, "cudaMemsetAsync");
  }
  switch (call.description.recurrence) {
    case SPIKESCAN_LIF:
      return launch_pass<SPIKESCAN_LIF>(names.lif, call, stream);
    case SPIKESCAN_SPSN:
      return launch_pass<SPIKESCAN_SPSN>(names.spsn, call, stream);
    case SPIKESCAN_CUBA_LIF:
      return launch_pass<SPIKESCAN_CUBA_LIF>(names.cuba_lif, call, stream);
    case SPIKESCAN_PSU_LIF:
      return launch_pass<SPIKESCAN_PSU_LIF>(names.psu_lif, call, stream);
  }
  return {SPIKESCAN_INTERNAL_ERROR, "enqueue_scans", "no kernel for this recurrence"};
}

}  // namespace spikescan
