// Memory, streams and timers of the CPU: what they do, and what they refuse.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>

#include "refusals.h"

// AddressSanitizer would end the program at an allocation that is too large, where malloc gives null.
extern "C" const char* __asan_default_options() {
  return "allocator_may_return_null=1";
}

namespace spikescan::test {
namespace {

constexpr auto kCpu = SPIKESCAN_BACKEND_CPU;

TEST(Allocate, IsAlignedAndOfAnySize) {
  for (const size_t bytes : {size_t{1}, size_t{255}, size_t{256}, size_t{257}, size_t{100000}}) {
    void* memory = nullptr;
    ASSERT_EQ(spikescan_allocate(SPIKESCAN_BACKEND_AUTO, bytes, &memory), SPIKESCAN_OK) << spikescan_last_error();
    ASSERT_NE(memory, nullptr);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(memory) % 256, 0u);
    std::memset(memory, 1, bytes);
    EXPECT_EQ(spikescan_free(kCpu, memory), SPIKESCAN_OK);
  }
}

TEST(Allocate, NothingIsNull) {
  int here;
  void* memory = &here;
  EXPECT_EQ(spikescan_allocate(kCpu, 0, &memory), SPIKESCAN_OK);
  EXPECT_EQ(memory, nullptr);
  EXPECT_EQ(spikescan_free(kCpu, nullptr), SPIKESCAN_OK);
}

TEST(Allocate, Refusals) {
  int here;
  void* memory = &here;
  for (const size_t bytes : {SIZE_MAX, SIZE_MAX - 255, size_t{1} << 62}) {
    EXPECT_EQ(spikescan_allocate(kCpu, bytes, &memory), SPIKESCAN_OUT_OF_MEMORY);
    expect_sentence({"bytes is " + std::to_string(bytes), "aligned_alloc"});
  }
  EXPECT_EQ(memory, &here);
  EXPECT_EQ(spikescan_allocate(kCpu, 16, nullptr), SPIKESCAN_INVALID_ARGUMENT);
  expect_sentence({"memory is null"});
}

TEST(Copy, AndFill) {
  uint8_t from[8], to[8];
  EXPECT_EQ(spikescan_fill(kCpu, from, 0x1ff, 8, nullptr), SPIKESCAN_OK) << "the low byte counts";
  EXPECT_EQ(spikescan_fill(kCpu, to, 0, 8, nullptr), SPIKESCAN_OK);
  EXPECT_EQ(spikescan_copy(kCpu, to, from, 7, nullptr), SPIKESCAN_OK);
  EXPECT_EQ(to[0], 0xff);
  EXPECT_EQ(to[6], 0xff);
  EXPECT_EQ(to[7], 0);
  EXPECT_EQ(spikescan_copy(kCpu, nullptr, nullptr, 0, nullptr), SPIKESCAN_OK);
  EXPECT_EQ(spikescan_fill(kCpu, nullptr, 3, 0, nullptr), SPIKESCAN_OK);
}

TEST(Copy, Refusals) {
  uint8_t bytes[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  EXPECT_EQ(spikescan_copy(kCpu, nullptr, bytes, 4, nullptr), SPIKESCAN_INVALID_ARGUMENT);
  expect_sentence({"destination is null", "4 bytes"});
  EXPECT_EQ(spikescan_copy(kCpu, bytes, nullptr, 4, nullptr), SPIKESCAN_INVALID_ARGUMENT);
  expect_sentence({"source is null"});
  EXPECT_EQ(spikescan_copy(kCpu, bytes, bytes + 3, 4, nullptr), SPIKESCAN_INVALID_ARGUMENT);
  expect_sentence({"destination is " + text_of(bytes), "source is " + text_of(bytes + 3), "overlap"});
  EXPECT_EQ(spikescan_copy(kCpu, bytes, bytes + 4, SIZE_MAX, nullptr), SPIKESCAN_INVALID_ARGUMENT);
  expect_sentence({"destination is " + text_of(bytes), "18446744073709551615", "address space"});
  EXPECT_EQ(spikescan_fill(kCpu, nullptr, 0, 4, nullptr), SPIKESCAN_INVALID_ARGUMENT);
  expect_sentence({"destination is null"});
  EXPECT_EQ(spikescan_fill(kCpu, bytes, 0, SIZE_MAX, nullptr), SPIKESCAN_INVALID_ARGUMENT);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(bytes[i], i + 1);
  EXPECT_EQ(spikescan_copy(kCpu, bytes, bytes + 4, 4, nullptr), SPIKESCAN_OK) << "neighbours do not overlap";
  EXPECT_EQ(bytes[3], 8);
}

// An executor on this machine; on one with a GPU it would be taken for CUDA's stream.
TEST(Stream, WithAutoThatIsTheCpuItIsNull) {
  constexpr auto kAuto = SPIKESCAN_BACKEND_AUTO;
  int stream;
  uint8_t from[4] = {1, 2, 3, 4}, to[4] = {};
  void* timer = nullptr;
  ASSERT_EQ(spikescan_timer_create(kCpu, &timer), SPIKESCAN_OK);
  ForwardCase forward;
  BackwardCase backward;
  forward.d.backend = backward.d.backend = kAuto;
  const std::function<spikescan_status(void*)> calls[] = {
      [&](void* s) { return spikescan_forward(&forward.d, &forward.args, s); },
      [&](void* s) { return spikescan_backward(&backward.d, &backward.args, s); },
      [&](void* s) { return spikescan_copy(kAuto, to, from, 4, s); },
      [&](void* s) { return spikescan_fill(kAuto, to, 7, 4, s); },
      [&](void* s) { return spikescan_stream_synchronize(kAuto, s); },
      [&](void* s) { return spikescan_stream_destroy(kAuto, s); },
      [&](void* s) { return spikescan_timer_start(kAuto, timer, s); },
      [&](void* s) { return spikescan_timer_stop(kAuto, timer, s); },
  };
  for (const auto& call : calls) {
    EXPECT_EQ(call(&stream), SPIKESCAN_INVALID_ARGUMENT);
    expect_sentence({"stream is " + text_of(&stream) + "; with backend AUTO (0)", "CPU (1)"});
  }
  EXPECT_TRUE(forward.arena.unchanged() && backward.arena.unchanged());
  EXPECT_EQ(to[0], 0);
  for (const auto& call : calls) EXPECT_EQ(call(nullptr), SPIKESCAN_OK) << spikescan_last_error();
  EXPECT_EQ(spikescan_timer_destroy(kCpu, timer), SPIKESCAN_OK);
}

TEST(Stream, OfTheCpuNeedsNothing) {
  void* stream = nullptr;
  EXPECT_EQ(spikescan_stream_create(kCpu, &stream), SPIKESCAN_OK);
  EXPECT_EQ(spikescan_stream_synchronize(kCpu, stream), SPIKESCAN_OK);
  EXPECT_EQ(spikescan_stream_destroy(kCpu, stream), SPIKESCAN_OK);
  EXPECT_EQ(spikescan_stream_create(kCpu, nullptr), SPIKESCAN_INVALID_ARGUMENT);
  expect_sentence({"stream is null"});
}

// Nothing to measure is no time of 0, and a new start has no stop yet.
TEST(Timer, NeedsBothMarks) {
  void* timer = nullptr;
  ASSERT_EQ(spikescan_timer_create(kCpu, &timer), SPIKESCAN_OK);
  double seconds = -1.0;
  const auto refused = [&] {
    EXPECT_EQ(spikescan_timer_seconds(kCpu, timer, &seconds), SPIKESCAN_INVALID_ARGUMENT);
    expect_sentence({"timer is " + text_of(timer), "it must have been started and then stopped"});
    EXPECT_EQ(seconds, -1.0);
  };
  refused();
  EXPECT_EQ(spikescan_timer_stop(kCpu, timer, nullptr), SPIKESCAN_OK);
  refused();
  EXPECT_EQ(spikescan_timer_start(kCpu, timer, nullptr), SPIKESCAN_OK);
  refused();
  EXPECT_EQ(spikescan_timer_stop(kCpu, timer, nullptr), SPIKESCAN_OK);
  EXPECT_EQ(spikescan_timer_start(kCpu, timer, nullptr), SPIKESCAN_OK);
  refused();
  EXPECT_EQ(spikescan_timer_stop(kCpu, timer, nullptr), SPIKESCAN_OK);
  EXPECT_EQ(spikescan_timer_seconds(kCpu, timer, &seconds), SPIKESCAN_OK);
  EXPECT_GE(seconds, 0.0);
  EXPECT_EQ(spikescan_timer_destroy(kCpu, timer), SPIKESCAN_OK);
}

TEST(Timer, MeasuresAndRefuses) {
  void* timer = nullptr;
  ASSERT_EQ(spikescan_timer_create(kCpu, &timer), SPIKESCAN_OK);
  ASSERT_NE(timer, nullptr);
  EXPECT_EQ(spikescan_timer_start(kCpu, timer, nullptr), SPIKESCAN_OK);
  EXPECT_EQ(spikescan_timer_stop(kCpu, timer, nullptr), SPIKESCAN_OK);
  double seconds = -1.0;
  EXPECT_EQ(spikescan_timer_seconds(kCpu, timer, &seconds), SPIKESCAN_OK);
  EXPECT_TRUE(std::isfinite(seconds) && seconds >= 0.0) << seconds;
  EXPECT_EQ(spikescan_timer_seconds(kCpu, timer, nullptr), SPIKESCAN_INVALID_ARGUMENT);
  expect_sentence({"seconds is null"});
  EXPECT_EQ(spikescan_timer_destroy(kCpu, timer), SPIKESCAN_OK);
  EXPECT_EQ(spikescan_timer_destroy(kCpu, nullptr), SPIKESCAN_OK);
  for (const spikescan_status status :
       {spikescan_timer_start(kCpu, nullptr, nullptr), spikescan_timer_stop(kCpu, nullptr, nullptr),
        spikescan_timer_seconds(kCpu, nullptr, &seconds)}) {
    EXPECT_EQ(status, SPIKESCAN_INVALID_ARGUMENT);
  }
  expect_sentence({"timer is null"});
  EXPECT_EQ(spikescan_timer_create(kCpu, nullptr), SPIKESCAN_INVALID_ARGUMENT);
  expect_sentence({"timer is null"});
}

}  // namespace
}  // namespace spikescan::test
