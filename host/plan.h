// From a checked description and the device's facts to what a call will do. Pure: no device is touched.
#pragma once

#include "include/spikescan/spikescan.h"
#include "kernels/plan.h"

namespace spikescan {

Plan plan_forward(const spikescan_description& description, const DeviceFacts& facts);
Plan plan_backward(const spikescan_description& description, const DeviceFacts& facts);

}  // namespace spikescan
