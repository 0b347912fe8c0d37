// The four handlers that XLA calls, as plain C symbols; python/spikescan/jax/_ffi.py registers them.
#include <exception>

#include "python/xla/passes.h"
#include "python/xla/thread_pool.h"

using namespace spikescan_xla;

namespace {

using Pass = void(const ffi::CallFrame&, spikescan_backend, void*);

void* stream_of(const ffi::CallFrame& frame) {
  ffi::StreamGetArgs args = {sizeof args, nullptr, frame.ctx, nullptr};
  if (!succeeded(frame, frame.api->stream_get(&args))) {
    throw Refusal(ffi::kInternal, "spikescan: XLA gave no CUDA stream");
  }
  return args.stream;
}

ffi::Error* run(ffi::CallFrame* frame, Pass* pass, spikescan_backend backend) {
  const bool cuda = backend == SPIKESCAN_BACKEND_CUDA;
  if (answer_metadata(frame, cuda ? uint32_t{ffi::kCommandBufferCompatible} : 0u)) return nullptr;
  try {
    if (cuda) {
      pass(*frame, backend, stream_of(*frame));
    } else {
      const ThreadPool pool(*frame);
      pass(*frame, backend, const_cast<spikescan_executor*>(pool.executor()));
    }
    return nullptr;
  } catch (const Refusal& refusal) {
    return make_error(*frame, refusal.code, refusal.what());
  } catch (const std::exception& e) {
    return make_error(*frame, ffi::kInternal, e.what());
  } catch (...) {
    return make_error(*frame, ffi::kInternal, "spikescan: an exception without a text");
  }
}

}  // namespace

#define SPIKESCAN_XLA_HANDLER(name, pass, backend)                                            \
  extern "C" __attribute__((visibility("default"))) ffi::Error* name(ffi::CallFrame* frame) { \
    return run(frame, pass, backend);                                                         \
  }

SPIKESCAN_XLA_HANDLER(spikescan_xla_forward_cpu, forward, SPIKESCAN_BACKEND_CPU)
SPIKESCAN_XLA_HANDLER(spikescan_xla_backward_cpu, backward, SPIKESCAN_BACKEND_CPU)
SPIKESCAN_XLA_HANDLER(spikescan_xla_forward_cuda, forward, SPIKESCAN_BACKEND_CUDA)
SPIKESCAN_XLA_HANDLER(spikescan_xla_backward_cuda, backward, SPIKESCAN_BACKEND_CUDA)
