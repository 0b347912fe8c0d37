// Launch plans that the planner could have made for a pass, for `spikescan-bench sweep`: the planner itself is asked,
// with other facts of the device than the true ones, so that every plan is whole; then the number of blocks is varied.
#pragma once

#include <string>
#include <vector>

#include "host/plan.h"

namespace spikescan::bench {

// The planner's own choice first, each plan once.
std::vector<Plan> candidate_plans(const spikescan_description& description, bool backward, const DeviceFacts& facts);

// A plan by what distinguishes it.
std::string describe(const Plan& plan);

}  // namespace spikescan::bench
