#include "ptx/block.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace ptx {
namespace {

constexpr std::size_t kAlignment = 128;

// shfl.idx reads a lane of the caller's segment, or its own where that is out of reach.
std::uint32_t source_lane(std::uint32_t lane, std::uint32_t wanted, std::uint32_t clamp, bool& in_reach) {
  const std::uint32_t segment = clamp >> 8 & 31u, first = lane & segment, last = first | ((clamp & 31u) & ~segment);
  const std::uint32_t source = first | (wanted & 31u & ~segment);
  in_reach = source <= last;
  return in_reach ? source : lane;
}

}  // namespace

Block::Block(Kernel& kernel, const Launch& launch, std::uint32_t number)
    : kernel_(kernel),
      number_(number),
      registers_(std::make_unique_for_overwrite<std::uint64_t[]>(kernel.registers.size() * launch.threads)),
      threads_(launch.threads),
      warps_((launch.threads + kWarp - 1) / kWarp),
      shared_memory_(launch.shared_bytes + kAlignment),
      shared_bytes_(launch.shared_bytes) {
  const auto start = reinterpret_cast<std::uintptr_t>(shared_memory_.data());
  shared_ = shared_memory_.data() + (kAlignment - start % kAlignment) % kAlignment;
  for (std::size_t at = 0; at + sizeof kPoison <= shared_bytes_; at += sizeof kPoison) {
    std::memcpy(shared_ + at, &kPoison, sizeof kPoison);
  }
  if (launch.threads % kWarp != 0) warps_.back().absent = ~0u << launch.threads % kWarp;
  const auto parameters = reinterpret_cast<std::uint64_t>(launch.parameters);
  for (std::uint32_t t = 0; t < launch.threads; ++t) {
    std::uint64_t* r = threads_[t].registers = registers_.get() + kernel.registers.size() * t;
    std::copy(kernel.registers.begin(), kernel.registers.end(), r);
    for (const auto& [place, offset] : kernel.parameter_addresses) {
      r[place] = parameters + static_cast<std::uint64_t>(offset);
    }
    if (kernel.thread >= 0) r[kernel.thread] = t;
    if (kernel.threads >= 0) r[kernel.threads] = launch.threads;
    if (kernel.block >= 0) r[kernel.block] = number;
    if (kernel.blocks >= 0) r[kernel.blocks] = launch.blocks;
  }
}

void Block::fail(const Instruction& i, const std::string& what) const {
  throw std::runtime_error("ptx: " + what + ", in block " + std::to_string(number_) + " at line " +
                           std::to_string(i.line) + " of " + kernel_.name);
}

void Block::fail(const Step* step, const char* what) const {
  fail(kernel_.code[index(step)], what);
}

void Block::run(std::uint32_t first, bool backwards) {
  const auto count = static_cast<std::uint32_t>(threads_.size());
  bool ran = false;
  for (std::uint32_t n = 0; n < count; ++n) {
    const std::uint32_t number = (first + (backwards ? count - n : n)) % count;
    if (threads_[number].state != State::ready) continue;
    ran = true;
    run_thread(number);
  }
  if (ran || is_done()) return;
  const auto waits = [](const Thread& t) { return t.state != State::done; };
  const Thread& waiting = *std::find_if(threads_.begin(), threads_.end(), waits);
  fail(kernel_.code[waiting.next], "every thread left waits");
}

void Block::run_thread(std::uint32_t number) {
  running_ = number;
  std::uint64_t* r = threads_[number].registers;
  std::uint64_t executed = 0;
  for (const Step* step = kernel_.steps.data() + threads_[number].next; step;) {
    const Step* start = step;
    step = start->execute(start, r, *this);
    executed += static_cast<std::uint64_t>(run_end_ - start);
  }
  executed_ += executed;
}

