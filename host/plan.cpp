#include "host/plan.h"

#include <algorithm>
#include <bit>

#include "host/tile_shape.h"
#include "kernels/chain_layout.h"
#include "kernels/element/chunking.h"
#include "kernels/element/convert.h"
#include "kernels/element/divide_up.h"
#include "kernels/link_slots.h"
#include "kernels/neuron_sizes.h"
#include "kernels/row_layout.h"

namespace spikescan {
namespace {

constexpr int kWarp = 32;
constexpr int kBatchesOfBlock = kRowThreads / kWarp;  // where a block's warps have the same channels
// From about three warps of rows on each multiprocessor, an H200 took rows faster than tiles, in both directions
// (docs/cuda.md; in no record yet).
constexpr int64_t kRowsOfProcessor = 96;
// The same where pieces would fill the device as well.
constexpr int64_t kRowsOverPieces = 168;
// Pieces from so many on: a thread's walk through a chunk takes its time, and where few are under way tiles are done
// sooner; with two states, whose tiles are slower, from half as many.
constexpr int64_t kPiecesOfProcessor = 160;
// Tiles in phases up to so many tiles a block (docs/cuda.md; in no record yet).
constexpr int64_t kTilesOfBlockForward = 4, kTilesOfBlockBackward = 1;
constexpr int64_t kMostBlocks = 1 << 30;  // of a grid: further rows, or fine tiles, are taken in turn

// Parts of the workspace, one after the other.
class WorkspaceLayout {
 public:
  size_t add(size_t bytes) {
    const size_t start = end_;
    end_ = (end_ + bytes + kWorkspaceAlignment - 1) / kWorkspaceAlignment * kWorkspaceAlignment;
    return start;
  }
  size_t end() const { return end_; }

