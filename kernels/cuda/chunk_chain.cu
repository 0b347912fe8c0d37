// Enqueues the chain over the chunks of one scan of a pass.
#include "kernels/cuda/chunk_chain.h"

#include "kernels/cuda/launch.h"
#include "kernels/cuda/passes.h"

namespace spikescan {
namespace {

template <class Call>
ChunkChainCall chain_of(const Call& call, int first_state) {
  ChunkChainCall chain = {};
  chain.description = call.description;
  chain.plan = call.plan;
  chain.workspace = call.args.workspace;
  chain.first_state = first_state;
  for (const float*& decay : chain.decays) decay = call.args.beta;
  return chain;
}

template <class Scan>
BackendResult launch_chain(const ChunkChainCall& chain, cudaStream_t stream) {
  const spikescan_description& d = chain.description;
  const int columns = chain.plan.chain_columns, threads = chain.plan.chain_threads;
  const int64_t blocks = divide_up(d.channels, columns) * d.batch;
  const LaunchConfig config = {blocks, threads, chain_shared_bytes(threads, Scan::kOrder), stream};
  return launch("cudaLaunchKernel(chain_chunks)", config, chain_chunks_kernel<Scan>, chain);
}

}  // namespace

BackendResult chain_chunks(const ForwardCall& call, Phase aggregates, cudaStream_t stream) {
  const spikescan_state* initial = call.args.initial_state;
  if (call.description.recurrence == SPIKESCAN_CUBA_LIF) {  // I before V
    ChunkChainCall chain = chain_of(call, 0);
    chain.decays[0] = call.args.alpha;
    for (int n = 0; n < 2; ++n) chain.start[n] = initial[1 - n];
    return launch_chain<StateScan<2>>(chain, stream);
  }
  const int state = aggregates == Phase::kSecondAggregates ? 1 : 0;  // psu_lif: R after V
  ChunkChainCall chain = chain_of(call, state);
  chain.start[0] = initial[state];
  return launch_chain<StateScan<1>>(chain, stream);
}

BackendResult chain_chunks(const BackwardCall& call, Phase aggregates, cudaStream_t stream) {
  const spikescan_state* final_state = call.args.grad_final_state;
  if (call.description.recurrence == SPIKESCAN_CUBA_LIF) {  // on V before I
    ChunkChainCall chain = chain_of(call, 0);
    chain.decays[1] = call.args.alpha;
    for (int n = 0; n < 2; ++n) chain.start[n] = final_state[n];
    return launch_chain<GradientScan<2>>(chain, stream);
  }
  const bool refractory = call.description.recurrence == SPIKESCAN_PSU_LIF && aggregates == Phase::kFirstAggregates;
  ChunkChainCall chain = chain_of(call, refractory ? 1 : 0);
  chain.start[0] = final_state[refractory ? 1 : 0];
  return launch_chain<GradientScan<1>>(chain, stream);
}

}  // namespace spikescan
