// The buffers of one call: host values into an arena, and the fields of the C ABI's arguments that point there.
#pragma once

#include <algorithm>
#include <vector>

#include "support/run.h"

namespace spikescan::support {

class Buffers {
  static constexpr size_t kLargeBuffers = 5;  // of the tensor's size, in most calls

 public:
  Buffers(const Target& target, const Case& c, uint16_t poison)
      : arena_(target, poison, kLargeBuffers * 4 * static_cast<size_t>(c.elements())), c_(c) {}
  Arena& arena() { return arena_; }

  struct Tensor {
    bool present = false;
    size_t offset = 0;
    spikescan_dtype dtype = SPIKESCAN_FLOAT32;
    Placement placement = {};
    int64_t shape[3] = {0, 0, 0};
  };

  Tensor tensor(bool present, spikescan_dtype dtype, Layout layout) {
    const spikescan_description& d = c_.description;
    const int64_t time = dtype == SPIKESCAN_BITS32 ? (d.time + 31) / 32 : d.time;
    return add(present, dtype, layout, {d.batch, time, d.channels});
  }
  Tensor input(const std::vector<float>& values, spikescan_dtype dtype, Layout layout) {
    Tensor t = tensor(!values.empty() || (c_.elements() == 0 && &values == &c_.x), dtype, layout);
    if (t.present) arena_.put(t.offset, array_of(values, dtype), t.placement, t.shape);
    return t;
  }
  Tensor state(bool present) {
    Tensor t = add(present, SPIKESCAN_FLOAT32, Layout::batch_first, {c_.description.batch, 1, c_.description.channels},
                   c_.state_padding);
    return t;
  }
  Tensor state_input(const std::vector<float>& values) {
    Tensor t = state(!values.empty());
    if (t.present) arena_.put(t.offset, array_of(values, SPIKESCAN_FLOAT32), t.placement, t.shape);
    return t;
  }
  Tensor decays(bool present) { return add(present, SPIKESCAN_FLOAT32, Layout::batch_first, {1, 1, c_.decays()}); }
  Tensor decays_input(const std::vector<float>& values, bool present) {
    Tensor t = decays(present);
    if (t.present) arena_.put(t.offset, array_of(values, SPIKESCAN_FLOAT32), t.placement, t.shape);
    return t;
  }

  void* device(const Tensor& t) const {
    if (!t.present) return nullptr;
    return static_cast<unsigned char*>(arena_.device(t.offset)) + t.placement.first * bytes_of(t.dtype);
  }
  float* floats(const Tensor& t) const { return static_cast<float*>(device(t)); }
  spikescan_tensor argument(const Tensor& t) const {
    return {device(t), t.dtype, t.placement.stride_batch, t.placement.stride_time};
  }
  spikescan_state state_argument(const Tensor& t) const { return {floats(t), t.placement.stride_batch}; }
  Array take(const Tensor& t) {
    return t.present ? arena_.take(t.offset, t.dtype, t.placement, t.shape) : Array{t.dtype, {}};
  }

 private:
  Tensor add(bool present, spikescan_dtype dtype, Layout layout, const int64_t (&shape)[3], int64_t padding = 0) {
    Tensor t = {present, 0, dtype, place(layout, c_.misaligned, shape), {shape[0], shape[1], shape[2]}};
    if (padding > 0) {
      t.placement.stride_batch += padding;
      t.placement.elements += padding * std::max<int64_t>(shape[0], 1);
    }
    if (present) t.offset = arena_.add(static_cast<size_t>(t.placement.elements) * bytes_of(dtype));
    return t;
  }

  Arena arena_;
  const Case& c_;
};

}  // namespace spikescan::support
