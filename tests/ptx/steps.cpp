// What runs an instruction that is no arithmetic: memory, control, meetings.
#include <cstring>
#include <limits>
#include <stdexcept>

#include "ptx/block.h"

namespace ptx {
namespace {

constexpr std::uint64_t kFirstPage = 4096;

}  // namespace

// Those who may look into a block.
struct Steps {
  static Instruction& instruction(const Step* step, Block& block) { return block.kernel_.code[block.index(step)]; }

  // ---- Memory: of sizes that the compiler knows ----

  template <Space kSpace, std::size_t kBytes>
  static unsigned char* memory(const Step* step, const std::uint64_t* r, int n, const Block& block) {
    const std::uint64_t address = r[step->from[n]] + static_cast<std::uint64_t>(std::int64_t{step->offset[n]});
    if (kSpace != Space::param && address % kBytes != 0) {
      block.fail(step, "an address that is no multiple of the access");
    }
    if (kSpace != Space::shared) {
      if (address < kFirstPage) block.fail(step, "a null pointer");
      return reinterpret_cast<unsigned char*>(address);
    }
    if (address < kSharedStart || address + kBytes > kSharedStart + block.shared_bytes_) {
      block.fail(step, "beyond shared memory");
    }
    return block.shared_ + (address - kSharedStart);
  }

  // The address may be one of the registers that it fills.
  template <Space kSpace, class Word, int kCount>
  static const Step* load(const Step* step, std::uint64_t* r, Block& block) {
    Word words[kCount];
    std::memcpy(words, memory<kSpace, sizeof words>(step, r, 0, block), sizeof words);
    for (int n = 0; n < kCount; ++n) r[step->to[n]] = static_cast<std::uint64_t>(words[n]);
    return run_next(step, r, block);
  }
  template <Space kSpace, class Word, int kCount>
  static const Step* store(const Step* step, std::uint64_t* r, Block& block) {
    Word words[kCount];
    for (int n = 0; n < kCount; ++n) words[n] = static_cast<Word>(r[step->to[n]]);
    std::memcpy(memory<kSpace, sizeof words>(step, r, 0, block), words, sizeof words);
    return run_next(step, r, block);
  }
  static const Step* add_atomically(const Step* step, std::uint64_t* r, Block& block) {
    std::uint64_t old;
    unsigned char* at = memory<Space::global, sizeof old>(step, r, 0, block);
    std::memcpy(&old, at, sizeof old);
    const std::uint64_t sum = old + r[step->from[1]];
    std::memcpy(at, &sum, sizeof sum);
    r[step->to[0]] = old;
    return run_next(step, r, block);
  }
  static const Step* share_address(const Step* step, std::uint64_t* r, Block& block) {
    r[step->to[0]] = reinterpret_cast<std::uint64_t>(block.shared_) + (r[step->from[0]] - kSharedStart);
    return run_next(step, r, block);
  }

  template <std::size_t kBytes>
  static const Step* issue_copy(const Step* step, std::uint64_t* r, Block& block) {
    unsigned char* to = memory<Space::shared, kBytes>(step, r, 0, block);
    const unsigned char* from = memory<Space::global, kBytes>(step, r, 1, block);
    for (std::size_t at = 0; at < kBytes; at += sizeof kPoison) std::memcpy(to + at, &kPoison, sizeof kPoison);
    Block::Thread& thread = block.threads_[block.running_];
    thread.copies.push_back({to, from, kBytes, thread.group});
    return run_next(step, r, block);
  }
  static const Step* commit_copies(const Step* step, std::uint64_t* r, Block& block) {
    ++block.threads_[block.running_].group;
    return run_next(step, r, block);
  }
  static const Step* await_copies(const Step* step, std::uint64_t* r, Block& block) {
    Block::Thread& thread = block.threads_[block.running_];
    const auto pending = static_cast<std::uint64_t>(instruction(step, block).immediate);
    auto copy = thread.copies.begin();
    for (; copy != thread.copies.end() && copy->group + pending < thread.group; ++copy) {
      std::memcpy(copy->to, copy->from, copy->bytes);
    }
    thread.copies.erase(thread.copies.begin(), copy);
    return run_next(step, r, block);
  }

  // ---- Control ----

