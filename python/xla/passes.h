// The two passes over the instances of a call frame. Which optional operands and results there are, the attribute
// `present` says: one bit each, in the order of the enums (python/spikescan/jax/_call.py holds the same).
#pragma once

#include "python/xla/call_frame.h"

namespace spikescan_xla {

void forward(const ffi::CallFrame& frame, spikescan_backend backend, void* stream);
void backward(const ffi::CallFrame& frame, spikescan_backend backend, void* stream);

}  // namespace spikescan_xla
