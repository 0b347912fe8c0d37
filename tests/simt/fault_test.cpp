// Every fault that the harness is there to see, planted once and seen. Races proper are race_program.cpp's.
#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "simt/sample_kernels.h"
#include "simt/simt.h"

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kAddressSanitizer = true;
#else
constexpr bool kAddressSanitizer = false;
#endif
#if defined(__SANITIZE_THREAD__)
constexpr bool kThreadSanitizer = true;
#else
constexpr bool kThreadSanitizer = false;
#endif

namespace simt {
namespace {

using namespace sample;

// The fault that a launch ends in; ADD_FAILURE where it ends well.
template <class... Argument>
Fault fault_of(Argument... arguments) {
  try {
    launch(arguments...);
  } catch (const Fault& fault) {
    return fault;
  }
  ADD_FAILURE() << "the launch saw no fault";
  return Fault(FaultKind::trap, {}, "");
}

#define EXPECT_FAULT(expected_kind, words, ...)                                          \
  do {                                                                                   \
    const Fault fault = fault_of(__VA_ARGS__);                                           \
    EXPECT_EQ(name(fault.kind()), std::string(name(FaultKind::expected_kind)));          \
    EXPECT_NE(std::string(fault.what()).find(words), std::string::npos) << fault.what(); \
  } while (false)

// ---- Missing barrier: the result depends on the order of threads, so seeds disagree ----

template <Barriers kBarriers>
std::set<std::vector<int>> results_over_seeds() {
  std::vector<int> x(4 * kTile);
  for (std::size_t place = 0; place < x.size(); ++place) x[place] = static_cast<int>(place);
  std::set<std::vector<int>> results;
  Options options;
  for (options.seed = 1; options.seed <= 8; ++options.seed) {
    const ScopedOptions scope(options);
    std::vector<int> sums(4);
    launch({4, kTile, kTile * sizeof(int)}, sum_tiles<kBarriers>, x.data(), sums.data());
    results.insert(sums);
  }
  return results;
}

TEST(Fault, MissingBarrierMakesSeedsDisagree) {
  if (kThreadSanitizer) GTEST_SKIP() << "a planted race ends this build's run; race_program.cpp has it";
  EXPECT_EQ(results_over_seeds<Barriers::all>().size(), 1u);
  EXPECT_GT(results_over_seeds<Barriers::one_missing>().size(), 1u);
}

TEST(Fault, AMissingBarrierIsTheSameEveryTimeUnderOneSeed) {
  if (kThreadSanitizer) GTEST_SKIP() << "a planted race ends this build's run; race_program.cpp has it";
  EXPECT_EQ(results_over_seeds<Barriers::one_missing>(), results_over_seeds<Barriers::one_missing>());
}

// ---- Barriers ----

__global__ void diverge() {
  if (threadIdx.x < 32) {
    __syncthreads();
  } else {
    __syncthreads();
  }
}

__global__ void return_early() {
  if (threadIdx.x == 5) return;
  __syncthreads();
}

__global__ void wait_elsewhere(int* sink) {
  if (threadIdx.x < 32) {
    __syncthreads();
  } else {
    sink[threadIdx.x] = __shfl_sync(0xffffffffu, 1, 0);
    if (threadIdx.x != 40) __syncwarp();
  }
  __syncthreads();
}

TEST(Fault, DivergentBarrier) {
  EXPECT_FAULT(divergent_barrier, "fault_test.cpp:", Config{1, 64}, diverge);
  const Fault fault = fault_of(Config{1, 64}, diverge);
  EXPECT_GT(fault.site().line, 0);
}

TEST(Fault, ReturnBeforeBarrier) {
  Options options;
  for (options.seed = 1; options.seed <= 10; ++options.seed) {  // the thread returns before others wait, or after
    const ScopedOptions scope(options);
    EXPECT_FAULT(exit_before_barrier, "fault_test.cpp:", Config{3, 64}, return_early);
  }
}

TEST(Fault, BarrierAndWarpWaitForEachOther) {
  int sink[64] = {};
  EXPECT_FAULT(divergent_barrier, "__syncthreads", Config{1, 64}, wait_elsewhere, sink);
}

// ---- Warp collectives ----

__global__ void leave_self_out(int* sink) {
  sink[threadIdx.x] = __shfl_sync(0xfffffffeu, 1, 1);
}

__global__ void disagree_on_mask(int* sink) {
  sink[threadIdx.x] =
      static_cast<int>(threadIdx.x < 16 ? __ballot_sync(0xffffffffu, 1) : __ballot_sync(0xffff0001u, 1));
}

__global__ void disagree_on_collective(int* sink) {
  if (threadIdx.x < 16) {
    sink[threadIdx.x] = __shfl_up_sync(0xffffffffu, 1, 1);
  } else {
    sink[threadIdx.x] = __shfl_down_sync(0xffffffffu, 1, 1);
  }
}

__global__ void mask_with_absent_lane(int* sink) {
  if (threadIdx.x == 31) {
    __syncwarp(0x80000000u);
    __syncthreads();
  } else {
    sink[threadIdx.x] = __any_sync(0xffffffffu, 1);
    __syncthreads();
  }
}

__global__ void odd_width(int* sink) {
  sink[threadIdx.x] = __shfl_sync(0xffffffffu, 1, 0, 12);
}

TEST(Fault, WrongMasks) {
  int sink[64] = {};
  Options options;
  for (options.seed = 1; options.seed <= 5; ++options.seed) {
    const ScopedOptions scope(options);
    EXPECT_FAULT(wrong_mask, "0xfffffffe", Config{1, 1}, leave_self_out, sink);
    EXPECT_FAULT(mask_mismatch, "0xffff0001", Config{1, 32}, disagree_on_mask, sink);
    EXPECT_FAULT(collective_mismatch, "__shfl_", Config{1, 32}, disagree_on_collective, sink);
    EXPECT_FAULT(deadlock, "__any_sync", Config{1, 32}, mask_with_absent_lane, sink);
    EXPECT_FAULT(collective_mismatch, "12", Config{1, 32}, odd_width, sink);
  }
}

// ---- Memory ----

__global__ void write_past_shared() {
  __syncthreads();
  if (threadIdx.x == 0) dynamic_shared()[100] = 1;
}

__global__ void write_past_static_shared(unsigned count) {
  auto& mail = static_shared<int[8]>([] {});
  if (threadIdx.x == 0) {
    for (unsigned place = 0; place < count; ++place) mail[place] = 0;
  }
}

__global__ void write_range(int* out, int first, int count) {
  for (int place = first; place < first + count; ++place) out[place] = place;
}

TEST(Fault, WritePastSharedMemory) {
  if (kAddressSanitizer) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(launch({1, 32, 100}, write_past_shared), "AddressSanitizer.*poison");
    EXPECT_DEATH(launch({1, 32}, write_past_static_shared, 9), "AddressSanitizer.*poison");
    return;
  }
  EXPECT_FAULT(out_of_bounds, "dynamic shared", Config{4, 32, 100}, write_past_shared);
  EXPECT_FAULT(out_of_bounds, "static shared", Config{4, 32}, write_past_static_shared, 9);
}

TEST(Fault, InsideSharedMemoryIsNoFault) {
  EXPECT_NO_THROW(launch({4, 32, 101}, write_past_shared));
  EXPECT_NO_THROW(launch({4, 32}, write_past_static_shared, 8));
}

TEST(Fault, WritePastGlobalMemory) {
  Guarded<int> out(10);
  if (kAddressSanitizer) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(launch({1, 1}, write_range, out.data(), 0, 11), "AddressSanitizer.*poison");
    EXPECT_DEATH(launch({1, 1}, write_range, out.data(), -1, 11), "AddressSanitizer.*poison");
    return;
  }
  launch({1, 1}, write_range, out.data(), 0, 10);
  EXPECT_EQ(out.problem(), "");
  launch({1, 1}, write_range, out.data(), 10, 1);
  EXPECT_EQ(out.problem(), "bytes next to the buffer were overwritten");
  out.fill();
  launch({1, 1}, write_range, out.data(), -1, 11);
  EXPECT_EQ(out.problem(), "bytes next to the buffer were overwritten");
}

