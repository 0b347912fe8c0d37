// The bytes of one argument, and whether two of them share any: a legal call may slice several arguments out of one
// buffer, so that their ranges interleave without a byte in common.
#pragma once

#include <cstddef>
#include <cstdint>

#include "host/progression.h"

namespace spikescan {

// Runs of `run` bytes at first + u * axes[0].stride + v * axes[1].stride.
struct Region {
  const char* name;
  uintptr_t first;
  size_t bytes;  // from the first byte to the last; 0: nothing
  Wide run;
  Axis axes[2];  // strides in bytes, 0 allowed
  bool written;
  bool replaced;  // an input in an output's very place, element by element: what holds for that output holds for it
};

enum class Sharing { kApart, kShares, kUndecided };

// Exact where both together have at most two different strides, or where a common period of the strides keeps the two
// apart; else undecided.
Sharing sharing_of(const Region& a, const Region& b);

// Do two of its runs share a byte? Exact.
bool overlaps_itself(const Region& region);

}  // namespace spikescan
