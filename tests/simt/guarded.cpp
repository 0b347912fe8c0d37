// Guarded, poisoned memory (guarded.h).
#include "simt/guarded.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <new>
#include <utility>

#include "simt/sanitizers.h"

namespace simt {
namespace {

constexpr std::size_t kAlignment = 256;  // as cudaMalloc's

// Under ThreadSanitizer memory comes fresh from the kernel: an allocator's reuse would show one block's accesses and
// the next block's as a race.
unsigned char* allocate(std::size_t bytes) {
  if (!detail::thread_sanitizer()) {
    void* memory = std::aligned_alloc(kAlignment, bytes);
    if (memory == nullptr) throw std::bad_alloc();
    return static_cast<unsigned char*>(memory);
  }
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return static_cast<unsigned char*>(memory);
}

void deallocate(unsigned char* memory, std::size_t bytes) {
  if (detail::thread_sanitizer()) {
    munmap(memory, bytes);
  } else {
    std::free(memory);
  }
}

}  // namespace

GuardedBytes::GuardedBytes(std::size_t bytes, std::uint16_t poison, std::size_t misalignment)
    : bytes_(bytes), poison_(poison) {
  allocation_bytes_ = (2 * kGuardBytes + misalignment + bytes + kAlignment - 1) / kAlignment * kAlignment;
  allocation_ = allocate(allocation_bytes_);
  data_ = allocation_ + kGuardBytes + misalignment;
  fill();
}

GuardedBytes::~GuardedBytes() {
  if (allocation_ == nullptr) return;
  detail::unpoison(allocation_, allocation_bytes_);
  deallocate(allocation_, allocation_bytes_);
}

GuardedBytes::GuardedBytes(GuardedBytes&& other) noexcept {
  *this = std::move(other);
}

GuardedBytes& GuardedBytes::operator=(GuardedBytes&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  std::swap(poison_, other.poison_);
  std::swap(data_, other.data_);
  std::swap(allocation_, other.allocation_);
  std::swap(allocation_bytes_, other.allocation_bytes_);
  return *this;
}

unsigned char GuardedBytes::poison_byte(std::size_t place) const {
  return static_cast<unsigned char>(place % 2 == 0 ? poison_ & 0xff : poison_ >> 8);
}

void GuardedBytes::fill() {
  detail::unpoison(allocation_, allocation_bytes_);
  // Counted from data(), so that elements see whole 16-bit units whatever the misalignment.
  const std::size_t before = static_cast<std::size_t>(data_ - allocation_);
  unsigned char eight[8];
  for (std::size_t place = 0; place < 8; ++place) eight[place] = poison_byte(place + before % 2);
  for (std::size_t place = 0; place < allocation_bytes_; place += 8) std::memcpy(allocation_ + place, eight, 8);
  detail::poison(allocation_, before);
  detail::poison(data_ + bytes_, allocation_bytes_ - before - bytes_);
}

bool GuardedBytes::intact() const {
  const std::size_t before = static_cast<std::size_t>(data_ - allocation_);
  detail::unpoison(allocation_, allocation_bytes_);
  bool clean = true;
  for (std::size_t place = 0; place < before; ++place) {
    clean = clean && allocation_[place] == poison_byte(place + before % 2);
  }
  for (std::size_t place = before + bytes_; place < allocation_bytes_; ++place) {
    clean = clean && allocation_[place] == poison_byte(place + before % 2);
  }
  detail::poison(allocation_, before);
  detail::poison(data_ + bytes_, allocation_bytes_ - before - bytes_);
  return clean;
}

std::size_t GuardedBytes::first_unwritten(std::size_t unit) const {
  for (std::size_t start = 0; start + unit <= bytes_; start += unit) {
    bool untouched = true;
    for (std::size_t place = start; place < start + unit && untouched; ++place) {
      untouched = data_[place] == poison_byte(place);
    }
    if (untouched) return start / unit;
  }
  return kNowhere;
}

std::size_t first_unwritten_byte(const GuardedBytes& a, const GuardedBytes& b) {
  const auto byte_of = [](std::uint16_t poison, std::size_t place) {
    return static_cast<unsigned char>(place % 2 == 0 ? poison & 0xff : poison >> 8);
  };
  for (std::size_t place = 0; place < std::min(a.bytes(), b.bytes()); ++place) {
    if (a.data()[place] == byte_of(a.poison(), place) && b.data()[place] == byte_of(b.poison(), place)) return place;
  }
  return kNowhere;
}

}  // namespace simt
