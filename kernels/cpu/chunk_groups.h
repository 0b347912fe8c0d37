// Which chunks of a row go to one thread (block_carries.h), in the pass's order: one, or as many as stand side by side
// in a block's lanes, and then whole ones alone.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/cpu/block_grid.h"
#include "kernels/element/chunking.h"

namespace spikescan {

class ChunkGroups {
 public:
  struct Group {
    int64_t position;
    int count;
  };

  // `from_last`: the pass starts at the row's last chunk, the only one that may be short. `most` chunks stand side by
  // side, and not less than `least` for the sake of threads that would have nothing to do.
  ChunkGroups(int64_t time, bool from_last, int64_t least, int64_t most, int threads)
      : whole_(time / kChunkSteps), short_(time % kChunkSteps != 0 ? 1 : 0), from_last_(from_last) {
    const int64_t fewest = divide_up(whole_, most), same_for_all = divide_up(fewest, threads) * threads;
    groups_ = std::max(fewest, std::min(same_for_all, whole_ / least));
  }
  int64_t count() const { return short_ + groups_; }
  Group operator[](int64_t item) const {
    const int64_t before = from_last_ ? short_ : 0, group = item - before;
    if (group < 0) return {0, 1};
    if (group == groups_) return {whole_, 1};
    const int64_t begin = group * whole_ / groups_, end = (group + 1) * whole_ / groups_;
    return {before + begin, static_cast<int>(end - begin)};
  }

 private:
  int64_t whole_, short_, groups_;
  bool from_last_;
};

}  // namespace spikescan
