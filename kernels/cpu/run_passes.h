// A whole call on one instruction set's passes: blocks over threads, and the parameter gradients' ordered sums.
#pragma once

#include "kernels/backend.h"
#include "kernels/cpu/isa_entry.h"

namespace spikescan {

// `stream`: null or a const spikescan_executor*.
BackendResult run_forward(const LanePasses& passes, const ForwardCall& call, const void* stream);
BackendResult run_backward(const LanePasses& passes, const BackwardCall& call, const void* stream);

}  // namespace spikescan
