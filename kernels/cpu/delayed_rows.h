// Rows of a segment that stay in their tile for a while and go to memory past the caches a line at a time, in the
// middle of slow work. All of them at once come faster than memory takes them, and what follows in the program then
// waits, although it has nothing to do with them. Float rows with AVX-512, whose vectors are lines (float_rows.h).
#pragma once

#include "kernels/cpu/float_rows.h"
#include "kernels/cpu/lane_block.h"
#include "kernels/cpu/vector.h"

SPIKESCAN_ELEMENT_BEGIN

class DelayedRows {
 public:
  static constexpr bool kUsed = kVectorsAreLines;  // elsewhere none ever waits

  // Step j's row of the tile, of at least a line, goes to first + j * stride: the lines that it shares with others at
  // once, since their parts are this turn's.
  void wait(const Segment& tile, float* first, int64_t stride, int steps, int lanes, const Streaming& streaming) {
    tile_ = &tile;
    first_ = first;
    stride_ = stride;
    steps_ = steps;
    lanes_ = lanes;
    whole_ = are_lines(first, stride, lanes);
    if (whole_) return;
    for (int j = 0; j < steps; ++j) to_line_[j] = lanes_to_line(first + j * stride);
    stream_ends(tile, steps, lanes, first, stride, streaming);
  }

  // Sends what waits but rows 0 ... steps - 1, `lanes` of each, for the caller to send. False where some of those do
  // not wait: then all is sent.
  bool keep(int steps, int lanes) {
    const bool all = lanes_ == lanes && steps_ >= steps;
    send_from(all ? steps : 0);
    return all;
  }
  // Of all rows each vector is a line.
  bool whole() const { return whole_; }

  // For each vector of each row once, before that vector of the tile or one after it is overwritten; then done().
  template <bool kWhole>
  class Sender {
   public:
    explicit Sender(const DelayedRows& rows)
        : tile_(rows.tile_), first_(rows.first_), stride_(rows.stride_), lanes_(rows.lanes_), to_line_(rows.to_line_) {}
    // The line that begins in the vector; where it does not end there, the next vector has the rest, still in place.
    HWY_INLINE void send(int j, int l) const {
      if constexpr (!kWhole) {
        l += to_line_[j];
        if (l + kFloats > lanes_) return;
      }
      hn::Stream(hn::LoadU(FloatTag(), tile_->at[j] + l), FloatTag(), first_ + j * stride_ + l);
    }

   private:
    const Segment* tile_;
    float* first_;
    int64_t stride_;
    int lanes_;
    const int* to_line_;
  };
  struct NoSender {
    HWY_INLINE void send(int, int) const {}
  };
  void done() { steps_ = 0; }

  void send_all() { send_from(0); }

 private:
  // Of the rows, the last ones.
  void send_from(int step) {
    const auto send = [&](const auto& sender) HWY_ATTR {
      for (int j = step; j < steps_; ++j) {
        for (int l = 0; l < lanes_; l += kFloats) sender.send(j, l);
      }
    };
    whole_ ? send(Sender<true>(*this)) : send(Sender<false>(*this));
    if (step < steps_) steps_ = step;
  }

  const Segment* tile_ = nullptr;
  float* first_ = nullptr;
  int64_t stride_ = 0;
  int steps_ = 0, lanes_ = 0;
  bool whole_ = true;
  int to_line_[kSegmentSteps] = {};
};

SPIKESCAN_ELEMENT_END
