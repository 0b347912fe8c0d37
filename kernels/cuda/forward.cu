// Enqueues a forward pass: one kernel; before it, where chunks of a row are handed from block to block, what look-back
// publishes is cleared.
#include "kernels/cuda/forward.h"

#include "kernels/cuda/launch.h"
#include "kernels/cuda/passes.h"

namespace spikescan {
namespace {

template <spikescan_recurrence R>
BackendResult launch_forward(const char* name, const ForwardCall& call, const LaunchConfig& config) {
  return launch(name, config, call.plan.strategy == kRows ? forward_rows_kernel<R> : forward_tiles_kernel<R>, call);
}

}  // namespace

BackendResult cuda_forward(const ForwardCall& call, void* stream) {
  if (call.plan.blocks == 0) return {SPIKESCAN_OK, nullptr, nullptr};
  const auto s = static_cast<cudaStream_t>(stream);
  if (call.plan.cleared_bytes > 0) {
    const cudaError_t error = cudaMemsetAsync(call.args.workspace, 0, call.plan.cleared_bytes, s);
    if (error != cudaSuccess) return cuda_result(error, "cudaMemsetAsync");
  }
  const LaunchConfig config = {call.plan.blocks, call.plan.threads, call.plan.shared_bytes, s};
  switch (call.description.recurrence) {
    case SPIKESCAN_LIF:
      return launch_forward<SPIKESCAN_LIF>("cudaLaunchKernel(forward lif)", call, config);
    case SPIKESCAN_SPSN:
      return launch_forward<SPIKESCAN_SPSN>("cudaLaunchKernel(forward spsn)", call, config);
    case SPIKESCAN_CUBA_LIF:
      return launch_forward<SPIKESCAN_CUBA_LIF>("cudaLaunchKernel(forward cuba_lif)", call, config);
    case SPIKESCAN_PSU_LIF:
      return launch_forward<SPIKESCAN_PSU_LIF>("cudaLaunchKernel(forward psu_lif)", call, config);
  }
  return {SPIKESCAN_INTERNAL_ERROR, "cuda_forward", "no kernel for this recurrence"};
}

}  // namespace spikescan
