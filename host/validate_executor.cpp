#include "host/validate_executor.h"

#include "host/validate_struct.h"

namespace spikescan {

spikescan_status validate_executor(const spikescan_description& d, const void* stream, Sentence& error) {
  if (d.backend != SPIKESCAN_BACKEND_CPU || !stream) return SPIKESCAN_OK;
  if (reinterpret_cast<uintptr_t>(stream) % alignof(spikescan_executor) != 0) {
    return error.invalid("stream is %p; a CPU call takes null or a spikescan_executor", stream);
  }
  spikescan_executor executor;
  if (const auto s = take_struct(static_cast<const spikescan_executor*>(stream), "stream", &executor, error)) return s;
  if (executor.threads < 1) return error.invalid("stream.threads is %d; it must be > 0", executor.threads);
  if (!executor.run && executor.context) {
    return error.invalid("stream.run is null; without it stream.context, now %p, must be null, too", executor.context);
  }
  return SPIKESCAN_OK;
}

}  // namespace spikescan
