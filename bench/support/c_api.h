// The C ABI as the benches and the hash program use it: failed calls end the program with the library's own sentence,
// and memory of a backend is owned.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

#include "spikescan/spikescan.h"

namespace spikescan::bench {

inline void check(spikescan_status status, const char* what) {
  if (status == SPIKESCAN_OK) return;
  std::fprintf(stderr, "%s: %s: %s\n", what, spikescan_status_name(status), spikescan_last_error());
  std::exit(1);
}

class Memory {
 public:
  Memory() = default;
  Memory(spikescan_backend backend, size_t bytes) : backend_(backend), bytes_(bytes) {
    check(spikescan_allocate(backend, bytes, &data_), "spikescan_allocate");
  }
  Memory(Memory&& other) noexcept
      : backend_(other.backend_), data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  Memory& operator=(Memory&& other) noexcept {
    std::swap(backend_, other.backend_);
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Memory() { spikescan_free(backend_, data_); }

  void* data() const { return data_; }
  float* floats() const { return static_cast<float*>(data_); }
  size_t bytes() const { return bytes_; }

  void fill(int byte, void* stream) const {
    if (bytes_ > 0) check(spikescan_fill(backend_, data_, byte, bytes_, stream), "spikescan_fill");
  }
  void upload(const void* source, void* stream) const {
    if (bytes_ == 0) return;
    check(spikescan_copy(backend_, data_, source, bytes_, stream), "spikescan_copy");
    check(spikescan_stream_synchronize(backend_, stream), "spikescan_stream_synchronize");
  }
  std::vector<unsigned char> download(void* stream) const { return download(bytes_, stream); }
  // Of the first `count` bytes.
  std::vector<unsigned char> download(size_t count, void* stream) const {
    std::vector<unsigned char> bytes(count);
    if (count == 0) return bytes;
    check(spikescan_copy(backend_, bytes.data(), data_, count, stream), "spikescan_copy");
    check(spikescan_stream_synchronize(backend_, stream), "spikescan_stream_synchronize");
    return bytes;
  }

 private:
  spikescan_backend backend_ = SPIKESCAN_BACKEND_CPU;
  void* data_ = nullptr;
  size_t bytes_ = 0;
};

class Stream {
 public:
  explicit Stream(spikescan_backend backend) : backend_(backend) {
    check(spikescan_stream_create(backend, &stream_), "spikescan_stream_create");
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() { spikescan_stream_destroy(backend_, stream_); }

  void* get() const { return stream_; }
  void synchronize() const { check(spikescan_stream_synchronize(backend_, stream_), "spikescan_stream_synchronize"); }

 private:
  spikescan_backend backend_;
  void* stream_ = nullptr;
};

// CUDA events on the stream, or the steady clock.
class Timer {
 public:
  explicit Timer(spikescan_backend backend) : backend_(backend) {
    check(spikescan_timer_create(backend, &timer_), "spikescan_timer_create");
  }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { spikescan_timer_destroy(backend_, timer_); }

  template <class Work>
  double seconds(void* stream, Work work) const {
    check(spikescan_timer_start(backend_, timer_, stream), "spikescan_timer_start");
    work();
    check(spikescan_timer_stop(backend_, timer_, stream), "spikescan_timer_stop");
    double seconds = 0.0;
    check(spikescan_timer_seconds(backend_, timer_, &seconds), "spikescan_timer_seconds");
    return seconds;
  }

 private:
  spikescan_backend backend_;
  void* timer_ = nullptr;
};

inline bool usable(spikescan_backend backend) {
  int32_t count = 0;
  return spikescan_backend_built(backend) != 0 && spikescan_device_count(backend, &count) == SPIKESCAN_OK && count > 0;
}

inline spikescan_device_info device_info(spikescan_backend backend) {
  spikescan_device_info info = {};
  info.struct_size = sizeof(info);
  check(spikescan_query_device(backend, 0, &info), "spikescan_query_device");
  return info;
}

}  // namespace spikescan::bench
