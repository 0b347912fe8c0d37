// The lane passes of every recurrence for one instruction set; CMake compiles this file once for each
// (SPIKESCAN_ELEMENT_ISA names it and its namespace).
#include <new>

#include "kernels/cpu/backward_lanes.h"
#include "kernels/cpu/forward_lanes.h"
#include "kernels/cpu/isa_entry.h"

#define SPIKESCAN_JOIN_(a, b) a##b
#define SPIKESCAN_JOIN(a, b) SPIKESCAN_JOIN_(a, b)
#define SPIKESCAN_TEXT_(a) #a
#define SPIKESCAN_TEXT(a) SPIKESCAN_TEXT_(a)

SPIKESCAN_ELEMENT_BEGIN

template <spikescan_recurrence R>
void forward_range(const ForwardCall& call, const LaneRange& range) {
  ForwardLanes<R> lanes(call, range.channel);
  for (int64_t b = range.first; b < range.end; ++b) lanes.run(b);
}

template <spikescan_recurrence R>
void backward_range(const BackwardCall& call, const LaneRange& range, void* memory) {
  auto* lanes = new (memory) BackwardLanes<R>(call, range.channel);
  for (int64_t row = range.first; row < range.end; ++row) lanes->run(row);
}

inline void forward_lanes(const ForwardCall& call, const LaneRange& range) {
  switch (call.description.recurrence) {
    case SPIKESCAN_LIF:
      return forward_range<SPIKESCAN_LIF>(call, range);
    case SPIKESCAN_SPSN:
      return forward_range<SPIKESCAN_SPSN>(call, range);
    case SPIKESCAN_CUBA_LIF:
      return forward_range<SPIKESCAN_CUBA_LIF>(call, range);
    case SPIKESCAN_PSU_LIF:
      return forward_range<SPIKESCAN_PSU_LIF>(call, range);
  }
}

inline void backward_lanes(const BackwardCall& call, const LaneRange& range, void* memory) {
  switch (call.description.recurrence) {
    case SPIKESCAN_LIF:
      return backward_range<SPIKESCAN_LIF>(call, range, memory);
    case SPIKESCAN_SPSN:
      return backward_range<SPIKESCAN_SPSN>(call, range, memory);
    case SPIKESCAN_CUBA_LIF:
      return backward_range<SPIKESCAN_CUBA_LIF>(call, range, memory);
    case SPIKESCAN_PSU_LIF:
      return backward_range<SPIKESCAN_PSU_LIF>(call, range, memory);
  }
}

constexpr size_t larger(size_t a, size_t b) {
  return a > b ? a : b;
}

SPIKESCAN_ELEMENT_END

namespace spikescan {

const LanePasses* SPIKESCAN_JOIN(lane_passes_, SPIKESCAN_ELEMENT_ISA)() {
  static constexpr LanePasses passes = {
      SPIKESCAN_TEXT(SPIKESCAN_ELEMENT_ISA), kLanes, forward_lanes, backward_lanes,
      larger(sizeof(BackwardLanes<SPIKESCAN_CUBA_LIF>), sizeof(BackwardLanes<SPIKESCAN_PSU_LIF>))};
  static_assert(sizeof(BackwardLanes<SPIKESCAN_LIF>) <= sizeof(BackwardLanes<SPIKESCAN_CUBA_LIF>));
  return &passes;
}

}  // namespace spikescan