TEST(Fault, UnwrittenOutput) {
  Guarded<int> out(10);
  launch({1, 1}, write_range, out.data(), 0, 9);
  EXPECT_EQ(out.problem(), "element 9 of 10 was never written");
}

// ---- Order of blocks ----

template <TileOrder kOrder>
void chain_blocks_in_shuffled_order() {
  constexpr unsigned kTiles = 64;
  std::vector<float> x(kTiles * kTile, 1), y(kTiles), aggregates(kTiles), carries(kTiles);
  std::vector<unsigned> status(kTiles), ticket(1);
  launch({kTiles, kTile, kTile * sizeof(float)}, chained_scan<Publish::release, kOrder>, x.data(), y.data(),
         Chain{aggregates.data(), carries.data(), status.data(), ticket.data()});
}

TEST(Fault, AChainWithoutTicketsHangsInShuffledOrder) {
  Options options;
  options.shuffle_blocks = true;
  options.resident_blocks = 2;
  options.seed = 11;
  options.watchdog_seconds = 0.3;
  const ScopedOptions scope(options);
  EXPECT_NO_THROW(chain_blocks_in_shuffled_order<TileOrder::ticket>());
  try {
    chain_blocks_in_shuffled_order<TileOrder::block_index>();
    ADD_FAILURE() << "the launch saw no fault";
  } catch (const Fault& fault) {
    EXPECT_EQ(name(fault.kind()), std::string(name(FaultKind::hang)));
    EXPECT_NE(std::string(fault.what()).find("sample_kernels.h:"), std::string::npos) << fault.what();
    EXPECT_NE(std::string(fault.what()).find("[seed 11, 2 resident blocks, blocks shuffled]"), std::string::npos)
        << fault.what();
  }
}

