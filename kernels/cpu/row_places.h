// Where a block's rows lie in one tensor, and which lines of memory that makes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "include/spikescan/spikescan.h"
#include "kernels/cpu/lane_block.h"
#include "kernels/cpu/vector_convert.h"
#include "kernels/packed_spikes.h"

SPIKESCAN_ELEMENT_BEGIN

constexpr size_t kLineBytes = 64;

inline bool on_lines(const void* data, int64_t stride_bytes) {
  return reinterpret_cast<uintptr_t>(data) % kLineBytes == 0 && static_cast<size_t>(stride_bytes) % kLineBytes == 0;
}

class RowPlaces {
 public:
  // Of one tensor at all times.
  void set(const spikescan_tensor& tensor, const LaneBlock& block) {
    const int chunk = tensor.dtype == SPIKESCAN_BITS32 ? kChunkSteps / kPackedSteps : kChunkSteps;  // in strides
    const auto place = [&](int l) {
      return block.batch[l] * tensor.stride_batch + block.chunk[l] * chunk * tensor.stride_time + block.channel[l];
    };
    together_ = true;
    run_ = kLanes;
    first_[0] = place(0);
    if (block.lanes != block.width()) {  // not one batch, one chunk: neighbouring channels
      for (int l = 0; l < block.lanes; ++l) first_[l] = place(l);
      const auto are_neighbours = [&](int lanes) {
        int apart = 0;
        for (int l = 0; l < lanes; ++l) apart |= first_[l] != first_[0] + l;
        return apart == 0;
      };
      together_ = are_neighbours(block.lanes);
      if (!together_) run_ = are_neighbours(block.chunk_lanes()) ? block.chunk_lanes() : block.width();
    }
    if (lanes_ != block.lanes) find_lines(tensor, block.lanes);
  }
  bool together() const { return together_; }  // one run of memory at every step
  // Runs of so few lanes that each lane is better read, or written, alone, all of a segment's steps.
  bool read_alone() const { return run_ < (kMasksLanes ? 4 : 8); }
  bool written_alone() const { return run_ < 8; }
  int run() const { return run_; }
  int64_t first(int lane) const { return together_ ? first_[0] + lane : first_[lane]; }
  int64_t first_apart(int lane) const { return first_[lane]; }  // where they are not together

  // Calls body(first lane, lanes) for each run: all lanes, or those of one chunk or batch.
  template <class Body>
  HWY_INLINE void each_run(int lanes, Body body) const {
    if (together_) return body(0, lanes);
    for (int l = 0; l < lanes; l += run_) body(l, run_);
  }

  // Which of a segment's lines a pass over its steps and vectors asks for at each, in bytes from its first element.
  HWY_INLINE int32_t line(int j, int l) const { return lines_[l / kFloats * kSegmentSteps + j]; }

 private:
  static constexpr int kQuestions = kSegmentSteps * kLanes / kFloats;

  // By its last byte, since where a row begins inside a line, the row before it asks for that one. Rows that lie
  // together are asked for a vector at a time, those of several batches a line at a time.
  void find_lines(const spikescan_tensor& tensor, int lanes) {
    lanes_ = lanes;
    const auto bytes = static_cast<int64_t>(dtype_bytes(tensor.dtype)), stride = tensor.stride_time * bytes;
    const int questions = (lanes + kFloats - 1) / kFloats * kSegmentSteps;
    if (together_) {
      for (int q = 0; q < questions; ++q) {
        const int64_t j = q % kSegmentSteps, vector = q / kSegmentSteps;
        lines_[q] = static_cast<int32_t>(j * stride + (vector + 1) * kFloats * bytes - 1);
      }
      return;
    }
    const int64_t row = run_ * bytes, row_lines = divide_up(row, kLine), span = (kSegmentSteps - 1) * stride + row;
    const bool dense = stride > 0 && stride <= row_lines * kLine;  // a batch's rows are as good as one long row
    const int64_t batch_lines = dense ? divide_up(span, kLine) : row_lines * kSegmentSteps;
    for (int q = 0; q < questions; ++q) {
      const int64_t line = q * (lanes / run_ * batch_lines) / questions, of_batch = line % batch_lines;
      const int64_t batch = (first_[line / batch_lines * run_] - first_[0]) * bytes;
      const int64_t in_batch = dense ? last_byte(of_batch, span)
                                     : of_batch % kSegmentSteps * stride + last_byte(of_batch / kSegmentSteps, row);
      lines_[q] = static_cast<int32_t>(batch + in_batch);
    }
  }
  // Of line n of so many bytes.
  static int64_t last_byte(int64_t n, int64_t bytes) { return ((n + 1) * kLine < bytes ? (n + 1) * kLine : bytes) - 1; }

  static constexpr int64_t kLine = kLineBytes;
  bool together_ = true;
  int run_ = kLanes, lanes_ = -1;
  int64_t first_[kLanes] = {};  // where they lie together of the first lane alone
  int32_t lines_[kQuestions] = {};
};

SPIKESCAN_ELEMENT_END
