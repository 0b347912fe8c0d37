// Enqueues a forward pass: clears the look-back's flags where there is more than one chunk, then one kernel.
#include "kernels/cuda/forward.h"

#include "kernels/cuda/launch.h"
#include "kernels/cuda/passes.h"

namespace spikescan {

BackendResult cuda_forward(const ForwardCall& call, void* stream) {
  if (call.plan.tiles == 0) return {SPIKESCAN_OK, nullptr, nullptr};
  const auto s = static_cast<cudaStream_t>(stream);
  if (call.plan.cleared_bytes > 0) {
    const cudaError_t error = cudaMemsetAsync(call.args.workspace, 0, call.plan.cleared_bytes, s);
    if (error != cudaSuccess) return cuda_result(error, "cudaMemsetAsync");
  }
  const LaunchConfig config = {call.plan.blocks, call.plan.threads, call.plan.shared_bytes, s};
  switch (call.description.recurrence) {
    case SPIKESCAN_LIF:
      return launch("cudaLaunchKernel(forward lif)", config, forward_kernel<SPIKESCAN_LIF>, call);
    case SPIKESCAN_SPSN:
      return launch("cudaLaunchKernel(forward spsn)", config, forward_kernel<SPIKESCAN_SPSN>, call);
    case SPIKESCAN_CUBA_LIF:
      return launch("cudaLaunchKernel(forward cuba_lif)", config, forward_kernel<SPIKESCAN_CUBA_LIF>, call);
    case SPIKESCAN_PSU_LIF:
      return launch("cudaLaunchKernel(forward psu_lif)", config, forward_kernel<SPIKESCAN_PSU_LIF>, call);
  }
  return {SPIKESCAN_INTERNAL_ERROR, "cuda_forward", "no kernel for this recurrence"};
}

}  // namespace spikescan