  static const Step* do_nothing(const Step* step, std::uint64_t* r, Block& block) { return run_next(step, r, block); }
  static const Step* branch(const Step* step, std::uint64_t*, Block& block) {
    block.run_end_ = step + 1;
    return step + step->offset[0];
  }
  template <bool kUnless>
  static const Step* branch_if(const Step* step, std::uint64_t* r, Block& block) {
    const bool holds = (r[step->from[0]] & 1u) != 0;
    return holds == kUnless ? run_next(step, r, block) : branch(step, r, block);
  }
  static const Step* pause(const Step* step, std::uint64_t*, Block& block) {
    block.run_end_ = step + 1;
    block.threads_[block.running_].next = block.index(step) + 1;
    return nullptr;
  }
  static const Step* wait(const Step* step, std::uint64_t*, Block& block) {
    block.run_end_ = step + 1;
    Block::Thread& thread = block.threads_[block.running_];
    thread.next = block.index(step);
    block.wait(thread, block.running_, block.kernel_.code[thread.next]);
    return nullptr;
  }

  // ---- What a step starts as: it notes that the instruction has run, then it makes room for what runs it ----

  static const Step* run_first(const Step* step, std::uint64_t* r, Block& block) {
    Instruction& i = instruction(step, block);
    i.ran = true;
    block.kernel_.steps[block.index(step)].execute = i.execute;
    return i.execute(step, r, block);
  }
  static const Step* run_if(const Step* step, std::uint64_t* r, Block& block) {
    Instruction& i = instruction(step, block);
    if (((r[i.predicate] & 1u) != 0) == i.unless) return run_next(step, r, block);
    i.ran = true;
    if (i.kind == Kind::branch) {
      block.kernel_.steps[block.index(step)].execute = i.unless ? branch_if<true> : branch_if<false>;
    }
    return i.execute(step, r, block);
  }

  // ---- Choice ----

  template <Space kSpace, class Word>
  static Execute access(const Instruction& i) {
    const bool loads = i.kind == Kind::load;
    switch (i.count) {
      case 1:
        return loads ? load<kSpace, Word, 1> : store<kSpace, Word, 1>;
      case 2:
        return loads ? load<kSpace, Word, 2> : store<kSpace, Word, 2>;
      case 4:
        return loads ? load<kSpace, Word, 4> : store<kSpace, Word, 4>;
      default:
        return nullptr;
    }
  }
  template <Space kSpace>
  static Execute access(const Instruction& i) {
    switch (i.bytes) {
      case 1:
        return i.sign ? access<kSpace, std::int8_t>(i) : access<kSpace, std::uint8_t>(i);
      case 2:
        return i.sign ? access<kSpace, std::int16_t>(i) : access<kSpace, std::uint16_t>(i);
      case 4:
        return i.sign ? access<kSpace, std::int32_t>(i) : access<kSpace, std::uint32_t>(i);
      case 8:
        return access<kSpace, std::uint64_t>(i);
      default:
        return nullptr;
    }
  }
  static Execute copy(const Instruction& i) {
    return i.bytes == 4 ? issue_copy<4> : i.bytes == 8 ? issue_copy<8> : i.bytes == 16 ? issue_copy<16> : nullptr;
  }
  // Null: none has such sizes.
  static Execute choose(const Instruction& i) {
    switch (i.kind) {
      case Kind::arithmetic:
        return i.execute;
      case Kind::load:
      case Kind::store:
        return i.space == Space::param    ? access<Space::param>(i)
               : i.space == Space::shared ? access<Space::shared>(i)
                                          : access<Space::global>(i);
      case Kind::atomic_add:
        return add_atomically;
      case Kind::copy_async:
        return copy(i);
      case Kind::commit_copies:
        return commit_copies;
      case Kind::await_copies:
        return await_copies;
      case Kind::shared_address:
        return share_address;
      case Kind::branch:
        return branch;
      case Kind::pause:
        return pause;
      case Kind::nothing:
        return do_nothing;
      default:
        return wait;
    }
  }
};

void make_steps(Kernel& kernel) {
  if (kernel.registers.size() > std::size_t{std::numeric_limits<std::uint16_t>::max()} + 1) {
    throw std::runtime_error("ptx: too many registers in " + kernel.name);
  }
  const auto place = [](int of) { return static_cast<std::uint16_t>(of < 0 ? 0 : of); };
  for (Instruction& i : kernel.code) {
    i.execute = Steps::choose(i);
    if (!i.execute) {
      throw std::runtime_error("ptx: no such access, at line " + std::to_string(i.line) + " of " + kernel.name);
    }
    Step step = {i.predicate < 0 ? Steps::run_first : Steps::run_if, {}, {}, {i.offset[0], i.offset[1]}};
    for (int n = 0; n < 4; ++n) {
      step.to[n] = place(i.to[n]);
      step.from[n] = place(i.from[n]);
    }
    if (i.kind == Kind::branch) {
      step.from[0] = place(i.predicate);
      step.offset[0] = i.target - static_cast<int>(kernel.steps.size());
    }
    kernel.steps.push_back(step);
  }
}

}  // namespace ptx
