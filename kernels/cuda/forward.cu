// Enqueues a forward pass.
#include "kernels/cuda/enqueue_scans.h"

namespace spikescan {

BackendResult cuda_forward(const ForwardCall& call, void* stream) {
  constexpr LaunchNames kNames = {"cudaLaunchKernel(forward lif)", "cudaLaunchKernel(forward spsn)",
                                  "cudaLaunchKernel(forward cuba_lif)", "cudaLaunchKernel(forward psu_lif)"};
  return enqueue_scans(kNames, call, static_cast<cudaStream_t>(stream));
}

}  // namespace spikescan
