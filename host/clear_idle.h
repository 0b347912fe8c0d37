// What a checked call never uses, cleared, so that kernels may compute addresses and load ahead. A stride along an axis
// of one element, and any of a tensor or state without elements, may be any number, since nothing is that far away: it
// becomes 0, and no address overflows. A problem without elements reads neither decays nor key: they become null. An
// absent tensor's dtype was not looked at and may be a number that is none: the tensor becomes zero, so that nobody
// loads it.
#pragma once

#include "kernels/backend.h"

namespace spikescan {

void clear_idle(ForwardCall& call);
void clear_idle(BackwardCall& call);

}  // namespace spikescan
