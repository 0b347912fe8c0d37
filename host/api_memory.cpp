// Memory of a backend, for programs without an allocator of their own.
#include "host/guard.h"
#include "host/memory_range.h"
#include "host/names.h"
#include "host/resolve.h"

using namespace spikescan;

namespace {

spikescan_status check_range(const char* name, const void* pointer, size_t bytes, Sentence& error) {
  if (!pointer) return error.invalid("%s is null; it must hold %zu bytes", name, bytes);
  if (!fits_address_space(address_of(pointer), bytes)) {
    return error.invalid("%s is %p and bytes is %zu; the range must not pass the end of the address space", name,
                         pointer, bytes);
  }
  return SPIKESCAN_OK;
}

}  // namespace

spikescan_status spikescan_allocate(spikescan_backend backend, size_t bytes, void** memory) {
  return guarded([&](Sentence& error) {
    if (!memory) return error.invalid("memory is null; it must point to a void*");
    Resolved resolved;
    if (const auto s = resolve(built_backends(), number_of(backend), &resolved, error)) return s;
    void* allocated = nullptr;
    if (bytes > 0) {
      Sentence reason;
      if (const auto s = report(resolved.backend->allocate(bytes, &allocated), reason)) {
        return error.refuse(s, "bytes is %zu; %s", bytes, reason.text());
      }
    }
    *memory = allocated;
    return SPIKESCAN_OK;
  });
}

spikescan_status spikescan_free(spikescan_backend backend, void* memory) {
  return guarded([&](Sentence& error) {
    Resolved resolved;
    if (const auto s = resolve(built_backends(), number_of(backend), &resolved, error)) return s;
    return memory ? report(resolved.backend->free(memory), error) : SPIKESCAN_OK;
  });
}

spikescan_status spikescan_copy(spikescan_backend backend, void* destination, const void* source, size_t bytes,
                                void* stream) {
  return guarded([&](Sentence& error) {
    Resolved resolved;
    if (const auto s = resolve_with_stream(built_backends(), number_of(backend), stream, &resolved, error)) return s;
    if (bytes == 0) return SPIKESCAN_OK;
    if (const auto s = check_range("destination", destination, bytes, error)) return s;
    if (const auto s = check_range("source", source, bytes, error)) return s;
    if (ranges_meet(address_of(destination), bytes, address_of(source), bytes)) {
      return error.invalid("destination is %p, source is %p and bytes is %zu; the two must not overlap", destination,
                           source, bytes);
    }
    return report(resolved.backend->copy(destination, source, bytes, stream), error);
  });
}

spikescan_status spikescan_fill(spikescan_backend backend, void* destination, int32_t byte, size_t bytes,
                                void* stream) {
  return guarded([&](Sentence& error) {
    Resolved resolved;
    if (const auto s = resolve_with_stream(built_backends(), number_of(backend), stream, &resolved, error)) return s;
    if (bytes == 0) return SPIKESCAN_OK;
    if (const auto s = check_range("destination", destination, bytes, error)) return s;
    return report(resolved.backend->fill(destination, byte & 0xff, bytes, stream), error);
  });
}
