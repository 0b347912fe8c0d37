// The arguments of a pass held against its checked description and plan. Pure but for reading, where the host can, the
// decays and the device key. Nothing is written.
#pragma once

#include "host/error.h"

namespace spikescan {

// `call` holds description, args and plan. `host_memory`: as the backend says (kernels/backend.h).
spikescan_status validate_forward(const ForwardCall& call, bool host_memory, Sentence& error);
spikescan_status validate_backward(const BackwardCall& call, bool host_memory, Sentence& error);

}  // namespace spikescan