// A spin loop in which the whole warp takes part: the collectives in its body are not progress.
__global__ void spin_together(unsigned* flag) {
  const cuda::atomic_ref<unsigned, cuda::thread_scope_device> value(*flag);
  while (!__any_sync(0xffffffffu, value.load(cuda::std::memory_order_acquire) != 0)) {
    if (threadIdx.x == 0) pause();
    __syncwarp();
  }
}

TEST(Fault, ASpinningWarpHangs) {
  Options options;
  options.watchdog_seconds = 0.1;
  const ScopedOptions scope(options);
  unsigned flag = 0;
  EXPECT_FAULT(hang, "paused", Config{1, 32}, spin_together, &flag);
  flag = 1;
  EXPECT_NO_THROW(launch({1, 32}, spin_together, &flag));
}

__global__ void never_pause(unsigned* flag) {
  const cuda::atomic_ref<unsigned, cuda::thread_scope_device> value(*flag);
  while (value.load(cuda::std::memory_order_acquire) == 0) {
  }
}

TEST(Fault, AThreadThatNeverPausesEndsTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Options options;
  options.stuck_seconds = 0.3;
  const ScopedOptions scope(options);
  unsigned flag = 0;
  EXPECT_DEATH(launch({1, 1}, never_pause, &flag), "neither pauses nor reaches a collective");
}

// ---- The rest ----

__global__ void do_nothing() {}
__global__ void trap_in_block(unsigned block) {
  if (blockIdx.x == block) __trap();
}
__global__ void throw_something() {
  throw std::runtime_error("planted");
}

TEST(Fault, LaunchesBeyondCudasLimits) {
  for (const Config& config : {Config{0, 1}, Config{1, 0}, Config{1, 1025}, Config{1, dim3(32, 33)},
                               Config{1, dim3(1, 1, 65)}, Config{dim3(1, 65536), 1}, Config{dim3(1, 1, 65536), 1},
                               Config{2147483648u, 1}, Config{1, 1, 227 * 1024 + 1}}) {
    EXPECT_FAULT(bad_launch, "allowed are", config, do_nothing);
  }
  EXPECT_NO_THROW(launch({1, dim3(16, 1, 64)}, do_nothing));
  EXPECT_NO_THROW(launch({1, 1, 227 * 1024}, do_nothing));
}

TEST(Fault, TrapAndException) {
  EXPECT_FAULT(trap, "block (7,0,0)", Config{9, 32}, trap_in_block, 7u);
  EXPECT_FAULT(exception, "planted", Config{1, 32}, throw_something);
}

TEST(Fault, TheNextLaunchIsClean) {
  EXPECT_FAULT(divergent_barrier, "fault_test.cpp:", Config{8, 64}, diverge);
  Guarded<int> out(10);
  launch({1, 1}, write_range, out.data(), 0, 10);
  EXPECT_EQ(out.problem(), "");
}

}  // namespace
}  // namespace simt
