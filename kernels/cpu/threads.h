// The threads of a call: OpenMP's, all or some, or the caller's pool (spikescan_executor). Work is a list of items that
// the running threads take in order, so one thread or many, one after the other or at once, do the same work.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "kernels/backend.h"
#include "kernels/float_environment.h"

namespace spikescan {

// How many a call without an executor uses.
int openmp_threads();

class Threads {
 public:
  // `stream` is null or a const spikescan_executor*, checked by the host.
  explicit Threads(const void* stream);
  int count() const { return count_; }
  // task(data, i) for i in [0, tasks), on any threads; returns when all are done.
  void run(int64_t tasks, void (*task)(void* data, int64_t index), void* data) const;

 private:
  const spikescan_executor* pool_;  // the caller's; null: OpenMP's threads
  int count_;
};

// The calling thread's scratch of at least `bytes`, 64-byte aligned, kept for the thread's life; null without memory.
void* thread_scratch(size_t bytes);

// Calls body(item, scratch, kept) once for every item, in order of taking; `kept` is a number of the running thread's,
// -1 before its first item, for the body to remember what its scratch holds. Fails where no thread could get its
// scratch, or an executor ran no task: then nothing was called. Threads without scratch leave the work to the others.
template <class Body>
BackendResult for_each_item(const Threads& threads, int64_t items, size_t scratch_bytes, Body body) {
  struct Shared {
    Body& body;
    int64_t items;
    size_t scratch_bytes;
    std::atomic<int64_t> next{0};
    std::atomic<bool> ran{false};
  } shared{body, items, scratch_bytes};
  const auto worker = [](void* data, int64_t) {
    Shared& s = *static_cast<Shared*>(data);
    s.ran.store(true, std::memory_order_relaxed);
    if (s.next.load(std::memory_order_relaxed) >= s.items) return;
    void* scratch = thread_scratch(s.scratch_bytes);
    if (!scratch) return;
    const FloatEnvironment ours;
    int64_t kept = -1;
    for (int64_t i; (i = s.next.fetch_add(1, std::memory_order_relaxed)) < s.items;) s.body(i, scratch, kept);
  };
  threads.run(threads.count() < items ? threads.count() : items, worker, &shared);
  if (shared.next.load() >= items) return kOk;
  if (!shared.ran.load()) return {SPIKESCAN_INVALID_ARGUMENT, "stream.run", "it returned without calling a task"};
  return {SPIKESCAN_OUT_OF_MEMORY, "aligned_alloc", "no memory for a thread's scratch"};
}

}  // namespace spikescan
