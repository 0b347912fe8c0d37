// A block's sums behind the decays' gradients (docs/model.md, section 2): in float32 over a segment, last step first;
// in double over segments and batches. A segment's first step needs the states before it, which are the last ones of
// the segment that comes next: until then its share waits.
#pragma once

#include "kernels/backend.h"
#include "kernels/cpu/lane_block.h"
#include "kernels/cpu/segment_states.h"
#include "kernels/cpu/tiny_numbers.h"
#include "kernels/partial_sums.h"

SPIKESCAN_ELEMENT_BEGIN

template <spikescan_recurrence R>
class DecaySums {
 public:
  using Neuron = NeuronScans<R>;
  static constexpr int kStates = Neuron::kStates;

  // Of a segment and a vector of rows.
  struct OfSegment {
    Floats beta = floats(0.0f), alpha = floats(0.0f);

    // One step's share: its gradients, the states before it, and spsn's x.
    template <class Arithmetic>
    HWY_INLINE void add(const Floats (&gradient)[kStates], const Floats (&before)[kStates], Floats x, Arithmetic by) {
      beta = by.fused_sum(gradient[0], Neuron::kSpsn ? before[0] - x : before[0], beta);
      if constexpr (Neuron::kPsu) beta = by.fused_sum(gradient[1], before[1], beta);
      if constexpr (Neuron::kCuba) alpha = by.fused_sum(gradient[1], before[1], alpha);
    }
  };

  void clear() { __builtin_memset(total_, 0, sizeof total_); }

  // A segment's first step waits, of the rows from lane l on; and what the others gave.
  HWY_INLINE void wait_with(int l, const Floats (&gradient)[kStates], Floats x) {
    for (int n = 0; n < kStates; ++n) store(gradient[n], gradient_[n] + l);
    store(x, input_ + l);
  }
  HWY_INLINE void wait_with(int l, const OfSegment& sums) {
    store(sums.beta, sum_[0] + l);
    if constexpr (Neuron::kCuba) store(sums.alpha, sum_[1] + l);
    waits_ = true;
  }

  // The states before the first step are there; the segment, if one waits, is counted.
  void complete(const float (&states_before)[kStates][kLanes], int lanes) {
    if (!waits_) return;
    for (int l = 0; l < lanes; l += kFloats) {
      OfSegment sums = {load(sum_[0] + l), Neuron::kCuba ? load(sum_[1] + l) : floats(0.0f)};
      Floats gradient[kStates], before[kStates];
      for (int n = 0; n < kStates; ++n) {
        gradient[n] = load(gradient_[n] + l);
        before[n] = load(states_before[n] + l);
      }
      sums.add(gradient, before, load(input_ + l), Plainly());
      count(sums.beta, lanes - l, total_[0] + l);
      if constexpr (Neuron::kCuba) count(sums.alpha, lanes - l, total_[1] + l);
    }
    waits_ = false;
  }

  // To the partial sums, of the chunks that the block has side by side, `last_chunk` first; from here on as after
  // clear().
  void give(const BackwardCall& call, const BlockGrid& grid, const LaneBlock& block, int64_t row_block,
            int64_t last_chunk) {
    const bool wanted[2] = {call.args.grad_beta != nullptr, call.args.grad_alpha != nullptr};
    for (int p = 0; p < 2; ++p) {
      if (!wanted[p]) continue;
      int l = 0;
      for (int64_t chunk = last_chunk; chunk > last_chunk - block.chunks(); --chunk) {
        for (int64_t r = 0; r < grid.rows_of(row_block); ++r) {
          const int64_t row = partial_row(call.plan, row_block * grid.rows + r, chunk);
          float* out = partial_sums(call, p) + row * call.description.channels + block.channel[0];
          for (int c = 0; c < block.width(); ++c, ++l) out[c] = static_cast<float>(total_[p][l]);
        }
      }
    }
    clear();
  }

 private:
  // The first `lanes` alone: the rows of others may have had a batch before, and have none now.
  static HWY_INLINE void count(Floats sums, int lanes, double* totals) {
    if (lanes < kFloats) sums = hn::IfThenElseZero(hn::FirstN(FloatTag(), static_cast<size_t>(lanes)), sums);
    const HalfFloats low = hn::LowerHalf(HalfFloatTag(), sums), high = hn::UpperHalf(HalfFloatTag(), sums);
    store(load(totals) + hn::PromoteTo(DoubleTag(), low), totals);
    store(load(totals + kDoubles) + hn::PromoteTo(DoubleTag(), high), totals + kDoubles);
  }

  // Of the segment that waits.
  alignas(64) float gradient_[kStates][kLanes];
  alignas(64) float input_[kLanes];
  alignas(64) float sum_[2][kLanes];
  bool waits_ = false;
  alignas(64) double total_[2][kLanes];
};

SPIKESCAN_ELEMENT_END
