// Rows of a segment that stay in their tile for a while and go to memory past the caches a vector at a time, in the
// middle of slow work. All of them at once come faster than memory takes them, and what follows in the program then
// waits, although it has nothing to do with them.
#pragma once

#include "kernels/cpu/lane_block.h"
#include "kernels/cpu/vector.h"

SPIKESCAN_ELEMENT_BEGIN

class DelayedRows {
 public:
  // Step j's row of the tile, `lanes` whole lines, goes to first + j * stride, where a line begins.
  void wait(const Segment& tile, float* first, int64_t stride, int steps, int lanes) {
    tile_ = &tile;
    first_ = first;
    stride_ = stride;
    steps_ = steps;
    lanes_ = lanes;
  }

  // Sends what waits but rows 0 ... steps - 1, `lanes` of each, for the caller to send. False where some of those do
  // not wait: then all is sent.
  bool keep(int steps, int lanes) {
    const bool all = lanes_ == lanes && steps_ >= steps;
    send_from(all ? steps : 0);
    return all;
  }

  // For each vector of each row once, before it is overwritten; then done().
  class Sender {
   public:
    explicit Sender(const DelayedRows& rows) : tile_(rows.tile_), first_(rows.first_), stride_(rows.stride_) {}
    HWY_INLINE void send(int j, int l) const {
      hn::Stream(load(tile_->at[j] + l), FloatTag(), first_ + j * stride_ + l);
    }

   private:
    const Segment* tile_;
    float* first_;
    int64_t stride_;
  };
  void done() { steps_ = 0; }

  void send_all() { send_from(0); }

 private:
  // Of the rows, the last ones.
  void send_from(int step) {
    const Sender sender(*this);
    for (int j = step; j < steps_; ++j) {
      for (int l = 0; l < lanes_; l += kFloats) sender.send(j, l);
    }
    if (step < steps_) steps_ = step;
  }

  const Segment* tile_ = nullptr;
  float* first_ = nullptr;
  int64_t stride_ = 0;
  int steps_ = 0, lanes_ = 0;
};

SPIKESCAN_ELEMENT_END
