// Powers of a channel's map in shared memory, for scans down a row by one thread.
#pragma once

#include "kernels/cuda/device.h"
#include "kernels/element/recurrence.h"
#include "kernels/layout.h"

namespace spikescan {

// A column for each channel, whose threads are those of a number with the same rest: the responses to M^0 ... M^8; M^8 and M^16; and M^16, M^32, M^64 ... from which M^(16 s) is
// made as power() makes it.
template <int N, int kColumns = kRowThreads>
class RowTables {
 public:
  static constexpr int kCoefficients = N == 1 ? 1 : kMostCoefficients;
  static_assert(1 << kRowSquares == kChunkSegments);
  __device__ __forceinline__ explicit RowTables(unsigned char* memory)
      : maps_(reinterpret_cast<double*>(memory) + threadIdx.x % kColumns),
        responses_(reinterpret_cast<float*>(memory + size_t{kColumns} * kCoefficients * kRowMaps * sizeof(double)) +
                   threadIdx.x % kColumns) {}

  // `time`: the row's steps. A short row needs few of the squares.
  template <class Scan>
  __device__ __forceinline__ void prepare(const Map<N>& map, int64_t time) {
#pragma unroll 1
    for (int exponent = 0; exponent < kRowResponses; ++exponent) {
      put(responses_, exponent, Scan::response(power(map, exponent)));
    }
    put(maps_, kHalf, power(map, kHalfSteps));
    put(maps_, kSegment, power(map, kSegmentSteps));
    // Bare squares: a power is kept from vanishing at its end, not on the way.
    Map<N> square = map;
    for (int n = 1; n < kSegmentSteps; n *= 2) square = compose(square, square);
    const int last_segment = segment_count(chunk_steps(time, 0)) - 1;
    for (int i = 0; i < kRowSquares && last_segment >> i > 0; ++i) {
      put(maps_, i, square);
      square = compose(square, square);
    }
  }

  __device__ __forceinline__ Response<N> response(int exponent) const {
    Response<N> r;
    get(responses_, exponent, r);
    return r;
  }

  __device__ __forceinline__ Map<N> over_half() const {
    Map<N> map;
    get(maps_, kHalf, map);
    return map;
  }
  __device__ __forceinline__ Map<N> over_segment() const {
    Map<N> map;
    get(maps_, kSegment, map);
    return map;
  }

  // M^(16 segments): power()'s products, low bits first.
  __device__ __forceinline__ Map<N> over_segments(const Map<N>& map, int segments) const {
    Map<N> result;
    set_identity(result);
#pragma unroll
    for (int i = 0; i < kRowSquares; ++i) {
      if ((segments >> i & 1) == 0) continue;
      Map<N> square;
      get(maps_, i, square);
      result = compose(square, result);
    }
    if (segments != 0 && !usually(is_positive(result))) keep_positive(result, map);
    return result;
  }

 private:
  static constexpr int kHalf = kRowSquares, kSegment = kRowSquares + 1;

  template <class T, class Value>
  __device__ __forceinline__ static void put(T* column, int row, const Value& value) {
    T* out = column + row * kCoefficients * kColumns;
    out[0] = value.a;
    if constexpr (N == 2) {
      out[kColumns] = value.m;
      out[2 * kColumns] = value.b;
    }
  }
  template <class T, class Value>
  __device__ __forceinline__ static void get(const T* column, int row, Value& value) {
    const T* in = column + row * kCoefficients * kColumns;
    value.a = in[0];
    if constexpr (N == 2) {
      value.m = in[kColumns];
      value.b = in[2 * kColumns];
    }
  }

  double* maps_;
  float* responses_;
};

}  // namespace spikescan
