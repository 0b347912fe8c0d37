// XLA's pool as an executor: every task once, whatever the pool does with what it is given.
#include "python/xla/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

#include "tests/cpu/sample.h"

namespace spikescan_xla {
namespace {

// A pool that a test plays; the context of a call frame.
struct Pool {
  int64_t threads = 4;
  bool refuses_count = false;
  int64_t most_scheduled = 1 << 20;  // then it refuses
  std::function<void(std::function<void()>)> start;
  int64_t scheduled = 0, errors_alive = 0;
};

Pool& pool_of(ffi::Context* context) {
  return *reinterpret_cast<Pool*>(context);
}

ffi::Error* refuse(Pool& pool) {
  ++pool.errors_alive;
  return reinterpret_cast<ffi::Error*>(&pool);
}
void destroy_error(ffi::ErrorDestroyArgs* args) {
  --reinterpret_cast<Pool*>(args->error)->errors_alive;
}
ffi::Error* count_threads(ffi::NumThreadsArgs* args) {
  Pool& pool = pool_of(args->ctx);
  if (pool.refuses_count) return refuse(pool);
  *args->num_threads = pool.threads;
  return nullptr;
}
ffi::Error* schedule(ffi::ScheduleArgs* args) {
  Pool& pool = pool_of(args->ctx);
  if (pool.scheduled == pool.most_scheduled) return refuse(pool);
  ++pool.scheduled;
  pool.start([task = args->task, data = args->data] { task(data); });
  return nullptr;
}

struct Call {
  ffi::Api api = {};
  ffi::CallFrame frame = {};
  explicit Call(Pool& pool) {
    api.error_destroy = destroy_error;
    api.thread_pool_num_threads = count_threads;
    api.thread_pool_schedule = schedule;
    frame.api = &api;
    frame.ctx = reinterpret_cast<ffi::Context*>(&pool);
  }
};

// How often each of `tasks` tasks ran.
std::vector<int> run_tasks(const spikescan_executor& executor, int64_t tasks) {
  struct Counts {
    std::vector<std::atomic<int>> of;
    explicit Counts(int64_t n) : of(static_cast<size_t>(n)) {}
  } counts(tasks);
  const auto count = [](void* data, int64_t i) { ++static_cast<Counts*>(data)->of[static_cast<size_t>(i)]; };
  executor.run(executor.context, tasks, count, &counts);
  return {counts.of.begin(), counts.of.end()};
}

const std::vector<int> kOnceEach(7, 1);

TEST(ThreadPool, OnTheCallingThreadAtOnce) {
  Pool pool;
  pool.start = [](auto task) { task(); };
  Call call(pool);
  const ThreadPool threads(call.frame);
  ASSERT_NE(threads.executor(), nullptr);
  EXPECT_EQ(threads.executor()->threads, 4);
  EXPECT_EQ(run_tasks(*threads.executor(), 7), kOnceEach);
  EXPECT_EQ(pool.scheduled, 6);
}

// A pool of one thread that is the calling one: what it was given starts when the call has long returned.
TEST(ThreadPool, AfterTheCallHasEnded) {
  Pool pool;
  std::vector<std::function<void()>> later;
  pool.start = [&](auto task) { later.push_back(task); };
  Call call(pool);
  std::vector<int> counts;
  {
    const ThreadPool threads(call.frame);
    counts = run_tasks(*threads.executor(), 7);
  }
  EXPECT_EQ(counts, kOnceEach);
  for (const auto& task : later) task();  // freed memory and a second run would show, the first under ASan
  EXPECT_EQ(later.size(), 6u);
  EXPECT_EQ(counts, kOnceEach);
}

TEST(ThreadPool, OnThreadsOfItsOwn) {
  for (int round = 0; round < 200; ++round) {
    Pool pool;
    std::vector<std::thread> running;
    pool.start = [&](auto task) { running.emplace_back(task); };
    Call call(pool);
    const ThreadPool threads(call.frame);
    EXPECT_EQ(run_tasks(*threads.executor(), 7), kOnceEach);
    for (auto& thread : running) thread.join();
  }
}

TEST(ThreadPool, ThatRefusesTasks) {
  Pool pool;
  pool.most_scheduled = 2;
  pool.start = [](auto task) { task(); };
  Call call(pool);
  const ThreadPool threads(call.frame);
  EXPECT_EQ(run_tasks(*threads.executor(), 7), kOnceEach);
  EXPECT_EQ(pool.scheduled, 2);
  EXPECT_EQ(pool.errors_alive, 0);
}

TEST(ThreadPool, ThatIsNotThere) {
  Pool pool;
  pool.refuses_count = true;
  Call refusing(pool);
  EXPECT_EQ(ThreadPool(refusing.frame).executor(), nullptr);
  EXPECT_EQ(pool.errors_alive, 0);
  pool = {};
  pool.threads = 0;
  Call empty(pool);
  EXPECT_EQ(ThreadPool(empty.frame).executor(), nullptr);
}

// The whole way: a call of the library on such a pool has the bits of one on the library's own threads.
TEST(ThreadPool, GivesTheSameBits) {
  using spikescan::testing::Sample;
  Pool pool;
  std::vector<std::function<void()>> later;
  pool.start = [&](auto task) { later.push_back(task); };
  Call call(pool);
  const ThreadPool threads(call.frame);
  void* streams[2] = {nullptr, const_cast<spikescan_executor*>(threads.executor())};
  Sample own(5, 3, 2100, 70), on_pool(5, 3, 2100, 70);
  Sample* samples[2] = {&own, &on_pool};
  for (int i = 0; i < 2; ++i) {
    const spikescan_forward_args f = samples[i]->forward();
    ASSERT_EQ(spikescan_forward(&samples[i]->d, &f, streams[i]), SPIKESCAN_OK) << spikescan_last_error();
    const spikescan_backward_args b = samples[i]->backward();
    ASSERT_EQ(spikescan_backward(&samples[i]->d, &b, streams[i]), SPIKESCAN_OK) << spikescan_last_error();
  }
  EXPECT_TRUE(own.same_outputs(on_pool));
  EXPECT_GT(pool.scheduled, 0);
  for (const auto& task : later) task();
}

}  // namespace
}  // namespace spikescan_xla
