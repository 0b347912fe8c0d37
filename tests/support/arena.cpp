#include "support/arena.h"

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

void require(spikescan_status status) {
  if (status != SPIKESCAN_OK) throw std::runtime_error(spikescan_last_error());
}

}  // namespace

Arena::Arena(const Target& target, uint16_t poison) : target_(target), poison_(poison) {
  image_.resize(kGuard);
  fill(0, kGuard);
  guards_.push_back({0, kGuard});
}

Arena::~Arena() {
  close_guards(false);
  spikescan_free(target_.backend, memory_);
}

void Arena::fill(size_t begin, size_t end) {
  for (size_t i = begin; i < end; ++i) image_[i] = static_cast<unsigned char>(i % 2 ? poison_ >> 8 : poison_);
}

size_t Arena::add(size_t bytes) {
  const size_t offset = image_.size();
  const size_t end = (offset + bytes + kGuard - 1) / kGuard * kGuard + kGuard;
  image_.resize(end);
  fill(offset, end);
  guards_.push_back({offset + bytes, end});
  return offset;
}

void Arena::put(size_t offset, const void* data, size_t bytes) {
  if (bytes > 0) std::memcpy(image_.data() + offset, data, bytes);
}

void Arena::put(size_t offset, const Array& array, const Placement& p, const int64_t (&shape)[3]) {
  const size_t width = bytes_of(array.dtype);
  if (array.size() != static_cast<size_t>(shape[0] * shape[1] * shape[2])) {
    throw std::invalid_argument("a case's input has " + std::to_string(array.size()) + " elements, not its shape's");
  }
  size_t i = 0;
  for (int64_t b = 0; b < shape[0]; ++b) {
    for (int64_t t = 0; t < shape[1]; ++t) {
      unsigned char* row = image_.data() + offset + (p.first + b * p.stride_batch + t * p.stride_time) * width;
      // Little-endian: the low bytes of a word are the narrower dtype.
      for (int64_t c = 0; c < shape[2]; ++c) std::memcpy(row + c * width, &array.bits[i++], width);
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
  require(spikescan_allocate(target_.backend, image_.size(), &memory));
  memory_ = static_cast<unsigned char*>(memory);
  before_ = image_;
  require(spikescan_copy(target_.backend, memory_, image_.data(), image_.size(), nullptr));
  require(spikescan_stream_synchronize(target_.backend, nullptr));
  close_guards(true);
}

void Arena::download() {
  require(spikescan_stream_synchronize(target_.backend, nullptr));
  close_guards(false);
  require(spikescan_copy(target_.backend, image_.data(), memory_, image_.size(), nullptr));
  require(spikescan_stream_synchronize(target_.backend, nullptr));
}

Array Arena::take(size_t offset, spikescan_dtype dtype, const Placement& p, const int64_t (&shape)[3]) {
  const size_t width = bytes_of(dtype);
  Array out = {dtype, std::vector<uint32_t>(static_cast<size_t>(shape[0] * shape[1] * shape[2]))};
  size_t i = 0;
  for (int64_t b = 0; b < shape[0]; ++b) {
    for (int64_t t = 0; t < shape[1]; ++t) {
      const size_t row = offset + (p.first + b * p.stride_batch + t * p.stride_time) * width;
      for (int64_t c = 0; c < shape[2]; ++c) std::memcpy(&out.bits[i++], image_.data() + row + c * width, width);
      forget(row, shape[2] * width);
    }
  }
  return out;
}

std::vector<unsigned char> Arena::take(size_t offset, size_t bytes) {
  const auto begin = image_.begin() + static_cast<ptrdiff_t>(offset);
  std::vector<unsigned char> out(begin, begin + static_cast<ptrdiff_t>(bytes));
  forget(offset, bytes);
  return out;
}

void Arena::forget(size_t offset, size_t bytes) {
  if (bytes > 0) std::memcpy(image_.data() + offset, before_.data() + offset, bytes);
}

std::string Arena::damage() const {
  if (image_ == before_) return {};
  const auto place = std::mismatch(image_.begin(), image_.end(), before_.begin()).first - image_.begin();
  return "the call wrote to byte " + std::to_string(place) + " of " + std::to_string(image_.size()) +
         ", which lies in no output";
}

}  // namespace spikescan::support
