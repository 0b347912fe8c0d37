#include "support/array.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <sstream>

namespace spikescan::support {
namespace {

struct Format {
  int mantissa, least_exponent, bias;
  uint32_t infinity, nan;
};
constexpr Format kHalf = {10, -14, 15, 0x7c00, 0x7e00};
constexpr Format kBFloat16 = {7, -126, 127, 0x7f80, 0x7fc0};

// 2^n for every n that these conversions scale by; ldexp took a third of their time.
constexpr int kMostPower = 200;
constexpr auto kPowersOfTwo = [] {
  std::array<double, 2 * kMostPower + 1> out = {};
  double power = 0x1p-200;
  for (double& entry : out) {
    entry = power;
    power *= 2;
  }
  return out;
}();
double power_of_two(int n) {
  return kPowersOfTwo[static_cast<size_t>(kMostPower + n)];
}

const Format& format_of(spikescan_dtype dtype) {
  return dtype == SPIKESCAN_FLOAT16 ? kHalf : kBFloat16;
}

uint32_t narrow_to(float value, const Format& f) {
  if (std::isnan(value)) return f.nan;
  const uint32_t sign = std::signbit(value) ? 0x8000 : 0;
  const double size = std::fabs(static_cast<double>(value));
  if (size == 0) return sign;
  if (std::isinf(size)) return sign | f.infinity;
  // Every float is a normal double.
  const int exponent = std::max(static_cast<int>(std::bit_cast<uint64_t>(size) >> 52) - 1023, f.least_exponent);
  // In units of the last place; the product is exact, and nearbyint rounds ties to even.
  const auto units = static_cast<uint32_t>(std::nearbyint(size * power_of_two(f.mantissa - exponent)));
  // A subnormal has no hidden bit: its exponent field is then 0, and a carry moves up by itself.
  const uint32_t field = static_cast<uint32_t>(exponent + f.bias - 1) << f.mantissa;
  return sign | std::min(field + units, f.infinity);
}

float widen_from(uint32_t bits, const Format& f) {
  const uint32_t size = bits & 0x7fff;
  const float sign = bits & 0x8000 ? -1.0f : 1.0f;
  if (size > f.infinity) return std::numeric_limits<float>::quiet_NaN();
  if (size == f.infinity) return sign * std::numeric_limits<float>::infinity();
  const int field = static_cast<int>(size >> f.mantissa);
  const uint32_t fraction = size & ((1u << f.mantissa) - 1);
  const uint32_t units = field > 0 ? fraction + (1u << f.mantissa) : fraction;
  const int exponent = (field > 0 ? field - f.bias : f.least_exponent) - f.mantissa;
  return sign * static_cast<float>(units * power_of_two(exponent));
}

}  // namespace

size_t bytes_of(spikescan_dtype dtype) {
  switch (dtype) {
    case SPIKESCAN_UINT8:
      return 1;
    case SPIKESCAN_FLOAT16:
    case SPIKESCAN_BFLOAT16:
      return 2;
    default:
      return 4;
  }
}

uint32_t narrow(float value, spikescan_dtype dtype) {
  switch (dtype) {
    case SPIKESCAN_FLOAT32:
      return std::bit_cast<uint32_t>(value);
    case SPIKESCAN_FLOAT16:
    case SPIKESCAN_BFLOAT16:
      return narrow_to(value, format_of(dtype));
    default:
      return static_cast<uint32_t>(value);
  }
}

float widen(uint32_t bits, spikescan_dtype dtype) {
  switch (dtype) {
    case SPIKESCAN_FLOAT32:
      return std::bit_cast<float>(bits);
    case SPIKESCAN_FLOAT16:
    case SPIKESCAN_BFLOAT16:
      return widen_from(bits, format_of(dtype));
    default:
      return static_cast<float>(bits);
  }
}

bool is_nan(uint32_t bits, spikescan_dtype dtype) {
  switch (dtype) {
    case SPIKESCAN_FLOAT32:
      return (bits & 0x7fffffff) > 0x7f800000;
    case SPIKESCAN_FLOAT16:
    case SPIKESCAN_BFLOAT16:
      return (bits & 0x7fff) > format_of(dtype).infinity;
    default:
      return false;
  }
}

float rounded(float value, spikescan_dtype dtype) {
  return dtype == SPIKESCAN_FLOAT32 ? value : widen(narrow(value, dtype), dtype);
}

std::vector<float> Array::floats() const {
  std::vector<float> out(size());
  for (size_t i = 0; i < size(); ++i) out[i] = at(i);
  return out;
}

std::vector<double> Array::doubles() const {
  std::vector<double> out(size());
  for (size_t i = 0; i < size(); ++i) out[i] = at(i);
  return out;
}

Array array_of(const std::vector<float>& values, spikescan_dtype dtype) {
  Array out = {dtype, std::vector<uint32_t>(values.size())};
  for (size_t i = 0; i < values.size(); ++i) out.bits[i] = narrow(values[i], dtype);
  return out;
}

std::string difference(const Array& got, const Array& want) {
  std::ostringstream text;
  if (got.dtype != want.dtype || got.size() != want.size()) {
    text << "dtype " << got.dtype << " with " << got.size() << " elements, not dtype " << want.dtype << " with "
         << want.size();
    return text.str();
  }
  if (got.bits == want.bits) return {};
  size_t first = got.size(), count = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    if (got.bits[i] == want.bits[i] || (is_nan(got.bits[i], got.dtype) && is_nan(want.bits[i], got.dtype))) continue;
    if (count++ == 0) first = i;
  }
  if (count == 0) return {};
  text.precision(9);
  text << count << " of " << got.size() << " elements differ, first element " << first << ": " << got.at(first)
       << " (bits " << std::hex << got.bits[first] << "), not " << want.at(first) << " (" << want.bits[first] << ")";
  return text.str();
}

Array unpack(const Array& words, int64_t batch, int64_t time, int64_t channels, int64_t* stray) {
  const int64_t rows = (time + 31) / 32;
  Array out = {SPIKESCAN_UINT8, std::vector<uint32_t>(static_cast<size_t>(batch * time * channels))};
  *stray = 0;
  for (int64_t b = 0; b < batch; ++b) {
    for (int64_t t = 0; t < rows * 32; ++t) {
      for (int64_t c = 0; c < channels; ++c) {
        const uint32_t bit = words.bits[static_cast<size_t>((b * rows + t / 32) * channels + c)] >> (t % 32) & 1;
        if (t < time) {
          out.bits[static_cast<size_t>((b * time + t) * channels + c)] = bit;
        } else {
          *stray += bit;
        }
      }
    }
  }
  return out;
}

}  // namespace spikescan::support
