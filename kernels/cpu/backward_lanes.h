// The backward pass of one block (SPEC section 2): per chunk, last to first, the states that enter its segments are
// found from x and the saved carry; then, last segment first, each segment's states are rebuilt and its gradients run.
// x comes from memory once and from the second-level cache the second time; nothing of size B T C is kept.
#pragma once

#include "kernels/backend.h"
#include "kernels/cpu/gradient_lanes.h"
#include "kernels/cpu/segment_io.h"
#include "kernels/cpu/vector_firing.h"
#include "kernels/layout.h"

SPIKESCAN_ELEMENT_BEGIN

template <spikescan_recurrence R>
class BackwardLanes {
 public:
  using Neuron = NeuronLanes<R>;
  static constexpr int kStates = Neuron::kStates;

  // The blocks of a strip share nothing; this keeps the first of them aligned.
  struct alignas(64) Shared {};

  BackwardLanes(const BackwardCall& call, const BlockGrid& grid, int64_t channel_block, Shared&)
      : call_(call), d_(call.description), grid_(grid) {
    block_.set_channels(grid, channel_block);
    load_decays(d_, call.args.beta, call.args.alpha, block_, decays_);
    neuron_.prepare(decays_, block_.lanes, d_.time);
    gradient_.prepare(decays_, block_.lanes, d_.time);
  }

  // One row block of a strip: its blocks' segments in turn. Batches that share a row of partial sums go one after the
  // other (several only where there is one chunk).
  template <class Strip>
  static void run(Strip& strip, const BackwardCall& call, int64_t row_block) {
    const int64_t time = call.description.time, chunks = chunk_count(time);
    strip.each([](BackwardLanes& lanes) { lanes.clear_totals(); });
    for (int64_t i = 0; i < batches_per_row(time); ++i) {
      bool any = false;
      strip.each([&](BackwardLanes& lanes) { any = lanes.start(row_block, i); });
      if (!any) break;
      for (int64_t k = chunks - 1; k >= 0; --k) run_chunk(strip, call, k, chunks, row_block);
      strip.each([](BackwardLanes& lanes) { lanes.finish(); });
    }
    if (chunks == 1) strip.each([&](BackwardLanes& lanes) { lanes.store_totals(row_block, 1, 0); });
  }

  // One chunk at a time (split_chunk.h), the last one first.
  static constexpr int kStages = GradientLanes<R>::kStages;
  auto& stage_scan(int stage) { return gradient_.stage_scan(stage); }
  int lanes() const { return block_.lanes; }
  int chunk_length(int64_t position) const { return chunk_steps(d_.time, chunk_at(position)); }
  bool leaves_split(int64_t position) const { return GradientScan<1>::leaves_split(chunk_at(position)); }

  void start_split(int64_t row_block, int64_t position) {
    row_block_ = row_block;
    clear_totals();
    start(row_block, 0);
    const int64_t k = chunk_at(position);
    begin_chunk(k);
    for (int s = 0; s < segment_count(chunk_length(position)); ++s) enter_segment(k, s, chunk_length(position));
  }

  void measure(int64_t position) {
    gradient_.begin_chunk(block_.lanes);
    const int length = chunk_length(position);
    for (int s = segment_count(length) - 1; s >= 0; --s) {
      run_gradients(chunk_at(position), s, length);
    }
  }

  void finish_split(int64_t position) {
    const int64_t k = chunk_at(position);
    const int length = chunk_length(position);
    gradient_.begin_chunk(block_.lanes);
    for (int s = segment_count(length) - 1; s >= 0; --s) run_segment(k, s, length);
    store_totals(row_block_, chunk_count(d_.time), k);
    if (k > 0) return;
    gradient_.end_chunk(length, block_.lanes, true);
    finish();
  }

 private:
  int64_t chunk_at(int64_t position) const { return chunk_count(d_.time) - 1 - position; }

