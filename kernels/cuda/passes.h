// What the CUDA backend's translation units offer each other.
#pragma once

#include "kernels/backend.h"

namespace spikescan {

BackendResult cuda_forward(const ForwardCall& call, void* stream);
BackendResult cuda_backward(const BackwardCall& call, void* stream);

}  // namespace spikescan
