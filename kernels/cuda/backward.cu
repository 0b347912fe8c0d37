// Enqueues a backward pass: one kernel, or those of its phases; before it, where tiles look back, what they publish is
// cleared; then the ordered sums of the decays' gradients that were asked for.
#include <algorithm>

#include "kernels/cuda/decay_reduction.h"
#include "kernels/cuda/decay_sums.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/passes.h"

namespace spikescan {
namespace {

constexpr BackendResult kOk = {SPIKESCAN_OK, nullptr, nullptr};
constexpr int64_t kMostReduceBlocks = 65536;  // blocks go on to further channels

BackendResult reduce_decay_gradient(const BackwardCall& call, int parameter, const float* decay, float* gradient,
                                    cudaStream_t stream) {
  const spikescan_description& d = call.description;
  char* workspace = static_cast<char*>(call.args.workspace);
  DecaySum sum = {};
  sum.rows = call.plan.partial_rows;
  sum.channels = d.channels;
  sum.partials = reinterpret_cast<const float*>(workspace + call.plan.partials) + parameter * sum.rows * sum.channels;
  if (d.shared_decay) {
    sum.totals = reinterpret_cast<double*>(workspace + call.plan.totals);  // one parameter after the other
  }
  sum.decay = decay;
  sum.gradient = gradient;
  const int64_t wanted = (sum.channels + kReduceChannels - 1) / kReduceChannels;
  if (wanted > 0) {
    const LaunchConfig rows = {std::min(wanted, kMostReduceBlocks), kReduceChannels * kRowAccumulators,
                               kReduceChannels * kRowAccumulators * sizeof(double), stream};
    const BackendResult result = launch("cudaLaunchKernel(reduce_rows)", rows, reduce_rows_kernel, sum);
    if (result.status != SPIKESCAN_OK) return result;
  }
  if (!d.shared_decay) return kOk;
  const LaunchConfig channels = {1, kChannelAccumulators, kChannelAccumulators * sizeof(double), stream};
  return launch("cudaLaunchKernel(reduce_channels)", channels, reduce_channels_kernel, sum);
}

BackendResult scan(const BackwardCall& call, cudaStream_t stream) {
  if (call.plan.tiles == 0) return kOk;
  if (call.plan.cleared_bytes > 0) {
    const cudaError_t error = cudaMemsetAsync(call.args.workspace, 0, call.plan.cleared_bytes, stream);
    if (error != cudaSuccess) return cuda_result(error, "cudaMemsetAsync");
  }
  switch (call.description.recurrence) {
    case SPIKESCAN_LIF:
      return launch_backward<SPIKESCAN_LIF>("cudaLaunchKernel(backward lif)", call, stream);
    case SPIKESCAN_SPSN:
      return launch_backward<SPIKESCAN_SPSN>("cudaLaunchKernel(backward spsn)", call, stream);
    case SPIKESCAN_CUBA_LIF:
      return launch_backward<SPIKESCAN_CUBA_LIF>("cudaLaunchKernel(backward cuba_lif)", call, stream);
    case SPIKESCAN_PSU_LIF:
      return launch_backward<SPIKESCAN_PSU_LIF>("cudaLaunchKernel(backward psu_lif)", call, stream);
  }
  return {SPIKESCAN_INTERNAL_ERROR, "cuda_backward", "no kernel for this recurrence"};
}

}  // namespace

BackendResult cuda_backward(const BackwardCall& call, void* stream) {
  const auto s = static_cast<cudaStream_t>(stream);
  BackendResult result = scan(call, s);
  if (result.status != SPIKESCAN_OK || sums_finish_here(call)) return result;
  if (result.status == SPIKESCAN_OK && call.args.grad_beta) {
    result = reduce_decay_gradient(call, 0, call.args.beta, call.args.grad_beta, s);
  }
  if (result.status == SPIKESCAN_OK && call.args.grad_alpha) {
    result = reduce_decay_gradient(call, 1, call.args.alpha, call.args.grad_alpha, s);
  }
  return result;
}

}  // namespace spikescan
