// Whether the arguments of a call share memory, found by listing every run of bytes: slow, simple, and independent of
// the library's own way.
#pragma once

#include <cstdint>
#include <vector>

#include "include/spikescan/spikescan.h"

namespace spikescan::test {

struct Argument {
  bool written;
  uintptr_t first;
  __extension__ typedef __int128 Wide;
  Wide run;
  Wide counts[2], strides[2];  // bytes

  Wide bytes() const { return run == 0 ? 0 : run + (counts[0] - 1) * strides[0] + (counts[1] - 1) * strides[1]; }
};

// The arguments that are given and have bytes. Strides are those of the call, whatever their sign.
std::vector<Argument> arguments_of(const spikescan_description& d, const spikescan_forward_args& args);
std::vector<Argument> arguments_of(const spikescan_description& d, const spikescan_backward_args& args);

enum class Verdict { kApart, kShares, kTooLarge };
Verdict outputs_share(const std::vector<Argument>& arguments);

}  // namespace spikescan::test
