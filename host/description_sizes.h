// Sizes that follow from a checked description: none of them overflows.
#pragma once

#include <cstddef>
#include <cstdint>

#include "include/spikescan/spikescan.h"

namespace spikescan {

// Elements of x: 0 where a size is 0.
inline int64_t element_count(const spikescan_description& d) {
  return d.batch * d.time * d.channels;
}
// Values in beta, alpha and their gradients.
inline int64_t decay_count(const spikescan_description& d) {
  return d.shared_decay ? 1 : d.channels;
}
// Bytes that forward saves and backward reads.
size_t saved_bytes(const spikescan_description& description);

}  // namespace spikescan
