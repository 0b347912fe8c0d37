// The CPU backend: the passes of the best instruction set, memory, streams (nothing to do) and timers.
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <optional>

#include "kernels/backend.h"
#include "kernels/cpu/huge_pages.h"
#include "kernels/cpu/instruction_sets.h"
#include "kernels/cpu/run_passes.h"
#include "kernels/cpu/threads.h"

namespace spikescan {
namespace {

const LanePasses& passes() {
  return *usable_passes()[0];
}

BackendResult forward(const ForwardCall& call, void* stream) {
  ask_for_huge_pages(call.description, call.args.spikes);
  ask_for_huge_pages(call.description, call.args.membrane);
  return run_forward(passes(), call, stream);
}

BackendResult backward(const BackwardCall& call, void* stream) {
  ask_for_huge_pages(call.description, call.args.grad_x);
  return run_backward(passes(), call, stream);
}

// None on an x86 processor without SSE4.2.
BackendResult device_count(int32_t* count) {
  *count = usable_passes()[0] ? 1 : 0;
  return kOk;
}

BackendResult facts(DeviceFacts* facts) {
  *facts = {openmp_threads(), 0, 0};
  return kOk;
}

void read_cpu_name(char* name, size_t capacity) {
  std::snprintf(name, capacity, "CPU");
  std::FILE* file = std::fopen("/proc/cpuinfo", "r");
  if (!file) return;
  char line[256];
  while (std::fgets(line, sizeof line, file)) {
    const char* colon = std::strchr(line, ':');
    if (std::strncmp(line, "model name", 10) == 0 && colon) {
      std::snprintf(name, capacity, "%.*s", static_cast<int>(std::strcspn(colon + 2, "\n")), colon + 2);
      break;
    }
  }
  std::fclose(file);
}

BackendResult query_device(int32_t, spikescan_device_info* info) {
  read_cpu_name(info->name, sizeof info->name);
  info->processors = openmp_threads();
  info->memory_bytes = static_cast<int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
  const long l2 = sysconf(_SC_LEVEL2_CACHE_SIZE);
  info->l2_bytes = l2 > 0 ? l2 : 0;
  std::snprintf(info->instruction_set, sizeof info->instruction_set, "%s", passes().name);
  return kOk;
}

BackendResult allocate(size_t bytes, void** memory) {
  const size_t alignment = bytes >= kLargeBytes ? kHugePage : kWorkspaceAlignment;
  if (bytes > SIZE_MAX - alignment) return {SPIKESCAN_OUT_OF_MEMORY, "aligned_alloc", "the size overflows"};
  const size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  *memory = std::aligned_alloc(alignment, rounded);
  if (!*memory) return {SPIKESCAN_OUT_OF_MEMORY, "aligned_alloc", "no memory"};
  ask_for_huge_pages(*memory, rounded);
  return kOk;
}

BackendResult free_memory(void* memory) {
  std::free(memory);
  return kOk;
}

BackendResult copy(void* destination, const void* source, size_t bytes, void*) {
  std::memcpy(destination, source, bytes);
  return kOk;
}

BackendResult fill(void* destination, int byte, size_t bytes, void*) {
  std::memset(destination, byte, bytes);
  return kOk;
}

BackendResult stream_create(void** stream) {
  *stream = nullptr;
  return kOk;
}

BackendResult stream_nothing(void*) {
  return kOk;
}

// A new start takes the stop of the time before away.
struct Timer {
  std::optional<std::chrono::steady_clock::time_point> start, stop;
};

BackendResult timer_create(void** timer) {
  *timer = new (std::nothrow) Timer{};
  if (!*timer) return {SPIKESCAN_OUT_OF_MEMORY, "new", "no memory"};
  return kOk;
}

BackendResult timer_start(void* timer, void*) {
  *static_cast<Timer*>(timer) = {std::chrono::steady_clock::now(), {}};
  return kOk;
}

BackendResult timer_stop(void* timer, void*) {
  static_cast<Timer*>(timer)->stop = std::chrono::steady_clock::now();
  return kOk;
}

BackendResult timer_seconds(void* timer, double* seconds) {
  const Timer& t = *static_cast<Timer*>(timer);
  if (!t.start || !t.stop) {
    return {SPIKESCAN_INVALID_ARGUMENT, "spikescan_timer_seconds", "it must have been started and then stopped"};
  }
  *seconds = std::chrono::duration<double>(*t.stop - *t.start).count();
  return kOk;
}

BackendResult timer_destroy(void* timer) {
  delete static_cast<Timer*>(timer);
  return kOk;
}

}  // namespace

const Backend* cpu_backend() {
  static constexpr Backend backend = {device_count,   facts,          query_device, forward,     backward,
                                      allocate,       free_memory,    copy,         fill,        stream_create,
                                      stream_nothing, stream_nothing, timer_create, timer_start, timer_stop,
                                      timer_seconds,  timer_destroy,  true};
  return &backend;
}

}  // namespace spikescan
