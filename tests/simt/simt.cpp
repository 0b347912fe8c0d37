// A launch: CUDA's limits, one OS thread a resident block, block ids from a counter, the first fault, the watchdog.
#include "simt/simt.h"

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <random>
#include <thread>

#include "simt/block.h"
#include "simt/sanitizers.h"

namespace simt {
namespace {

std::mutex options_mutex;
Options current_options;

// CUDA C++ Programming Guide, compute capability 9.0.
constexpr unsigned kMaxThreads = 1024;
constexpr unsigned kMaxBlockZ = 64;
constexpr unsigned kMaxGridX = 2147483647u;
constexpr unsigned kMaxGridYZ = 65535;
constexpr std::size_t kMaxSharedBytes = 227 * 1024;

void require(bool holds, const std::string& what) {
  if (!holds) throw Fault(FaultKind::bad_launch, {}, "simt: bad launch: " + what);
}

std::string to_string(const dim3& shape) {
  char text[48];
  std::snprintf(text, sizeof text, "(%u,%u,%u)", shape.x, shape.y, shape.z);
  return text;
}

void check_limits(const Config& config) {
  const dim3& grid = config.grid;
  const dim3& block = config.block;
  require(
      grid.x >= 1 && grid.x <= kMaxGridX && grid.y >= 1 && grid.y <= kMaxGridYZ && grid.z >= 1 && grid.z <= kMaxGridYZ,
      "grid " + to_string(grid) + ", allowed are 1 to 2147483647, 65535 and 65535 blocks");
  require(block.x >= 1 && block.x <= kMaxThreads && block.y >= 1 && block.y <= kMaxThreads && block.z >= 1 &&
              block.z <= kMaxBlockZ && block.x * block.y * block.z <= kMaxThreads,
          "block " + to_string(block) + ", allowed are 1 to 1024 threads, and 64 along z");
  require(config.dynamic_shared_bytes <= kMaxSharedBytes,
          std::to_string(config.dynamic_shared_bytes) + " bytes of dynamic shared memory, allowed are 232448");
}

std::size_t stack_bytes(const Options& options) {
  if (options.stack_bytes != 0) return options.stack_bytes;
  return detail::address_sanitizer() ? 256 * 1024 : 64 * 1024;
}

// Slots wait here for the next launch, because a thousand stacks with guard pages take longer to make than most
// kernels take to run.
class SlotPool {
 public:
  std::unique_ptr<detail::Slot> take(unsigned threads, std::size_t stack_bytes, std::size_t dynamic_shared_bytes) {
    std::unique_ptr<detail::Slot> slot;
    {
      const std::lock_guard lock(mutex_);
      for (auto& free : free_) {
        if (free->stacks.count() < threads || free->stacks.bytes() < stack_bytes) continue;
        slot = std::move(free);
        free = std::move(free_.back());
        free_.pop_back();
        break;
      }
    }
    if (slot == nullptr) return std::make_unique<detail::Slot>(threads, stack_bytes, dynamic_shared_bytes);
    if (slot->dynamic_shared.bytes() != dynamic_shared_bytes) slot->dynamic_shared = GuardedBytes(dynamic_shared_bytes);
    slot->static_shared.clear();
    return slot;
  }

  void give_back(std::unique_ptr<detail::Slot> slot) {
    if (detail::thread_sanitizer()) return;  // old accesses on an old stack would look like races
    const std::lock_guard lock(mutex_);
    if (free_.size() < kMostFree) free_.push_back(std::move(slot));
  }