 private:
  size_t end_ = 0;
};

// How the tensor is cut whatever runs the pass. `group`: batches that share a row of partial sums.
void set_rows(const spikescan_description& d, const DeviceFacts& facts, int64_t group, Plan& plan) {
  plan.shared_limit = facts.shared_bytes;
  plan.batch_rows = divide_up(d.batch, group);
  plan.row_batches = static_cast<int32_t>(std::clamp<int64_t>(d.batch, 1, group));
  plan.chunks = std::max<int64_t>(chunk_count(d.time), 1);
}

void set_tiles(const spikescan_description& d, const TileShape& tile, Plan& plan) {
  plan.tile_batches = tile.batches;
  plan.tile_steps = tile.steps;
  plan.tile_parts = tile.parts;
  plan.tile_channels = tile.channels;
  plan.threads = tile.threads();
  plan.shared_bytes = tile.shared_bytes;
  plan.channel_tiles = divide_up(d.channels, plan.tile_channels);
  plan.tiles = plan.channel_tiles * plan.batch_rows * plan.chunks;
}

// Where a warp has 32 channels of one batch.
int64_t lanes_of(const spikescan_description& d) {
  return divide_up(d.channels, kWarp) * kWarp;
}
bool lanes_are_used(const spikescan_description& d) {
  return 2 * d.channels >= lanes_of(d);
}

// Several chunks, enough of them, and lanes that are mostly there.
bool pieces_fill_device(const spikescan_description& d, const DeviceFacts& facts) {
  return chunk_count(d.time) > 1 && lanes_are_used(d) &&
         state_count(d.recurrence) * lanes_of(d) * d.batch * chunk_count(d.time) >=
             kPiecesOfProcessor * facts.processors;
}

// Enough rows, and no help of other threads is needed.
bool rows_fill_device(const spikescan_description& d, int64_t rows, const DeviceFacts& facts) {
  return rows >= (pieces_fill_device(d, facts) ? kRowsOverPieces : kRowsOfProcessor) * facts.processors;
}

void set_row_launch(Strategy strategy, int64_t row_blocks, size_t shared_bytes, Plan& plan) {
  plan.strategy = strategy;
  plan.threads = kRowThreads;
  plan.shared_bytes = shared_bytes;
  plan.row_blocks = row_blocks;
  plan.blocks = std::min(row_blocks, kMostBlocks);
}

// A block's warps have the same channels where lanes are mostly there. With one state a column of tables for each
// thread leaves room for as many blocks, but makes a quarter more instructions: so few lanes may be idle. With two
// scans it leaves room for one block.
int backward_columns_of_rows(const spikescan_description& d, int64_t batch_rows) {
  const bool fills = scan_order(d.recurrence) == 2 ? lanes_are_used(d) : 5 * d.channels >= 4 * lanes_of(d);
  return fills && batch_rows >= kBatchesOfBlock ? kWarp : kRowThreads;
}

void set_backward_rows(const spikescan_description& d, int columns, Plan& plan) {
  plan.row_columns = columns;
  const int64_t blocks = columns == kWarp ? divide_up(d.channels, kWarp) * divide_up(plan.batch_rows, kBatchesOfBlock)
                                          : divide_up(plan.batch_rows * d.channels, kRowThreads);
  set_row_launch(kRows, blocks, backward_row_layout(d.recurrence, columns).bytes, plan);
}

// Warps that have 32 channels of one chunk of one batch: of forward's blocks as they come, of backward's of the same
// channels. blocks(links): how many blocks take as many links of every row.
template <class Blocks>
void set_pieces(size_t shared_bytes, Blocks blocks, Plan& plan) {
  set_row_launch(kPieces, blocks(plan.chunks), shared_bytes, plan);
  plan.aggregate_blocks = blocks(link_slots(plan.chunks));
}

void set_forward_pieces(const spikescan_description& d, Plan& plan) {
  const int64_t warps = divide_up(d.channels, kWarp) * d.batch;
  set_pieces(
      forward_row_layout(d.recurrence).bytes,
      [&](int64_t links) { return divide_up(warps * links, kRowThreads / kWarp); }, plan);
}

void set_backward_pieces(const spikescan_description& d, Plan& plan) {
  const int64_t groups = divide_up(d.channels, kWarp);
  plan.row_columns = kWarp;
  set_pieces(
      backward_row_layout(d.recurrence, kWarp).bytes,
      [&](int64_t links) { return groups * divide_up(plan.batch_rows * links, kRowThreads / kWarp); }, plan);
}

// Tiles that share 32-byte sectors of x, and so should meet in one multiprocessor's cache.
int neighbours(const spikescan_description& d, const Plan& plan) {
  constexpr size_t kSector = 32;
  const size_t bytes = static_cast<size_t>(plan.tile_channels) * dtype_bytes(d.dtype);
  return bytes >= kSector ? 1 : static_cast<int>(kSector / bytes);
}

void set_tile_launch(const spikescan_description& d, const DeviceFacts& facts, bool backward, Plan& plan) {
  const TileShape tile = tile_shape(d, facts, plan, backward);
  set_tiles(d, tile, plan);
  const int64_t most_in_phases = tile.resident * (backward ? kTilesOfBlockBackward : kTilesOfBlockForward);
  if (plan.chunks >= kChunksInPhases && (is_fine(plan) || plan.tiles <= most_in_phases)) {
    plan.strategy = kTilesInPhases;
  }
  if (is_fine(plan)) {  // a block each
    plan.run = 1;
    plan.blocks = std::min(plan.tiles, kMostBlocks);
    return;
  }
  const int run = neighbours(d, plan);
  plan.run = plan.tiles >= 4 * run * tile.resident ? run : 1;  // enough for every block to be busy to the end
  plan.blocks = std::min(divide_up(plan.tiles, plan.run), tile.resident);
}

// A thread for each run of links, of so many channels as make whole sectors of memory, or fill a warp where runs are
// few.
void set_chain(const spikescan_description& d, Plan& plan) {
  const int64_t runs = divide_up(link_slots(plan.chunks), kRunLinks);
  const auto wanted = static_cast<uint64_t>(std::clamp<int64_t>(kWarp / runs, kFewestChainColumns, kMostChainColumns));
  const auto channels = static_cast<uint64_t>(d.channels);
  const auto columns = static_cast<int64_t>(std::bit_ceil(std::min(channels, std::bit_floor(wanted))));
  plan.chain_columns = static_cast<int32_t>(columns);
  plan.chain_threads =
      static_cast<int32_t>(std::min<int64_t>(divide_up(columns * runs, kWarp) * kWarp, kMostChainThreads));
}

// What chunks hand on. One chunk needs none of it, nor does a thread that walks them all.
void add_links(const spikescan_description& d, Plan& plan, WorkspaceLayout& layout) {
  if (plan.chunks <= 1 || plan.strategy == kRows) return;
  const auto states = static_cast<size_t>(state_count(d.recurrence) * d.batch * d.channels);
  if (plan.strategy != kTiles) {
    plan.carries = layout.add(states * link_slots(plan.chunks) * sizeof(double));
    set_chain(d, plan);
    return;
  }
  plan.ticket = layout.add(sizeof(uint64_t));
  plan.aggregates = layout.add(states * link_slots(plan.chunks) * sizeof(uint32_t));
  plan.carries = layout.add(states * published_carry_slots(plan.chunks) * sizeof(uint64_t));
  plan.cleared_bytes = layout.end();
}

void add_decay_gradients(const spikescan_description& d, Plan& plan, WorkspaceLayout& layout) {
  const auto parameters = static_cast<size_t>(parameter_count(d.recurrence));
  const auto channels = static_cast<size_t>(d.channels);
  plan.partial_rows = partial_rows(d.batch, d.time);
  plan.partials = layout.add(parameters * plan.partial_rows * channels * sizeof(float));
  plan.totals = layout.add(d.shared_decay ? channels * sizeof(double) : 0);
}

}  // namespace

Plan plan_forward(const spikescan_description& d, const DeviceFacts& facts) {
  Plan plan = {};
  WorkspaceLayout layout;
  set_rows(d, facts, 1, plan);
  if (facts.shared_bytes == 0) return plan;  // the CPU launches nothing and needs no scratch
  if (rows_fill_device(d, d.batch * d.channels, facts)) {
    set_row_launch(kRows, divide_up(d.batch * d.channels, kRowThreads), forward_row_layout(d.recurrence).bytes, plan);
  } else if (pieces_fill_device(d, facts)) {
    set_forward_pieces(d, plan);
  } else {
    set_tile_launch(d, facts, /*backward=*/false, plan);
  }
  add_links(d, plan, layout);
  plan.workspace_bytes = layout.end();
  return plan;
}

Plan plan_backward(const spikescan_description& d, const DeviceFacts& facts) {
  Plan plan = {};
  WorkspaceLayout layout;
  set_rows(d, facts, batches_per_row(d.time), plan);
  if (facts.shared_bytes > 0) {
    const auto fits = [&](int columns) {
      return backward_row_layout(d.recurrence, columns).bytes <= facts.shared_bytes;
    };
    const int columns = backward_columns_of_rows(d, plan.batch_rows);
    if (d.time > 0 && fits(columns) && rows_fill_device(d, plan.batch_rows * d.channels, facts)) {
      set_backward_rows(d, columns, plan);
    } else if (fits(kWarp) && pieces_fill_device(d, facts)) {
      set_backward_pieces(d, plan);
    } else {
      set_tile_launch(d, facts, /*backward=*/true, plan);
    }
    add_links(d, plan, layout);
  }
  add_decay_gradients(d, plan, layout);
  plan.workspace_bytes = layout.end();
  return plan;
}

}  // namespace spikescan
