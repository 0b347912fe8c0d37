#include "python/xla/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <memory>
#include <new>
#include <thread>

#include "python/xla/call_frame.h"

namespace spikescan_xla {
namespace {

using Task = void (*)(void* data, int64_t index);

// XLA promises neither a second thread nor that a scheduled task starts before this call has ended. So the calling
// thread takes tasks like any other, and waits only for tasks that somebody has begun; who comes late finds none left,
// and what it looks at must have outlived the call.
struct Work {
  int64_t tasks;
  Task task;
  void* data;
  std::atomic<int64_t> next{0}, done{0};

  void take() {
    for (int64_t i; (i = next.fetch_add(1)) < tasks;) {
      task(data, i);
      done.fetch_add(1, std::memory_order_release);
    }
  }
};

void take_scheduled(void* data) {
  const std::unique_ptr<std::shared_ptr<Work>> work(static_cast<std::shared_ptr<Work>*>(data));
  (*work)->take();
}

// False where nothing was scheduled, for want of memory too: to throw would leave workers with a call that is gone.
bool schedule(const ffi::CallFrame& frame, const std::shared_ptr<Work>& work) {
  std::unique_ptr<std::shared_ptr<Work>> held(new (std::nothrow) std::shared_ptr<Work>(work));
  if (!held) return false;
  ffi::ScheduleArgs args = {sizeof args, nullptr, frame.ctx, take_scheduled, held.get()};
  if (!succeeded(frame, frame.api->thread_pool_schedule(&args))) return false;
  held.release();  // the pool's now
  return true;
}

void run(void* context, int64_t tasks, Task task, void* data) {
  const auto& frame = *static_cast<const ffi::CallFrame*>(context);
  const auto work = std::make_shared<Work>(tasks, task, data);
  for (int64_t i = 1; i < tasks && schedule(frame, work); ++i) {
  }
  work->take();
  while (work->done.load(std::memory_order_acquire) < tasks) std::this_thread::yield();
}

}  // namespace

ThreadPool::ThreadPool(const ffi::CallFrame& frame)
    : frame_(frame), executor_{sizeof executor_, const_cast<ffi::CallFrame*>(&frame_), 0, run} {
  int64_t threads = 0;
  ffi::NumThreadsArgs args = {sizeof args, nullptr, frame.ctx, &threads};
  if (!succeeded(frame, frame.api->thread_pool_num_threads(&args))) return;
  executor_.threads = static_cast<int32_t>(std::clamp<int64_t>(threads, 0, std::numeric_limits<int32_t>::max()));
}

}  // namespace spikescan_xla
