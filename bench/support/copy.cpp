// Copies of memory: threaded memcpy, threaded streaming stores, or the device's own copy.
#include "copy.h"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "samples.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace spikescan::bench {
namespace {

constexpr size_t kBlock = 1 << 20;  // a thread's piece; a multiple of a page, so pieces never share a cache line

void stream_block(char* destination, const char* source, size_t bytes) {
#if defined(__SSE2__)
  // Backend memory is 256-byte aligned and kBlock keeps it so; streaming stores skip the read of the destination.
  const size_t vectors = bytes / 16;
  for (size_t i = 0; i < vectors; ++i) {
    _mm_stream_si128(reinterpret_cast<__m128i*>(destination) + i,
                     _mm_load_si128(reinterpret_cast<const __m128i*>(source) + i));
  }
  std::memcpy(destination + vectors * 16, source + vectors * 16, bytes % 16);
  _mm_sfence();
#else
  std::memcpy(destination, source, bytes);
#endif
}

void threaded_copy(void* destination, const void* source, size_t bytes, bool streaming) {
  const int64_t blocks = static_cast<int64_t>((bytes + kBlock - 1) / kBlock);
#pragma omp parallel for schedule(static)
  for (int64_t block = 0; block < blocks; ++block) {
    const size_t begin = static_cast<size_t>(block) * kBlock;
    const size_t count = std::min(kBlock, bytes - begin);
    char* to = static_cast<char*>(destination) + begin;
    const char* from = static_cast<const char*>(source) + begin;
    if (streaming) {
      stream_block(to, from, count);
    } else {
      std::memcpy(to, from, count);
    }
  }
}

size_t largest_cache_bytes() {
  const long level3 = sysconf(_SC_LEVEL3_CACHE_SIZE);
  const long level2 = sysconf(_SC_LEVEL2_CACHE_SIZE);
  const long largest = std::max(level3, level2);
  return largest > 0 ? static_cast<size_t>(largest) : size_t{32} << 20;
}

}  // namespace

const char* copy_method_name(CopyMethod method) {
  switch (method) {
    case CopyMethod::kPlain:
      return "plain";
    case CopyMethod::kStreaming:
      return "streaming";
    case CopyMethod::kDevice:
      return "device";
  }
  return "";
}

std::vector<CopyMethod> copy_methods(spikescan_backend backend) {
  if (backend == SPIKESCAN_BACKEND_CUDA) return {CopyMethod::kDevice};
#if defined(__SSE2__)
  return {CopyMethod::kPlain, CopyMethod::kStreaming};
#else
  return {CopyMethod::kPlain};
#endif
}

CopyBench::CopyBench(spikescan_backend backend, size_t bytes, CopyMethod method)
    : backend_(backend),
      method_(method),
      source_(backend, bytes),
      destination_(backend, bytes),
      stream_(backend),
      timer_(backend) {
  source_.fill(0x5a, stream_.get());  // touched pages: an untouched source would be read from the zero page
  destination_.fill(0, stream_.get());
  stream_.synchronize();
}

double CopyBench::seconds_once() {
  return timer_.seconds(stream_.get(), [&] {
    if (method_ == CopyMethod::kDevice) {
      check(spikescan_copy(backend_, destination_.data(), source_.data(), source_.bytes(), stream_.get()),
            "spikescan_copy");
    } else {
      threaded_copy(destination_.data(), source_.data(), source_.bytes(), method_ == CopyMethod::kStreaming);
    }
  });
}

CopyMethod best_copy_method(spikescan_backend backend, size_t bytes) {
  CopyMethod best = CopyMethod::kPlain;
  double best_seconds = 0.0;
  for (const CopyMethod method : copy_methods(backend)) {
    CopyBench copy(backend, bytes, method);
    copy.seconds_once();
    std::vector<double> samples;
    for (int i = 0; i < 5; ++i) samples.push_back(copy.seconds_once());
    const double seconds = summarize(samples).median;
    if (best_seconds == 0.0 || seconds < best_seconds) {
      best = method;
      best_seconds = seconds;
    }
  }
  return best;
}

size_t beyond_cache_bytes(spikescan_backend backend) {
  if (backend == SPIKESCAN_BACKEND_CUDA) return size_t{512} << 20;
  // Twice the largest cache, within what a small machine can spare: shared caches of servers reach hundreds of MiB. At
  // least what a pass over the suite's first shape reads, so that a share of the copy compares equal sizes.
  return std::clamp(2 * largest_cache_bytes(), size_t{128} << 20, size_t{256} << 20);
}

Summary summarize(std::vector<double> samples) {
  if (samples.empty()) return {};
  std::sort(samples.begin(), samples.end());
  const auto at = [&](double share) { return quantile(samples, share); };
  return {at(0.5), (at(0.9) - at(0.1)) / at(0.5), at(0.2), at(0.8)};
}

}  // namespace spikescan::bench
