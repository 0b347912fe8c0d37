// Which instruction sets' passes this processor can run.
#pragma once

#include "kernels/cpu/isa_entry.h"

namespace spikescan {

// Best first; ends with null. On x86 the first may be that null: a processor without SSE4.2 runs none.
const LanePasses* const* usable_passes();

}  // namespace spikescan
