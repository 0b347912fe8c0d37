// Versions, statuses, backends and devices.
#include "host/guard.h"
#include "host/names.h"
#include "host/resolve.h"
#include "host/validate_struct.h"

#define SPIKESCAN_TEXT_(x) #x
#define SPIKESCAN_TEXT(x) SPIKESCAN_TEXT_(x)

using namespace spikescan;

const char* spikescan_last_error(void) {
  return last_error().text();
}

const char* spikescan_status_name(spikescan_status status) {
  switch (number_of(status)) {
    case SPIKESCAN_OK:
      return "SPIKESCAN_OK";
    case SPIKESCAN_INVALID_ARGUMENT:
      return "SPIKESCAN_INVALID_ARGUMENT";
    case SPIKESCAN_UNSUPPORTED:
      return "SPIKESCAN_UNSUPPORTED";
    case SPIKESCAN_BACKEND_UNAVAILABLE:
      return "SPIKESCAN_BACKEND_UNAVAILABLE";
    case SPIKESCAN_WORKSPACE_TOO_SMALL:
      return "SPIKESCAN_WORKSPACE_TOO_SMALL";
    case SPIKESCAN_OUT_OF_MEMORY:
      return "SPIKESCAN_OUT_OF_MEMORY";
    case SPIKESCAN_CUDA_ERROR:
      return "SPIKESCAN_CUDA_ERROR";
    case SPIKESCAN_INTERNAL_ERROR:
      return "SPIKESCAN_INTERNAL_ERROR";
    default:
      return "unknown status";
  }
}

const char* spikescan_version(void) {
  return SPIKESCAN_TEXT(SPIKESCAN_VERSION_MAJOR) "." SPIKESCAN_TEXT(SPIKESCAN_VERSION_MINOR) "." SPIKESCAN_TEXT(
      SPIKESCAN_VERSION_PATCH);
}

int32_t spikescan_version_number(void) {
  return SPIKESCAN_VERSION_MAJOR * 10000 + SPIKESCAN_VERSION_MINOR * 100 + SPIKESCAN_VERSION_PATCH;
}

int32_t spikescan_backend_built(spikescan_backend backend) {
  switch (number_of(backend)) {
    case SPIKESCAN_BACKEND_AUTO:
      return 1;
    case SPIKESCAN_BACKEND_CPU:
      return cpu_backend() != nullptr;
    case SPIKESCAN_BACKEND_CUDA:
      return cuda_backend() != nullptr;
    default:
      return 0;
  }
}

spikescan_status spikescan_device_count(spikescan_backend backend, int32_t* count) {
  return guarded([&](Sentence& error) {
    if (!count) return error.invalid("count is null; it must point to an int32_t");
    return count_devices(built_backends(), number_of(backend), count, error);
  });
}

spikescan_status spikescan_resolve_backend(spikescan_backend requested, spikescan_backend* resolved) {
  return guarded([&](Sentence& error) {
    if (!resolved) return error.invalid("resolved is null; it must point to a spikescan_backend");
    Resolved found;
    if (const auto s = resolve(built_backends(), number_of(requested), &found, error)) return s;
    *resolved = found.id;
    return SPIKESCAN_OK;
  });
}

spikescan_status spikescan_query_device(spikescan_backend backend, int32_t device, spikescan_device_info* info) {
  return guarded([&](Sentence& error) {
    spikescan_device_info found;
    if (const auto s = take_struct(info, "info", &found, error)) return s;
    Resolved resolved;
    if (const auto s = resolve(built_backends(), number_of(backend), &resolved, error)) return s;
    int32_t devices = 0;
    if (const auto s = report(resolved.backend->device_count(&devices), error)) return s;
    if (device < 0 || device >= devices) {
      return error.invalid("device is %d; it must be from 0 to %d", device, devices - 1);
    }
    found = {};
    if (const auto s = report(resolved.backend->query_device(device, &found), error)) return s;
    found.struct_size = info->struct_size;
    *info = found;
    return SPIKESCAN_OK;
  });
}