  template <class Strip>
  static void run_chunk(Strip& strip, const BackwardCall& call, int64_t k, int64_t chunks, int64_t row_block) {
    const int length = chunk_steps(call.description.time, k);
    strip.each([&](BackwardLanes& lanes) { lanes.begin_chunk(k); });
    for (int s = 0; s < segment_count(length); ++s) {
      strip.each([&](BackwardLanes& lanes) { lanes.enter_segment(k, s, length); });
    }
    for (int s = segment_count(length) - 1; s >= 0; --s) {
      strip.each([&](BackwardLanes& lanes) { lanes.run_segment(k, s, length); });
    }
    strip.each([&](BackwardLanes& lanes) {
      lanes.gradient_.end_chunk(length, lanes.block_.lanes, k % kSplitChunks == 0);
      if (chunks > 1) lanes.store_totals(row_block, chunks, k);
    });
  }

  // False where the row block has no batch left.
  bool start(int64_t row_block, int64_t batch_of_row) {
    const spikescan_backward_args& args = call_.args;
    block_.set_batches(grid_, row_block, batches_per_row(d_.time), batch_of_row, d_.batch);
    x_.set(args.x, block_);
    if (args.grad_spikes.data) grad_spikes_.set(args.grad_spikes, block_);
    if (args.grad_membrane.data) grad_membrane_.set(args.grad_membrane, block_);
    if (args.grad_x.data) grad_x_.set(args.grad_x, block_);
    for (int n = 0; n < kStates; ++n) {
      const spikescan_state& in = args.grad_final_state[n];
      for (int l = 0; l < block_.lanes; ++l) gradient_.carry(n)[l] = in.data ? in.data[state_index(in, l)] : 0.0f;
    }
    return block_.lanes > 0;
  }

  void finish() {
    for (int n = 0; n < kStates; ++n) store_state(call_.args.grad_initial_state[n], gradient_.carry(n));
  }

  int64_t state_index(const spikescan_state& state, int l) const {
    return block_.batch[l] * state.stride_batch + block_.channel[l];
  }

  void store_state(const spikescan_state& out, const double* carry) {
    if (!out.data) return;
    for (int l = 0; l < block_.lanes; ++l) out.data[state_index(out, l)] = static_cast<float>(carry[l]);
  }

  static int segment_steps(int length, int distance) {
    return length - distance < kSegmentSteps ? length - distance : kSegmentSteps;
  }

  void begin_chunk(int64_t k) {
    load_carry(k);
    for (int n = 0; n < kStates; ++n) {
      for (int l = 0; l < block_.lanes; ++l) last_[0][n][l] = static_cast<float>(neuron_.carry(n)[l]);
    }
    neuron_.begin_chunk();
    gradient_.begin_chunk(block_.lanes);
  }

  // Forward over the chunk: what enters each segment, and the state that each leaves behind.
  void enter_segment(int64_t k, int s, int length) {
    const int distance = s * kSegmentSteps, steps = segment_steps(length, distance);
    const RowsView x = view_segment(call_.args.x, x_, k * kChunkSteps + distance, steps, block_.lanes, x_tile_);
    const Asking next = Asking::at(call_.args.x, x_, k * kChunkSteps + distance + kSegmentSteps);
    const auto input = [=](int j, int l) HWY_ATTR {
      next.ask(j, l);
      return x(j, l);
    };
    // Whether the carry that leaves the chunk would be rounded does not matter: its last step's value is the same.
    neuron_.pass(input, steps, distance, {distance + kSegmentSteps == kChunkSteps, false}, states_);
    neuron_.get_entry(entry_[s]);
    for (int n = 0; n < kStates; ++n) {
      __builtin_memcpy(last_[s + 1][n], states_[n].at[steps - 1], sizeof last_[s + 1][n]);
    }
  }

  void load_carry(int64_t k) {
    const auto* saved = static_cast<const double*>(call_.args.saved);
    for (int n = 0; n < kStates; ++n) {
      const spikescan_state& initial = call_.args.initial_state[n];
      for (int l = 0; l < block_.lanes; ++l) {
        if (k > 0) {
          neuron_.carry(n)[l] = saved[slot_index(n, block_.batch[l], saved_slot(k, 0), block_.channel[l], d_.batch,
                                                 saved_slots(d_.time), d_.channels)];
        } else {
          neuron_.carry(n)[l] = initial.data ? initial.data[state_index(initial, l)] : 0.0f;
        }
      }
    }
  }

