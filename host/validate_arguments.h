// The arguments of a pass held against its checked description and plan. Pure but for reading the decays where the host
// can. Nothing is written.
#pragma once

#include "host/error.h"

namespace spikescan {

// `call` holds description, args and plan. `read_decays`: their memory can be read here.
spikescan_status validate_forward(const ForwardCall& call, bool read_decays, Sentence& error);
spikescan_status validate_backward(const BackwardCall& call, bool read_decays, Sentence& error);

}  // namespace spikescan
