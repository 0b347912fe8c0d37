// What the next turn reads, in the order in which it is needed. All the work of a turn asks for a share of it, as large
// as its own share of the time: asked for in some loops alone, lines come faster than memory gives them, and those
// loops wait.
#pragma once

#include "kernels/cpu/next_turn.h"

SPIKESCAN_ELEMENT_BEGIN

class AskQueue {
 public:
  // A turn of a block with so many lanes begins.
  void begin(const NextTurn& next, const StripPlace& place, int lanes) {
    next_ = &next;
    // Later blocks of a strip may be narrower than the first.
    lanes_ = next.is_first_block() && place.first_width > lanes ? static_cast<int>(place.first_width) : lanes;
    rows_ = count_ = item_ = 0;
  }

  // Needed after what was added before; `last_first`: the turn's last step first, unless the steps lie so close that
  // they are asked for as one row. An absent tensor is none.
  void add(const spikescan_tensor& tensor, const RowPlaces& rows, bool last_first) {
    const int steps = next_->turn().steps;
    if (!tensor.data) return;
    const auto bytes = static_cast<uintptr_t>(dtype_bytes(tensor.dtype));
    const auto stride = static_cast<uintptr_t>(tensor.stride_time) * bytes;
    const int run = rows.together() ? lanes_ : rows.run();
    const uintptr_t row = static_cast<uintptr_t>(run) * bytes;
    const auto further = static_cast<uintptr_t>(next_->channels()) +
                         static_cast<uintptr_t>(next_->turn().first) * static_cast<uintptr_t>(tensor.stride_time) +
                         static_cast<uintptr_t>(next_->batches()) * static_cast<uintptr_t>(tensor.stride_batch);
    Item& item = items_[count_++];
    item = {&rows, reinterpret_cast<uintptr_t>(tensor.data) + further * bytes, bytes, run, stride, steps, 0, false};
    // Into the first-level cache where a turn is short, and 16 bits: half as many lines, they came too late from the
    // second, and are not lost from the first either. Of longer runs of rows a power of two apart it would lose some.
    item.near = kAsksFirstLevel && (next_->is_short() || bytes < sizeof(float));
    if (stride < kRowLines * kLineBytes && stride <= row + kLineBytes) {  // as good as one long row
      const uintptr_t all = static_cast<uintptr_t>(steps - 1) * stride + row;
      const bool aligned = (first_of(item, 0) | static_cast<uintptr_t>(tensor.stride_batch) * bytes) % kLineBytes == 0;
      item.step = kRowLines * kLineBytes;
      item.rows = static_cast<int>((all + (aligned ? 0 : kLineBytes) + item.step - 1) / item.step);
      item.lines = kRowLines;
      if (!aligned) item.at -= kLineBytes - 1;
    } else {
      item.lines = static_cast<int>((row + kLineBytes - 1) / kLineBytes);
      if (next_->is_first_block() && (stride | first_of(item, 0)) % kLineBytes != 0) {
        item.at -= kLineBytes;
        ++item.lines;
      }
      if (last_first) {
        item.at += stride * static_cast<uintptr_t>(steps - 1);
        item.step = 0 - stride;
      }
    }
    rows_ += (rows.together() ? 1 : lanes_ / run) * item.rows;
  }
  // After all were added.
  void start() {
    if (count_ > 0) open(items_[0], 0);
  }
  // Rows to ask for before work that takes such a part of the turn's time.
  int share(float part) const { return static_cast<int>(static_cast<float>(rows_) * part + 0.99f); }

  // Best the same number each time: a processor expects a loop to end where it did before.
  HWY_INLINE void ask(int rows) {
    for (; rows > 0 && !is_empty(); --rows) ask_for(take());
  }
  void ask_rest() {
    while (!is_empty()) ask_for(take());
  }

  // Lines that follow each other. Each is asked for by its last byte: where rows do not begin on lines, the line in
  // which one begins is the last of the block before. Numbers and no pointers: they may lie outside the tensor.
  struct Row {
    uintptr_t at;
    int lines;
    bool near;
    HWY_INLINE uintptr_t line(int i) const { return at + static_cast<uintptr_t>(i + 1) * kLineBytes - 1; }
  };
  bool is_empty() const { return item_ == count_; }
  HWY_INLINE Row take() {
    const Item& item = items_[item_];
    const Row row = {at_, item.lines, item.near};
    at_ += item.step;
    if (--left_ > 0) return row;
    if (!item.places->together() && lane_ + item.run < lanes_) {
      open(item, lane_ + item.run);
    } else if (++item_ < count_) {
      open(items_[item_], 0);
    }
    return row;
  }

 private:
  static constexpr int kRowLines = 4;  // of a full block's row of float32, and of a piece of a long one

  // Of a tensor; as many rows for each run of lanes.
  struct Item {
    const RowPlaces* places;
    uintptr_t at, bytes;
    int run;
    uintptr_t step;  // from row to row
    int rows, lines;
    bool near;
  };
  static uintptr_t first_of(const Item& item, int lane) {
    return item.at + static_cast<uintptr_t>(item.places->first(lane)) * item.bytes;
  }
  HWY_INLINE void open(const Item& item, int lane) {
    lane_ = lane;
    at_ = first_of(item, lane);
    left_ = item.rows;
  }

  static HWY_INLINE void ask_for(const Row& row) {
    const auto place = [&](int i) HWY_ATTR { return reinterpret_cast<const void*>(row.line(i)); };
    if (row.lines == kRowLines && !row.near) {  // most often
#pragma GCC unroll 4
      for (int i = 0; i < kRowLines; ++i) __builtin_prefetch(place(i), 0, 2);
      return;
    }
    for (int i = 0; i < row.lines; ++i) {
      row.near ? __builtin_prefetch(place(i), 0, 3) : __builtin_prefetch(place(i), 0, 2);
    }
  }

  const NextTurn* next_ = nullptr;
  Item items_[3] = {};
  int lanes_ = 0, count_ = 0, item_ = 0;
  int rows_ = 0;
  uintptr_t at_ = 0;  // the next row
  int left_ = 0, lane_ = 0;
};

SPIKESCAN_ELEMENT_END
