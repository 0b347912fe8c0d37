#include "host/tile_shape.h"

#include <algorithm>
#include <bit>

#include "kernels/element/chunking.h"
#include "kernels/element/divide_up.h"
#include "kernels/neuron_sizes.h"
#include "kernels/tile_layout.h"

namespace spikescan {
namespace {

constexpr int kWarp = 32;
constexpr int64_t kMostResidentBlocks = 32;
constexpr int64_t kSharedBytesOfSystem = 1024;  // of each block, since compute capability 8.0
// What a fine tile's threads should gain where they have a quarter of the steps (docs/cuda.md; not measured). In phases
// they are taken up to so many turns of the device.
constexpr double kFineGain = 3, kFineTurnsInPhases = 4;

// What a kind of tile may have.
struct Limits {
  int steps, threads, rows;
  int64_t resident_threads;  // of a multiprocessor, by registers
  int columns;               // of shared memory, for each step
};

Limits usual_limits(spikescan_recurrence r, bool backward) {
  const int threads = most_tile_threads(r);
  return {kSegmentSteps, threads, kMostTileRows, threads * resident_tiles(r),
          backward ? backward_columns(r) : forward_columns(r)};
}
Limits fine_limits(spikescan_recurrence r, bool backward) {
  return {kQuarterSteps, kMostFineThreads, kMostFineRows, kMostFineThreads * resident_fine_tiles(r, backward),
          backward ? backward_columns(r) : forward_columns(r)};
}

// The best tile of a kind for a call.
class TileCutter {
 public:
  TileCutter(const spikescan_description& d, const DeviceFacts& facts, const Plan& plan, const Limits& limits)
      : d_(d), facts_(facts), plan_(plan), limits_(limits) {}

  TileShape cut() const {
    TileShape tile = {};
    tile.steps = limits_.steps;
    const int segments = std::max(segment_count(chunk_steps(d_.time, 0)), 1);
    tile.parts = static_cast<int>(std::bit_ceil(static_cast<unsigned>(segments))) * (kSegmentSteps / tile.steps);
    tile.batches = 1;
    set_channels(tile);
    TileShape best = with_batches(tile);
    // Fewer channels make more tiles, and leave room for more batches at a time.
    while (plan_.row_batches > 1 && tile.channels > 1) {
      tile.channels /= 2;
      const TileShape narrower = with_batches(tile);
      if (narrower.turns < best.turns) best = narrower;
    }
    return best;
  }

  bool fits(const TileShape& tile) const {
    return tile.rows() <= limits_.rows && tile.threads() <= limits_.threads &&
           shared_bytes(tile) <= facts_.shared_bytes;
  }

 private:
  size_t shared_bytes(const TileShape& tile) const {
    return tile_shared_bytes(scan_order(d_.recurrence), tile.steps, limits_.columns, tile.threads());
  }

  int64_t tiles_of(int channels) const { return divide_up(d_.channels, channels) * plan_.batch_rows * plan_.chunks; }

  // As many channels as threads and shared memory allow; fewer while there would be processors without a tile.
  void set_channels(TileShape& tile) const {
    const auto wanted = static_cast<uint64_t>(std::clamp<int64_t>(d_.channels, 1, limits_.rows));
    tile.channels = static_cast<int>(std::bit_ceil(wanted));
    while (tile.channels > 1 && !fits(tile)) tile.channels /= 2;
    while (tile.channels > 1 && tile.threads() > kWarp && tiles_of(tile.channels / 2) <= facts_.processors) {
      tile.channels /= 2;
    }
  }

  TileShape with_batches(TileShape tile) const {
    while (tile.batches < plan_.row_batches) {
      TileShape wider = tile;
      wider.batches *= 2;
      if (!fits(wider)) break;
      tile = wider;
    }
    // The four threads of a segment look at each other's numbers, which is a whole warp's work.
    if (tile.steps == kQuarterSteps) tile.parts = std::max(tile.parts, kWarp / tile.rows());
    tile.shared_bytes = shared_bytes(tile);
    tile.resident = resident(tile);
    const double rounds = static_cast<double>(tiles_of(tile.channels)) / static_cast<double>(tile.resident);
    tile.turns = static_cast<double>(divide_up(plan_.row_batches, tile.batches)) * std::max(rounds, 1.0);
    return tile;
  }

  int64_t resident(const TileShape& tile) const {
    const int64_t by_registers = limits_.resident_threads / tile.threads();
    const int64_t by_memory =
        std::max<int64_t>(facts_.shared_bytes_total / (tile.shared_bytes + kSharedBytesOfSystem), 1);
    return std::max<int64_t>(std::min<int64_t>({by_registers, by_memory, kMostResidentBlocks}) * facts_.processors, 1);
  }

  const spikescan_description& d_;
  const DeviceFacts& facts_;
  const Plan& plan_;
  const Limits limits_;
};

// Where no state passes between blocks of one kernel, and a thread's own time is what counts. A sequence of one quarter
// gives a thread as little to do in either kind of tile.
bool pays(const spikescan_description& d, const Plan& plan, const TileShape& fine, const TileShape& usual) {
  if (plan.chunks > 1) return plan.chunks >= kChunksInPhases && fine.turns <= kFineTurnsInPhases;
  const auto quarters = static_cast<double>(std::min<int64_t>(divide_up(d.time, kQuarterSteps), kSegmentQuarters));
  return fine.turns <= kFineGain * quarters / kSegmentQuarters * usual.turns;
}

}  // namespace

TileShape tile_shape(const spikescan_description& d, const DeviceFacts& facts, const Plan& plan, bool backward) {
  const TileShape usual = TileCutter(d, facts, plan, usual_limits(d.recurrence, backward)).cut();
  const TileCutter fine_cutter(d, facts, plan, fine_limits(d.recurrence, backward));
  const TileShape fine = fine_cutter.cut();
  return fine_cutter.fits(fine) && pays(d, plan, fine, usual) ? fine : usual;
}

}  // namespace spikescan
