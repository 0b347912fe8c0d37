// A scan down one row, a channel of one batch, by one thread: segment after segment, chunk after chunk, with nobody to
// wait for. The same operations in the same order as TileScan and the CPU's; where there are rows enough to fill the
// device, this is the shortest way.
#pragma once

#include "kernels/cuda/tile.h"
#include "kernels/element/recurrence.h"

namespace spikescan {

// Powers of a channel's map in shared memory, a column for each thread: the responses of a half's steps; M^8 and M^16;
// and M^16, M^32, M^64 ... from which M^(16 s) is made as power() makes it.
template <int N>
class RowTables {
 public:
  static constexpr int kCoefficients = N == 1 ? 1 : kMostCoefficients;
  static_assert(1 << kRowSquares == kChunkSegments);
  __device__ __forceinline__ explicit RowTables(unsigned char* memory)
      : maps_(reinterpret_cast<double*>(memory) + threadIdx.x),
        responses_(reinterpret_cast<float*>(memory + size_t{kRowThreads} * kCoefficients * kRowMaps * sizeof(double)) +
                   threadIdx.x) {}

  // `time`: the row's steps. A short row needs few of the squares.
  template <class Scan>
  __device__ __forceinline__ void prepare(const Map<N>& map, int64_t time) {
#pragma unroll 1
    for (int reached = 0; reached < kHalfSteps; ++reached) {
      const Response<N> r = Scan::response(power(map, Scan::response_exponent(reached)));
      put(responses_, reached, r);
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

  __device__ __forceinline__ Response<N> response(int reached) const {
    Response<N> r;
    get(responses_, reached, r);
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
    T* out = column + row * kCoefficients * kRowThreads;
    out[0] = value.a;
    if constexpr (N == 2) {
      out[kRowThreads] = value.m;
      out[2 * kRowThreads] = value.b;
    }
  }
  template <class T, class Value>
  __device__ __forceinline__ static void get(const T* column, int row, Value& value) {
    const T* in = column + row * kCoefficients * kRowThreads;
    value.a = in[0];
    if constexpr (N == 2) {
      value.m = in[kRowThreads];
      value.b = in[2 * kRowThreads];
    }
  }

  double* maps_;
  float* responses_;
};

template <class Scan>
class RowScan {
 public:
  static constexpr int N = Scan::kOrder;
  static_assert(!Scan::kReverse, "backward would need every state of a chunk at once");

  __device__ __forceinline__ RowScan(const Decays<N>& decays) : decays_(decays) {}

  // Made anew: a conversion costs less than registers.
  __device__ __forceinline__ Map<N> map() const {
    Decays<N> decays = decays_;
    decays.first = seen_anew(decays.first);
    if constexpr (N == 2) decays.second = seen_anew(decays.second);
    return Scan::map(decays);
  }
  __device__ __forceinline__ void set_carry(int n, double value) { carry_[n] = value; }
  __device__ __forceinline__ double carry(int n) const { return carry_[n]; }

  __device__ __forceinline__ void begin_chunk() {
    for (int n = 0; n < N; ++n) d_[n] = 0.0;
  }

  // The chunk's segment `s`. Past the row's end the inputs are zero, and nobody looks at the outputs.
  __device__ __forceinline__ void scan(const RowTables<N>& tables, int s, const float (&input)[kSegmentSteps],
                                       float (&output)[N][kSegmentSteps]) {
    float first[N], second[N];
    scan_half<0>(input, output, first);
    scan_half<1>(input, output, second);
    double state[N], local[N];
    enter_segment(tables.over_segments(map(), s), carry_, d_, state);
    respond_half<0>(tables, state, output);
    enter_second_half(tables.over_half(), first, state);
    respond_half<1>(tables, state, output);
    join_halves(tables.over_half(), first, second, local);
    advance_segment(tables.over_segment(), d_, local);
  }

  // After a full chunk: the carry moves on, and the chunk's last step takes its value.
  __device__ __forceinline__ void end_chunk(int64_t chunk, float (&output)[N][kSegmentSteps]) {
    float aggregate[N];
    round_aggregate(d_, aggregate);
    advance_chunk(power(map(), kChunkSteps), carry_, aggregate, Scan::leaves_split(chunk));
    for (int n = 0; n < N; ++n) output[n][kSegmentSteps - 1] = static_cast<float>(carry_[n]);
  }

 private:
  template <int kHalf>
  __device__ __forceinline__ void scan_half(const float (&input)[kSegmentSteps], float (&output)[N][kSegmentSteps],
                                            float (&state)[N]) {
    for (int n = 0; n < N; ++n) state[n] = 0.0f;
#pragma unroll
    for (int i = 0; i < kHalfSteps; ++i) {
      const int j = kHalf * kHalfSteps + i;
      float out[N];
      Scan::step(decays_, input[j], state, out);
      for (int n = 0; n < N; ++n) output[n][j] = out[n];
    }
  }

  template <int kHalf>
  __device__ __forceinline__ void respond_half(const RowTables<N>& tables, const double (&state)[N],
                                               float (&output)[N][kSegmentSteps]) {
    float entry[N];
    round_entry(state, entry);
#pragma unroll
    for (int i = 0; i < kHalfSteps; ++i) {
      const int j = kHalf * kHalfSteps + i;
      float value[N];
      for (int n = 0; n < N; ++n) value[n] = output[n][j];
      respond(tables.response(i), entry, value);
      for (int n = 0; n < N; ++n) output[n][j] = value[n];
    }
  }

  const Decays<N> decays_;
  double carry_[N] = {};
  double d_[N] = {};
};

}  // namespace spikescan
