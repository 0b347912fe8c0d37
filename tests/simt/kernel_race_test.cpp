// The kernels themselves under ThreadSanitizer, several blocks at a time: no race, and the CPU backend's bits under
// every schedule. Built again over kernels with faults behind switches (planted_faults.py), all of which must be seen.
#include <gtest/gtest.h>
#include <omp.h>

#include "simt/runtime.h"
#include "simt/simt.h"
#include "support/random_case.h"
#include "support/run.h"

namespace spikescan::support {
namespace {

const Target kCpu = {"cpu", SPIKESCAN_BACKEND_CPU, true, true};
const Target kKernels = {"simt", SPIKESCAN_BACKEND_CUDA, true, false};

// Two channels, so that two threads publish what one flag announces. Decays near 1: others forget a whole chunk.
Case case_of(spikescan_recurrence recurrence, int64_t batch, int64_t time) {
  Case c;
  c.description.recurrence = recurrence;
  c.description.batch = batch;
  c.description.time = time;
  c.description.channels = 2;
  fill(c, 7, {.lowest_decay = 0.999f, .highest_decay = 1.0f});
  return c;
}

// Six chunks: the fifth looks back to a published carry, the others to aggregates. Packed spikes, whose words two
// threads share.
Case over_chunks(spikescan_recurrence recurrence) {
  Case c = case_of(recurrence, 3, 5 * 1024 + 77);
  c.spikes_dtype = SPIKESCAN_BITS32;
  return c;
}

// Tiles of one chunk, on one processor more than blocks; in backward two batches a row of sums, which a tile takes one
// after the other there and, on two, together.
Case over_rows(spikescan_recurrence recurrence) {
  Case c = case_of(recurrence, 4, 500);
  c.description.channels = 16;
  fill(c, 6, {.lowest_decay = 0.99f, .highest_decay = 1.0f});
  return c;
}

// So few tiles that their threads have a quarter each; in backward two of them, of ten batches and of three.
Case over_fine_tiles(spikescan_recurrence recurrence) {
  Case c = case_of(recurrence, 13, 100);
  c.spikes_dtype = SPIKESCAN_BITS32;
  return c;
}

// Rows enough for one processor to take a thread a row; in backward a block's warps share their tables.
Case by_rows(spikescan_recurrence recurrence) {
  Case c = case_of(recurrence, 13, 520);
  c.description.channels = 32;
  fill(c, 8, {.lowest_decay = 0.9f, .highest_decay = 1.0f});
  return c;
}

// Chunks enough for two processors to take a thread each, half the lanes of a warp. The last of them is short, so that
// a block's warps have more or fewer steps.
Case by_pieces(spikescan_recurrence recurrence) {
  Case c = case_of(recurrence, 1, 9 * 1024 + 40);
  c.description.channels = 16;
  fill(c, 9, {.lowest_decay = 0.999f, .highest_decay = 1.0f});
  return c;
}

struct Schedule {
  int processors, resident_blocks;
};
// Fewer blocks than tiles, and fewer of them resident than there are: without tickets the chain would hang.
constexpr Schedule kSchedules[] = {{1, 2}, {2, 4}};

template <class Body>
void under_every_schedule(Body body) {
  for (const Schedule& schedule : kSchedules) {
    simt::Device device = simt::device();
    device.processors = schedule.processors;
    const simt::ScopedDevice device_scope(device);
    simt::Options options;
    options.seed = 3;
    options.resident_blocks = schedule.resident_blocks;
    options.shuffle_blocks = true;
    options.watchdog_seconds = 1;
    const simt::ScopedOptions options_scope(options);
    SCOPED_TRACE("on " + std::to_string(schedule.processors) + " processors, " +
                 std::to_string(schedule.resident_blocks) + " resident blocks");
    body();
  }
}

class KernelRace : public testing::TestWithParam<spikescan_recurrence> {
 protected:
  // The CPU backend's threads meet in a library that ThreadSanitizer knows nothing of.
  static void SetUpTestSuite() { omp_set_num_threads(1); }

  void expect_forward(const Case& c) {
    const Forward wanted = forward(kCpu, c);
    under_every_schedule([&] { EXPECT_EQ(difference(forward(kKernels, c), wanted), ""); });
  }
  void expect_backward(const Case& c) {
    const std::vector<unsigned char> saved = forward(kCpu, c).saved;
    const Backward wanted = backward(kCpu, c, saved);
    under_every_schedule([&] { EXPECT_EQ(difference(backward(kKernels, c, saved), wanted), ""); });
  }
};

TEST_P(KernelRace, ForwardOverChunks) {
  expect_forward(over_chunks(GetParam()));
}
TEST_P(KernelRace, BackwardOverChunks) {
  expect_backward(over_chunks(GetParam()));
}
TEST_P(KernelRace, ForwardOverRows) {
  expect_forward(over_rows(GetParam()));
}
TEST_P(KernelRace, BackwardOverRows) {
  expect_backward(over_rows(GetParam()));
}
TEST_P(KernelRace, ForwardOverFineTiles) {
  expect_forward(over_fine_tiles(GetParam()));
}
TEST_P(KernelRace, BackwardOverFineTiles) {
  expect_backward(over_fine_tiles(GetParam()));
}
TEST_P(KernelRace, ForwardByRows) {
  expect_forward(by_rows(GetParam()));
}
TEST_P(KernelRace, BackwardByRows) {
  expect_backward(by_rows(GetParam()));
}
// psu_lif puts 32 bits a lane where other lanes had 16.
TEST_P(KernelRace, BackwardByHalfRows) {
  Case c = by_rows(GetParam());
  c.description.dtype = SPIKESCAN_BFLOAT16;
  expect_backward(c);
}
TEST_P(KernelRace, ForwardByPieces) {
  expect_forward(by_pieces(GetParam()));
}
TEST_P(KernelRace, BackwardByPieces) {
  expect_backward(by_pieces(GetParam()));
}
// The gradient of x takes the memory of the spikes' gradient: no piece may look at another one's.
TEST_P(KernelRace, BackwardInPlaceByPieces) {
  Case c = by_pieces(GetParam());
  c.grad_x_in_place = true;
  expect_backward(c);
}
// The decays' sums have barriers of their own.
TEST_P(KernelRace, BackwardWithoutDecaysOverRows) {
  Case c = over_rows(GetParam());
  c.wanted.grad_beta = c.wanted.grad_alpha = false;
  expect_backward(c);
}

std::string name_of_parameter(const testing::TestParamInfo<spikescan_recurrence>& info) {
  static constexpr const char* kNames[] = {"lif", "spsn", "cuba_lif", "psu_lif"};
  return kNames[info.param];
}
// spsn is lif with a gain: it shares memory in the same way.
INSTANTIATE_TEST_SUITE_P(Kernels, KernelRace, testing::Values(SPIKESCAN_LIF, SPIKESCAN_CUBA_LIF, SPIKESCAN_PSU_LIF),
                         name_of_parameter);

}  // namespace
}  // namespace spikescan::support