  // Backward over one segment: its gradients, then its outputs.
  void run_segment(int64_t k, int s, int length) {
    const RowsView x = run_gradients(k, s, length);
    write(x, k * kChunkSteps + s * kSegmentSteps, s, segment_steps(length, s * kSegmentSteps));
  }

  RowsView run_gradients(int64_t k, int s, int length) {
    const spikescan_backward_args& args = call_.args;
    const int lanes = block_.lanes, first = s * kSegmentSteps, steps = segment_steps(length, first);
    const int64_t t = k * kChunkSteps + first;
    const RowsView x = view_segment(args.x, x_, t, steps, lanes, x_tile_);
    const bool ends = first + kSegmentSteps == kChunkSteps;
    neuron_.rebuild(x, steps, entry_[s], {ends, false}, states_);
    run_rule(k, t, steps, ends);
    const RowsView membrane = view_gradient(args.grad_membrane, grad_membrane_, t, steps, membrane_tile_);
    gradient_.scan(direct_, membrane, states_[0], steps, lanes, length - first - steps, gradients_);
    return x;
  }

  // The rule's share h of the gradient on V. M comes from states that rebuild() left settled or not.
  void run_rule(int64_t k, int64_t t, int steps, bool settled) {
    const spikescan_backward_args& args = call_.args;
    if (!args.grad_spikes.data) {
      if (!settled) neuron_.settle(steps, states_);
      return;  // direct_ holds zeros
    }
    const RowsView gs = view_segment(args.grad_spikes, grad_spikes_, t, steps, block_.lanes, spikes_tile_);
    with_gradient(call_.firing, [&](const auto& rule) HWY_ATTR {
      if (settled) {
        fill_direct(rule, gs, k, t, steps, [&](int j, int l) HWY_ATTR { return Neuron::rule_input(states_, j, l); });
      } else {
        fill_direct(rule, gs, k, t, steps, [&](int j, int l) HWY_ATTR { return neuron_.settle(j, steps, l, states_); });
      }
    });
  }

  template <class Rule, class M>
  HWY_INLINE void fill_direct(const Rule& call_rule, RowsView gs, int64_t k, int64_t t, int steps, M m) {
    const Rule rule = call_rule;  // in registers
    const Asking next_gs = Asking::at(call_.args.grad_spikes, grad_spikes_, t - kSegmentSteps);
    const Asking next_x = next_chunk(k, t);
    for (int l = 0; l < block_.lanes; l += kFloats) {
      for (int j = 0; j < steps; ++j) {
        next_gs.ask(j, l);
        next_x.ask(j, l);
        store(gs(j, l) * rule.gradient(m(j, l)), direct_.at[j] + l);
      }
    }
  }

  // The same segment of the chunk whose turn comes next: reading it ahead spreads the first pass over x, which computes
  // little, over the second, which computes much.
  Asking next_chunk(int64_t k, int64_t t) const {
    const spikescan_tensor& x = call_.args.x;
    if (k > 0) return Asking::at(x, x_, t - kChunkSteps);
    Asking next = Asking::at(x, x_, t + (chunk_count(d_.time) - 1) * kChunkSteps);
    next.first += x.stride_batch * next.element_bytes;
    return next;
  }

  // Where the tensor is absent the tile holds zeros.
  RowsView view_gradient(const spikescan_tensor& tensor, const RowPlaces& rows, int64_t t, int steps, Segment& tile) {
    return tensor.data ? view_segment(tensor, rows, t, steps, block_.lanes, tile) : view_tile(tile);
  }

