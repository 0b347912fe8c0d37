// One resident block: its fibers, who runs next, the block barrier and the warps' mailboxes.
// Everything here runs on the block's one OS thread; blocks share nothing but the Grid.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "simt/async_copies.h"
#include "simt/context.h"
#include "simt/simt.h"

namespace simt::detail {

// What the watchdog looks at. One a resident block, so that blocks never write to the same cache line.
struct alignas(64) Pulse {
  std::atomic<std::uint64_t> progress{0};   // steps that a block stuck in a spin loop does not make
  std::atomic<std::uint64_t> heartbeat{0};  // any sign of life
  void advance() { progress.store(progress.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed); }
  void beat() { heartbeat.store(heartbeat.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed); }
};

// What the blocks of one launch share.
struct Grid {
  Grid(const Config& config, const Options& options, void (*call)(const void*), const void* arguments);

  void record(FaultKind kind, Site site, const std::string& sentence);
  std::uint64_t progress() const;
  std::uint64_t heartbeat() const;

  const Config config;
  const Options options;
  void (*const call)(const void*);
  const void* const arguments;
  const std::uint64_t blocks;
  const unsigned threads;            // a block
  std::vector<std::uint32_t> order;  // of the blocks; empty: as they are numbered
  std::vector<Pulse> pulses;
  std::atomic<std::uint64_t> next_block{0};
  std::atomic<bool> stop{false};
  char finished_token = 0;  // ThreadSanitizer: the end of every thread comes before the launch's return
  std::mutex fault_mutex;
  std::optional<Fault> fault;
};

// Memory that one resident block after the other uses.
struct Slot {
  Slot(unsigned threads, std::size_t stack_bytes, std::size_t dynamic_shared_bytes);
  struct StaticShared {
    const void* key;
    bool in_use;
    GuardedBytes memory;
  };
  Stacks stacks;
  GuardedBytes dynamic_shared;
  std::vector<StaticShared> static_shared;
};

// One that a thread has issued and not waited for; groups count from 0.
struct CopyUnderWay {
  AsyncCopy copy;
  std::uint64_t group;
};

struct Fiber {
  Context context;
  uint3 index;
  unsigned number = 0;  // in the block; warp and lane follow from it
  bool waiting = false;
  bool done = false;
  Collective kind{};  // what it waits in, where and with which mask
  unsigned mask = 0;
  Site site;
  std::uint64_t result = 0;
  std::uint64_t path = 0;  // hash of the collectives since the last pause
  std::uint64_t last_path = 0;
  // The oldest first, from `first_copy` on. No deque: even an empty one allocates, for every thread of every block.
  std::vector<CopyUnderWay> copies;
  std::size_t first_copy = 0;
  std::uint64_t copy_group = 0;  // that the next one belongs to
};

// Threads of one warp that meet with one mask.
struct Mailbox {
  unsigned mask = 0;
  unsigned arrived = 0;
  Collective kind{};
  int width = 32;
  Site site;
  std::uint64_t value[32];
  unsigned argument[32];
  unsigned phase = 0;
  char token[2];  // ThreadSanitizer: two, so that a fast lane's next meeting is not taken for this one
};

struct Warp {
  unsigned gone = 0;  // lanes that have returned or never were
  std::vector<std::unique_ptr<Mailbox>> mailboxes;
};

class Block {
 public:
  Block(Grid& grid, Slot& slot, Pulse& pulse, std::uint64_t block_number);
  ~Block();

  void run();  // the whole block, on the calling OS thread; returns early where the grid stops

  int barrier(Collective kind, int predicate, Site site);
  std::uint64_t meet(Collective kind, unsigned mask, std::uint64_t value, unsigned argument, int width, Site site);
  void pause(Site site);
  void issue_copy(const AsyncCopy& copy, Site site);
  bool take_due_copy(int pending, AsyncCopy& copy);
  void commit_copies() { ++current_->copy_group; }
  void* static_shared(const void* key, std::size_t bytes);
  unsigned char* dynamic_shared() const { return slot_.dynamic_shared.data(); }
  unsigned long long barriers_passed() const { return barriers_passed_; }
  [[noreturn]] void trap(Site site);

 private:
  struct Barrier {
    unsigned arrived = 0;
    Collective kind{};
    Site site;
    int count = 0;
    unsigned phase = 0;
    int result[2] = {0, 0};
    char token[2];
  };

  // While one is alive, ThreadSanitizer takes what the calling fiber does for the OS thread's own doing. The harness
  // allocates so: what one fiber allocates, another's first use or the release at the end would look like a race.
  class AsOsThread {
   public:
    explicit AsOsThread(Block& block);
    ~AsOsThread();

   private:
    Block& block_;
  };

  // The calling thread never goes on, so that nothing on its stack is destroyed any more: the sentence is made in
  // here, where every part of it is gone in time.
  template <class MakeSentence>
  [[noreturn]] void fail(FaultKind kind, Site site, const MakeSentence& make_sentence) {
    grid_.record(kind, site, make_sentence());
    abandon();
  }
  [[noreturn]] void abandon();

  static void enter();
  void run_thread();
  void finish_thread();
  void check_guards();
  void make_ready(Fiber& fiber);
  Fiber& next_ready();
  // In the ring, so many places after the first; at most once around.
  std::size_t ready_place(unsigned after) const {
    const std::size_t place = ready_first_ + after;
    return place < ready_.size() ? place : place - ready_.size();
  }
  void suspend(Leaving leaving);
  void note_collective(Fiber& self, Site site);
  void note_meeting();
  void watch(Site site);
  Mailbox& mailbox(Warp& warp, unsigned mask);
  void check_masks(const Warp& warp, unsigned mask, unsigned lane, Site site);
  void deliver(Mailbox& box, unsigned warp_number);
  std::string describe(const Fiber& fiber) const;
  std::string describe_waiting() const;

  Grid& grid_;
  Slot& slot_;
  Pulse& pulse_;
  const uint3 block_index_;
  std::uint64_t random_;
  Context main_;
  std::vector<Fiber> fibers_;
  std::vector<Warp> warps_;
  Fiber* current_ = nullptr;
  std::vector<Fiber*> ready_;  // a ring
  std::size_t ready_first_ = 0;
  unsigned ready_count_ = 0;
  unsigned done_ = 0;
  Barrier barrier_;
  unsigned long long barriers_passed_ = 0;
  char static_shared_token_ = 0;  // ThreadSanitizer: the allocation comes before every use
  unsigned meetings_since_pause_ = 0;
  unsigned pauses_in_a_row_ = 0;  // with nothing else in between: then the OS thread yields too
  std::uint64_t seen_progress_ = 0;
  std::uint64_t pauses_since_progress_ = 0;
  std::chrono::steady_clock::time_point progress_time_;
};

const char* name(Collective kind);
std::string to_string(Site site);

// The block that the calling OS thread runs. Called outside a kernel, a device function stops the process here.
Block& current_block();

}  // namespace simt::detail
