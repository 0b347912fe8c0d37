// The decays' gradients from the partial sums that a backward pass left in the workspace (kernels/partial_sums.h).
#pragma once

#include "kernels/backend.h"

namespace spikescan {

// Those that the call wants.
void sum_decay_gradients(const BackwardCall& call);

}  // namespace spikescan
