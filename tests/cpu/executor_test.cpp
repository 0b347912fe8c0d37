// The caller's threads in the place of OpenMP's: the same bits from a pool that runs tasks one after the other,
// backwards, or all at once; fewer of OpenMP's; what is refused; and what the child of a fork does without them.
#include <gtest/gtest.h>
#include <omp.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <iterator>
#include <string>
#include <thread>

#include "tests/cpu/sample.h"

namespace spikescan::testing {
namespace {

using Task = void (*)(void* data, int64_t index);

struct Pool {
  int64_t calls = 0, most_tasks = 0;
  std::function<void(int64_t tasks, const std::function<void(int64_t)>& task)> order;
};

void run_pool(void* context, int64_t tasks, Task task, void* data) {
  Pool& pool = *static_cast<Pool*>(context);
  ++pool.calls;
  pool.most_tasks = std::max(pool.most_tasks, tasks);
  pool.order(tasks, [&](int64_t i) { task(data, i); });
}

void serial(int64_t tasks, const std::function<void(int64_t)>& task) {
  for (int64_t i = 0; i < tasks; ++i) task(i);
}
void backwards(int64_t tasks, const std::function<void(int64_t)>& task) {
  for (int64_t i = tasks - 1; i >= 0; --i) task(i);
}
void at_once(int64_t tasks, const std::function<void(int64_t)>& task) {
  std::vector<std::thread> threads;
  for (int64_t i = 0; i < tasks; ++i) threads.emplace_back(task, i);
  for (std::thread& thread : threads) thread.join();
}

void expect_ran(Sample& sample, void* stream) {
  ASSERT_TRUE(sample.ok()) << spikescan_last_error();
  const spikescan_forward_args f = sample.forward();
  ASSERT_EQ(spikescan_forward(&sample.d, &f, stream), SPIKESCAN_OK) << spikescan_last_error();
  const spikescan_backward_args b = sample.backward();
  ASSERT_EQ(spikescan_backward(&sample.d, &b, stream), SPIKESCAN_OK) << spikescan_last_error();
}

struct Form {
  int32_t threads;
  void (*order)(int64_t, const std::function<void(int64_t)>&);
};
constexpr Form kForms[] = {{1, serial}, {7, serial}, {5, backwards}, {4, at_once}, {64, at_once}};

// Returns how many tasks the pool was given at most.
int64_t expect_ran_in_pool(Sample& sample, const Form& form) {
  Pool pool;
  pool.order = form.order;
  spikescan_executor executor = {sizeof executor, &pool, form.threads, run_pool};
  expect_ran(sample, &executor);
  EXPECT_LE(pool.most_tasks, form.threads);
  return pool.most_tasks;
}

int64_t expect_same_in_any_pool(unsigned number, const SampleShape& shape) {
  int64_t most_tasks = 0;
  Sample with_openmp(number, shape.batch, shape.time, shape.channels);
  expect_ran(with_openmp, nullptr);
  for (const Form& form : kForms) {
    Sample with_pool(number, shape.batch, shape.time, shape.channels);
    most_tasks = std::max(most_tasks, expect_ran_in_pool(with_pool, form));
    EXPECT_TRUE(with_openmp.same_outputs(with_pool)) << number << ": " << form.threads << " threads";
  }
  return most_tasks;
}

TEST(Executor, AnyPoolGivesTheSameBits) {
  int64_t tasks_seen = 0;
  for (unsigned number = 0; number < 32; ++number) {
    // And few rows, whose chunks stand side by side.
    const SampleShape shape = number % 3 == 2 ? SampleShape{1, 17000, 3} : kSampleShapes[number % 4 ^ number / 4 % 4];
    tasks_seen = std::max(tasks_seen, expect_same_in_any_pool(number, shape));
  }
  EXPECT_GT(tasks_seen, 1) << "no call used the pool's threads: nothing was tested";
}

// More strips of blocks than threads, and slices of the batch of which the last has fewer rows: a thread that goes on
// with the same channels keeps its tables, with others it makes new ones.
TEST(Executor, StripsAndSlicesInAnyOrder) {
  for (const SampleShape shape : {SampleShape{9, 40, 1100}, SampleShape{7, 20, 1800}, SampleShape{50, 33, 20}}) {
    for (unsigned number = 0; number < 8; ++number) expect_same_in_any_pool(number, shape);
  }
}

// Where time is split, a chunk's gradients are read twice by one thread, and only then replaced.
TEST(Executor, GradientsInPlaceWhileTimeIsSplit) {
  for (unsigned number = 0; number < 16; ++number) {
    for (const Form& form : kForms) {
      Sample apart(number, 1, 3085, 64), in_place(number, 1, 3085, 64);
      in_place.gradients_in_place = true;
      for (Sample* sample : {&apart, &in_place}) expect_ran_in_pool(*sample, form);
      // Beyond the tensor's end one holds the fill, the other what random() made of it.
      const size_t bytes = size_t{3085} * 64 * (apart.d.dtype == SPIKESCAN_FLOAT32 ? 4 : 2);
      in_place.grad_x.resize(bytes);
      apart.grad_x.resize(bytes);
      EXPECT_TRUE(apart.same_outputs(in_place)) << number << ": " << form.threads << " threads";
    }
  }
}

// It has run out of nothing: the caller is told what its run() did.
TEST(Executor, OneThatCallsNoTaskIsRefusedAndNothingIsWritten) {
  Sample sample(0, 9, 40, 200);
  const Sample untouched(0, 9, 40, 200);
  Pool pool;
  pool.order = [](int64_t, const std::function<void(int64_t)>&) {};
  spikescan_executor executor = {sizeof executor, &pool, 2, run_pool};
  const spikescan_forward_args f = sample.forward();
  const spikescan_backward_args b = sample.backward();
  EXPECT_EQ(spikescan_forward(&sample.d, &f, &executor), SPIKESCAN_INVALID_ARGUMENT);
  EXPECT_STREQ(spikescan_last_error(), "stream.run failed: it returned without calling a task");
  EXPECT_EQ(spikescan_backward(&sample.d, &b, &executor), SPIKESCAN_INVALID_ARGUMENT);
  EXPECT_EQ(pool.calls, 2);
  EXPECT_TRUE(sample.same_outputs(untouched));
}

// The comparison itself: one different bit is seen.
TEST(Executor, TheComparisonSeesOneBit) {
  Sample a(0, 2, 5, 3), b(0, 2, 5, 3);
  expect_ran(a, nullptr);
  expect_ran(b, nullptr);
  ASSERT_TRUE(a.same_outputs(b));
  b.grad_x[7] ^= 1;
  EXPECT_FALSE(a.same_outputs(b));
}

TEST(Executor, ABadOneIsRefusedAndNothingIsWritten) {
  Pool pool;
  pool.order = serial;
  spikescan_executor good = {sizeof good, &pool, 2, run_pool};
  const auto refused = [&](const spikescan_executor& executor, const char* named) {
    Sample sample(0, 2, 5, 3);
    const Sample untouched(0, 2, 5, 3);
    const spikescan_forward_args f = sample.forward();
    const spikescan_backward_args b = sample.backward();
    void* stream = const_cast<spikescan_executor*>(&executor);
    EXPECT_EQ(spikescan_forward(&sample.d, &f, stream), SPIKESCAN_INVALID_ARGUMENT);
    EXPECT_NE(std::string(spikescan_last_error()).find(named), std::string::npos) << spikescan_last_error();
    EXPECT_EQ(spikescan_backward(&sample.d, &b, stream), SPIKESCAN_INVALID_ARGUMENT);
    EXPECT_TRUE(sample.same_outputs(untouched));
  };
  spikescan_executor bad = good;
  bad.struct_size = 8;
  refused(bad, "stream.struct_size");
  bad = good;
  bad.threads = 0;
  refused(bad, "stream.threads");
  bad = good;
  bad.run = nullptr;
  refused(bad, "stream.run is null; without it stream.context, now");
  EXPECT_EQ(pool.calls, 0);
}

int threads_of_process() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return static_cast<int>(std::distance(begin(tasks), end(tasks)));
}

TEST(Executor, NeitherNegativeThreadsNorAnyOtherPointer) {
  const auto refused = [&](void* stream, const char* named) {
    Sample sample(0, 2, 5, 3);
    const Sample untouched(0, 2, 5, 3);
    const spikescan_forward_args f = sample.forward();
    EXPECT_EQ(spikescan_forward(&sample.d, &f, stream), SPIKESCAN_INVALID_ARGUMENT);
    EXPECT_NE(std::string(spikescan_last_error()).find(named), std::string::npos) << spikescan_last_error();
    EXPECT_TRUE(sample.same_outputs(untouched));
  };
  spikescan_executor backwards = {sizeof backwards, nullptr, -1, nullptr};
  refused(&backwards, "stream.threads is -1");
  // A good one, but where none can lie: what is no executor is more likely found so than read.
  alignas(spikescan_executor) char memory[sizeof(spikescan_executor) + 1];
  const spikescan_executor good = {sizeof good, nullptr, 1, nullptr};
  std::memcpy(memory + 1, &good, sizeof good);
  refused(memory + 1, "a CPU call takes null or a spikescan_executor");
}

// Bits do not tell threads apart, but how many there are does: in a process in which OpenMP has none yet.
TEST(Executor, WithoutARunItTakesSoManyOfOpenMpsThreads) {
  const auto child = [](int threads, int expected_more) {
    omp_set_num_threads(3);
    const int before = threads_of_process();
    Sample sample(2, 9, 300, 200);
    spikescan_executor some = {sizeof some, nullptr, threads, nullptr};
    expect_ran(sample, &some);
    const int more = threads_of_process() - before;
    std::fprintf(stderr, "%d more\n", more);
    std::_Exit(more == expected_more && !HasFailure() ? 0 : 1);
  };
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(child(1, 0), ::testing::ExitedWithCode(0), "0 more");
  EXPECT_EXIT(child(2, 1), ::testing::ExitedWithCode(0), "1 more");
  EXPECT_EXIT(child(64, 2), ::testing::ExitedWithCode(0), "2 more");
}

// The child of a fork has lost OpenMP's other threads; it comes to an end alone, with the same bits.
TEST(Fork, TheChildRunsOnTheThreadItHas) {
  omp_set_num_threads(2);
  Sample in_parent(2, 9, 300, 200), in_child(2, 9, 300, 200);
  expect_ran(in_parent, nullptr);  // the threads now exist
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    alarm(20);  // ends a child that waits for ever
    expect_ran(in_child, nullptr);
    spikescan_device_info info = {};
    info.struct_size = sizeof info;
    spikescan_query_device(SPIKESCAN_BACKEND_CPU, 0, &info);
    _exit(in_parent.same_outputs(in_child) && info.processors == 1 ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status)) << "ended by signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  expect_ran(in_child, nullptr);
  EXPECT_TRUE(in_parent.same_outputs(in_child)) << "and the parent goes on";
}

}  // namespace
}  // namespace spikescan::testing
