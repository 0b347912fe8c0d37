// Batches of one or two channels whose steps follow each other in memory: a vector of memory holds steps of one batch,
// a vector of the tile one step of many. AVX-512 alone, which has as many registers as 16 rows of 16 need.
#pragma once

#include <type_traits>

#include "kernels/cpu/lane_block.h"
#include "kernels/cpu/row_places.h"
#include "kernels/cpu/vector_convert.h"

SPIKESCAN_ELEMENT_BEGIN

#if SPIKESCAN_AVX512
// Of whole segments.
inline bool is_transposed(const RowPlaces& rows, int64_t stride) {
  return stride == rows.run() && stride <= 2;
}

// kRun channels of a batch are one element of a square that is transposed: floats, or pairs of them.
template <int kRun>
struct Square {
  static constexpr int kSide = kFloats / kRun;  // also batches of a vector of lanes

  // Each round shuffles the rows like a deck of cards, cut in the middle; after log2(kSide) rounds columns are rows.
  static HWY_INLINE void transpose(Floats (&rows)[kSide]) {
    for (int side = kSide; side > 1; side /= 2) {
      Floats shuffled[kSide];
      for (int i = 0; i < kSide / 2; ++i) {
        shuffled[2 * i] = interleaved<0>(rows[i], rows[i + kSide / 2]);
        shuffled[2 * i + 1] = interleaved<kSide / 2>(rows[i], rows[i + kSide / 2]);
      }
      for (int i = 0; i < kSide; ++i) rows[i] = shuffled[i];
    }
  }

 private:
  // Elements of a and b by turns, from element kFrom on.
  template <int kFrom>
  static HWY_INLINE Floats interleaved(Floats a, Floats b) {
    if constexpr (kRun == 1) {
      constexpr int f = kFrom;
      const __m512i order = _mm512_setr_epi32(f, f + 16, f + 1, f + 17, f + 2, f + 18, f + 3, f + 19, f + 4, f + 20,
                                              f + 5, f + 21, f + 6, f + 22, f + 7, f + 23);
      return Floats{_mm512_permutex2var_ps(a.raw, order, b.raw)};
    } else {
      constexpr int f = kFrom;
      const __m512i order = _mm512_setr_epi64(f, f + 8, f + 1, f + 9, f + 2, f + 10, f + 3, f + 11);
      return Floats{_mm512_castpd_ps(_mm512_permutex2var_pd(_mm512_castps_pd(a.raw), order, _mm512_castps_pd(b.raw)))};
    }
  }
};

// A segment from memory; `data` at its first step.
template <int kRun, class T>
HWY_INLINE void load_squares(const T* data, const RowPlaces& rows, int lanes, Segment& out) {
  constexpr int kSide = Square<kRun>::kSide;
  for (int l = 0; l < lanes; l += kFloats) {
    for (int j = 0; j < kSegmentSteps; j += kSide) {
      Floats square[kSide];
      for (int i = 0; i < kSide; ++i) {
        const int lane = l + i * kRun;
        square[i] = lane < lanes ? load_vector(data + rows.first_apart(lane) + j * kRun) : floats(0.0f);
      }
      Square<kRun>::transpose(square);
      for (int i = 0; i < kSide; ++i) store(square[i], out.at[j + i] + l);
    }
  }
}

// `streaming`: whole lines past the caches.
template <int kRun, class T>
HWY_INLINE void store_squares(const Segment& in, const RowPlaces& rows, int lanes, bool streaming, T* data) {
  constexpr int kSide = Square<kRun>::kSide;
  for (int l = 0; l < lanes; l += kFloats) {
    for (int j = 0; j < kSegmentSteps; j += kSide) {
      Floats square[kSide];
      for (int i = 0; i < kSide; ++i) square[i] = load(in.at[j + i] + l);
      Square<kRun>::transpose(square);
      for (int i = 0; i < kSide && l + i * kRun < lanes; ++i) {
        T* to = data + rows.first_apart(l + i * kRun) + j * kRun;
        if constexpr (std::is_same_v<T, float>) {
          if (streaming && on_lines(to, 0)) {
            hn::Stream(square[i], FloatTag(), to);
            continue;
          }
        }
        store_vector(square[i], to);
      }
    }
  }
}
#else
inline bool is_transposed(const RowPlaces&, int64_t) {
  return false;
}
#endif

SPIKESCAN_ELEMENT_END
