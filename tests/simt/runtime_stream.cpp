// Streams, which have nothing to wait for, and events, which are marks of the steady clock (runtime.h).
#include <chrono>
#include <memory>
#include <mutex>
#include <set>

#include "simt/runtime.h"

// CUDA's headers declare these two and leave them to the runtime.
struct CUstream_st {};
struct CUevent_st {
  std::chrono::steady_clock::time_point mark;
  bool recorded = false;
  bool timed = true;
};

namespace simt {
namespace {

std::mutex handle_mutex;
std::set<cudaStream_t> streams;
std::set<cudaEvent_t> events;

bool is_default_stream(cudaStream_t stream) {
  return stream == nullptr || stream == cudaStreamLegacy || stream == cudaStreamPerThread;
}

cudaError_t make_event(cudaEvent_t* event, bool timed) {
  if (device().count == 0) return detail::answer(cudaErrorNoDevice);
  auto made = std::make_unique<CUevent_st>();
  made->timed = timed;
  const std::lock_guard lock(handle_mutex);
  events.insert(made.get());
  *event = made.release();
  return cudaSuccess;
}

cudaError_t check_stream(cudaStream_t stream) {
  if (device().count == 0) return detail::answer(cudaErrorNoDevice);
  return detail::stream_exists(stream) ? cudaSuccess : detail::answer(cudaErrorInvalidResourceHandle);
}

}  // namespace

namespace detail {

bool stream_exists(cudaStream_t stream) {
  const std::lock_guard lock(handle_mutex);
  return is_default_stream(stream) || streams.count(stream) != 0;
}

}  // namespace detail

Live live() {
  Live now;
  detail::count_memory(now);
  const std::lock_guard lock(handle_mutex);
  now.streams = streams.size();
  now.events = events.size();
  return now;
}

}  // namespace simt

using namespace simt;

extern "C" {

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  if (device().count == 0) return detail::answer(cudaErrorNoDevice);
  auto made = std::make_unique<CUstream_st>();
  const std::lock_guard lock(handle_mutex);
  streams.insert(made.get());
  *stream = made.release();
  return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  const std::lock_guard lock(handle_mutex);
  if (streams.erase(stream) == 0) return detail::answer(cudaErrorInvalidResourceHandle);
  delete stream;
  return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  if (detail::capturing()) return detail::answer(cudaErrorStreamCaptureUnsupported);
  return check_stream(stream);
}

cudaError_t cudaDeviceSynchronize() {
  if (detail::capturing()) return detail::answer(cudaErrorStreamCaptureUnsupported);
  return check_stream(nullptr);
}

cudaError_t cudaEventCreate(cudaEvent_t* event) {
  return make_event(event, true);
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  return make_event(event, (flags & cudaEventDisableTiming) == 0);
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  if (const cudaError_t error = check_stream(stream); error != cudaSuccess) return error;
  const std::lock_guard lock(handle_mutex);
  if (events.count(event) == 0) return detail::answer(cudaErrorInvalidResourceHandle);
  event->mark = std::chrono::steady_clock::now();
  event->recorded = true;
  return cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  const std::lock_guard lock(handle_mutex);
  return detail::answer(events.count(event) != 0 ? cudaSuccess : cudaErrorInvalidResourceHandle);
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t stop) {
  const std::lock_guard lock(handle_mutex);
  for (cudaEvent_t event : {start, stop}) {
    if (events.count(event) == 0 || !event->recorded || !event->timed) {
      return detail::answer(cudaErrorInvalidResourceHandle);
    }
  }
  *milliseconds = std::chrono::duration<float, std::milli>(stop->mark - start->mark).count();
  return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  const std::lock_guard lock(handle_mutex);
  if (events.erase(event) == 0) return detail::answer(cudaErrorInvalidResourceHandle);
  delete event;
  return cudaSuccess;
}

}  // extern "C"
