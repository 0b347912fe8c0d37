// Asynchronous copies come when their group is waited for, and no sooner (async_copies.h).
#include "simt/async_copies.h"

#include <gtest/gtest.h>

#include <vector>

#include "simt/simt.h"

namespace simt {
namespace {

constexpr int kPoisoned = static_cast<int>(kPoison * 0x00010001u);

// Three groups of one int each, and a fourth copy that is never committed; what is there after each wait.
__global__ void wait_group_by_group(const int* x, int* seen) {
  int* held = reinterpret_cast<int*>(dynamic_shared());
  for (int i = 0; i < 4; ++i) {
    copy_async<4>(held + i, x + i);
    if (i < 3) commit_copies();
  }
  for (const int pending : {3, 2, 0}) {
    await_copies(pending);
    for (int i = 0; i < 4; ++i) *seen++ = held[i];
  }
}

TEST(AsyncCopies, ComeWhenTheirGroupIsWaitedFor) {
  const std::vector<int> x = {10, 11, 12, 13};
  Guarded<int> seen(12);
  launch({1, 1, 16}, wait_group_by_group, x.data(), seen.data());
  const std::vector<int> wanted = {kPoisoned, kPoisoned, kPoisoned, kPoisoned,  //
                                   10,        kPoisoned, kPoisoned, kPoisoned,  //
                                   10,        11,        12,        kPoisoned};
  EXPECT_EQ(std::vector<int>(seen.begin(), seen.end()), wanted);
}

// A group without copies counts like any other.
__global__ void commit_an_empty_group(const int* x, int* seen) {
  int* held = reinterpret_cast<int*>(dynamic_shared());
  copy_async<4>(held, x);
  commit_copies();
  commit_copies();
  await_copies(1);
  *seen = *held;
}

TEST(AsyncCopies, EmptyGroupsCount) {
  const int x = 5;
  Guarded<int> seen(1);
  launch({1, 1, 4}, commit_an_empty_group, &x, seen.data());
  EXPECT_EQ(seen[0], 5);
}

// A wait is for the thread's own copies: a neighbour's are there only once it has waited too.
template <bool kMeets>
__global__ void read_neighbour(const double* x, double* y) {
  auto* held = reinterpret_cast<double*>(dynamic_shared());
  copy_async<8>(held + threadIdx.x, x + threadIdx.x);
  commit_copies();
  await_copies(0);
  if (kMeets) __syncwarp();
  y[threadIdx.x] = held[(threadIdx.x + 1) % 32];
}

template <bool kMeets>
bool neighbours_are_there() {
  std::vector<double> x(32);
  for (int i = 0; i < 32; ++i) x[i] = i;
  Guarded<double> y(32);
  launch({1, 32, 256}, read_neighbour<kMeets>, x.data(), y.data());
  bool all = true;
  for (int i = 0; i < 32; ++i) all = all && y[i] == x[(i + 1) % 32];
  return all;
}

TEST(AsyncCopies, OfOtherLanesAreThereAfterTheyHaveWaited) {
  EXPECT_TRUE(neighbours_are_there<true>());
#if !defined(__SANITIZE_THREAD__)  // which would end the run
  EXPECT_FALSE(neighbours_are_there<false>());
#endif
}

// What is stored where a copy is under way is lost.
__global__ void store_over_copy(const int* x, int* seen) {
  int* held = reinterpret_cast<int*>(dynamic_shared());
  copy_async<4>(held, x);
  commit_copies();
  *held = 77;
  await_copies(0);
  *seen = *held;
}

TEST(AsyncCopies, OverwriteWhatWasStoredMeanwhile) {
  const int x = 5;
  Guarded<int> seen(1);
  launch({1, 1, 4}, store_over_copy, &x, seen.data());
  EXPECT_EQ(seen[0], 5);
}

// ---- Faults ----

template <int kBytes>
__global__ void copy_at(const unsigned char* x, int to, int from) {
  copy_async<kBytes>(dynamic_shared() + to, x + from);
}
__global__ void copy_twice(const int* x, int second) {
  copy_async<8>(dynamic_shared(), x);
  copy_async<4>(dynamic_shared() + second, x);
}

template <class... Argument>
FaultKind fault_of(Argument... arguments) {
  try {
    launch(arguments...);
  } catch (const Fault& fault) {
    EXPECT_NE(std::string(fault.what()).find("async_copies_test.cpp:"), std::string::npos) << fault.what();
    return fault.kind();
  }
  return FaultKind::exception;  // none
}

TEST(AsyncCopies, NeedAlignedAddresses) {
  alignas(16) const unsigned char x[32] = {};
  EXPECT_NO_THROW(launch({1, 1, 32}, copy_at<16>, x, 16, 0));
  EXPECT_EQ(fault_of(Config{1, 1, 32}, copy_at<16>, x, 8, 0), FaultKind::misaligned);
  EXPECT_EQ(fault_of(Config{1, 1, 32}, copy_at<16>, x, 0, 8), FaultKind::misaligned);
  EXPECT_EQ(fault_of(Config{1, 1, 32}, copy_at<4>, x, 0, 2), FaultKind::misaligned);
}

TEST(AsyncCopies, DoNotOverlap) {
  alignas(16) const int x[4] = {};
  EXPECT_NO_THROW(launch({1, 1, 16}, copy_twice, x, 8));
  EXPECT_EQ(fault_of(Config{1, 1, 16}, copy_twice, x, 4), FaultKind::copied_twice);
}

}  // namespace
}  // namespace simt
