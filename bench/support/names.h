// Names of the C enums as docs/model.md spells them, sizes of dtypes, and contiguous [B, T, C] tensors.
#pragma once

#include <cstddef>
#include <cstdint>

#include "spikescan/spikescan.h"

namespace spikescan::bench {

struct Shape {
  int64_t batch, time, channels;
  int64_t elements() const { return batch * time * channels; }
};

inline constexpr const char* kRecurrences[] = {"lif", "spsn", "cuba_lif", "psu_lif"};
inline constexpr const char* kRules[] = {"sigmoid_bernoulli", "refractory_sigmoid_bernoulli", "heaviside", "none"};
inline constexpr const char* kDtypes[] = {"float32", "float16", "bfloat16", "uint8", "bits32"};
inline constexpr const char* kBackends[] = {"auto", "cpu", "cuda"};

inline size_t tensor_bytes(spikescan_dtype dtype, const Shape& shape) {
  const size_t elements = static_cast<size_t>(shape.elements());
  switch (dtype) {
    case SPIKESCAN_FLOAT32:
      return elements * 4;
    case SPIKESCAN_FLOAT16:
    case SPIKESCAN_BFLOAT16:
      return elements * 2;
    case SPIKESCAN_UINT8:
      return elements;
    case SPIKESCAN_BITS32:
      return static_cast<size_t>(shape.batch * ((shape.time + 31) / 32) * shape.channels) * 4;
  }
  return 0;
}

inline spikescan_tensor contiguous(void* data, spikescan_dtype dtype, const Shape& shape) {
  const int64_t rows = dtype == SPIKESCAN_BITS32 ? (shape.time + 31) / 32 : shape.time;
  return {data, dtype, rows * shape.channels, shape.channels};
}

inline int state_count(spikescan_recurrence recurrence) {
  return recurrence == SPIKESCAN_CUBA_LIF || recurrence == SPIKESCAN_PSU_LIF ? 2 : 1;
}

}  // namespace spikescan::bench
