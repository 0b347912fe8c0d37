#include "host/plan.h"

#include <algorithm>
#include <bit>
#include <cstdio>

#include "kernels/element/chunking.h"
#include "kernels/layout.h"

namespace spikescan {
namespace {

// The leaders of a tile's channels form part of one warp.
constexpr int kMostTileChannels = 32;
constexpr int kThreadsOfProcessor = 2048;
// What one multiprocessor must have asked for to keep memory busy: bandwidth times latency, 4.3 TB/s times about 0.8
// microseconds over 132 of them.
constexpr int64_t kBytesInFlight = 25000;
constexpr size_t kAlignment = 256;

int64_t divide_up(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

int states_of(spikescan_recurrence r) {
  return r == SPIKESCAN_LIF || r == SPIKESCAN_SPSN ? 1 : 2;
}
// psu_lif runs two scans of one state, one after the other, in the same shared memory.
int scan_order(spikescan_recurrence r) {
  return r == SPIKESCAN_CUBA_LIF ? 2 : 1;
}
int scan_count(spikescan_recurrence r) {
  return r == SPIKESCAN_PSU_LIF ? 2 : 1;
}

class Layout {
 public:
  size_t add(size_t bytes) {
    const size_t start = end_;
    end_ = (end_ + bytes + kAlignment - 1) / kAlignment * kAlignment;
    return start;
  }
  size_t end() const { return end_; }

 private:
  size_t end_ = 0;
};

void set_tiles(const spikescan_description& d, int64_t batch_rows, int most_threads, Plan& plan) {
  const int segments = std::max(segment_count(chunk_steps(d.time, 0)), 1);
  plan.tile_segments = static_cast<int32_t>(std::bit_ceil(static_cast<unsigned>(segments)));
  const auto channels = static_cast<uint64_t>(std::clamp<int64_t>(d.channels, 1, kMostTileChannels));
  plan.tile_channels = std::min(static_cast<int32_t>(std::bit_ceil(channels)), most_threads / plan.tile_segments);
  plan.threads = plan.tile_channels * plan.tile_segments;
  plan.channel_tiles = divide_up(d.channels, plan.tile_channels);
  plan.batch_rows = batch_rows;
  plan.chunks = std::max<int64_t>(chunk_count(d.time), 1);
  plan.tiles = plan.channel_tiles * plan.batch_rows * plan.chunks;
}

size_t dtype_bytes(spikescan_dtype dtype) {
  return dtype == SPIKESCAN_FLOAT32 ? 4 : 2;
}

// A thread a row has one segment of x on its way at a time: enough rows, and memory is busy without any other help.
bool rows_fill_device(const spikescan_description& d, const DeviceFacts& facts) {
  const int64_t in_flight = d.batch * d.channels * kSegmentSteps * static_cast<int64_t>(dtype_bytes(d.dtype));
  return in_flight >= kBytesInFlight * facts.processors;
}

void set_row_launch(const spikescan_description& d, Plan& plan) {
  constexpr int64_t kMostBlocks = 1 << 30;  // further rows are taken in turn
  plan.strategy = kRows;
  plan.threads = kRowThreads;
  plan.shared_bytes = row_shared_bytes(scan_order(d.recurrence));
  plan.blocks = std::min(divide_up(d.batch * d.channels, kRowThreads), kMostBlocks);
}

void set_tile_launch(const spikescan_description& d, const DeviceFacts& facts, int kept_states, Plan& plan) {
  plan.shared_bytes = tile_shared_bytes(scan_order(d.recurrence), kept_states, plan.tile_segments, plan.tile_channels);
  const int64_t by_threads = kThreadsOfProcessor / plan.threads;
  const int64_t by_memory = std::max<int64_t>(facts.shared_bytes_total / plan.shared_bytes, 1);
  const int64_t resident = std::min<int64_t>({by_threads, by_memory, 32}) * facts.processors;
  plan.blocks = std::min(plan.tiles, std::max<int64_t>(resident, 1));
}

// What blocks tell each other. One chunk needs none of it.
void add_look_back(const spikescan_description& d, Plan& plan, Layout& layout) {
  if (plan.chunks <= 1) return;
  const auto rows = static_cast<size_t>(plan.channel_tiles * plan.batch_rows);
  const auto states = static_cast<size_t>(states_of(d.recurrence) * d.batch * d.channels);
  plan.ticket = layout.add(sizeof(uint64_t));
  plan.flags = layout.add(scan_count(d.recurrence) * rows * saved_slots(plan.chunks) * sizeof(uint32_t));
  plan.cleared_bytes = layout.end();
  plan.aggregates = layout.add(states * saved_slots(plan.chunks) * sizeof(float));
  plan.carries = layout.add(states * carry_slots(plan.chunks) * sizeof(double));
}

void add_decay_gradients(const spikescan_description& d, Plan& plan, Layout& layout) {
  const size_t parameters = d.recurrence == SPIKESCAN_CUBA_LIF ? 2 : 1;
  const auto channels = static_cast<size_t>(d.channels);
  plan.partial_rows = partial_rows(d.batch, d.time);
  plan.partials = layout.add(parameters * plan.partial_rows * channels * sizeof(float));
  plan.totals = layout.add(d.shared_decay ? channels * sizeof(double) : 0);
}

}  // namespace

Plan plan_forward(const spikescan_description& d, const DeviceFacts& facts) {
  Plan plan = {};
  Layout layout;
  set_tiles(d, d.batch, most_tile_threads(false), plan);
  if (facts.shared_bytes == 0) return plan;  // the CPU launches nothing and needs no scratch
  if (rows_fill_device(d, facts)) {
    set_row_launch(d, plan);
  } else {
    set_tile_launch(d, facts, 0, plan);
    add_look_back(d, plan, layout);
  }
  plan.workspace_bytes = layout.end();
  return plan;
}

Plan plan_backward(const spikescan_description& d, const DeviceFacts& facts) {
  Plan plan = {};
  Layout layout;
  set_tiles(d, divide_up(d.batch, batches_per_row(d.time)), most_tile_threads(true), plan);
  if (facts.shared_bytes > 0) {
    set_tile_launch(d, facts, states_of(d.recurrence), plan);
    add_look_back(d, plan, layout);
  }
  add_decay_gradients(d, plan, layout);
  plan.workspace_bytes = layout.end();
  return plan;
}

std::string print_plan(const Plan& plan, const char* pass) {
  char text[512];
  std::snprintf(
      text, sizeof text,
      "%s: strategy=%s tile=%dx%d channel_tiles=%lld batch_rows=%lld chunks=%lld tiles=%lld blocks=%lld threads=%d "
      "shared_bytes=%zu cleared_bytes=%zu partial_rows=%lld workspace_bytes=%zu",
      pass, plan.strategy == kRows ? "rows" : "tiles", plan.tile_channels, plan.tile_segments,
      static_cast<long long>(plan.channel_tiles), static_cast<long long>(plan.batch_rows),
      static_cast<long long>(plan.chunks), static_cast<long long>(plan.tiles), static_cast<long long>(plan.blocks),
      plan.threads, plan.shared_bytes, plan.cleared_bytes, static_cast<long long>(plan.partial_rows),
      plan.workspace_bytes);
  return text;
}

}  // namespace spikescan
