// Philox4x32-10 and the uniforms of docs/model.md, section 3, written from the paper for the tests alone.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace spikescan::reference {

std::array<uint32_t, 4> philox(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

// The uniform of the element at global index (b, t, c).
double uniform(uint64_t seed, uint32_t stream, int64_t b, int64_t t, int64_t c);

}  // namespace spikescan::reference
