// A checked call, made safe to compute ahead with. A stride along an axis of one element may be any number, since
// nothing is that far away: it becomes 0, so that no kernel's address arithmetic overflows. A problem without elements
// reads neither decays nor key: they become null.
#pragma once

#include "kernels/backend.h"

namespace spikescan {

void settle(ForwardCall& call);
void settle(BackwardCall& call);

}  // namespace spikescan
