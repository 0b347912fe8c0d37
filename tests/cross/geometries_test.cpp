// The launch geometry changes no bit: tiles of 1 to 32 channels, of segments or of quarters, any number of blocks, a
// thread a row or a chunk of one.
// The kernels are called with plans that the host would not make.
#include <algorithm>
#include <bit>
#include <cstring>

#include "cross/both.h"
#include "host/firing_setup.h"
#include "host/plan.h"
#include "kernels/backend.h"
#include "kernels/link_slots.h"
#include "kernels/neuron_sizes.h"
#include "kernels/tile_layout.h"
#include "simt/runtime.h"
#include "simt/simt.h"
#include "support/coverage.h"
#include "support/random_case.h"

namespace spikescan::cross {
namespace {

using support::Case;

// What a test varies of a plan.
struct Geometry {
  Strategy strategy;
  int tile_channels;
  int64_t blocks;
  int run = 1;                     // neighbouring tiles that a block takes at a time
  int tile_steps = kSegmentSteps;  // a thread's
  int tile_batches = 1;            // backward, that share a row of partial sums
};

std::ostream& operator<<(std::ostream& out, const Geometry& g) {
  static constexpr const char* kNames[] = {"tiles", "rows", "pieces", "tiles in phases"};
  return out << kNames[g.strategy] << " of " << g.tile_channels << " channels in " << g.blocks << " blocks, " << g.run
             << " at a time, " << g.tile_steps << " steps a thread, " << g.tile_batches << " batches at a time";
}

size_t padded(size_t bytes) {
  return (bytes + 255) / 256 * 256;
}

// What the chunks hand on in phases, in place of what look-back publishes.
void lay_out_phases(const spikescan_description& d, Plan& plan) {
  const auto states = static_cast<size_t>(state_count(d.recurrence));
  plan.carries = 0;
  const size_t bytes = padded(states * d.batch * d.channels * link_slots(plan.chunks) * sizeof(double));
  for (size_t* offset : {&plan.partials, &plan.totals, &plan.workspace_bytes}) *offset += bytes - plan.cleared_bytes;
  plan.cleared_bytes = 0;
  plan.chain_columns = 2;
  plan.chain_threads = 64;
}

// Threads of a tile's row, a power of two.
int parts_of(int64_t time, int tile_steps) {
  const int64_t segments = (std::min(time, ops::chunk_steps()) + kSegmentSteps - 1) / kSegmentSteps;
  return static_cast<int>(std::bit_ceil(static_cast<uint64_t>(segments))) * kSegmentSteps / tile_steps;
}

void change_tiles(const spikescan_description& d, const Geometry& g, bool backward, Plan& plan) {
  plan.tile_channels = g.tile_channels;
  plan.tile_batches = backward ? g.tile_batches : 1;
  const int rows = plan.tile_channels * plan.tile_batches;
  plan.tile_steps = g.tile_steps;
  plan.tile_parts = parts_of(d.time, g.tile_steps);
  if (is_fine(plan)) plan.tile_parts = std::max(plan.tile_parts, 32 / rows);
  plan.threads = rows * plan.tile_parts;
  plan.channel_tiles = (d.channels + g.tile_channels - 1) / g.tile_channels;
  plan.tiles = plan.channel_tiles * plan.batch_rows * plan.chunks;
  plan.run = g.run;
  if (g.strategy == kTilesInPhases && plan.strategy == kTiles) lay_out_phases(d, plan);
  plan.strategy = g.strategy;
  plan.shared_bytes =
      tile_shared_bytes(scan_order(d.recurrence), g.tile_steps,
                        backward ? backward_columns(d.recurrence) : forward_columns(d.recurrence), plan.threads);
}

// A device that is filled by any call takes rows; by none, tiles; by the chunks of the long case's rows, pieces.
DeviceFacts facts_for(Strategy strategy) {
  DeviceFacts facts = {};
  EXPECT_EQ(cuda_backend()->facts(&facts).status, SPIKESCAN_OK);
  facts.processors = strategy == kRows ? 0 : strategy == kPieces ? 1 : 1 << 20;
  return facts;
}

struct Workspace {
  explicit Workspace(size_t bytes) : words(bytes / 8 + 64) { std::memset(words.data(), 0xfb, words.size() * 8); }
  void* data() { return reinterpret_cast<void*>((reinterpret_cast<uintptr_t>(words.data()) + 255) / 256 * 256); }
  std::vector<uint64_t> words;
};

spikescan_status forward_with(const Geometry& g, const spikescan_description& d, const spikescan_forward_args& args) {
  ForwardCall call = {d, args, make_firing(d), plan_forward(d, facts_for(g.strategy))};
  if (is_tiles(call.plan)) change_tiles(d, g, false, call.plan);
  EXPECT_EQ(call.plan.strategy, g.strategy);
  call.plan.blocks = g.blocks;
  if (call.plan.chain_threads > 0) call.plan.chain_threads = 32;
  Workspace workspace(call.plan.workspace_bytes);
  call.args.workspace = workspace.data();
  call.args.workspace_bytes = call.plan.workspace_bytes;
  return cuda_backend()->forward(call, nullptr).status;
}

spikescan_status backward_with(const Geometry& g, const spikescan_description& d, const spikescan_backward_args& args) {
  BackwardCall call = {d, args, make_firing(d), plan_backward(d, facts_for(g.strategy))};
  if (is_tiles(call.plan)) change_tiles(d, g, true, call.plan);
  EXPECT_EQ(call.plan.strategy, g.strategy);
  call.plan.blocks = g.blocks;
  if (call.plan.chain_threads > 0) call.plan.chain_threads = 32;
  Workspace workspace(call.plan.workspace_bytes);
  call.args.workspace = workspace.data();
  call.args.workspace_bytes = call.plan.workspace_bytes;
  return cuda_backend()->backward(call, nullptr).status;
}

support::Target with_geometry(const Geometry& g) {
  support::Target target = ops::target();
  target.forward = [g](const spikescan_description& d, const spikescan_forward_args& args) {
    return forward_with(g, d, args);
  };
  target.backward = [g](const spikescan_description& d, const spikescan_backward_args& args) {
    return backward_with(g, d, args);
  };
  return target;
}

// All tiles that fit the kernels for this many segments, and rows; where there are several chunks, phases and pieces.
std::vector<Geometry> geometries(spikescan_recurrence recurrence, int64_t time) {
  const bool is_long = time > ops::chunk_steps();
  std::vector<Geometry> out;
  for (const int64_t blocks : {1, 2, 3, 5, 8, 64}) {
    const int run = blocks == 3 ? 3 : blocks == 5 ? 2 : 1;
    for (int channels = 1; channels <= 32; channels *= 2) {
      if (channels * parts_of(time, kSegmentSteps) > most_tile_threads(recurrence)) break;
      out.push_back({kTiles, channels, blocks, run});
      if (is_long && blocks % 2 == 1) out.push_back({kTilesInPhases, channels, blocks, run});
    }
    for (int channels = 1; channels <= kMostFineRows; channels *= 2) {
      if (channels * parts_of(time, kQuarterSteps) > kMostFineThreads || blocks % 2 == 0) break;
      out.push_back({is_long ? kTilesInPhases : kTiles, channels, blocks, 1, kQuarterSteps});
    }
    if (!is_long && blocks % 2 == 0) {
      out.push_back({kTiles, 8, blocks, 1, kSegmentSteps, 2});
      out.push_back({kTiles, 4, blocks, 1, kSegmentSteps, 4});
      out.push_back({kTiles, 4, blocks, 1, kQuarterSteps, 2});
      out.push_back({kTiles, 1, blocks, 1, kQuarterSteps, 4});
    }
    out.push_back({kRows, 1, blocks});
    if (is_long && blocks % 2 == 1) out.push_back({kPieces, 1, blocks});
  }
  return out;
}

class Geometries : public ops::OpsWith<std::tuple<spikescan_recurrence, bool>> {
 protected:
  // Short: every width of a tile fits, and three batches share a row of sums. Long: several chunks, the last of them
  // short. Neither ends with a full quarter.
  Case small_case() const {
    const auto [recurrence, is_long] = GetParam();
    Case c;
    c.description.recurrence = recurrence;
    c.description.batch = is_long ? 1 : 3;
    c.description.time = is_long ? 5 * ops::chunk_steps() + 263 : 99;
    c.description.channels = is_long ? 17 : 37;
    c.description.dtype = SPIKESCAN_BFLOAT16;
    support::fill(c, 91, {.lowest_decay = 0.9f, .highest_decay = 1.0f});
    return c;
  }
};
INSTANTIATE_TEST_SUITE_P(All, Geometries, testing::Combine(testing::ValuesIn(support::kRecurrences), testing::Bool()),
                         [](const auto& info) {
                           return std::string(support::name_of(std::get<0>(info.param))) +
                                  (std::get<1>(info.param) ? "_long" : "_short");
                         });

TEST_P(Geometries, OfTheForwardPass) {
  const Case c = small_case();
  const support::Forward want = support::forward(cpu(), c);
  const std::vector<Geometry> all = geometries(c.description.recurrence, c.description.time);
  ASSERT_GE(all.size(), 24u);
  for (const Geometry& g : all) {
    EXPECT_EQ(support::difference(support::forward(with_geometry(g), c, support::kOtherPoison), want), "") << g;
  }
}

TEST_P(Geometries, OfTheBackwardPass) {
  const Case c = small_case();
  const support::Forward forward = support::forward(cpu(), c);
  const support::Backward want = support::backward(cpu(), c, forward.saved);
  const std::vector<Geometry> all = geometries(c.description.recurrence, c.description.time);
  ASSERT_GE(all.size(), std::get<1>(GetParam()) ? 18u : 24u);
  for (const Geometry& g : all) {
    EXPECT_EQ(support::difference(support::backward(with_geometry(g), c, forward.saved, support::kOtherPoison), want),
              "")
        << g;
  }
}

// Rows of sums that are several, the last of them of three batches and not ten; packed spikes of partial quarters.
TEST_P(Geometries, OfTilesOfSeveralBatches) {
  if (std::get<1>(GetParam())) GTEST_SKIP() << "a batch to a row of sums";
  Case c = small_case();
  c.description.batch = 13;
  c.description.channels = 5;
  c.spikes_dtype = SPIKESCAN_BITS32;
  support::fill(c, 95, {.lowest_decay = 0.9f, .highest_decay = 1.0f});
  const support::Forward forward = support::forward(cpu(), c);
  const support::Backward want = support::backward(cpu(), c, forward.saved);
  for (const int steps : {kSegmentSteps, kQuarterSteps}) {
    EXPECT_EQ(support::difference(support::forward(with_geometry({kTiles, 2, 64, 1, steps}), c, support::kOtherPoison),
                                  forward),
              "")
        << steps;
    for (const int batches : {1, 2, 4}) {
      const support::Target target = with_geometry({kTiles, 2, 64, 1, steps, batches});
      EXPECT_EQ(support::difference(support::backward(target, c, forward.saved, support::kOtherPoison), want), "")
          << steps << " steps a thread, " << batches << " batches";
    }
  }
}

// A term in each of three segments, of sizes that leave 0 in this order and 1 in the other. Without decays a gradient
// stays at its step, and the state before it is the input before it.
TEST_P(Geometries, SumSegmentsLastFirst) {
  if (std::get<1>(GetParam())) GTEST_SKIP() << "one chunk is enough";
  Case c;
  c.description.recurrence = std::get<0>(GetParam());
  c.description.channels = 3;
  c.description.batch = 1;
  c.description.time = 48;
  c.description.rule = SPIKESCAN_NONE;
  support::fill(c, 96, {.grad_membrane = false, .grad_final_state = false});
  std::fill(c.beta.begin(), c.beta.end(), 0.0f);
  std::fill(c.alpha.begin(), c.alpha.end(), 0.0f);
  const int64_t channels = c.description.channels;
  for (int64_t i = 0; i < c.elements(); ++i) {
    const int64_t t = i / channels;
    c.x[i] = static_cast<float>(t % 2);
    c.grad_spikes[i] = t == 40 ? 1.0f : t == 24 ? 0x1p80f : t == 8 ? -0x1p80f : 0.0f;
  }
  const support::Forward forward = support::forward(cpu(), c);
  const support::Backward want = support::backward(cpu(), c, forward.saved);
  for (const int steps : {kSegmentSteps, kQuarterSteps}) {
    const support::Target target = with_geometry({kTiles, 2, 64, 1, steps});
    EXPECT_EQ(support::difference(support::backward(target, c, forward.saved, support::kOtherPoison), want), "")
        << steps;
  }
}

// A block's warps are batches of the same channels: copies of whole lines, two blocks of channels, a batch over. Of two
// scans the last channels may hang over.
TEST_P(Geometries, OfBackwardRowsThatShareTables) {
  const bool is_cuba = std::get<0>(GetParam()) == SPIKESCAN_CUBA_LIF;
  for (const int64_t channels : {64, 47}) {
    for (const spikescan_dtype dtype : {SPIKESCAN_FLOAT32, SPIKESCAN_FLOAT16}) {
      Case c = small_case();
      c.description.batch = 5;
      c.description.channels = channels;
      c.description.time = std::get<1>(GetParam()) ? ops::chunk_steps() + 300 : 600;
      c.description.dtype = dtype;
      support::fill(c, 92, {.lowest_decay = 0.9f, .highest_decay = 1.0f});
      const bool shares = channels == 64 || is_cuba;
      ASSERT_EQ(plan_backward(c.description, facts_for(kRows)).row_columns, shares ? 32 : 128);
      if (!shares) continue;
      const support::Forward forward = support::forward(cpu(), c);
      const support::Backward want = support::backward(cpu(), c, forward.saved);
      for (const int64_t blocks : {1, 3, 4}) {
        const support::Target target = with_geometry({kRows, 1, blocks});
        EXPECT_EQ(support::difference(support::backward(target, c, forward.saved, support::kOtherPoison), want), "")
            << channels << " channels, " << blocks << " blocks";
      }
    }
  }
}

// Warps of whole channels and of half a one, of several batches, and a last chunk that is short of full segments;
// float32 blocks keep their warps together.
TEST_P(Geometries, OfPieces) {
  if (!std::get<1>(GetParam())) GTEST_SKIP() << "one chunk";
  for (const spikescan_dtype dtype : {SPIKESCAN_FLOAT32, SPIKESCAN_FLOAT16}) {
    Case c = small_case();
    c.description.batch = 2;
    c.description.channels = 47;
    c.description.time = 2 * ops::chunk_steps() + 77;
    c.description.dtype = dtype;
    support::fill(c, 93, {.lowest_decay = 0.9f, .highest_decay = 1.0f});
    const support::Forward forward = support::forward(cpu(), c);
    const support::Backward want = support::backward(cpu(), c, forward.saved);
    for (const int64_t blocks : {1, 4}) {
      const support::Target target = with_geometry({kPieces, 1, blocks});
      EXPECT_EQ(support::difference(support::forward(target, c, support::kOtherPoison), forward), "") << blocks;
      EXPECT_EQ(support::difference(support::backward(target, c, forward.saved, support::kOtherPoison), want), "")
          << blocks;
    }
  }
}

// Several windows of the chain between the phases (forward_with() gives it few threads), or of look-back, and a place
// where a call may be cut, whose carry is rounded.
TEST_P(Geometries, OfAChainOverManyChunks) {
  if (!std::get<1>(GetParam())) GTEST_SKIP() << "few chunks";
  Case c = small_case();
  c.description.channels = 2;
  c.description.time = 270 * ops::chunk_steps() + 40;
  support::fill(c, 94, {.lowest_decay = 0.999f, .highest_decay = 1.0f});
  const support::Forward forward = support::forward(cpu(), c);
  const support::Backward want = support::backward(cpu(), c, forward.saved);
  const support::Target target = with_geometry({kTilesInPhases, 2, 8});
  EXPECT_EQ(support::difference(support::forward(target, c, support::kOtherPoison), forward), "");
  EXPECT_EQ(support::difference(support::backward(target, c, forward.saved, support::kOtherPoison), want), "");

  simt::Device one_processor = simt::device();
  one_processor.processors = 1;
  const simt::ScopedDevice scope(one_processor);
  ASSERT_EQ(plan_forward(c.description, {1, 227 * 1024, 228 * 1024}).strategy, kTiles);
  EXPECT_EQ(support::difference(support::forward(ops::target(), c, support::kOtherPoison), forward), "");
  EXPECT_EQ(support::difference(support::backward(ops::target(), c, forward.saved, support::kOtherPoison), want), "");
}

}  // namespace
}  // namespace spikescan::cross
