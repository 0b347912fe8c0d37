// A kernel as nvcc hands it to ptxas, in the form that the interpreter runs: every operand is a place in a thread's
// registers, of 64 bits each; constants and addresses of parameters have places of their own, filled before the start.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ptx {

class Block;
struct Step;

// Runs a thread's steps from this one on, to the first branch that is taken, and returns where that leads; null: the
// thread stops. The last act of each step is to call the next one, which compilers make a jump: to come back for the
// next would cost more than many a step itself. Without jumps the calls go no deeper than the code is long.
using Execute = const Step* (*)(const Step* step, std::uint64_t* registers, Block& block);

// What it takes to run an instruction; small, since a kernel has thousands.
struct Step {
  Execute execute;
  std::uint16_t to[4];
  std::uint16_t from[4];
  std::int32_t offset[2];  // an instruction's; of a branch [0] leads to its target, from here
};
inline const Step* run_next(const Step* step, std::uint64_t* registers, Block& block) {
  return step[1].execute(step + 1, registers, block);
}

enum class Kind : std::uint8_t {
  arithmetic,
  load,
  store,
  atomic_add,     // 64 bits, global
  copy_async,     // from[0]: shared, from[1]: global
  commit_copies,  //
  await_copies,   // immediate: groups that may stay under way
  ballot,         // from[0]: the predicate, from[1]: the mask
  shuffle,        // by index; from: value, lane, clamp and segment, mask
  warp_barrier,   // from[0]: the mask
  block_barrier,
  block_or,  // from[0]: the predicate
  shared_address,
  branch,
  pause,
  nothing,
  end,
};

enum class Space : std::uint8_t { param, shared, global };

struct Instruction {
  Kind kind = Kind::nothing;
  Execute execute = nullptr;  // whatever the predicate
  int predicate = -1;         // register that decides whether it runs; none: always
  bool unless = false;        // it runs where the predicate is false
  Space space = Space::param;
  std::uint8_t bytes = 0;          // of an element in memory
  std::uint8_t count = 1;          // of elements in memory
  bool sign = false;               // loads extend the sign; ballots count what is false
  int to[4] = {-1, -1, -1, -1};    // places; negative: none. A store reads them
  int from[4] = {-1, -1, -1, -1};  // the same
  std::int32_t offset[2] = {};     // of an address in from[0], and in from[1]
  std::int64_t immediate = 0;
  int target = 0;    // branches
  int line = 0;      // of the kernel's text
  bool ran = false;  // since the start, by any thread
};

struct Kernel {
  struct Parameter {
    int offset, bytes;
  };
  struct ParameterAddress {
    int place;
    std::int64_t offset;
  };

  std::string name;
  std::vector<Instruction> code;
  std::vector<Step> steps;               // one an instruction
  std::vector<std::uint64_t> registers;  // as a thread finds them
  std::vector<Parameter> parameters;
  std::vector<ParameterAddress> parameter_addresses;
  int parameter_bytes = 0;
  int thread = -1, threads = -1, block = -1, blocks = -1;  // places of %tid.x, %ntid.x, %ctaid.x, %nctaid.x
};

// Where the window of dynamic shared memory starts, for addresses of 32 bits.
constexpr std::uint64_t kSharedStart = 0x10000;

// Of arithmetic; null where the name is of another kind, or of none.
Execute arithmetic(const std::string& name);

// Gives registers that never hold a value at the same time one place: fewer places stay in a cache. One that is read
// before it is written keeps a place of its own, and with it what a thread finds there.
void share_places(Kernel& kernel);
// Makes the code's steps. What no step does it throws as std::runtime_error.
void make_steps(Kernel& kernel);

// The kernel of that name in a PTX file's text. What it does not understand it throws as std::runtime_error.
Kernel parse(const std::string& text, const std::string& name);
// The names of the kernels in it.
std::vector<std::string> kernels_in(const std::string& text);

}  // namespace ptx
