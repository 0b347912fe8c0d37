// A plan as text, for spikescan_describe_plan and for spikescan-bench, which tells plans apart by it.
#pragma once

#include <string>

#include "kernels/plan.h"

namespace spikescan {

// What a CUDA pass launches, by the strategy's own terms: "strategy=tiles chunks=5 tile=4x64x16 ..." (channels, parts,
// steps of a part). Empty for the CPU, which launches nothing.
std::string print_launch(const Plan& plan);

// One line: the pass, its launch, and what it needs of memory.
std::string print_plan(const Plan& plan, const char* pass);

}  // namespace spikescan
