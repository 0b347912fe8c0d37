// What one instruction set's translation unit offers: passes over a range of work items. No standard library templates
// here or below: an inline function compiled for AVX-512 must not be the copy that the linker keeps for everyone.
#pragma once

#include "kernels/backend.h"

namespace spikescan {

// A work item is one group of channels over `batches` batches (forward), or batch rows (backward).
struct LaneRange {
  int64_t channel;
  int64_t first, end;
};

struct LanePasses {
  const char* name;
  int lanes;  // channels of a group
  void (*forward)(const ForwardCall& call, const LaneRange& range);
  // `memory`: backward_bytes of scratch, 64-byte aligned, one per running thread.
  void (*backward)(const BackwardCall& call, const LaneRange& range, void* memory);
  size_t backward_bytes;
};

const LanePasses* lane_passes_portable();
const LanePasses* lane_passes_avx2();
const LanePasses* lane_passes_avx512();

}  // namespace spikescan
