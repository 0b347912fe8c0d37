// A block from the host, and copies of it.
#include "driving_input.h"

#include <algorithm>
#include <tuple>

namespace spikescan::bench {
namespace {

constexpr int64_t kBlock = int64_t{1} << 22;
constexpr uint64_t kSalt = 3;

// Doubles what is there, so that a large input takes few copies.
Memory repeated(spikescan_backend backend, const std::vector<unsigned char>& block, size_t bytes, void* stream) {
  Memory whole(backend, bytes);
  auto* data = static_cast<unsigned char*>(whole.data());
  if (bytes > 0) check(spikescan_copy(backend, data, block.data(), block.size(), stream), "spikescan_copy");
  for (size_t there = block.size(); there < bytes; there *= 2) {
    const size_t more = std::min(there, bytes - there);
    check(spikescan_copy(backend, data + there, data, more, stream), "spikescan_copy");
  }
  check(spikescan_stream_synchronize(backend, stream), "spikescan_stream_synchronize");  // the block goes away
  return whole;
}

}  // namespace

const Memory& driving_input(spikescan_backend backend, int64_t elements, const Range& range, spikescan_dtype dtype,
                            void* stream) {
  static std::tuple<spikescan_backend, int64_t, float, float, spikescan_dtype> known = {backend, -1, 0.0f, 0.0f, dtype};
  static Memory x;
  const auto wanted = std::make_tuple(backend, elements, range.low, range.high, dtype);
  if (known != wanted) {
    const auto block = encode(values_in(kSalt, std::min(elements, kBlock), range.low, range.high), dtype);
    const size_t of_element = dtype == SPIKESCAN_FLOAT32 ? 4 : 2;
    x = Memory();  // before the next one is made: two need not fit
    x = repeated(backend, block, static_cast<size_t>(elements) * of_element, stream);
    known = wanted;
  }
  return x;
}

}  // namespace spikescan::bench
