// The --case=N of the command line: the one case of the pairwise test to run, or -1.
#pragma once

#include <cstdint>

namespace spikescan::ops {

int64_t one_case();

}  // namespace spikescan::ops
