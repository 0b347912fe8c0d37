// A description's firing rule as the kernels read it.
#pragma once

#include "kernels/element/firing.h"

namespace spikescan {

Firing make_firing(const spikescan_description& description);

}  // namespace spikescan
