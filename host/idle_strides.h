// A stride along an axis of one element may be any number, since nothing is that far away. It becomes 0, so that no
// kernel that works out an address ahead of its use can overflow.
#pragma once

#include "kernels/backend.h"

namespace spikescan {

void clear_idle_strides(ForwardCall& call);
void clear_idle_strides(BackwardCall& call);

}  // namespace spikescan
