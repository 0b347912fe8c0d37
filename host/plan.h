// From a checked description and the device's facts to what a call will do. Pure: no device is touched.
#pragma once

#include <string>

#include "include/spikescan/spikescan.h"
#include "kernels/plan.h"

namespace spikescan {

Plan plan_forward(const spikescan_description& description, const DeviceFacts& facts);
Plan plan_backward(const spikescan_description& description, const DeviceFacts& facts);

// One line: "forward: tile=8x64 tiles=128 blocks=128 threads=512 ...".
std::string print_plan(const Plan& plan, const char* pass);

}  // namespace spikescan
