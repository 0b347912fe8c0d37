// The CPU backend: picks the instruction set, spreads groups of channels and batches over OpenMP threads, finishes the
// parameter gradients in the contract's order, and serves memory, streams (nothing to do) and timers.
#include <omp.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include "kernels/backend.h"
#include "kernels/cpu/isa_entry.h"
#include "kernels/element/recurrence.h"
#include "kernels/reduce.h"

namespace spikescan {
namespace {

constexpr BackendResult kOk = {SPIKESCAN_OK, nullptr, nullptr};

const LanePasses* pick_passes() {
#if defined(SPIKESCAN_X86_ISAS)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl")) {
    return lane_passes_avx512();
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return lane_passes_avx2();
#endif
  return lane_passes_portable();
}

const LanePasses& passes() {
  static const LanePasses* picked = pick_passes();
  return *picked;
}

int64_t divide_up(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

// Channel groups times slices of the rows: enough items for all threads, few enough to share a group's tables.
struct Work {
  int64_t groups, slices, rows_per_slice;
  Work(int64_t channels, int64_t rows) {
    groups = divide_up(channels, passes().lanes);
    const int64_t wanted = divide_up(int64_t{8} * omp_get_max_threads(), std::max<int64_t>(groups, 1));
    rows_per_slice = divide_up(rows, std::min(std::max<int64_t>(wanted, 1), std::max<int64_t>(rows, 1)));
    slices = rows_per_slice > 0 ? divide_up(rows, rows_per_slice) : 0;
  }
  int64_t items() const { return groups * slices; }
  // Slice-major: neighbours in the list read neighbouring channels of the same rows.
  LaneRange range(int64_t item, int64_t rows) const {
    const int64_t first = item / groups * rows_per_slice;
    return {item % groups * passes().lanes, first, std::min(first + rows_per_slice, rows)};
  }
};

BackendResult forward(const ForwardCall& call, void*) {
  const Work work(call.description.channels, call.description.batch);
  const int64_t items = work.items();
#pragma omp parallel for schedule(dynamic)
  for (int64_t i = 0; i < items; ++i) passes().forward(call, work.range(i, call.description.batch));
  return kOk;
}

double channel_total(const BackwardCall& call, const float* partials, int64_t channel) {
  double sums[kRowAccumulators];
  const int64_t channels = call.description.channels;
  for (int lane = 0; lane < kRowAccumulators; ++lane) {
    sums[lane] = strided_sum(call.plan.partial_rows, lane, kRowAccumulators,
                             [&](int64_t row) { return static_cast<double>(partials[row * channels + channel]); });
  }
  halving_sum(sums, kRowAccumulators, 1);
  return sums[0];
}

void reduce_decay_gradient(const BackwardCall& call, int parameter, const float* decay, float* gradient) {
  char* workspace = static_cast<char*>(call.args.workspace);
  const int64_t channels = call.description.channels;
  const float* partials =
      reinterpret_cast<const float*>(workspace + call.plan.partials) + parameter * call.plan.partial_rows * channels;
  double* totals = reinterpret_cast<double*>(workspace + call.plan.totals);
  const bool shared = call.description.shared_decay;
#pragma omp parallel for schedule(static)
  for (int64_t c = 0; c < channels; ++c) {
    const double total = channel_total(call, partials, c);
    if (shared) {
      totals[c] = total;
    } else {
      gradient[c] = decay && decay_has_gradient(decay[c]) ? static_cast<float>(total) : 0.0f;
    }
  }
  if (!shared) return;
  double sums[kChannelAccumulators];
  for (int lane = 0; lane < kChannelAccumulators; ++lane) {
    sums[lane] = strided_sum(channels, lane, kChannelAccumulators, [&](int64_t c) { return totals[c]; });
  }
  halving_sum(sums, kChannelAccumulators, 1);
  gradient[0] = decay && decay_has_gradient(decay[0]) ? static_cast<float>(sums[0]) : 0.0f;
}

BackendResult backward(const BackwardCall& call, void*) {
  const int64_t rows = call.plan.batch_rows;
  const Work work(call.description.channels, rows);
  const int64_t items = work.items();
  bool out_of_memory = false;
#pragma omp parallel
  {
    // One tile of states a thread, kept for the thread's life: a call allocates only the first time a thread serves.
    constexpr size_t kAlignment = 64;
    static thread_local std::unique_ptr<void, void (*)(void*)> tile(nullptr, std::free);
    if (!tile) {
      tile.reset(std::aligned_alloc(kAlignment, (passes().backward_bytes + kAlignment - 1) / kAlignment * kAlignment));
    }
    const bool ready = tile != nullptr;
    if (!ready) {
#pragma omp atomic write
      out_of_memory = true;
    }
#pragma omp barrier
    bool stop;
#pragma omp atomic read
    stop = out_of_memory;
    if (!stop) {
#pragma omp for schedule(dynamic)
      for (int64_t i = 0; i < items; ++i) passes().backward(call, work.range(i, rows), tile.get());
    }
  }
  if (out_of_memory) return {SPIKESCAN_OUT_OF_MEMORY, "aligned_alloc", "no memory for a thread's tile"};
  if (call.args.grad_beta) reduce_decay_gradient(call, 0, call.args.beta, call.args.grad_beta);
  if (call.args.grad_alpha) reduce_decay_gradient(call, 1, call.args.alpha, call.args.grad_alpha);
  return kOk;
}

BackendResult device_count(int32_t* count) {
  *count = 1;
  return kOk;
}

BackendResult facts(DeviceFacts* facts) {
  *facts = {omp_get_max_threads(), 0, 0};
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
  info->processors = omp_get_max_threads();
  info->memory_bytes = static_cast<int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
  const long l2 = sysconf(_SC_LEVEL2_CACHE_SIZE);
  info->l2_bytes = l2 > 0 ? l2 : 0;
  std::snprintf(info->instruction_set, sizeof info->instruction_set, "%s", passes().name);
  return kOk;
}

BackendResult allocate(size_t bytes, void** memory) {
  constexpr size_t kAlignment = 256;
  if (bytes > SIZE_MAX - kAlignment) return {SPIKESCAN_OUT_OF_MEMORY, "aligned_alloc", "the size overflows"};
  *memory = std::aligned_alloc(kAlignment, (bytes + kAlignment - 1) / kAlignment * kAlignment);
  if (!*memory) return {SPIKESCAN_OUT_OF_MEMORY, "aligned_alloc", "no memory"};
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

struct Timer {
  std::chrono::steady_clock::time_point start, stop;
};

BackendResult timer_create(void** timer) {
  *timer = new (std::nothrow) Timer{};
  if (!*timer) return {SPIKESCAN_OUT_OF_MEMORY, "new", "no memory"};
  return kOk;
}

BackendResult timer_start(void* timer, void*) {
  static_cast<Timer*>(timer)->start = std::chrono::steady_clock::now();
  return kOk;
}

BackendResult timer_stop(void* timer, void*) {
  static_cast<Timer*>(timer)->stop = std::chrono::steady_clock::now();
  return kOk;
}

BackendResult timer_seconds(void* timer, double* seconds) {
  const Timer& t = *static_cast<Timer*>(timer);
  *seconds = std::chrono::duration<double>(t.stop - t.start).count();
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
