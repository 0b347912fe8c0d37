// The passes of every recurrence for one instruction set; CMake compiles this file once for each
// (SPIKESCAN_ELEMENT_ISA names it and its namespace).
#include <new>

#include "kernels/cpu/backward_lanes.h"
#include "kernels/cpu/forward_lanes.h"
#include "kernels/cpu/isa_entry.h"
#include "kernels/cpu/split_chunk.h"

#define SPIKESCAN_TEXT_(a) #a
#define SPIKESCAN_TEXT(a) SPIKESCAN_TEXT_(a)

SPIKESCAN_ELEMENT_BEGIN

// A thread's scratch memory: what all blocks share, then the blocks of a strip side by side.
template <class Lanes>
Lanes* lanes_in(void* scratch) {
  return reinterpret_cast<Lanes*>(static_cast<char*>(scratch) + sizeof(typename Lanes::Shared));
}

template <class Lanes>
class Strip {
 public:
  template <class Call>
  Strip(const Call& call, const BlockGrid& grid, const BlockRange& range, void* scratch)
      : shared_(*static_cast<typename Lanes::Shared*>(scratch)),
        lanes_(lanes_in<Lanes>(scratch)),
        blocks_(range.blocks) {
    if (range.prepared) return;
    auto& shared = *new (scratch) typename Lanes::Shared;
    const int64_t begin = range.first_channel_block;
    const auto width = [&](int64_t block) { return grid.first_channel(block + 1) - grid.first_channel(block); };
    for (int i = 0; i < blocks_; ++i) {
      const int64_t to_next = grid.first_channel(begin + (i + 1) % blocks_) - grid.first_channel(begin + i);
      const StripPlace place = {i, blocks_, to_next, width(begin), blocks_ == grid.channel_blocks};
      new (lanes_ + i) Lanes(call, grid, begin + i, place, shared);
    }
  }
  template <class Step>
  void each(Step step) {
    for (int i = 0; i < blocks_; ++i) step(lanes_[i]);
  }
  typename Lanes::Shared& shared() { return shared_; }

 private:
  typename Lanes::Shared& shared_;
  Lanes* lanes_;
  int blocks_;
};

template <class Lanes, class Call>
void run_range(const Call& call, const BlockGrid& grid, const BlockRange& range, void* scratch) {
  Strip<Lanes> strip(call, grid, range, scratch);
  for (int64_t row_block = range.first; row_block < range.end; ++row_block) Lanes::run(strip, call, row_block);
  hwy::FlushStream();
}

template <class Lanes, class Call>
void run_chunk(const Call& call, const BlockGrid& grid, const ChunkItem& item, BlockCarries& carries, void* scratch) {
  Lanes* lanes = lanes_in<Lanes>(scratch);
  if (!item.prepared) {
    auto& shared = *new (scratch) typename Lanes::Shared;
    new (lanes) Lanes(call, grid, item.channel_block, StripPlace{}, shared);
  }
  run_split_chunks(*lanes, item, chunk_count(call.description.time), carries);
  hwy::FlushStream();
}

// Calls use(lanes) with the type of lanes for the call's recurrence.
template <template <spikescan_recurrence> class Lanes, class Use>
void with_recurrence(spikescan_recurrence recurrence, Use use) {
  switch (recurrence) {
    case SPIKESCAN_LIF:
      return use(static_cast<Lanes<SPIKESCAN_LIF>*>(nullptr));
    case SPIKESCAN_SPSN:
      return use(static_cast<Lanes<SPIKESCAN_SPSN>*>(nullptr));
    case SPIKESCAN_CUBA_LIF:
      return use(static_cast<Lanes<SPIKESCAN_CUBA_LIF>*>(nullptr));
    case SPIKESCAN_PSU_LIF:
      return use(static_cast<Lanes<SPIKESCAN_PSU_LIF>*>(nullptr));
  }
}

template <template <spikescan_recurrence> class Lanes, class Call>
void pass_range(const Call& call, const BlockGrid& grid, const BlockRange& range, void* scratch) {
  with_recurrence<Lanes>(call.description.recurrence, [&]<class L>(L*) { run_range<L>(call, grid, range, scratch); });
}

template <template <spikescan_recurrence> class Lanes, class Call>
void pass_chunk(const Call& call, const BlockGrid& grid, const ChunkItem& item, BlockCarries& carries, void* scratch) {
  with_recurrence<Lanes>(call.description.recurrence,
                         [&]<class L>(L*) { run_chunk<L>(call, grid, item, carries, scratch); });
}

constexpr size_t larger(size_t a, size_t b) {
  return a > b ? a : b;
}
template <class Lanes>
constexpr size_t scratch_of(int blocks) {
  return sizeof(typename Lanes::Shared) + blocks * sizeof(Lanes);
}
template <template <spikescan_recurrence> class Lanes>
constexpr size_t largest(int blocks) {
  return larger(larger(scratch_of<Lanes<SPIKESCAN_LIF>>(blocks), scratch_of<Lanes<SPIKESCAN_SPSN>>(blocks)),
                larger(scratch_of<Lanes<SPIKESCAN_CUBA_LIF>>(blocks), scratch_of<Lanes<SPIKESCAN_PSU_LIF>>(blocks)));
}

SPIKESCAN_ELEMENT_END

namespace spikescan {

const LanePasses* SPIKESCAN_JOIN(lane_passes_, SPIKESCAN_ELEMENT_ISA)() {
  static constexpr LanePasses passes = {SPIKESCAN_TEXT(SPIKESCAN_ELEMENT_ISA),
                                        kFloats,
                                        larger(largest<ForwardLanes>(kMostStrip), largest<BackwardLanes>(kMostStrip)),
                                        pass_range<ForwardLanes, ForwardCall>,
                                        pass_range<BackwardLanes, BackwardCall>,
                                        pass_chunk<ForwardLanes, ForwardCall>,
                                        pass_chunk<BackwardLanes, BackwardCall>};
  return &passes;
}

}  // namespace spikescan
