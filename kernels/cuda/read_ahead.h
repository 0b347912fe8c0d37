// Numbers in shared memory that are worked through one after the other.
#pragma once

#include "kernels/cuda/device.h"

namespace spikescan {

// use(i, read(i)) for each i below `count`, in order. The next kAhead are read while those before them are used, so
// that a long chain of operations does not wait for memory.
template <int kAhead, class Read, class Use>
__device__ __forceinline__ void read_ahead(int count, Read read, Use use) {
  decltype(read(0)) next[kAhead] = {};
  const auto read_from = [&](int first) {
#pragma unroll
    for (int i = 0; i < kAhead; ++i) {
      if (first + i < count) next[i] = read(first + i);
    }
  };
  read_from(0);
  for (int done = 0; done < count; done += kAhead) {
    decltype(read(0)) now[kAhead];
#pragma unroll
    for (int i = 0; i < kAhead; ++i) now[i] = next[i];
    read_from(done + kAhead);
#pragma unroll
    for (int i = 0; i < kAhead; ++i) {
      if (done + i < count) use(done + i, now[i]);
    }
  }
}

}  // namespace spikescan
