// XLA's thread pool as the library's executor, for calls on the CPU.
#pragma once

#include "python/xla/ffi_abi.h"
#include "spikescan/spikescan.h"

namespace spikescan_xla {

// Lives as long as the call that it serves.
class ThreadPool {
 public:
  explicit ThreadPool(const ffi::CallFrame& frame);
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // What a CPU call takes as its stream; null (the library's own threads) where XLA has no pool.
  const spikescan_executor* executor() const { return executor_.threads > 0 ? &executor_ : nullptr; }

 private:
  const ffi::CallFrame& frame_;
  spikescan_executor executor_;
};

}  // namespace spikescan_xla
