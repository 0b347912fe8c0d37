// Runs of lanes that lie apart in memory, of several batches or chunks, and are parts of a vector: each vector of the
// tile is put together in registers. Written to the tile run by run, it could not be read back at once.
#pragma once

#include "kernels/cpu/lane_block.h"
#include "kernels/cpu/row_places.h"
#include "kernels/cpu/vector_convert.h"

SPIKESCAN_ELEMENT_BEGIN

// Parts of kPart elements, one after the other in a vector.
template <int kPart, class D, class T>
HWY_INLINE hn::Vec<D> join_parts(D d, const T* const* parts, int64_t offset) {
  if constexpr (hn::MaxLanes(d) == kPart) {
    return hn::LoadU(d, reinterpret_cast<const hn::TFromD<D>*>(parts[0] + offset));
  } else {
    const hn::Half<D> half;
    const auto low = join_parts<kPart>(half, parts, offset);
    return hn::Combine(d, join_parts<kPart>(half, parts + hn::MaxLanes(half) / kPart, offset), low);
  }
}

// `data` at the first step. Every run is whole parts, so that no part lies in two.
template <int kPart, class T>
HWY_INLINE void load_parts(const T* data, const RowPlaces& rows, int64_t stride, int steps, int lanes, Segment& out) {
  for (int l = 0; l < lanes; l += kFloats) {
    const T* parts[kFloats / kPart];
    for (int i = 0; i < kFloats / kPart; ++i) {
      const int lane = l + i * kPart;
      parts[i] = data + rows.first_apart(lane < lanes ? lane : l);  // not in use: anything that can be read
    }
    for (int j = 0; j < steps; ++j) {
      store(widened<T>(join_parts<kPart>(BitsTag<T>(), parts, j * stride)), out.at[j] + l);
    }
  }
}

SPIKESCAN_ELEMENT_END
