// Enqueues a backward pass: its scans, then the ordered sums of the decays' gradients that were asked for.
#include <algorithm>

#include "kernels/cuda/decay_reduction.h"
#include "kernels/cuda/decay_sums.h"
#include "kernels/cuda/enqueue_scans.h"
#include "kernels/partial_sums.h"

namespace spikescan {
namespace {

constexpr int64_t kMostReduceBlocks = 65536;  // blocks go on to further channels

BackendResult reduce_decay_gradient(const BackwardCall& call, int parameter, const float* decay, float* gradient,
                                    cudaStream_t stream) {
  const spikescan_description& d = call.description;
  DecaySum sum = {};
  sum.rows = call.plan.partial_rows;
  sum.channels = d.channels;
  sum.partials = partial_sums(call, parameter);
  if (d.shared_decay) sum.totals = channel_totals(call);
  sum.decay = decay;
  sum.gradient = gradient;
  const int64_t wanted = divide_up(sum.channels, kReduceChannels);
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

}  // namespace

BackendResult cuda_backward(const BackwardCall& call, void* stream) {
  constexpr LaunchNames kNames = {"cudaLaunchKernel(backward lif)", "cudaLaunchKernel(backward spsn)",
                                  "cudaLaunchKernel(backward cuba_lif)", "cudaLaunchKernel(backward psu_lif)"};
  const auto s = static_cast<cudaStream_t>(stream);
  BackendResult result = enqueue_scans(kNames, call, s);
  if (result.status != SPIKESCAN_OK || sums_finish_here(call)) return result;
  if (call.args.grad_beta) result = reduce_decay_gradient(call, 0, call.args.beta, call.args.grad_beta, s);
  if (result.status == SPIKESCAN_OK && call.args.grad_alpha) {
    result = reduce_decay_gradient(call, 1, call.args.alpha, call.args.grad_alpha, s);
  }
  return result;
}

}  // namespace spikescan
