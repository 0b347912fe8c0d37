// The forward pass of one block (docs/model.md, sections 1 and 3): x read once, in segments; membrane, spikes, final
// states and the chunks' carries written as they come.
#pragma once

#include <type_traits>

#include "kernels/cpu/forward_spikes.h"
#include "kernels/cpu/lane_states.h"
#include "kernels/cpu/neuron_lanes.h"
#include "kernels/cpu/next_turn.h"
#include "kernels/cpu/saved_states.h"
#include "kernels/cpu/segment_io.h"

SPIKESCAN_ELEMENT_BEGIN

template <spikescan_recurrence R>
class ForwardLanes {
 public:
  using Neuron = NeuronLanes<R>;
  static constexpr int kStates = Neuron::kStates;

  // What a segment needs while it is worked on: the same for all blocks of a strip, so that it stays in the first-level
  // cache.
  struct Shared {
    typename Neuron::States states = {};
    Segment u = {};
    RowParts<kForwardTurn> spike_parts, membrane_parts;
  };

  ForwardLanes(const ForwardCall& call, const BlockGrid& grid, int64_t channel_block, StripPlace place, Shared& shared)
      : call_(call),
        d_(call.description),
        grid_(grid),
        place_(place),
        spikes_(call, place, shared.spike_parts, shared.u),
        shared_(shared),
        states_(shared.states),
        u_(shared.u) {
    block_.set_channels(grid, channel_block);
    load_decays(d_, call.args.beta, call.args.alpha, block_, decays_);
    neuron_.prepare(decays_, block_.lanes, d_.time);
  }

  // One row block of a strip: its blocks' segments in turn.
  template <class Strip>
  static void run(Strip& strip, const ForwardCall& call, int64_t row_block) {
    strip.each([&](ForwardLanes& lanes) { lanes.start(row_block); });
    const int64_t time = call.description.time, chunks = chunk_count(time);
    for (int64_t k = 0; k < chunks; ++k) {
      strip.each([&](ForwardLanes& lanes) { lanes.begin_chunk(k); });
      for (int distance = 0; distance < chunk_steps(time, k); distance += kForwardTurn) {
        strip.each([&](ForwardLanes& lanes) { lanes.take_turn(k, distance); });
      }
    }
    strip.each([](ForwardLanes& lanes) { lanes.finish(); });
  }

  // Some chunks alone (split_chunk.h); positions are the chunks' numbers. k is the first one's.
  static constexpr int kStages = Neuron::kStages;
  auto& stage_scan(int stage) { return neuron_.stage_scan(stage); }
  int lanes() const { return block_.lanes; }
  int chunk_length(int64_t k) const { return chunk_steps(d_.time, k); }
  bool leaves_split(int64_t k) const { return Neuron::Scan::leaves_split(k); }
  void start_split(int64_t row_block, int64_t, int count) { start(row_block, count); }

  // What the chunks add, from x and the carries of the stages before.
  void measure(int64_t k) {
    neuron_.begin_chunk();
    for (int distance = 0; distance < kChunkSteps; distance += kSegmentSteps) {
      const RowsView x = view_segment(call_.args.x, x_, k * kChunkSteps + distance, kSegmentSteps, block_.lanes, u_);
      neuron_.enter(x, kSegmentSteps, distance, distance + kSegmentSteps == kChunkSteps, states_);
    }
  }

  void finish_split(int64_t k) {
    const int64_t chunks = chunk_count(d_.time);
    begin_chunk(k);
    for (int distance = 0; distance < chunk_steps(d_.time, k); distance += kForwardTurn) take_turn(k, distance);
    if (k + block_.chunks() == chunks) finish();
  }

 private:
  // `side_by_side`: chunks of each row.
  void start(int64_t row_block, int side_by_side = 1) {
    const spikescan_forward_args& args = call_.args;
    block_.set_batches(grid_, row_block, 1, 0, d_.batch);
    block_.set_chunks(side_by_side, 1);
    neuron_.set_lanes(block_.lanes);
    x_.set(args.x, block_);
    if (args.membrane.data) membrane_.set(args.membrane, block_);
    spikes_.set_rows(block_);
    for (int n = 0; n < kStates; ++n) {
      load_state(args.initial_state[n], block_, 0, neuron_.carry(n));
      if (d_.time == 0) load_state(args.initial_state[n], block_, 0, final_[n]);
    }
  }

  void begin_chunk(int64_t k) {
    if (call_.args.saved) save(k, 0, [&](int n) { return neuron_.carry(n); });
    neuron_.begin_chunk();
  }

  void run_segment(int64_t k, int distance) {
    const int length = chunk_steps(d_.time, k), segment = distance / kSegmentSteps;
    const int64_t t = k * kChunkSteps + distance;
    if (call_.args.saved && saves_chain(segment)) save(k, segment, [&](int n) { return neuron_.chain(n); });
    const int end = distance + kSegmentSteps;
    if (spikes_.in_registers() && end <= length && end < kChunkSteps) return run_inner(t, distance);
    const int steps = length - distance < kSegmentSteps ? length - distance : kSegmentSteps;
    if (spikes_.in_registers() && distance + steps < kChunkSteps && run_part(t, distance, steps)) return;
    const RowsView x = view_segment(call_.args.x, x_, t, steps, block_.lanes, u_);
    const bool ends = distance + steps == kChunkSteps;
    neuron_.enter(x, steps, distance, ends, states_);
    if (ends) neuron_.end_chunk(leaves_split(k));
    __builtin_memcpy(final_, states_.last, sizeof final_);
    write(t, steps);
  }

