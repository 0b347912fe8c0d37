// An H200 as plans see it, for programs that have none.
#pragma once

#include "kernels/plan.h"

namespace spikescan {

inline constexpr DeviceFacts kH200 = {132, 227 * 1024, 228 * 1024};

}  // namespace spikescan
