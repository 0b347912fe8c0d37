// What the CUDA backend's translation units offer each other.
#pragma once

#include "kernels/backend.h"
#include "kernels/cuda/device.h"
#include "kernels/cuda/phase.h"

namespace spikescan {

BackendResult cuda_forward(const ForwardCall& call, void* stream);
BackendResult cuda_backward(const BackwardCall& call, void* stream);

// After the kernel that made them: the chain over the chunks' aggregates (chunk_chain.h).
BackendResult chain_chunks(const ForwardCall& call, Phase aggregates, cudaStream_t stream);
BackendResult chain_chunks(const BackwardCall& call, Phase aggregates, cudaStream_t stream);

// A recurrence's kernels have a file to themselves (lif.cu ...): they take long to compile. `name` is what is launched.
template <spikescan_recurrence R, class Call>
BackendResult launch_pass(const char* name, const Call& call, cudaStream_t stream);

}  // namespace spikescan