  void take_turn(int64_t k, int first) {
    const int64_t t = k * kChunkSteps + first, after = t + kForwardTurn;
    const bool ends = after >= d_.time;
    const Turn own = turn_at(t, d_.time, kForwardTurn), later = turn_at(ends ? 0 : after, d_.time, kForwardTurn);
    next_turn_ = NextTurn(place_, d_.time, own, later, ends ? grid_.rows : 0);
    for (int distance = first; distance < first + own.steps; distance += kSegmentSteps) run_segment(k, distance);
  }

  // A whole segment that ends the row.
  bool is_last(int64_t t) const { return t + kSegmentSteps == d_.time; }

  void run_inner(int64_t t, int distance) {
    const spikescan_tensor& x = call_.args.x;
    if (block_.lanes % kFloats != 0 || !x_.together()) {
      load_segment(x, x_, t, kSegmentSteps, block_.lanes, u_);
      return run_inner(view_tile(u_), t, distance);
    }
    const int64_t first = x_.first(0) + t * x.stride_time;
    switch (x.dtype) {
      case SPIKESCAN_FLOAT16:
        return run_inner(RowsOf<Half>{static_cast<const Half*>(x.data) + first, x.stride_time}, t, distance);
      case SPIKESCAN_BFLOAT16:
        return run_inner(RowsOf<BFloat16>{static_cast<const BFloat16*>(x.data) + first, x.stride_time}, t, distance);
      default:
        return run_inner(RowsOf<float>{static_cast<const float*>(x.data) + first, x.stride_time}, t, distance);
    }
  }

  template <class X>
  void run_inner(X x, int64_t t, int distance) {
    const Asking next = ask_next(t, kSegmentSteps);
    auto m = neuron_.enter_inner(x, kSegmentSteps, distance, states_, drops_tiny(is_last(t)));
    if (is_last(t)) keep_last(kSegmentSteps);
    if (!call_.args.membrane.data) return spikes_.fire(t, m, next);
    spikes_.fire(t, TileSource{m.settle_into_tile(kSegmentSteps, block_.lanes)}, next);
    store_membrane(t, kSegmentSteps);
  }

  // Less than a segment, a row's last one, where ForwardSpikes can take it; else false.
  bool run_part(int64_t t, int distance, int steps) {
    const auto to = spikes_.destination_of_part(t);
    if (!to) return false;
    const Asking next = ask_next(t, steps);
    const RowsView x = view_segment(call_.args.x, x_, t, steps, block_.lanes, u_);
    auto m = neuron_.enter_inner(x, steps, distance, states_, drops_tiny(true));
    keep_last(steps);
    spikes_.fire_part(t, steps, *to, m.settle_into_tile(steps, block_.lanes), next);
    if (call_.args.membrane.data) store_membrane(t, steps);
    return true;
  }

  // What is carried into a quarter may be taken for 0 where all of a row's is tiny and nobody asks for V: it does not
  // reach the last bit of a V of 2^-86 or more, and beside a threshold of 2^-20 or more a smaller V leaves U =
  // -threshold. (psu_lif's R is either large beside V or so small that the threshold decides. cuba_lif's I may not be
  // dropped beside a V that is not tiny: where that one's share lies halfway between two floats, I decides how the sum
  // is rounded.)
  bool drops_tiny(bool is_last) const {
    if (call_.args.membrane.data || (is_last && wants_any(call_.args.final_state, kStates))) return false;
    return d_.threshold >= 0x1p-20f || d_.threshold <= -0x1p-20f;
  }

  void keep_last(int steps) {
    if (!wants_any(call_.args.final_state, kStates)) return;
    neuron_.keep_last(steps, states_);
    __builtin_memcpy(final_, states_.last, sizeof final_);
  }

  // A share of the next turn's x, for the steps from t on.
  Asking ask_next(int64_t t, int steps) const {
    return next_turn_.share(call_.args.x, x_, place_, static_cast<int>(t % kForwardTurn), steps, block_.lanes);
  }

  // The segment is settled; its tile of V becomes M, then the spikes.
  void write(int64_t t, int steps) {
    const spikescan_forward_args& args = call_.args;
    Segment& m = states_.at[0];
    neuron_.settle(steps, states_);
    if (args.membrane.data) store_membrane(t, steps);
    if (!args.spikes.data) return;
    if (Neuron::kPsu) {
      for (int j = 0; j < steps; ++j) {
        for (int l = 0; l < block_.lanes; l += kFloats) store(states_.rule_input(j, l), m.at[j] + l);
      }
    }
    spikes_.fire_tile(t, steps, m, ask_next(t, steps));
  }

  void store_membrane(int64_t t, int steps) {
    const spikescan_tensor& v = call_.args.membrane;
    const int step = static_cast<int>(t % kForwardTurn);
    const Streaming way = way_of(d_, v, place_, shared_.membrane_parts, step, false);
    store_segment(v, membrane_, t, steps, block_.lanes, way, states_.at[0]);
  }

  // What backward may begin the chunk's segment from; `values(state)` are the lanes' numbers.
  template <class Values>
  void save(int64_t k, int segment, Values values) {
    for (int n = 0; n < kStates; ++n) {
      save_states(d_, block_, n, saved_slot(k, segment), values(n), call_.args.saved);
    }
  }

  void finish() {
    for (int n = 0; n < kStates; ++n) store_state(final_[n], block_, call_.args.final_state[n]);
  }

  const ForwardCall& call_;
  const spikescan_description& d_;
  const BlockGrid& grid_;
  const StripPlace place_;
  LaneBlock block_;
  LaneDecays decays_;
  RowPlaces x_, membrane_;
  ForwardSpikes spikes_;
  Neuron neuron_;
  Shared& shared_;
  typename Neuron::States& states_;
  Segment& u_;
  NextTurn next_turn_;
  alignas(64) float final_[kStates][kLanes] = {};
};

SPIKESCAN_ELEMENT_END
