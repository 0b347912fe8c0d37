#include "kernels/cpu/threads.h"

#include <omp.h>
#include <pthread.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

namespace spikescan {
namespace {

// In the child of a fork only the thread that forked lives on. GNU OpenMP does not know, and would wait for the others.
bool lost_threads = false;

// Once this process has OpenMP's threads.
void note_forks() {
  static const int noted = pthread_atfork(nullptr, nullptr, [] { lost_threads = true; });
  static_cast<void>(noted);
}

}  // namespace

int openmp_threads() {
  return lost_threads ? 1 : omp_get_max_threads();
}

Threads::Threads(const void* stream) : pool_(static_cast<const spikescan_executor*>(stream)) {
  if (pool_ && pool_->run) {
    count_ = pool_->threads;
  } else {
    count_ = pool_ ? std::min<int>(pool_->threads, openmp_threads()) : openmp_threads();
    pool_ = nullptr;
  }
}

void Threads::run(int64_t tasks, void (*task)(void* data, int64_t index), void* data) const {
  if (tasks == 1) return task(data, 0);
  if (pool_) return pool_->run(pool_->context, tasks, task, data);
  note_forks();
#pragma omp parallel for schedule(static, 1) num_threads(count_)
  for (int64_t i = 0; i < tasks; ++i) task(data, i);
}

void* thread_scratch(size_t bytes) {
  constexpr size_t kAlignment = 64;
  static thread_local std::unique_ptr<void, void (*)(void*)> scratch(nullptr, std::free);
  static thread_local size_t capacity = 0;
  if (capacity < bytes) {
    scratch.reset(std::aligned_alloc(kAlignment, (bytes + kAlignment - 1) / kAlignment * kAlignment));
    capacity = scratch ? bytes : 0;
  }
  return scratch.get();
}

}  // namespace spikescan
