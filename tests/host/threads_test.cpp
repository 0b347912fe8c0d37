// Many threads in the same functions at once: each gets its own results and its own sentences.
#include <gtest/gtest.h>

#include <cstring>
#include <thread>

#include "refusals.h"

namespace spikescan::test {
namespace {

constexpr int kThreads = 16;
constexpr int kRounds = 25;

void work(int thread, const std::vector<std::byte>& expected, int* failures) {
  ForwardCase forward;
  BackwardCase backward;
  for (int round = 0; round < kRounds; ++round) {
    std::memset(forward.args.membrane.data, 0, expected.size());
    *failures += forward.run() != SPIKESCAN_OK;
    *failures += std::memcmp(forward.args.membrane.data, expected.data(), expected.size()) != 0;
    *failures += std::strcmp(spikescan_last_error(), "") != 0;
    forward.args.x.stride_time = -1 - thread;
    *failures += forward.run() != SPIKESCAN_INVALID_ARGUMENT;
    const std::string sentence = "x.stride_time is " + text_of(int64_t{-1 - thread}) + "; it must be at least 0";
    *failures += sentence != spikescan_last_error();
    forward.args.x.stride_time = 3;
    *failures += backward.run() != SPIKESCAN_OK;
  }
}

TEST(Threads, DoNotDisturbEachOther) {
  ForwardCase alone;
  ASSERT_EQ(alone.run(), SPIKESCAN_OK);
  const auto* membrane = static_cast<const std::byte*>(alone.args.membrane.data);
  const std::vector<std::byte> expected(membrane, membrane + 30 * sizeof(float));
  std::vector<int> failures(kThreads, 0);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) threads.emplace_back(work, i, std::cref(expected), &failures[i]);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, std::vector<int>(kThreads, 0));
}

}  // namespace
}  // namespace spikescan::test
