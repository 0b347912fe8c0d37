// Enqueues a forward pass: one kernel, or those of its phases; before it, where tiles look back, what they publish is
// cleared.
#include "kernels/cuda/launch.h"
#include "kernels/cuda/passes.h"

namespace spikescan {

BackendResult cuda_forward(const ForwardCall& call, void* stream) {
  if (call.plan.blocks == 0) return {SPIKESCAN_OK, nullptr, nullptr};
  const auto s = static_cast<cudaStream_t>(stream);
  if (call.plan.cleared_bytes > 0) {
    const cudaError_t error = cudaMemsetAsync(call.args.workspace, 0, call.plan.cleared_bytes, s);
    if (error != cudaSuccess) return cuda_result(error, "cudaMemsetAsync");
  }
  switch (call.description.recurrence) {
    case SPIKESCAN_LIF:
      return launch_forward<SPIKESCAN_LIF>("cudaLaunchKernel(forward lif)", call, s);
    case SPIKESCAN_SPSN:
      return launch_forward<SPIKESCAN_SPSN>("cudaLaunchKernel(forward spsn)", call, s);
    case SPIKESCAN_CUBA_LIF:
      return launch_forward<SPIKESCAN_CUBA_LIF>("cudaLaunchKernel(forward cuba_lif)", call, s);
    case SPIKESCAN_PSU_LIF:
      return launch_forward<SPIKESCAN_PSU_LIF>("cudaLaunchKernel(forward psu_lif)", call, s);
  }
  return {SPIKESCAN_INTERNAL_ERROR, "cuda_forward", "no kernel for this recurrence"};
}

}  // namespace spikescan
