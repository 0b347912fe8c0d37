// The library over the harness, seen from its C interface: faults of kernels arrive as CUDA errors, and neither the
// device's size nor the schedule of blocks changes a bit.
#include <gtest/gtest.h>

#include "simt/runtime.h"
#include "simt/simt.h"
#include "support/random_case.h"
#include "support/run.h"

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kAddressSanitizer = true;
#else
constexpr bool kAddressSanitizer = false;
#endif

namespace spikescan::support {
namespace {

constexpr spikescan_backend kCuda = SPIKESCAN_BACKEND_CUDA;
const Target kCpu = {"cpu", SPIKESCAN_BACKEND_CPU, true, true};
const Target kKernels = {"simt", kCuda, true, false};

TEST(SimtBackend, IsOneDevice) {
  int32_t count = 0;
  EXPECT_EQ(spikescan_device_count(kCuda, &count), SPIKESCAN_OK) << spikescan_last_error();
  EXPECT_EQ(count, 1);
  spikescan_device_info info = {};
  info.struct_size = sizeof info;
  EXPECT_EQ(spikescan_query_device(kCuda, 0, &info), SPIKESCAN_OK) << spikescan_last_error();
  EXPECT_STREQ(info.name, "SIMT harness");
  EXPECT_STREQ(info.instruction_set, "sm_90");
  EXPECT_EQ(info.processors, simt::device().processors);
}

TEST(SimtBackend, MayHaveNoDevice) {
  simt::Device none = simt::device();
  none.count = 0;
  const simt::ScopedDevice scope(none);
  spikescan_backend resolved = kCuda;
  EXPECT_EQ(spikescan_resolve_backend(SPIKESCAN_BACKEND_AUTO, &resolved), SPIKESCAN_OK);
  EXPECT_EQ(resolved, SPIKESCAN_BACKEND_CPU);
  EXPECT_EQ(spikescan_resolve_backend(kCuda, &resolved), SPIKESCAN_BACKEND_UNAVAILABLE);
  EXPECT_EQ(cudaPeekAtLastError(), cudaSuccess);
}

// Three tensors of four elements in device memory; the last one may be made too short for what is written to it.
struct SmallCall {
  explicit SmallCall(size_t membrane_bytes) {
    for (void** memory : {&x, &beta, &membrane}) {
      EXPECT_EQ(spikescan_allocate(kCuda, memory == &membrane ? membrane_bytes : 16, memory), SPIKESCAN_OK);
    }
    EXPECT_EQ(spikescan_fill(kCuda, x, 0, 16, nullptr), SPIKESCAN_OK);
    EXPECT_EQ(spikescan_fill(kCuda, beta, 0, 16, nullptr), SPIKESCAN_OK);
  }
  ~SmallCall() {
    for (void* memory : {x, beta, membrane}) spikescan_free(kCuda, memory);
  }
  spikescan_status run() const {
    spikescan_description d = SPIKESCAN_DESCRIPTION_INIT;
    d.backend = kCuda;
    d.batch = d.time = 2;
    d.channels = 1;
    spikescan_forward_args args = {};
    args.struct_size = sizeof args;
    args.x = {x, SPIKESCAN_FLOAT32, 2, 1};
    args.beta = static_cast<const float*>(beta);
    args.membrane = {membrane, SPIKESCAN_FLOAT32, 2, 1};
    return spikescan_forward(&d, &args, nullptr);
  }
  void *x = nullptr, *beta = nullptr, *membrane = nullptr;
};

TEST(SimtBackend, AStrayWriteIsACudaError) {
  EXPECT_EQ(SmallCall(16).run(), SPIKESCAN_OK) << spikescan_last_error();
  if (kAddressSanitizer) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(SmallCall(12).run(), "AddressSanitizer.*poison");
    return;
  }
  EXPECT_EQ(SmallCall(12).run(), SPIKESCAN_CUDA_ERROR);
  const SmallCall call(12);
  EXPECT_EQ(call.run(), SPIKESCAN_CUDA_ERROR);
  EXPECT_NE(std::string(spikescan_last_error()).find("cudaErrorIllegalAddress"), std::string::npos)
      << spikescan_last_error();
}

class Geometry : public testing::TestWithParam<spikescan_recurrence> {};

// 24 devices and schedules: from one processor with one block to more processors than tiles; small shared memory.
TEST_P(Geometry, ChangesNoBit) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP()
      << "a thread of a kernel takes a millisecond to make in this build; kernel_race_test.cpp has it in small";
#endif
  Case c;
  c.description.recurrence = GetParam();
  c.description.batch = 3;
  c.description.time = 9 * 1024 + 17;
  c.description.channels = 5;
  fill(c, 11, {.lowest_decay = 0.999f, .highest_decay = 1.0f});
  const Forward forward_wanted = forward(kCpu, c);
  const Backward backward_wanted = backward(kCpu, c, forward_wanted.saved);
  uint64_t seed = 0;
  for (const int processors : {1, 2, 5, 40}) {
    for (const std::size_t shared_bytes : {std::size_t{64} * 1024, std::size_t{228} * 1024}) {
      for (const int resident_blocks : {1, 3, 8}) {
        simt::Device device = simt::device();
        device.processors = processors;
        device.shared_bytes_of_processor = shared_bytes;
        const simt::ScopedDevice device_scope(device);
        simt::Options options;
        options.seed = ++seed;
        options.resident_blocks = resident_blocks;
        options.shuffle_blocks = seed % 2 == 0;
        const simt::ScopedOptions options_scope(options);
        EXPECT_EQ(difference(forward(kKernels, c), forward_wanted), "") << "geometry " << seed;
        EXPECT_EQ(difference(backward(kKernels, c, forward_wanted.saved), backward_wanted), "") << "geometry " << seed;
      }
    }
  }
  EXPECT_EQ(seed, 24u);
}

INSTANTIATE_TEST_SUITE_P(Recurrences, Geometry,
                         testing::Values(SPIKESCAN_LIF, SPIKESCAN_SPSN, SPIKESCAN_CUBA_LIF, SPIKESCAN_PSU_LIF));

}  // namespace
}  // namespace spikescan::support
