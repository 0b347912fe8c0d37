// Host copies of tensors: one element a word, in [B, T, C] or [B, C] order, as the bits of its dtype.
// The conversions are the tests' own: exact arithmetic in float64, none of the library's bit tricks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "spikescan/spikescan.h"

namespace spikescan::support {

size_t bytes_of(spikescan_dtype dtype);

uint32_t narrow(float value, spikescan_dtype dtype);  // nearest, ties to even; any NaN gives the quiet one
float widen(uint32_t bits, spikescan_dtype dtype);
bool is_nan(uint32_t bits, spikescan_dtype dtype);
// `value` as the dtype holds it.
float rounded(float value, spikescan_dtype dtype);

struct Array {
  spikescan_dtype dtype = SPIKESCAN_FLOAT32;
  std::vector<uint32_t> bits;

  size_t size() const { return bits.size(); }
  bool empty() const { return bits.empty(); }
  float at(size_t index) const { return widen(bits[index], dtype); }
  std::vector<float> floats() const;
  std::vector<double> doubles() const;
};

Array array_of(const std::vector<float>& values, spikescan_dtype dtype);

// Empty where every bit agrees (any NaN equals any other), else a sentence about the first difference and their number.
std::string difference(const Array& got, const Array& want);

struct Box {
  int64_t first[3], count[3];  // batch, time, channel
};
// The part of a [shape[0], shape[1], shape[2]] tensor that lies in a box.
template <class T>
std::vector<T> cut(const std::vector<T>& whole, const int64_t (&shape)[3], const Box& box) {
  std::vector<T> part;
  if (whole.empty()) return part;
  part.reserve(static_cast<size_t>(box.count[0] * box.count[1] * box.count[2]));
  for (int64_t b = box.first[0]; b < box.first[0] + box.count[0]; ++b) {
    for (int64_t t = box.first[1]; t < box.first[1] + box.count[1]; ++t) {
      const auto row = whole.begin() + (b * shape[1] + t) * shape[2] + box.first[2];
      part.insert(part.end(), row, row + box.count[2]);
    }
  }
  return part;
}

// Packed spikes [B, ceil(T/32), C] as [B, T, C] zeros and ones. `stray` counts set bits past the last step.
Array unpack(const Array& words, int64_t batch, int64_t time, int64_t channels, int64_t* stray);

}  // namespace spikescan::support
