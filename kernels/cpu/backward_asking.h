// When backward asks for what its next turn reads: before each kind of work, as large a share as the work takes of the
// time (ask_queue.h).
#pragma once

#include "kernels/cpu/ask_queue.h"
#include "kernels/cpu/settle_segment.h"

SPIKESCAN_ELEMENT_BEGIN

class BackwardAsking {
 public:
  // A turn begins, of a block with so many lanes; `later`, `later_batches`: as NextTurn takes them. Then what the next
  // turn reads is added, in the order of need, and it starts.
  void begin(const StripPlace& place, int64_t time, Turn own, Turn later, int64_t later_batches, int lanes) {
    own_steps_ = own.steps;
    next_ = NextTurn(place, time, own, later, later_batches);
    queue_.begin(next_, place, lanes);
  }
  void add(const spikescan_tensor& tensor, const RowPlaces& rows, bool last_first) {
    queue_.add(tensor, rows, last_first);
  }
  void start() {
    queue_.start();
    const float segment = 1.0f / static_cast<float>(segment_count(own_steps_));
    states_ = queue_.share(kStatesPart * segment);
    rule_ = queue_.share(kRulePart * segment);
    scan_ = queue_.share(kScanPart * segment);
    output_ = queue_.share(kOutputPart * segment);
  }
  const NextTurn& next() const { return next_; }

  // Before a segment's states are found, before a piece of its rule, its gradient scan, and a vector's outputs.
  HWY_INLINE void states() { queue_.ask(states_); }
  HWY_INLINE void rule() { queue_.ask(rule_); }
  HWY_INLINE void scan() { queue_.ask(scan_); }
  HWY_INLINE void output() { queue_.ask(output_); }
  void rest() { queue_.ask_rest(); }

 private:
  // Parts of a segment's time, about as measured.
  static constexpr int kRulePieces = kSegmentQuarters * (kLanes / (kAbreast * kFloats));
  static constexpr float kStatesPart = 0.18f, kRulePart = 0.46f / kRulePieces, kScanPart = 0.12f,
                         kOutputPart = 0.24f * kFloats / kLanes;

  NextTurn next_;
  AskQueue queue_;
  int own_steps_ = 0;
  int states_ = 0, rule_ = 0, scan_ = 0, output_ = 0;  // rows to ask for
};

SPIKESCAN_ELEMENT_END
