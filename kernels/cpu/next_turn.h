// What is read at the turn after a block's own. It is asked for so late that it is still in the caches when it is
// needed, and so early that it is there by then: each segment's work asks for a share.
#pragma once

#include "kernels/cpu/asking.h"

SPIKESCAN_ELEMENT_BEGIN

// Neighbouring steps of a row, which a block works on before the next block of its strip does.
struct Turn {
  int64_t first;
  int steps;
};

// The turn from step `first` of a row of `time` on, of at most so many steps.
inline Turn turn_at(int64_t first, int64_t time, int most) {
  return {first, time - first < most ? static_cast<int>(time - first) : most};
}

// Which of the next turn's steps are asked for beside `steps` of the own turn after `done` others: the first of as
// many. Steps that the own turn does not have, of a longer next one, are left out.
HWY_INLINE int first_asked(int next_steps, int done, int steps) {
  const int last = next_steps > steps ? next_steps - steps : 0;
  return done < last ? done : last;
}

class NextTurn {
 public:
  NextTurn() = default;
  // After a block's turn `own` comes the next block's, which has the same steps; after the strip's last block the first
  // one's turn `later`, so many batches further. A turn of few steps is over before memory has answered: where `time`,
  // a row's steps, are few, what is asked for is the block's own later turn.
  NextTurn(const StripPlace& place, int64_t time, Turn own, Turn later, int64_t later_batches)
      : own_steps_(own.steps), next_(own), is_short_(time < kSegmentSteps) {
    is_first_block_ = is_short_ ? place.index == 0 : place.last();
    if (!is_short_) channels_ = place.to_next;
    if (!is_short_ && !place.last()) return;
    next_ = later;
    batches_ = later_batches;
  }

  // What the own turn's `steps` after `done` others ask for, a line at each step and vector.
  HWY_INLINE Asking share(const spikescan_tensor& tensor, const RowPlaces& rows, const StripPlace& place, int done,
                          int steps, int lanes) const {
    if (done == 0 && own_steps_ < next_.steps) ask_surplus(tensor, rows, place, lanes);
    return asking(tensor, rows, place, first_asked(next_.steps, done, steps), steps, lanes);
  }

  const Turn& turn() const { return next_; }
  bool is_short() const { return is_short_; }
  bool is_first_block() const { return is_first_block_; }
  // From the block's rows to those of the turn.
  int64_t channels() const { return channels_; }
  int64_t batches() const { return batches_; }

 private:
  // Of the turn's `steps` after `step` others.
  HWY_INLINE Asking asking(const spikescan_tensor& tensor, const RowPlaces& rows, const StripPlace& place, int step,
                           int steps, int lanes) const {
    const Asking result(tensor, rows, next_.first + step, channels_, batches_);
    if (is_first_block_) result.ask_beginnings(place, steps, lanes);
    return result;
  }

  // What the own turn has no steps for, at once: only where it is a row's last one in time.
  SPIKESCAN_ASKS void ask_surplus(const spikescan_tensor& tensor, const RowPlaces& rows, const StripPlace& place,
                                  int lanes) const {
    for (int at = own_steps_; at < next_.steps; at += kSegmentSteps) {
      const int left = next_.steps - at, steps = left < kSegmentSteps ? left : kSegmentSteps;
      asking(tensor, rows, place, at, steps, lanes).ask_all(steps, lanes);
    }
  }

  int own_steps_ = 0;
  Turn next_ = {};
  int64_t channels_ = 0, batches_ = 0;
  bool is_short_ = false, is_first_block_ = false;  // the next turn is the first block's
};

SPIKESCAN_ELEMENT_END
