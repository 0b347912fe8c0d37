// Inputs made from integers alone, so that every machine and compiler makes the same bits.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <vector>

#include "spikescan/spikescan.h"

namespace spikescan::bench {

inline uint64_t mix(uint64_t value) {  // splitmix64
  value += 0x9e3779b97f4a7c15u;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
  return value ^ (value >> 31);
}

// A multiple of 2^-24 in [0, 1): exact in float32.
inline float unit_value(uint64_t salt, uint64_t index) {
  return static_cast<float>(mix(salt * 0x100000001b3u + index) >> 40) * 0x1p-24f;
}

// Round to nearest, ties to even; finite values only, and float16's subnormals become zero: inputs need no more.
inline uint16_t to_bfloat16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

inline uint16_t to_float16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = (bits >> 16) & 0x8000u;
  const uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude < 0x38800000u) return static_cast<uint16_t>(sign);  // below 2^-14
  const uint32_t rounded = magnitude + 0xfffu + ((magnitude >> 13) & 1u);
  return static_cast<uint16_t>(sign | ((rounded - 0x38000000u) >> 13));
}

inline std::vector<unsigned char> encode(const std::vector<float>& values, spikescan_dtype dtype) {
  std::vector<unsigned char> bytes(values.size() * (dtype == SPIKESCAN_FLOAT32 ? 4 : 2));
  for (size_t i = 0; i < values.size(); ++i) {
    if (dtype == SPIKESCAN_FLOAT32) {
      std::memcpy(&bytes[4 * i], &values[i], 4);
    } else {
      const uint16_t half = dtype == SPIKESCAN_BFLOAT16 ? to_bfloat16(values[i]) : to_float16(values[i]);
      std::memcpy(&bytes[2 * i], &half, 2);
    }
  }
  return bytes;
}

// offset + scale * unit_value, rounded twice the same way everywhere: compile without contraction.
inline std::vector<float> values_in(uint64_t salt, int64_t count, float low, float high) {
  std::vector<float> values(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    const float scaled = (high - low) * unit_value(salt, static_cast<uint64_t>(i));
    values[static_cast<size_t>(i)] = low + scaled;
  }
  return values;
}

// Where x has to lie for a recurrence with decays in [0.5, 0.95] to spike on part of its steps at threshold 1.
struct Range {
  float low, high;
};

inline Range driving_range(spikescan_recurrence recurrence) {
  switch (recurrence) {
    case SPIKESCAN_LIF:
      return {-0.5f, 0.75f};
    case SPIKESCAN_SPSN:
      return {-1.0f, 3.0f};
    case SPIKESCAN_CUBA_LIF:
      return {-0.25f, 0.3125f};
    case SPIKESCAN_PSU_LIF:
      return {-1.0f, 3.5f};  // V has to outrun R, which gathers sigmoid(V)
  }
  return {0.0f, 1.0f};
}

}  // namespace spikescan::bench
