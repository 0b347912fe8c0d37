// The threads of one block: each runs until it has to wait for others. There is no lockstep. What a device would not
// have, such as a misaligned address, is thrown as std::runtime_error with the instruction's line.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ptx/kernel.h"

namespace ptx {

constexpr std::uint16_t kPoison = 0xfffb;  // a NaN in every floating-point type

class Block {
 public:
  struct Launch {
    std::uint32_t blocks, threads;
    std::size_t shared_bytes;
    const unsigned char* parameters;
  };
  Block(Kernel& kernel, const Launch& launch, std::uint32_t number);

  // Runs every thread that need not wait, from the `first` one on or back from it, until it has to or pauses.
  void run(std::uint32_t first, bool backwards);
  bool is_done() const { return done_ == threads_.size(); }
  std::uint64_t executed() const { return executed_; }

 private:
  enum class State : std::uint8_t { ready, in_warp, in_block, done };
  // An asynchronous copy comes as late as a device may make it: when its group is waited for.
  struct Copy {
    unsigned char* to;
    const unsigned char* from;
    std::size_t bytes;
    std::uint64_t group;
  };
  struct Thread {
    std::uint64_t* registers;
    std::size_t next = 0;  // instruction
    State state = State::ready;
    std::uint32_t mask = 0;  // of the lanes that it waits for
    std::vector<Copy> copies;
    std::uint64_t group = 0;  // that its next copy belongs to
  };
  struct Warp {
    std::uint32_t waiting = 0;  // lanes that wait for others of it
    std::uint32_t absent = 0;   // that have ended, or are beyond the block's end
  };
  static constexpr std::uint32_t kWarp = 32;
  using Lanes = std::array<Thread*, kWarp>;  // null: has no part

  void run_thread(std::uint32_t number);
  std::size_t index(const Step* step) const { return static_cast<std::size_t>(step - kernel_.steps.data()); }
  void wait(Thread& thread, std::uint32_t number, const Instruction& i);
  void meet_in_warp(std::uint32_t warp, std::uint32_t mask);
  void answer_warp(const Lanes& lanes);
  void meet_in_block();
  [[noreturn]] void fail(const Instruction& i, const std::string& what) const;
  [[noreturn, gnu::cold]] void fail(const Step* step, const char* what) const;
  friend struct Steps;

  Kernel& kernel_;
  const std::uint32_t number_;
  const std::unique_ptr<std::uint64_t[]> registers_;  // of all threads
  std::vector<Thread> threads_;
  std::vector<Warp> warps_;
  std::vector<unsigned char> shared_memory_;
  unsigned char* shared_;  // aligned
  const std::size_t shared_bytes_;
  std::uint32_t running_ = 0;      // thread
  const Step* run_end_ = nullptr;  // of the steps that ran last, one after the other
  std::size_t done_ = 0, in_block_ = 0;
  std::uint64_t executed_ = 0;
};

}  // namespace ptx
