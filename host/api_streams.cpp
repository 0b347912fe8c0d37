// Streams and timers of a backend. Null is the CPU's stream and CUDA's default one: there is nothing to destroy then.
#include "host/guard.h"
#include "host/names.h"
#include "host/resolve.h"

using namespace spikescan;

namespace {

// Runs `body(backend)` on the resolved backend. `stream` is null where the call has none.
template <class Body>
spikescan_status on_backend(const spikescan_backend& requested, const void* stream, Sentence& error, Body body) {
  Resolved resolved;
  if (const auto s = resolve_with_stream(built_backends(), number_of(requested), stream, &resolved, error)) return s;
  return report(body(*resolved.backend), error);
}

// Creates into a local: a failing call leaves the caller's pointer alone.
spikescan_status create(const spikescan_backend& requested, const char* name,
                        BackendResult (*Backend::*function)(void**), void** created) {
  return guarded([&](Sentence& error) {
    if (!created) return error.invalid("%s is null; it must point to a void*", name);
    void* made = nullptr;
    const auto s = on_backend(requested, nullptr, error, [&](const Backend& b) { return (b.*function)(&made); });
    if (!s) *created = made;
    return s;
  });
}

spikescan_status need_timer(const void* timer, Sentence& error) {
  return timer ? SPIKESCAN_OK : error.invalid("timer is null; it must come from spikescan_timer_create");
}

}  // namespace

spikescan_status spikescan_stream_create(spikescan_backend backend, void** stream) {
  return create(backend, "stream", &Backend::stream_create, stream);
}

spikescan_status spikescan_stream_destroy(spikescan_backend backend, void* stream) {
  return guarded([&](Sentence& error) {
    return on_backend(backend, stream, error,
                      [&](const Backend& b) { return stream ? b.stream_destroy(stream) : kOk; });
  });
}

spikescan_status spikescan_stream_synchronize(spikescan_backend backend, void* stream) {
  return guarded([&](Sentence& error) {
    return on_backend(backend, stream, error, [&](const Backend& b) { return b.stream_synchronize(stream); });
  });
}

spikescan_status spikescan_timer_create(spikescan_backend backend, void** timer) {
  return create(backend, "timer", &Backend::timer_create, timer);
}

spikescan_status spikescan_timer_start(spikescan_backend backend, void* timer, void* stream) {
  return guarded([&](Sentence& error) {
    if (const auto s = need_timer(timer, error)) return s;
    return on_backend(backend, stream, error, [&](const Backend& b) { return b.timer_start(timer, stream); });
  });
}

spikescan_status spikescan_timer_stop(spikescan_backend backend, void* timer, void* stream) {
  return guarded([&](Sentence& error) {
    if (const auto s = need_timer(timer, error)) return s;
    return on_backend(backend, stream, error, [&](const Backend& b) { return b.timer_stop(timer, stream); });
  });
}

spikescan_status spikescan_timer_seconds(spikescan_backend backend, void* timer, double* seconds) {
  return guarded([&](Sentence& error) {
    if (const auto s = need_timer(timer, error)) return s;
    if (!seconds) return error.invalid("seconds is null; it must point to a double");
    Resolved resolved;
    if (const auto s = resolve(built_backends(), number_of(backend), &resolved, error)) return s;
    double measured = 0.0;
    Sentence reason;
    if (const auto s = report(resolved.backend->timer_seconds(timer, &measured), reason)) {
      return error.refuse(s, "timer is %p; %s", timer, reason.text());
    }
    *seconds = measured;
    return SPIKESCAN_OK;
  });
}

spikescan_status spikescan_timer_destroy(spikescan_backend backend, void* timer) {
  return guarded([&](Sentence& error) {
    return on_backend(backend, nullptr, error, [&](const Backend& b) { return timer ? b.timer_destroy(timer) : kOk; });
  });
}
