// Memory for kernel outputs and shared memory: exactly as long as asked for, with a guard on either side and a poison
// that reads as NaN in float32, float16 and bfloat16. AddressSanitizer stops a stray access at its line; without it,
// intact() sees a stray write afterwards. first_unwritten() finds outputs that a kernel forgot.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>

namespace simt {

// Repeated over the memory. As an int it is -262149, as a spike it is neither 0 nor 1.
inline constexpr std::uint16_t kPoison = 0xfffb;
// Differs from kPoison in every bit: memory that keeps both in two runs was written in neither.
inline constexpr std::uint16_t kOtherPoison = 0x0004;

inline constexpr std::size_t kNowhere = static_cast<std::size_t>(-1);

class GuardedBytes {
 public:
  // data() is aligned to 256 bytes, plus `misalignment`, which is below 256.
  explicit GuardedBytes(std::size_t bytes, std::uint16_t poison = kPoison, std::size_t misalignment = 0);
  ~GuardedBytes();
  GuardedBytes(GuardedBytes&& other) noexcept;
  GuardedBytes& operator=(GuardedBytes&& other) noexcept;

  unsigned char* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }
  std::uint16_t poison() const { return poison_; }

  void fill();          // with the poison, guards too
  bool intact() const;  // both guards are as fill() left them
  // The first of `bytes() / unit` units that still holds nothing but poison, or kNowhere.
  std::size_t first_unwritten(std::size_t unit) const;

 private:
  static constexpr std::size_t kGuardBytes = 512;
  unsigned char poison_byte(std::size_t place) const;

  std::size_t bytes_ = 0;
  std::uint16_t poison_ = kPoison;
  unsigned char* data_ = nullptr;
  unsigned char* allocation_ = nullptr;
  std::size_t allocation_bytes_ = 0;
};

// The first byte that neither run wrote: `a` was filled with kPoison, `b` with kOtherPoison, and the same kernel wrote
// to both. Exact to the byte whatever the kernel's values, where first_unwritten() goes by whole elements.
std::size_t first_unwritten_byte(const GuardedBytes& a, const GuardedBytes& b);

template <class T>
class Guarded {
 public:
  static_assert(std::is_trivially_copyable_v<T>);
  // A misalignment that is no multiple of alignof(T) is the caller's to avoid.
  explicit Guarded(std::size_t count, std::uint16_t poison = kPoison, std::size_t misalignment = 0)
      : memory_(count * sizeof(T), poison, misalignment), count_(count) {}

  T* data() const { return reinterpret_cast<T*>(memory_.data()); }
  std::size_t size() const { return count_; }
  T* begin() const { return data(); }
  T* end() const { return data() + count_; }
  T& operator[](std::size_t index) const { return data()[index]; }
  const GuardedBytes& memory() const { return memory_; }

  void fill() { memory_.fill(); }
  // Empty, or a sentence: stray writes first, then the first element that was never written.
  std::string problem() const {
    if (!memory_.intact()) return "bytes next to the buffer were overwritten";
    const std::size_t place = memory_.first_unwritten(sizeof(T));
    if (place == kNowhere) return {};
    return "element " + std::to_string(place) + " of " + std::to_string(count_) + " was never written";
  }

 private:
  GuardedBytes memory_;
  std::size_t count_;
};

}  // namespace simt