  // The segment's gradient of x, and its share of the decays' gradients: sums of one segment in float32, last step
  // first; segments and batches are then added in double.
  void write(const RowsView& x, int64_t t, int s, int steps) {
    const spikescan_tensor& out = call_.args.grad_x;
    const bool streaming = out.data && streams(d_, out.dtype);
    float* first = static_cast<float*>(out.data) + (out.data ? grad_x_.first(0) + t * out.stride_time : 0);
    if (streaming && out.dtype == SPIKESCAN_FLOAT32 && kFloats * sizeof(float) == kLineBytes &&
        block_.lanes == kLanes && grad_x_.together() && whole_lines(first, out.stride_time)) {
      const int64_t stride = out.stride_time;
      return finish_segment(
          x, s, steps, [=](int j, int l, Floats dx) HWY_ATTR { hn::Stream(dx, FloatTag(), first + j * stride + l); });
    }
    Segment& tile = gradients_[0];
    finish_segment(x, s, steps, [&](int j, int l, Floats dx) HWY_ATTR { store(dx, tile.at[j] + l); });
    if (out.data) store_segment(out, grad_x_, t, steps, block_.lanes, streaming, tile);
  }

  template <class Sink>
  HWY_INLINE void finish_segment(const RowsView& x, int s, int steps, Sink sink) {
    alignas(64) float beta_sum[kLanes], alpha_sum[kLanes];
    for (int l = 0; l < block_.lanes; l += kFloats) {
      Floats beta = floats(0.0f), alpha = floats(0.0f);
      const Floats gain = load(decays_.gain + l);
      for (int j = steps - 1; j >= 0; --j) {
        const Floats g = gradient_.gradient(0, j, steps, l, gradients_), v = previous(0, s, j, l);
        beta = fused(g, Neuron::kSpsn ? v - x(j, l) : v, beta);
        Floats dx = Neuron::kSpsn ? g * gain : g;
        if constexpr (kStates == 2) {
          const Floats second = gradient_.gradient(1, j, steps, l, gradients_);
          Floats& sum = Neuron::kPsu ? beta : alpha;
          sum = fused(second, previous(1, s, j, l), sum);
          if (Neuron::kCuba) dx = second;
        }
        sink(j, l, dx);
      }
      store(beta, beta_sum + l);
      store(alpha, alpha_sum + l);
    }
    for (int l = 0; l < block_.lanes; ++l) {
      total_[0][l] += beta_sum[l];
      total_[1][l] += alpha_sum[l];
    }
  }

  HWY_INLINE Floats previous(int n, int s, int j, int l) const {
    return load((j > 0 ? states_[n].at[j - 1] : last_[s][n]) + l);
  }

  void clear_totals() { __builtin_memset(total_, 0, sizeof total_); }

  void store_totals(int64_t row_block, int64_t chunks, int64_t chunk) {
    auto* partials = reinterpret_cast<float*>(static_cast<char*>(call_.args.workspace) + call_.plan.partials);
    const bool wanted[2] = {call_.args.grad_beta != nullptr, call_.args.grad_alpha != nullptr};
    const int width = static_cast<int>(grid_.width_of(block_.channel[0]));
    for (int p = 0; p < 2; ++p) {
      if (!wanted[p]) continue;
      for (int64_t r = 0, l = 0; r < grid_.rows_of(row_block); ++r) {
        const int64_t row = (row_block * grid_.rows + r) * chunks + chunk;
        float* out = partials + (p * call_.plan.partial_rows + row) * d_.channels + block_.channel[0];
        for (int c = 0; c < width; ++c, ++l) out[c] = static_cast<float>(total_[p][l]);
      }
    }
    clear_totals();
  }

  const BackwardCall& call_;
  const spikescan_description& d_;
  const BlockGrid& grid_;
  int64_t row_block_ = 0;
  LaneBlock block_;
  LaneDecays decays_;
  RowPlaces x_, grad_spikes_, grad_membrane_, grad_x_;
  Neuron neuron_;
  GradientLanes<R> gradient_;
  Segment x_tile_ = {}, spikes_tile_ = {}, membrane_tile_ = {}, direct_ = {};
  Segment states_[kStates] = {};
  Segment gradients_[kStates] = {};
  typename Neuron::Entry entry_[kChunkSegments] = {};
  alignas(64) float last_[kChunkSegments + 1][kStates][kLanes] = {};
  alignas(64) double total_[2][kLanes];
};

SPIKESCAN_ELEMENT_END
