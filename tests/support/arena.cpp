#include "support/arena.h"

#include <malloc.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

extern "C" {
[[gnu::weak]] void __asan_poison_memory_region(const volatile void* address, size_t size);
[[gnu::weak]] void __asan_unpoison_memory_region(const volatile void* address, size_t size);
}

namespace spikescan::support {
namespace {

constexpr size_t kGuard = 256;

// What one case gives back is the next one's: fresh pages from the system took up to a third of the large cases' time.
const int kMemoryIsKept = mallopt(M_MMAP_MAX, 0) + mallopt(M_TRIM_THRESHOLD, -1);

void require(spikescan_status status) {
  if (status != SPIKESCAN_OK) throw std::runtime_error(spikescan_last_error());
}

// Words and elements of `width` bytes: the low bytes of a word are the narrower dtype (little-endian).
template <size_t width>
void narrow_row(unsigned char* row, const uint32_t* words, int64_t count) {
  for (int64_t i = 0; i < count; ++i) std::memcpy(row + i * width, words + i, width);
}
template <size_t width>
void widen_row(uint32_t* words, const unsigned char* row, int64_t count) {
  for (int64_t i = 0; i < count; ++i) std::memcpy(words + i, row + i * width, width);
}

// Rows of one length, one after the other as a tensor has them; steps that adjoin in memory are one row.
struct Rows {
  int64_t count, length, stride;
};
Rows rows_of(const Placement& p, const int64_t (&shape)[3]) {
  const auto [batch, time, channels] = shape;
  if (p.stride_time == channels) return {1, time * channels, 0};
  return {time, channels, p.stride_time};
}

}  // namespace

Arena::Arena(const Target& target, uint16_t poison, size_t expected) : target_(target), poison_(poison) {
  image_.reserve(expected / sizeof poison);
  image_.resize(kGuard / sizeof poison, poison);
  guards_.push_back({0, kGuard});
}

Arena::~Arena() {
  close_guards(false);
  spikescan_free(target_.backend, memory_);
}

size_t Arena::add(size_t bytes) {
  const size_t offset = size();
  const size_t end = (offset + bytes + kGuard - 1) / kGuard * kGuard + kGuard;
  image_.resize(end / sizeof poison_, poison_);
  guards_.push_back({offset + bytes, end});
  return offset;
}

void Arena::put(size_t offset, const void* data, size_t count) {
  if (count > 0) std::memcpy(bytes(offset), data, count);
}

void Arena::put(size_t offset, const Array& array, const Placement& p, const int64_t (&shape)[3]) {
  const size_t width = bytes_of(array.dtype);
  if (array.size() != static_cast<size_t>(shape[0] * shape[1] * shape[2])) {
    throw std::invalid_argument("a case's input has " + std::to_string(array.size()) + " elements, not its shape's");
  }
  const auto put_row = width == 1 ? narrow_row<1> : width == 2 ? narrow_row<2> : narrow_row<4>;
  const uint32_t* from = array.bits.data();
  const Rows rows = rows_of(p, shape);
  for (int64_t b = 0; b < shape[0]; ++b) {
    for (int64_t row = 0; row < rows.count; ++row, from += rows.length) {
      put_row(bytes(offset + (p.first + b * p.stride_batch + row * rows.stride) * width), from, rows.length);
    }
  }
}

void Arena::close_guards(bool closed) {
  const auto apply = closed ? __asan_poison_memory_region : __asan_unpoison_memory_region;
  if (!target_.host_memory || !apply || !memory_) return;
  for (const auto& [begin, end] : guards_) apply(memory_ + begin, end - begin);
}

void Arena::upload() {
  void* memory = nullptr;
  require(spikescan_allocate(target_.backend, size(), &memory));
  memory_ = static_cast<unsigned char*>(memory);
  before_ = image_;
  require(spikescan_copy(target_.backend, memory_, image_.data(), size(), nullptr));
  require(spikescan_stream_synchronize(target_.backend, nullptr));
  close_guards(true);
}

void Arena::download() {
  require(spikescan_stream_synchronize(target_.backend, nullptr));
  close_guards(false);
  require(spikescan_copy(target_.backend, image_.data(), memory_, size(), nullptr));
  require(spikescan_stream_synchronize(target_.backend, nullptr));
}

Array Arena::take(size_t offset, spikescan_dtype dtype, const Placement& p, const int64_t (&shape)[3]) {
  const size_t width = bytes_of(dtype);
  Array out = {dtype, std::vector<uint32_t>(static_cast<size_t>(shape[0] * shape[1] * shape[2]))};
  const auto take_row = width == 1 ? widen_row<1> : width == 2 ? widen_row<2> : widen_row<4>;
  uint32_t* to = out.bits.data();
  const Rows rows = rows_of(p, shape);
  for (int64_t b = 0; b < shape[0]; ++b) {
    for (int64_t row = 0; row < rows.count; ++row, to += rows.length) {
      const size_t place = offset + (p.first + b * p.stride_batch + row * rows.stride) * width;
      take_row(to, bytes(place), rows.length);
      forget(place, rows.length * width);
    }
  }
  return out;
}

std::vector<unsigned char> Arena::take(size_t offset, size_t count) {
  std::vector<unsigned char> out(bytes(offset), bytes(offset) + count);
  forget(offset, count);
  return out;
}

void Arena::forget(size_t offset, size_t count) {
  const auto* before = reinterpret_cast<const unsigned char*>(before_.data());
  if (count > 0) std::memcpy(bytes(offset), before + offset, count);
}

std::string Arena::damage() const {
  if (image_ == before_) return {};
  const auto place = std::mismatch(image_.begin(), image_.end(), before_.begin()).first - image_.begin();
  return "the call wrote at byte " + std::to_string(place * 2) + " of " + std::to_string(size()) +
         ", where no output lies";
}

}  // namespace spikescan::support