 private:
  static constexpr std::size_t kMostFree = 16;
  std::mutex mutex_;
  std::vector<std::unique_ptr<detail::Slot>> free_;
};

SlotPool slot_pool;

// One resident block after the other, until none is left or a fault has stopped the launch.
void run_blocks(detail::Grid& grid, detail::Pulse& pulse) {
  const std::size_t shared_bytes = grid.config.dynamic_shared_bytes;
  std::unique_ptr<detail::Slot> slot;
  while (!grid.stop.load(std::memory_order_relaxed)) {
    const std::uint64_t turn = grid.next_block.fetch_add(1, std::memory_order_relaxed);
    if (turn >= grid.blocks) break;
    const std::uint64_t number = grid.order.empty() ? turn : grid.order[turn];
    if (slot == nullptr) slot = slot_pool.take(grid.threads, stack_bytes(grid.options), shared_bytes);
    const auto run_one = [&] { std::make_unique<detail::Block>(grid, *slot, pulse, number)->run(); };
    if (detail::thread_sanitizer()) {
      // Fresh memory and a fresh thread, so that nothing but the kernel's own flags orders one block after another.
      std::thread(run_one).join();
      slot.reset();
    } else {
      run_one();
    }
  }
  if (slot != nullptr) slot_pool.give_back(std::move(slot));
}

// Waits for the last of `running` workers, and ends the process when a thread neither pauses nor meets the others.
void wait_for_workers(detail::Grid& grid, const int& running, std::mutex& mutex, std::condition_variable& ended) {
  using Clock = std::chrono::steady_clock;
  std::uint64_t seen = grid.heartbeat();
  auto alive = Clock::now();
  std::unique_lock lock(mutex);
  while (!ended.wait_for(lock, std::chrono::milliseconds(100), [&] { return running == 0; })) {
    if (const std::uint64_t beats = grid.heartbeat(); beats != seen) {
      seen = beats;
      alive = Clock::now();
    } else if (Clock::now() - alive > std::chrono::duration<double>(grid.options.stuck_seconds)) {
      std::fprintf(stderr, "simt: a kernel neither pauses nor reaches a collective nor returns (seed %llu)\n",
                   static_cast<unsigned long long>(grid.options.seed));
      std::abort();
    }
  }
}

}  // namespace

Options options() {
  const std::lock_guard lock(options_mutex);
  return current_options;
}

void set_options(const Options& options) {
  require(options.resident_blocks >= 1, "fewer than one resident block");
  const std::lock_guard lock(options_mutex);
  current_options = options;
}

const char* name(FaultKind kind) {
  static constexpr const char* kNames[] = {"bad launch",
                                           "divergent barrier",
                                           "exit before barrier",
                                           "wrong mask",
                                           "mask mismatch",
                                           "collective mismatch",
                                           "deadlock",
                                           "hang",
                                           "misaligned",
                                           "copied twice",
                                           "out of bounds",
                                           "exception in kernel",
                                           "trap"};
  return kNames[static_cast<int>(kind)];
}

namespace detail {

Grid::Grid(const Config& its_config, const Options& its_options, void (*its_call)(const void*),
           const void* its_arguments)
    : config(its_config),
      options(its_options),
      call(its_call),
      arguments(its_arguments),
      blocks(std::uint64_t{config.grid.x} * config.grid.y * config.grid.z),
      threads(config.block.x * config.block.y * config.block.z),
      pulses(std::min<std::uint64_t>(static_cast<std::uint64_t>(options.resident_blocks), blocks)) {
  if (!options.shuffle_blocks) return;
  require(blocks <= kMaxGridX, std::to_string(blocks) + " blocks are too many to shuffle");
  order.resize(blocks);
  std::iota(order.begin(), order.end(), 0u);
  std::shuffle(order.begin(), order.end(), std::mt19937_64(options.seed));
}

void Grid::record(FaultKind kind, Site site, const std::string& sentence) {
  const std::lock_guard lock(fault_mutex);
  if (!fault) {
    fault.emplace(kind, site,
                  std::string("simt: ") + name(kind) + ": " + sentence + " [seed " + std::to_string(options.seed) +
                      ", " + std::to_string(options.resident_blocks) + " resident blocks" +
                      (options.shuffle_blocks ? ", blocks shuffled]" : "]"));
  }
  stop.store(true, std::memory_order_relaxed);
}

std::uint64_t Grid::progress() const {
  std::uint64_t sum = 0;
  for (const Pulse& pulse : pulses) sum += pulse.progress.load(std::memory_order_relaxed);
  return sum;
}

std::uint64_t Grid::heartbeat() const {
  std::uint64_t sum = 0;
  for (const Pulse& pulse : pulses) sum += pulse.heartbeat.load(std::memory_order_relaxed);
  return sum;
}

void launch_grid(const Config& config, void (*call)(const void*), const void* arguments) {
  check_limits(config);
  Grid grid(config, options(), call, arguments);
  std::mutex mutex;
  std::condition_variable ended;
  int running = static_cast<int>(grid.pulses.size());
  std::atomic<int> missing = running;
  std::vector<std::thread> workers;
  for (Pulse& pulse : grid.pulses) {
    workers.emplace_back([&] {
      // A race is seen only between blocks that run side by side: one of them must not do all the work before the
      // others have started.
      --missing;
      while (thread_sanitizer() && missing.load() > 0) std::this_thread::yield();
      try {
        run_blocks(grid, pulse);
      } catch (const std::exception& error) {
        grid.record(FaultKind::exception, {}, std::string("the harness ran out of memory or threads: ") + error.what());
      }
      const std::lock_guard lock(mutex);
      --running;
      ended.notify_one();
    });
  }
  wait_for_workers(grid, running, mutex, ended);
  for (std::thread& worker : workers) worker.join();
  acquire(&grid.finished_token);
  if (grid.fault) throw *grid.fault;
}

}  // namespace detail
}  // namespace simt
