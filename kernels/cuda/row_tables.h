// Powers of a channel's map in shared memory, for scans down a row by one thread.
#pragma once

#include "kernels/cuda/device.h"
#include "kernels/element/recurrence.h"
#include "kernels/row_layout.h"

namespace spikescan {

// A step's map, made anew where it is needed: a conversion costs less than registers.
template <class Scan, int N>
__device__ __forceinline__ Map<N> map_anew(Decays<N> decays) {
  decays.first = seen_anew(decays.first);
  if constexpr (N == 2) decays.second = seen_anew(decays.second);
  return Scan::map(decays);
}

// A column for each channel, whose threads have the same number but for multiples of kColumns: the responses to M^1 ...
// M^4 of a quarter's steps; M^4 and M^16; and what M^(16 s) is made from as power() makes it: the products for the
// lowest bits of s, and M^(16 2^i) for each bit i above them. Backward's has the power of a partial segment as well.
// kGradient: backward's, of the gradients' map; in the same memory as the states'.
template <int N, int kColumns, bool kForward, bool kGradient = false>
class RowTables {
 public:
  __device__ __forceinline__ explicit RowTables(unsigned char* memory)
      : maps_(reinterpret_cast<double*>(memory) + column()),
        responses_(reinterpret_cast<float*>(memory + size_t{kColumns} * kCoefficients * kMaps * sizeof(double)) +
                   (kOfTwo && kGradient ? kColumns * response_words(N) : 0) +
                   (N == 1 ? column() * kQuarterSteps : column())) {}

  // `time`: the row's steps. A short row needs few of the squares.
  template <class Scan>
  __device__ __forceinline__ void prepare(const Map<N>& map, int64_t time) {
#pragma unroll 1
    for (int exponent = 1; exponent <= kQuarterSteps; ++exponent) {
      put_response(exponent, Scan::response(power(map, exponent)));
    }
    put(kQuarter, power(map, kQuarterSteps));
    put(kSegment, power(map, kSegmentSteps));
    // Bare products: a power is kept from vanishing at its end, not on the way.
    Map<N> square = map, rest;
    set_identity(rest);
    for (int n = 1; n < kSegmentSteps; n *= 2) {
      if (!kForward && (time & n) != 0) rest = compose(square, rest);
      square = compose(square, square);
    }
    if constexpr (!kForward) put(kRest, rest);
    const int last_segment = segment_count(chunk_steps(time, 0)) - 1;
    if constexpr (kLowBits > 0) {
      Map<N> none;
      set_identity(none);
      put(0, none);
    }
    for (int i = 0; i < kSegmentBits && last_segment >> i > 0; ++i) {
      if (i < kLowBits) {
        const int with = 1 << i;  // those with a bit i follow those without
#pragma unroll 1
        for (int low = 0; low < with; ++low) put(with + low, compose(square, get(low)));
      } else {
        put(square_row(i), square);
      }
      square = compose(square, square);
    }
  }

  // To M^exponent, up to M^4. Only gradients ask for M^0, to which every coefficient answers with 1.
  __device__ __forceinline__ Response<N> response(int exponent) const {
    if constexpr (N == 1) {
      return {exponent == 0 ? 1.0f : responses_[exponent - 1]};
    } else {
      if (exponent == 0) return {1.0f, 1.0f, 1.0f};
      const float* from = responses_ + (exponent - 1) * coefficients_of(N) * kColumns;
      return {from[0], from[kColumns], from[2 * kColumns]};
    }
  }

  // All of them, read at once; of order 2 each when it is asked for, since they would take 12 registers.
  class Responses {
   public:
    __device__ __forceinline__ explicit Responses(const RowTables& tables) : tables_(tables) {
      if constexpr (N == 1) {
        four_ = *reinterpret_cast<const float4*>(tables.responses_);
      }
    }
    // `exponent` is known to the compiler.
    __device__ __forceinline__ Response<N> to(int exponent) const {
      if constexpr (N == 1) {
        return {exponent == 0   ? 1.0f
                : exponent == 1 ? four_.x
                : exponent == 2 ? four_.y
                : exponent == 3 ? four_.z
                                : four_.w};
      } else {
        return tables_.response(exponent);
      }
    }

   private:
    const RowTables& tables_;
    float4 four_;
  };

  __device__ __forceinline__ Map<N> over_quarter() const {
    return get(kQuarter);
  }
  __device__ __forceinline__ Map<N> over_segment() const {
    return get(kSegment);
  }

  // M^(16 segments): power()'s products, low bits first.
  __device__ __forceinline__ Map<N> over_segments(const Map<N>& map, int segments) const {
    Map<N> result;
    if constexpr (kLowBits > 0) {
      result = get(segments % (1 << kLowBits));
    } else {
      set_identity(result);
    }
#pragma unroll
    for (int i = kLowBits; i < kSegmentBits; ++i) {
      if ((segments >> i & 1) == 0) continue;
      result = compose(get(square_row(i)), result);
    }
    if (segments != 0 && !usually(is_positive(result))) keep_positive(result, map);
    return result;
  }
  // Backward: M^(16 segments + time % 16), the rest being more than 0. Rolled up, it takes no registers from the other.
  __device__ __forceinline__ Map<N> over_segments_and_rest(const Map<N>& map, int segments) const {
    static_assert(!kForward);
    Map<N> result = get(kRest);
#pragma unroll 1
    for (int i = 0; i < kSegmentBits; ++i) {
      if ((segments >> i & 1) != 0) result = compose(get(i < kLowBits ? 1 << i : square_row(i)), result);
    }
    keep_positive(result, map);
    return result;
  }

 private:
  // A row has the coefficients of a map; of two maps the states' a and b, which are the gradients' b and a, and each m.
  static constexpr bool kOfTwo = has_two_maps(N, kForward);
  static constexpr int kCoefficients = row_coefficients(N, kForward);
  static constexpr int kA = kOfTwo && kGradient ? 1 : 0, kB = kOfTwo ? 1 - kA : 2, kM = kOfTwo ? 2 + kGradient : 1;
  static constexpr int kLowBits = ready_bits(N, kColumns, kForward), kMaps = row_maps(N, kColumns, kForward);
  static constexpr int kRest = kForward ? kMaps : kMaps - 1, kSegment = kRest - 1, kQuarter = kSegment - 1;
  __device__ __forceinline__ static constexpr int square_row(int bit) {
    return kQuarter - kSegmentBits + bit;
  }

  __device__ __forceinline__ static int column() {
    return static_cast<int>(threadIdx.x) % kColumns;
  }

  __device__ __forceinline__ void put_response(int exponent, const Response<N>& r) const {
    if constexpr (N == 1) {
      responses_[exponent - 1] = r.a;
    } else {
      float* to = responses_ + (exponent - 1) * coefficients_of(N) * kColumns;
      to[0] = r.a;
      to[kColumns] = r.m;
      to[2 * kColumns] = r.b;
    }
  }

  __device__ __forceinline__ void put(int row, const Map<N>& map) const {
    double* to = maps_ + row * kCoefficients * kColumns;
    to[kA * kColumns] = map.a;
    if constexpr (N == 2) {
      to[kM * kColumns] = map.m;
      to[kB * kColumns] = map.b;
    }
  }
  __device__ __forceinline__ Map<N> get(int row) const {
    const double* from = maps_ + row * kCoefficients * kColumns;
    Map<N> map;
    map.a = from[kA * kColumns];
    if constexpr (N == 2) {
      map.m = from[kM * kColumns];
      map.b = from[kB * kColumns];
    }
    return map;
  }

  double* maps_;
  float* responses_;
};

}  // namespace spikescan
