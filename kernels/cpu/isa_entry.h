// What one instruction set's translation unit offers: passes over ranges of blocks. No standard library code here or
// below: an inline function compiled for AVX-512 must not be the copy that the linker keeps for everyone.
#pragma once

#include "kernels/backend.h"
#include "kernels/cpu/block_carries.h"
#include "kernels/cpu/block_grid.h"

// The name of what an instruction set's translation unit offers.
#define SPIKESCAN_JOIN_(a, b) a##b
#define SPIKESCAN_JOIN(a, b) SPIKESCAN_JOIN_(a, b)

namespace spikescan {

// Row blocks first .. end - 1 of neighbouring blocks of channels, a strip of at most kMostStrip. The blocks of a strip
// take turns every few segments, so that memory sees long runs. `prepared`: the scratch still holds what a range of the
// same call and channels left there.
struct BlockRange {
  int64_t first_channel_block;
  int blocks;
  int64_t first, end;
  bool prepared;
};

constexpr int kMostStrip = 8;

struct LanePasses {
  const char* name;
  int vector_floats;
  // Scratch for one running thread, 64-byte aligned.
  size_t scratch_bytes;
  void (*forward)(const ForwardCall& call, const BlockGrid& grid, const BlockRange& range, void* scratch);
  void (*backward)(const BackwardCall& call, const BlockGrid& grid, const BlockRange& range, void* scratch);
  // Neighbouring chunks of one block, where time is cut.
  void (*forward_chunk)(const ForwardCall& call, const BlockGrid& grid, const ChunkItem& item, BlockCarries& carries,
                        void* scratch);
  void (*backward_chunk)(const BackwardCall& call, const BlockGrid& grid, const ChunkItem& item, BlockCarries& carries,
                         void* scratch);
};

const LanePasses* lane_passes_baseline();
const LanePasses* lane_passes_neon();
const LanePasses* lane_passes_sse4();
const LanePasses* lane_passes_avx2();
const LanePasses* lane_passes_avx512();

}  // namespace spikescan
