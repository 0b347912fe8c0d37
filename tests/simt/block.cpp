// A block's fibers: start, choice of the next one, pause and watchdog, end, faults (block.h).
#include "simt/block.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "simt/sanitizers.h"

constinit thread_local uint3 threadIdx{};
constinit thread_local uint3 blockIdx{};
constinit thread_local dim3 blockDim{};
constinit thread_local dim3 gridDim{};
extern "C" const int warpSize = 32;

namespace simt::detail {
namespace {

thread_local Block* running_block = nullptr;

// More meetings than this without one pause: the block works, it does not spin. Far above what a spin loop's body has.
constexpr unsigned kMeetingsOfWork = 4096;
constexpr std::uint64_t kPausesBetweenChecks = 256;

std::uint64_t mix(std::uint64_t value) {  // SplitMix64
  value += 0x9e3779b97f4a7c15u;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
  return value ^ (value >> 31);
}

uint3 block_index(const dim3& grid, std::uint64_t number) {
  return uint3{static_cast<unsigned>(number % grid.x), static_cast<unsigned>(number / grid.x % grid.y),
               static_cast<unsigned>(number / grid.x / grid.y)};
}

}  // namespace

Block& current_block() {
  if (running_block == nullptr) {
    std::fprintf(stderr, "simt: a device function was called outside a kernel\n");
    std::abort();
  }
  return *running_block;
}

Slot::Slot(unsigned threads, std::size_t stack_bytes, std::size_t dynamic_shared_bytes)
    : stacks(threads, stack_bytes), dynamic_shared(dynamic_shared_bytes) {}

Block::Block(Grid& grid, Slot& slot, Pulse& pulse, std::uint64_t block_number)
    : grid_(grid),
      slot_(slot),
      pulse_(pulse),
      block_index_(block_index(grid.config.grid, block_number)),
      random_(mix(grid.options.seed ^ mix(block_number))),
      fibers_(grid.threads),
      warps_((grid.threads + 31) / 32),
      ready_(grid.threads),
      progress_time_(std::chrono::steady_clock::now()) {
  adopt_thread(main_);
  slot_.dynamic_shared.fill();
  for (auto& shared : slot_.static_shared) shared.in_use = false;
  const dim3& shape = grid.config.block;
  for (unsigned number = 0; number < grid.threads; ++number) {
    Fiber& fiber = fibers_[number];
    fiber.number = number;
    fiber.index = uint3{number % shape.x, number / shape.x % shape.y, number / shape.x / shape.y};
    // Stacks lie at equal distances: without an offset of their own, all threads' top frames would share a few sets of
    // the cache.
    const std::size_t offset = number % 32 * 128;
    prepare(fiber.context, slot_.stacks.stack(number), slot_.stacks.bytes() - offset, &Block::enter);
    make_ready(fiber);
  }
  if (const unsigned tail = grid.threads % 32; tail != 0) warps_.back().gone = 0xffffffffu << tail;
}

Block::~Block() {
  for (Fiber& fiber : fibers_) destroy(fiber.context);
}

void Block::run() {
  running_block = this;
  ::blockIdx = block_index_;
  ::blockDim = grid_.config.block;
  ::gridDim = grid_.config.grid;
  pulse_.advance();
  current_ = &next_ready();
  ::threadIdx = current_->index;
  switch_context(main_, current_->context, Leaving::for_now);
  if (done_ == grid_.threads) {
    check_guards();
  } else {
    // A fault abandons threads where they stand: kernels own nothing to unwind.
    for (const Fiber& fiber : fibers_) {
      if (fiber.done) continue;
      become(fiber.context);
      release(&grid_.finished_token);
    }
    become(main_);
    slot_.stacks.forget_contents();
  }
  pulse_.advance();
  running_block = nullptr;
}

void Block::enter() {
  Block& block = *running_block;
  finish_switch(block.current_->context);
  block.run_thread();
  block.finish_thread();
}

void Block::run_thread() {
  try {
    grid_.call(grid_.arguments);
    return;
  } catch (const std::exception& error) {
    grid_.record(FaultKind::exception, {}, describe(*current_) + " threw: " + error.what());
  } catch (...) {
    grid_.record(FaultKind::exception, {}, describe(*current_) + " threw");
  }
  abandon();
}

void Block::finish_thread() {
  Fiber& self = *current_;
  if (barrier_.arrived > 0) {
    fail(FaultKind::exit_before_barrier, barrier_.site,
         [&] { return describe(self) + " returned while other threads wait at " + to_string(barrier_.site); });
  }
  self.done = true;
  ++done_;
  Warp& warp = warps_[self.number / 32];
  warp.gone |= 1u << self.number % 32;
  // As on a device, a lane that has returned is not waited for.
  for (auto& box : warp.mailboxes) {
    if (box->arrived != 0 && (box->mask & ~(box->arrived | warp.gone)) == 0) deliver(*box, self.number / 32);
  }
  release(&grid_.finished_token);
  pulse_.beat();
  if (done_ == grid_.threads) switch_context(self.context, main_, Leaving::for_good);
  suspend(Leaving::for_good);
  std::abort();  // a finished fiber is never chosen again
}

void Block::check_guards() {
  const auto report = [&](const char* memory) {
    grid_.record(FaultKind::out_of_bounds, {},
                 std::string("bytes next to the ") + memory + " shared memory of block (" +
                     std::to_string(block_index_.x) + "," + std::to_string(block_index_.y) + "," +
                     std::to_string(block_index_.z) + ") were overwritten");
  };
  if (!slot_.dynamic_shared.intact()) report("dynamic");
  for (const auto& shared : slot_.static_shared) {
    if (shared.in_use && !shared.memory.intact()) report("static");
  }
}

Block::AsOsThread::AsOsThread(Block& block) : block_(block) {
  become(block_.main_);
}

Block::AsOsThread::~AsOsThread() {
  become(block_.current_->context);
}

void* Block::static_shared(const void* key, std::size_t bytes) {
  for (auto& shared : slot_.static_shared) {
    if (shared.key != key) continue;
    if (!shared.in_use) shared.memory.fill();
    shared.in_use = true;
    acquire(&static_shared_token_);
    return shared.memory.data();
  }
  {
    const AsOsThread scope(*this);
    slot_.static_shared.push_back({key, true, GuardedBytes(bytes)});
    release(&static_shared_token_);
  }
  acquire(&static_shared_token_);
  return slot_.static_shared.back().memory.data();
}

void Block::make_ready(Fiber& fiber) {
  fiber.waiting = false;
  ready_[ready_place(ready_count_++)] = &fiber;
}

Fiber& Block::next_ready() {
  if (grid_.options.shuffle_threads && ready_count_ > 1) {
    random_ = random_ * 6364136223846793005u + 1442695040888963407u;
    const auto pick = static_cast<unsigned>(((random_ >> 32) * ready_count_) >> 32);
    std::swap(ready_[ready_first_], ready_[ready_place(pick)]);
  }
  Fiber& next = *ready_[ready_first_];
  ready_first_ = ready_place(1);
  --ready_count_;
  return next;
}

void Block::suspend(Leaving leaving) {
  Fiber& self = *current_;
  if (grid_.stop.load(std::memory_order_relaxed)) abandon();
  if (ready_count_ == 0) {
    fail(FaultKind::deadlock, self.site, [&] { return "every thread left waits: " + describe_waiting(); });
  }
  Fiber& next = next_ready();
  if (&next == &self) return;
  current_ = &next;
  ::threadIdx = next.index;
  switch_context(self.context, next.context, leaving);
}

void Block::pause(Site site) {
  Fiber& self = *current_;
  self.site = site;
  // A thread in a spin loop comes by the same collectives between pauses, time after time. One that has come by others
  // has left the loop.
  if (self.path != self.last_path) pulse_.advance();
  self.last_path = self.path;
  self.path = 0;
  meetings_since_pause_ = 0;
  if (++pauses_since_progress_ % kPausesBetweenChecks == 0) watch(site);
  if (++pauses_in_a_row_ > ready_count_) {
    pauses_in_a_row_ = 0;
    std::this_thread::yield();
  }
  pulse_.beat();
  make_ready(self);
  suspend(Leaving::for_now);
}

void Block::watch(Site site) {
  const auto now = std::chrono::steady_clock::now();
  const std::uint64_t progress = grid_.progress();
  if (progress != seen_progress_) {
    seen_progress_ = progress;
    pauses_since_progress_ = 0;
    progress_time_ = now;
  } else if (pauses_since_progress_ >= grid_.options.watchdog_pauses &&
             now - progress_time_ >= std::chrono::duration<double>(grid_.options.watchdog_seconds)) {
    fail(FaultKind::hang, site, [&] {
      return describe(*current_) + " has paused " + std::to_string(pauses_since_progress_) + " times at " +
             to_string(site) + " and no resident block got anywhere";
    });
  }
}

void Block::note_collective(Fiber& self, Site site) {
  self.site = site;
  self.path = self.path * 31 + static_cast<std::uint64_t>(site.line) + 1;
  pauses_in_a_row_ = 0;
  pulse_.beat();
}

void Block::note_meeting() {
  if (++meetings_since_pause_ % kMeetingsOfWork == 0) pulse_.advance();
}

void Block::abandon() {
  switch_context(current_->context, main_, Leaving::for_good);
  std::abort();  // an abandoned fiber is never chosen again
}

void Block::trap(Site site) {
  fail(FaultKind::trap, site, [&] { return describe(*current_) + " called __trap() at " + to_string(site); });
}

std::string Block::describe(const Fiber& fiber) const {
  char text[160];
  std::snprintf(text, sizeof text, "thread (%u,%u,%u) of block (%u,%u,%u)", fiber.index.x, fiber.index.y, fiber.index.z,
                block_index_.x, block_index_.y, block_index_.z);
  return text;
}

std::string Block::describe_waiting() const {
  std::string text;
  int described = 0;
  const Fiber* last = nullptr;
  for (const Fiber& fiber : fibers_) {
    if (!fiber.waiting || fiber.done) continue;
    // Neighbours mostly wait at the same place: one of them is enough.
    const bool same = last != nullptr && last->kind == fiber.kind && last->mask == fiber.mask &&
                      last->site.line == fiber.site.line && last->number / 32 == fiber.number / 32;
    last = &fiber;
    if (same || ++described > 8) continue;
    if (!text.empty()) text += "; ";
    text += describe(fiber) + " in " + name(fiber.kind) + " at " + to_string(fiber.site);
    if (fiber.kind >= Collective::syncwarp) {
      char mask[32];
      std::snprintf(mask, sizeof mask, " with mask 0x%08x", fiber.mask);
      text += mask;
    }
  }
  return text;
}

}  // namespace simt::detail

namespace simt {

unsigned char* dynamic_shared() {
  return detail::current_block().dynamic_shared();
}
void pause(const char* file, int line) {
  detail::current_block().pause({file, line});
}
unsigned long long barrier_count() {
  return detail::current_block().barriers_passed();
}

namespace detail {
void* static_shared(const void* key, std::size_t bytes) {
  return current_block().static_shared(key, bytes);
}
void trap(Site site) {
  current_block().trap(site);
}
}  // namespace detail

}  // namespace simt
