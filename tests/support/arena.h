// All memory of one call on a backend: one allocation with a guard around every buffer, filled with a poison that reads
// as NaN in every float dtype and as no spike. Outputs are taken out; whatever else has changed is damage.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "support/array.h"

namespace spikescan::support {

// Where the tests run. `host_memory`: the backend's memory is the host's, so that guards can be closed to reads as well
// (AddressSanitizer) and mappings made by the test can be used.
struct Target {
  const char* name;
  spikescan_backend backend;
  bool host_memory;
  bool fast;  // a real CPU or GPU, not the harness
  // In place of the C ABI's functions, where a test calls a pass in another way.
  std::function<spikescan_status(const spikescan_description&, const spikescan_forward_args&)> forward = {};
  std::function<spikescan_status(const spikescan_description&, const spikescan_backward_args&)> backward = {};
};

constexpr uint16_t kPoison = 0xfffb;
constexpr uint16_t kOtherPoison = 0x7fff;

// A [B, T, C] tensor in a buffer: element (b, t, c) lies at first + b stride_batch + t stride_time + c.
struct Placement {
  int64_t stride_batch, stride_time, first, elements;
};

class Arena {
 public:
  // `expected` bytes of buffers, about: with more it moves.
  Arena(const Target& target, uint16_t poison, size_t expected = 0);
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // Reserves a buffer, aligned to 256 bytes; returns its offset.
  size_t add(size_t bytes);
  void put(size_t offset, const void* data, size_t count);
  void put(size_t offset, const Array& array, const Placement& placement, const int64_t (&shape)[3]);

  void upload();
  void* device(size_t offset) const { return memory_ + offset; }
  void download();

  Array take(size_t offset, spikescan_dtype dtype, const Placement& placement, const int64_t (&shape)[3]);
  std::vector<unsigned char> take(size_t offset, size_t count);
  void forget(size_t offset, size_t count);  // scratch: may hold anything

  // Empty where all that was not taken or forgotten is as it was uploaded.
  std::string damage() const;

 private:
  unsigned char* bytes(size_t offset) { return reinterpret_cast<unsigned char*>(image_.data()) + offset; }
  size_t size() const { return image_.size() * sizeof(uint16_t); }
  void close_guards(bool closed);

  const Target target_;
  const uint16_t poison_;
  std::vector<uint16_t> image_, before_;
  std::vector<std::pair<size_t, size_t>> guards_;
  unsigned char* memory_ = nullptr;
};

}  // namespace spikescan::support
