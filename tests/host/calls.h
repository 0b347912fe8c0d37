// Legal calls with every argument given, for tests that spoil them in one place. All arguments lie in one arena, each
// in a slot of its own; comparing the whole arena before and after shows any byte written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "include/spikescan/spikescan.h"

namespace spikescan::test {

class Arena {
 public:
  static constexpr size_t kSlot = 32768;  // room for misplaced pointers and wider strides
  static constexpr int kSlots = 20;

  Arena();
  // The start of the next free slot, 256-byte aligned, filled with `byte`.
  std::byte* slot(int byte);
  float* floats(float value);
  std::byte* begin() { return begin_; }
  static constexpr size_t kBytes = kSlot * kSlots;

  void remember();
  bool unchanged() const;
  void restore();

 private:
  std::vector<std::byte> memory_;
  std::byte* begin_;
  int used_ = 0;
  std::vector<std::byte> before_;
};

// cuba_lif, B = 2, T = 5, C = 3: two states and both decays.
struct CallCase {
  CallCase();

  Arena arena;
  spikescan_description d;
  spikescan_sizes sizes() const;
};

// `after` is what a struct_size past the struct leads to.
struct ForwardCase : CallCase {
  ForwardCase();
  spikescan_status run();
  spikescan_forward_args args;
  spikescan_device_key& key() { return *const_cast<spikescan_device_key*>(args.device_key); }
  std::byte after[1024] = {};
};

struct BackwardCase : CallCase {
  BackwardCase();
  spikescan_status run();
  spikescan_backward_args args;
  std::byte after[1024] = {};
};

// How a pointer and a number read in the library's sentences.
std::string text_of(const void* pointer);
std::string text_of(int64_t number);

constexpr int kPoison = 0xa5;

}  // namespace spikescan::test