// The thread meets others, or ends.
void Block::wait(Thread& thread, std::uint32_t number, const Instruction& i) {
  Warp& warp = warps_[number / kWarp];
  const std::uint32_t lane = 1u << number % kWarp;
  if (i.kind == Kind::end) {
    thread.state = State::done;
    ++done_;
    if (in_block_ != 0) fail(i, "a thread has ended where others wait for all");
    warp.absent |= lane;
    for (std::uint32_t t = number / kWarp * kWarp;
         t < std::min<std::size_t>(threads_.size(), (number / kWarp + 1) * kWarp); ++t) {
      if (threads_[t].state == State::in_warp) meet_in_warp(number / kWarp, threads_[t].mask);
    }
    return;
  }
  if (i.kind == Kind::block_barrier || i.kind == Kind::block_or) {
    thread.state = State::in_block;
    ++in_block_;
    meet_in_block();
    return;
  }
  const int mask = i.kind == Kind::warp_barrier ? i.from[0] : i.kind == Kind::ballot ? i.from[1] : i.from[3];
  thread.mask = static_cast<std::uint32_t>(thread.registers[mask]);
  if ((thread.mask & lane) == 0) fail(i, "a mask without the lane that calls");
  thread.state = State::in_warp;
  warp.waiting |= lane;
  meet_in_warp(number / kWarp, thread.mask);
}

// ---- Meetings. A lane that has ended is not waited for ----

void Block::meet_in_warp(std::uint32_t warp, std::uint32_t mask) {
  if ((mask & ~(warps_[warp].waiting | warps_[warp].absent)) != 0) return;
  Lanes lanes = {};
  for (std::uint32_t lane = 0; lane < kWarp; ++lane) {
    const std::size_t number = std::size_t{warp} * kWarp + lane;
    if (((mask & ~warps_[warp].absent) >> lane & 1u) == 0) continue;
    if (threads_[number].mask != mask) return;
    lanes[lane] = &threads_[number];
  }
  warps_[warp].waiting &= ~mask;
  answer_warp(lanes);
}

void Block::answer_warp(const Lanes& lanes) {
  const Instruction* first = nullptr;
  std::uint64_t values[kWarp] = {};
  std::uint32_t votes = 0;
  for (std::uint32_t lane = 0; lane < kWarp; ++lane) {
    if (!lanes[lane]) continue;
    const Instruction& i = kernel_.code[lanes[lane]->next];
    if (!first) first = &i;
    if (i.kind != first->kind) fail(i, "lanes meet in different instructions");
    values[lane] = lanes[lane]->registers[i.from[0]];
    if (((values[lane] & 1u) != 0) != i.sign) votes |= 1u << lane;
  }
  for (std::uint32_t lane = 0; lane < kWarp; ++lane) {
    if (!lanes[lane]) continue;
    Thread& thread = *lanes[lane];
    const Instruction& i = kernel_.code[thread.next];
    std::uint64_t* r = thread.registers;
    if (i.kind == Kind::ballot) r[i.to[0]] = votes;
    if (i.kind == Kind::shuffle) {
      bool in_reach;
      const std::uint32_t source = source_lane(lane, static_cast<std::uint32_t>(r[i.from[1]]),
                                               static_cast<std::uint32_t>(r[i.from[2]]), in_reach);
      r[i.to[0]] = lanes[source] ? values[source] : kPoison * 0x10001u;
      r[i.to[1]] = in_reach;
    }
    thread.state = State::ready;
    ++thread.next;
  }
}

void Block::meet_in_block() {
  if (done_ == 0 && in_block_ < threads_.size()) return;
  bool any = false;
  for (const Thread& thread : threads_) {
    if (thread.state == State::done) fail(kernel_.code[thread.next], "a thread waits for one that has ended");
    if (thread.state != State::in_block) return;
    const Instruction& i = kernel_.code[thread.next];
    if (i.kind != kernel_.code[threads_[0].next].kind) fail(i, "threads meet in different barriers");
    any = any || (i.kind == Kind::block_or && (thread.registers[i.from[0]] & 1u) != 0);
  }
  for (Thread& thread : threads_) {
    const Instruction& i = kernel_.code[thread.next];
    if (i.kind == Kind::block_or) thread.registers[i.to[0]] = any;
    thread.state = State::ready;
    ++thread.next;
  }
  in_block_ = 0;
}

}  // namespace ptx
