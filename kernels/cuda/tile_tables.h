// Powers of a row's map in a tile's shared memory, made once a scan: M, M^2, M^4 ... of which any power is a few
// products, and what a quarter's steps answer to the state carried into it.
#pragma once

#include "kernels/cuda/tile.h"
#include "kernels/element/recurrence.h"

namespace spikescan {

// The responses of a quarter, `missing` of whose steps the scan does not meet. They are read at once; of order 2 at
// each step, since they would take too many registers.
template <int N>
class QuarterResponses {
 public:
  __device__ __forceinline__ QuarterResponses(const float* table, int missing) : table_(table), missing_(missing) {
    if constexpr (N == 1) four_ = *reinterpret_cast<const float4*>(table);
  }

  // Step i of a quarter that is full.
  __device__ __forceinline__ Response<N> of_full(int i) const {
    if constexpr (N == 1) {
      return {i == 0 ? four_.x : i == 1 ? four_.y : i == 2 ? four_.z : four_.w};
    } else {
      return at(i);
    }
  }
  __device__ __forceinline__ Response<N> of_partial(int i) const { return at(i - missing_); }

 private:
  __device__ __forceinline__ Response<N> at(int i) const {
    if constexpr (N == 1) {
      return {table_[i]};
    } else {
      const float4 r = reinterpret_cast<const float4*>(table_)[i];
      return {r.x, r.y, r.z};
    }
  }

  const float* table_;
  int missing_;
  float4 four_;
};

template <int N>
class TileTables {
 public:
  __device__ __forceinline__ TileTables(const TileShared& shared, const Place& place)
      : shared_(shared.common), place_(place) {}

  // The row's threads together; a barrier follows before anybody reads. Of a wide tile's warps each makes one kind,
  // and not the one that chains. `length`: the chunk's.
  template <class Scan>
  __device__ __forceinline__ void make(const Decays<N>& decays, int length) const {
    const int products = place_.part ^ place_.parts / 2, responses = place_.part ^ place_.parts / 4;
    if (usually(products >= kTileProducts && responses >= kQuarterSteps && place_.part != place_.parts - 1)) return;
    const Map<N> map = Scan::map(decays);
    if (place_.part == place_.parts - 1) make_squares(map, length);
    for (int i = products; i < kTileProducts; i += place_.parts) put(kTileSquares + i, product_of_segments(map, i));
    for (int i = responses; i < kQuarterSteps; i += place_.parts) {
      put_response(i, Scan::response(power(map, Scan::response_exponent(i))));
    }
  }

  // M^(2^i).
  __device__ __forceinline__ Map<N> square(int i) const { return get(i); }

  __device__ __forceinline__ Map<N> over_quarter() const { return kept_positive(square(kQuarterBit)); }

  // Over all of the chunk's steps, if there are any.
  __device__ __forceinline__ Map<N> over_chunk() const { return kept_positive(get(kChunkMap)); }

  // Up to a whole chunk's. The products are power()'s, low bits first.
  __device__ __forceinline__ Map<N> over_steps(int steps) const {
    Map<N> result;
    set_identity(result);
    if (steps == 0) return result;
    multiply<0, kTileSquares>(steps, result);
    return kept_positive(result);
  }

  // From a chunk's edge to a segment of it: nearly always whole segments lie between.
  __device__ __forceinline__ Map<N> over_distance(int steps) const {
    if (!usually(steps % kSegmentSteps == 0)) return over_steps(steps);
    Map<N> result = get(kTileSquares + steps / kSegmentSteps % kTileProducts);
    multiply<kSegmentBit + 3, kTileSquares - 1>(steps, result);
    return steps == 0 ? result : kept_positive(result);
  }

  // M^4 before the tables are there.
  __device__ __forceinline__ static Map<N> quarter_of(const Map<N>& map) {
    Map<N> result = map;
#pragma unroll
    for (int i = 0; i < kQuarterBit; ++i) result = compose(result, result);
    if (!usually(is_positive(result))) keep_positive(result, map);
    return result;
  }

  // The responses of a quarter whose scan starts `missing` steps late.
  __device__ __forceinline__ QuarterResponses<N> responses(int missing) const {
    return {shared_.responses[place_.row], missing};
  }

 private:
  static constexpr int kQuarterBit = 2, kSegmentBit = 4, kChunkMap = kTileMaps - 1;
  static_assert(1 << kQuarterBit == kQuarterSteps && 1 << kSegmentBit == kSegmentSteps);

  __device__ __forceinline__ Map<N> kept_positive(Map<N> power) const {
    if (!usually(is_positive(power))) keep_positive(power, square(0));
    return power;
  }

  template <int kFirst, int kEnd>
  __device__ __forceinline__ void multiply(int steps, Map<N>& result) const {
#pragma unroll
    for (int i = kFirst; i < kEnd; ++i) {
      if (steps >> i & 1) result = compose(square(i), result);
    }
  }

  // Bare squares: a power is kept from vanishing at its end, not on the way. Theirs is the chunk's power, as
  // over_steps() makes it.
  __device__ __forceinline__ void make_squares(Map<N> square, int length) const {
    Map<N> chunk;
    set_identity(chunk);
    for (int i = 0; i < kTileSquares; ++i) {
      put(i, square);
      if (length >> i & 1) chunk = compose(square, chunk);
      square = compose(square, square);
    }
    put(kChunkMap, chunk);
  }

  // M^(16 segments), segments < kTileProducts: the start of over_distance().
  __device__ __forceinline__ static Map<N> product_of_segments(const Map<N>& map, int segments) {
    Map<N> square = map, product;
    set_identity(product);
    for (int i = 0; i < kSegmentBit; ++i) square = compose(square, square);
    for (int i = 0; segments >> i > 0; ++i) {
      if (segments >> i & 1) product = compose(square, product);
      square = compose(square, square);
    }
    return product;
  }

  __device__ __forceinline__ double& entry(int i, int coefficient) const {
    return shared_.maps[i * coefficients_of(N) + coefficient][place_.row];
  }
  __device__ __forceinline__ Map<N> get(int i) const {
    Map<N> map;
    map.a = entry(i, 0);
    if constexpr (N == 2) {
      map.m = entry(i, 1);
      map.b = entry(i, 2);
    }
    return map;
  }
  __device__ __forceinline__ void put(int i, const Map<N>& map) const {
    entry(i, 0) = map.a;
    if constexpr (N == 2) {
      entry(i, 1) = map.m;
      entry(i, 2) = map.b;
    }
  }

  __device__ __forceinline__ void put_response(int i, const Response<N>& r) const {
    float* table = shared_.responses[place_.row];
    if constexpr (N == 1) {
      table[i] = r.a;
    } else {
      reinterpret_cast<float4*>(table)[i] = {r.a, r.m, r.b, 0.0f};
    }
  }

  TileCommon& shared_;
  const Place& place_;
};

}  // namespace spikescan
