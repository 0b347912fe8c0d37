// Memory that will be read soon, asked for a line at a time in the middle of other work.
#pragma once

#include <cstdint>

#include "include/spikescan/spikescan.h"
#include "kernels/cpu/processor_facts.h"
#include "kernels/cpu/row_places.h"
#include "kernels/cpu/vector.h"

// A function out of line that only asks. GCC knows of no effect that a prefetch has: where it may look inside, it drops
// the call.
#if defined(__clang__)
#define SPIKESCAN_ASKS HWY_NOINLINE
#else
#define SPIKESCAN_ASKS __attribute__((noipa))
#endif

SPIKESCAN_ELEMENT_BEGIN

// For an absent tensor or a lane that is not in use it asks for some other address, which does no harm. Addresses are
// unsigned integers, since they may lie outside the tensor and wrap.
class Asking {
 public:
  // From step t on, `channels` and `batches` after the block's.
  Asking(const spikescan_tensor& tensor, const RowPlaces& rows, int64_t t, int64_t channels, int64_t batches)
      : rows_(&rows), bytes_(static_cast<uintptr_t>(dtype_bytes(tensor.dtype))) {
    const auto time = static_cast<uintptr_t>(tensor.stride_time), batch = static_cast<uintptr_t>(tensor.stride_batch);
    const uintptr_t element = static_cast<uintptr_t>(rows.first(0) + channels) + static_cast<uintptr_t>(t) * time +
                              static_cast<uintptr_t>(batches) * batch;
    first_ = reinterpret_cast<uintptr_t>(tensor.data) + element * bytes_;
    stride_bytes_ = time * bytes_;
  }
  // What is needed within two segments: into the first-level cache, where that is faster.
  HWY_INLINE void ask_near(int j, int l) const {
    kAsksFirstLevel ? __builtin_prefetch(place(j, l), 0, 3) : __builtin_prefetch(place(j, l), 0, 2);
  }
  // Into the second: of longer runs of rows that lie a power of two apart, the first would lose some.
  HWY_INLINE void ask(int j, int l) const { __builtin_prefetch(place(j, l), 0, 2); }

  // Of the strip's first block, at once, what a block with `lanes` can not ask for line by line: the vectors that it
  // does not have itself, and the lines in which rows begin that do not begin on one. As the last lines of the rows
  // before them, these would be asked for after the first block's turn.
  HWY_INLINE void ask_beginnings(const StripPlace& place, int steps, int lanes) const {
    const bool on_lines = (first_ | stride_bytes_) % kLineBytes == 0;
    const bool is_one_run = place.blocks == 1 && stride_bytes_ == static_cast<uintptr_t>(lanes) * bytes_;
    if (!on_lines && !is_one_run && rows_->together()) ask_rows(steps, 0);
    for (int l = (lanes + kFloats - 1) / kFloats * kFloats; l < place.first_width; l += kFloats) {
      ask_rows(steps, static_cast<uintptr_t>(l + kFloats) * bytes_ - 1);
    }
  }
  // What a pass over steps and vectors asks for, at once.
  HWY_INLINE void ask_all(int steps, int lanes) const {
    for (int j = 0; j < steps; ++j) {
      for (int l = 0; l < lanes; l += kFloats) ask(j, l);
    }
  }

 private:
  HWY_INLINE const void* place(int j, int l) const {
    return reinterpret_cast<const void*>(first_ + static_cast<uintptr_t>(int64_t{rows_->line(j, l)}));
  }
  // The lines with the byte at this place of each row.
  HWY_INLINE void ask_rows(int steps, uintptr_t byte) const {
    for (int j = 0; j < steps; ++j) {
      __builtin_prefetch(reinterpret_cast<const void*>(first_ + byte + static_cast<uintptr_t>(j) * stride_bytes_), 0,
                         2);
    }
  }

  const RowPlaces* rows_;
  uintptr_t bytes_, first_, stride_bytes_;
};

SPIKESCAN_ELEMENT_END
