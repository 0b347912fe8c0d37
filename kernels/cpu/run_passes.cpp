#include "kernels/cpu/run_passes.h"

#include <algorithm>

#include "kernels/cpu/chunk_groups.h"
#include "kernels/cpu/decay_gradients.h"
#include "kernels/cpu/threads.h"

namespace spikescan {
namespace {

// Strips of channel blocks times slices of the row blocks: enough items for all threads, few enough to share a strip's
// tables.
class Items {
 public:
  Items(const BlockGrid& grid, int threads) : grid_(grid) {
    const int64_t blocks = std::max<int64_t>(grid.channel_blocks, 1), rows = std::max<int64_t>(grid.row_blocks, 1);
    strip_ = std::clamp<int64_t>(blocks * rows / threads, 1, std::min<int64_t>(kMostStrip, blocks));
    strips_ = divide_up(grid.channel_blocks, strip_);
    strip_ = divide_up(grid.channel_blocks, std::max<int64_t>(strips_, 1));  // as even as they can be
    rows_ = divide_up(grid.row_blocks,
                      std::clamp<int64_t>(divide_up(kItemsAThread * threads, strips_ > 0 ? strips_ : 1), 1, rows));
    slices_ = rows_ > 0 ? divide_up(grid.row_blocks, rows_) : 0;
  }
  int64_t count() const { return strips_ * slices_; }
  // Neighbours in the list read neighbouring channels of the same rows.
  int64_t strip(int64_t item) const { return item % strips_; }
  BlockRange range(int64_t item, bool prepared) const {
    const int64_t block = strip(item) * strip_, first = item / strips_ * rows_;
    return {block, static_cast<int>(std::min(strip_, grid_.channel_blocks - block)), first,
            std::min(first + rows_, grid_.row_blocks), prepared};
  }

 private:
  static constexpr int64_t kItemsAThread = 8;
  const BlockGrid& grid_;
  int64_t strip_, strips_, rows_, slices_;
};

// Blocks whose time is cut into chunks: for threads that would have nothing to do, or, with so few rows that most lanes
// of a vector would have none, for those; on one thread as well. The outputs wait for carries that cost passes of their
// own, one for each scan (x is read again; backward makes states and gradients again), so what is gained has to be a
// factor.
constexpr int64_t kMostChains = 16;
constexpr int64_t kForwardGain = 2, kBackwardGain = 4;

bool splits_time(const BlockGrid& grid, int64_t time, int threads, int vector, int64_t least_gain) {
  const int64_t chains = grid.channel_blocks * grid.row_blocks, rows = grid.channels * grid.batch_rows;
  if (chunk_count(time) < least_gain || chains == 0 || chains > kMostChains) return false;
  const int64_t lanes_gain = std::max<int64_t>(std::min(vector / rows, time / kChunkSteps), 1);  // whole chunks alone
  return chains * least_gain <= threads * lanes_gain;
}

template <class Call>
BackendResult run_chunks(const Threads& threads, BlockGrid grid, const Call& call, bool from_last,
                         const LanePasses& passes,
                         void (*pass)(const Call&, const BlockGrid&, const ChunkItem&, BlockCarries&, void*)) {
  BlockCarries carries[kMostChains];
  const int64_t count = grid.channel_blocks * grid.row_blocks, rows = grid.channels * grid.batch_rows;
  grid.chunks = std::max<int64_t>(kLanes / rows, 1);
  const int64_t fills_vector = std::max<int64_t>(passes.vector_floats / rows, 1);
  const ChunkGroups groups(call.description.time, from_last, fills_vector, grid.chunks, threads.count());
  const auto body = [&](int64_t item, void* scratch, int64_t& prepared) {
    const int64_t chain = item % count, block = chain % grid.channel_blocks;
    const ChunkGroups::Group group = groups[item / count];
    pass(call, grid, {block, chain / grid.channel_blocks, group.position, group.count, block == prepared},
         carries[chain], scratch);
    prepared = block;
  };
  return for_each_item(threads, count * groups.count(), passes.scratch_bytes, body);
}

template <class Call>
BackendResult run_blocks(const Threads& threads, const BlockGrid& grid, const Call& call, const LanePasses& passes,
                         void (*pass)(const Call&, const BlockGrid&, const BlockRange&, void*)) {
  const Items items(grid, threads.count());
  const auto body = [&](int64_t item, void* scratch, int64_t& prepared) {
    pass(call, grid, items.range(item, items.strip(item) == prepared), scratch);
    prepared = items.strip(item);
  };
  return for_each_item(threads, items.count(), passes.scratch_bytes, body);
}

}  // namespace

BackendResult run_forward(const LanePasses& passes, const ForwardCall& call, const void* stream) {
  const Threads threads(stream);
  const BlockGrid grid(call.description.channels, call.description.batch);
  if (splits_time(grid, call.description.time, threads.count(), passes.vector_floats, kForwardGain)) {
    return run_chunks(threads, grid, call, false, passes, passes.forward_chunk);
  }
  return run_blocks(threads, grid, call, passes, passes.forward);
}

BackendResult run_backward(const LanePasses& passes, const BackwardCall& call, const void* stream) {
  const Threads threads(stream);
  const BlockGrid grid(call.description.channels, call.plan.batch_rows);
  const bool split = splits_time(grid, call.description.time, threads.count(), passes.vector_floats, kBackwardGain);
  const BackendResult result = split ? run_chunks(threads, grid, call, true, passes, passes.backward_chunk)
                                     : run_blocks(threads, grid, call, passes, passes.backward);
  if (result.status == SPIKESCAN_OK) sum_decay_gradients(call);
  return result;
}

}  // namespace spikescan
