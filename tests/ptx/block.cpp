#include "ptx/block.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <type_traits>

namespace ptx {
namespace {

constexpr std::size_t kAlignment = 128;
constexpr std::uint16_t kPoison = 0xfffb;  // a NaN in every floating-point type
constexpr std::uint64_t kFirstPage = 4096;

// shfl.idx reads a lane of the caller's segment, or its own where that is out of reach.
std::uint32_t source_lane(std::uint32_t lane, std::uint32_t wanted, std::uint32_t clamp, bool& in_reach) {
  const std::uint32_t segment = clamp >> 8 & 31u, first = lane & segment, last = first | ((clamp & 31u) & ~segment);
  const std::uint32_t source = first | (wanted & 31u & ~segment);
  in_reach = source <= last;
  return in_reach ? source : lane;
}

// A load's or a store's words, of a size that the compiler knows. A load's address may be one of the registers it
// fills.
template <class Word>
void move_words(const Instruction& i, unsigned char* at, std::uint64_t* registers) {
  Word words[4];
  if (i.kind == Kind::store) {
    for (int n = 0; n < i.count; ++n) words[n] = static_cast<Word>(registers[i.to[n]]);
    std::memcpy(at, words, sizeof(Word) * i.count);
    return;
  }
  std::memcpy(words, at, sizeof(Word) * i.count);
  for (int n = 0; n < i.count; ++n) {
    const auto with_sign = static_cast<std::int64_t>(static_cast<std::make_signed_t<Word>>(words[n]));
    registers[i.to[n]] = i.sign ? static_cast<std::uint64_t>(with_sign) : words[n];
  }
}

}  // namespace

Block::Block(Kernel& kernel, const Launch& launch, std::uint32_t number)
    : kernel_(kernel),
      number_(number),
      registers_(std::make_unique_for_overwrite<std::uint64_t[]>(kernel.registers.size() * launch.threads)),
      threads_(launch.threads),
      shared_memory_(launch.shared_bytes + kAlignment),
      shared_bytes_(launch.shared_bytes) {
  const auto start = reinterpret_cast<std::uintptr_t>(shared_memory_.data());
  shared_ = shared_memory_.data() + (kAlignment - start % kAlignment) % kAlignment;
  for (std::size_t at = 0; at + sizeof kPoison <= shared_bytes_; at += sizeof kPoison) {
    std::memcpy(shared_ + at, &kPoison, sizeof kPoison);
  }
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
  Thread& thread = threads_[number];
  std::uint64_t* r = thread.registers;
  for (;;) {
    Instruction& i = kernel_.code[thread.next];
    ++executed_;
    if (i.predicate >= 0 && ((r[i.predicate] & 1u) != 0) == i.unless) {
      ++thread.next;
      continue;
    }
    i.ran = true;
    switch (i.kind) {
      case Kind::arithmetic:
        i.execute(r, i);
        break;
      case Kind::branch:
        thread.next = static_cast<std::size_t>(i.target);
        continue;
      case Kind::load:
      case Kind::store:
      case Kind::atomic_add:
        access(thread, i);
        break;
      case Kind::copy_async:
        issue_copy(thread, i);
        break;
      case Kind::commit_copies:
        ++thread.group;
        break;
      case Kind::await_copies:
        make_due_copies(thread, i.immediate);
        break;
      case Kind::shared_address:
        r[i.to[0]] = reinterpret_cast<std::uint64_t>(shared_) + (r[i.from[0]] - kSharedStart);
        break;
      case Kind::nothing:
        break;
      case Kind::pause:
        ++thread.next;
        return;
      default:
        if (waits_with(thread, number, i)) return;
    }
    ++thread.next;
  }
}

// The thread meets others, or ends.
bool Block::waits_with(Thread& thread, std::uint32_t number, const Instruction& i) {
  if (i.kind == Kind::end) {
    thread.state = State::done;
    ++done_;
    for (const Thread& other : threads_) {
      if (other.state == State::in_block) fail(i, "a thread has ended where others wait for all");
    }
    for (std::uint32_t t = number / kWarp * kWarp;
         t < std::min<std::size_t>(threads_.size(), (number / kWarp + 1) * kWarp); ++t) {
      if (threads_[t].state == State::in_warp) meet_in_warp(number / kWarp, threads_[t].mask);
    }
    return true;
  }
  if (i.kind == Kind::block_barrier || i.kind == Kind::block_or) {
    thread.state = State::in_block;
    meet_in_block();
    return true;
  }
  const int mask = i.kind == Kind::warp_barrier ? i.from[0] : i.kind == Kind::ballot ? i.from[1] : i.from[3];
  thread.mask = static_cast<std::uint32_t>(thread.registers[mask]);
  if ((thread.mask >> number % kWarp & 1u) == 0) fail(i, "a mask without the lane that calls");
  thread.state = State::in_warp;
  meet_in_warp(number / kWarp, thread.mask);
  return true;
}

// ---- Memory ----

unsigned char* Block::memory(const Thread& thread, const Instruction& i, int n, Space space, std::size_t bytes) {
  const std::uint64_t address = thread.registers[i.from[n]] + static_cast<std::uint64_t>(i.offset[n]);
  if (space != Space::param && address % bytes != 0) fail(i, "an address that is no multiple of the access");
  if (space != Space::shared) {
    if (address < kFirstPage) fail(i, "a null pointer");
    return reinterpret_cast<unsigned char*>(address);
  }
  if (address < kSharedStart || address + bytes > kSharedStart + shared_bytes_) fail(i, "beyond shared memory");
  return shared_ + (address - kSharedStart);
}

void Block::access(Thread& thread, const Instruction& i) {
  std::uint64_t* r = thread.registers;
  if (i.kind == Kind::atomic_add) {
    unsigned char* at = memory(thread, i, 0, Space::global, sizeof(std::uint64_t));
    std::uint64_t old;
    std::memcpy(&old, at, sizeof old);
    const std::uint64_t sum = old + r[i.from[1]];
    std::memcpy(at, &sum, sizeof sum);
    r[i.to[0]] = old;
    return;
  }
  unsigned char* at = memory(thread, i, 0, i.space, std::size_t{i.bytes} * i.count);
  switch (i.bytes) {
    case 1:
      return move_words<std::uint8_t>(i, at, r);
    case 2:
      return move_words<std::uint16_t>(i, at, r);
    case 4:
      return move_words<std::uint32_t>(i, at, r);
    default:
      return move_words<std::uint64_t>(i, at, r);
  }
}

void Block::issue_copy(Thread& thread, const Instruction& i) {
  unsigned char* to = memory(thread, i, 0, Space::shared, i.bytes);
  const unsigned char* from = memory(thread, i, 1, Space::global, i.bytes);
  for (std::size_t at = 0; at < i.bytes; at += sizeof kPoison) std::memcpy(to + at, &kPoison, sizeof kPoison);
  thread.copies.push_back({to, from, i.bytes, thread.group});
}

void Block::make_due_copies(Thread& thread, std::int64_t pending) {
  while (!thread.copies.empty() && thread.copies.front().group + static_cast<std::uint64_t>(pending) < thread.group) {
    const Copy& copy = thread.copies.front();
    std::memcpy(copy.to, copy.from, copy.bytes);
    thread.copies.pop_front();
  }
}

// ---- Meetings. A lane that has ended is not waited for ----

void Block::meet_in_warp(std::uint32_t warp, std::uint32_t mask) {
  Lanes lanes = {};
  for (std::uint32_t lane = 0; lane < kWarp; ++lane) {
    const std::size_t number = std::size_t{warp} * kWarp + lane;
    if ((mask >> lane & 1u) == 0 || number >= threads_.size() || threads_[number].state == State::done) continue;
    if (threads_[number].state != State::in_warp || threads_[number].mask != mask) return;
    lanes[lane] = &threads_[number];
  }
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
}

}  // namespace ptx
