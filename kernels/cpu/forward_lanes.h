// The forward pass of one block (docs/model.md, sections 1 and 3): x read once, in segments; membrane, spikes, final
// states and the chunks' carries written as they come.
#pragma once

#include <type_traits>

#include "kernels/cpu/forward_inner.h"
#include "kernels/cpu/neuron_lanes.h"
#include "kernels/cpu/next_turn.h"
#include "kernels/cpu/row_stream.h"
#include "kernels/cpu/saved_states.h"
#include "kernels/cpu/spike_rows.h"

SPIKESCAN_ELEMENT_BEGIN

template <spikescan_recurrence R>
class ForwardLanes {
 public:
  using Neuron = NeuronLanes<R>;
  static constexpr int kStates = Neuron::kStates;

  // A block's steps before the next one's turn: each turn brings a block's tables into the first-level cache again.
  static constexpr int kTurnSteps = 2 * kSegmentSteps;

  // What a segment needs while it is worked on: the same for all blocks of a strip, so that it stays in the first-level
  // cache.
  struct Shared {
    typename Neuron::SegmentStates states = {};
    Segment u = {};
    RowParts<kTurnSteps> spike_parts, membrane_parts;
  };

  ForwardLanes(const ForwardCall& call, const BlockGrid& grid, int64_t channel_block, StripPlace place, Shared& shared)
      : call_(call),
        d_(call.description),
        grid_(grid),
        place_(place),
        philox_(random_origin(call)),
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
      for (int distance = 0; distance < chunk_steps(time, k); distance += kTurnSteps) {
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
    for (int distance = 0; distance < chunk_steps(d_.time, k); distance += kTurnSteps) take_turn(k, distance);
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
    if (args.uniforms.data) uniforms_.set(args.uniforms, block_);
    if (args.spikes.data) spikes_.set(args.spikes, block_);
    if (args.membrane.data) membrane_.set(args.membrane, block_);
    if (args.spikes.data && draws_uniforms(call_.firing) && !args.uniforms.data) philox_.set_rows(block_);
    inner_ = has_inner();
    for (int n = 0; n < kStates; ++n) {
      const spikescan_state& initial = args.initial_state[n];
      double* carry = neuron_.carry(n);
      for (int l = 0; initial.data && l < block_.lanes; ++l) {
        carry[l] = final_[n][l] = initial.data[block_.batch[l] * initial.stride_batch + block_.channel[l]];
      }
      if (!initial.data) {
        __builtin_memset(carry, 0, block_.lanes * sizeof *carry);
        __builtin_memset(final_[n], 0, sizeof final_[n]);
      }
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
    if (inner_ && end <= length && end < kChunkSteps) return run_inner(t, distance);
    const int steps = length - distance < kSegmentSteps ? length - distance : kSegmentSteps;
    if (inner_ && distance + steps < kChunkSteps && run_part(t, distance, steps)) return;
    const RowsView x = view_segment(call_.args.x, x_, t, steps, block_.lanes, u_);
    const bool ends = distance + steps == kChunkSteps;
    neuron_.enter(x, steps, distance, ends, states_);
    if (ends) neuron_.end_chunk(leaves_split(k));
    __builtin_memcpy(final_, states_.last, sizeof final_);
    write(t, steps);
  }

  void take_turn(int64_t k, int first) {
    const int64_t t = k * kChunkSteps + first, after = t + kTurnSteps;
    const bool ends = after >= d_.time;
    const Turn own = turn_at(t, d_.time, kTurnSteps), later = turn_at(ends ? 0 : after, d_.time, kTurnSteps);
    next_turn_ = NextTurn(place_, d_.time, own, later, ends ? grid_.rows : 0);
    for (int distance = first; distance < first + own.steps; distance += kSegmentSteps) run_segment(k, distance);
  }

  // A whole segment that ends the row.
  bool is_last(int64_t t) const { return t + kSegmentSteps == d_.time; }

  // Spikes are wanted, and draws, if there are any, are the generator's and begin at a multiple of four steps.
  bool has_inner() const {
    const spikescan_forward_args& args = call_.args;
    return args.spikes.data && (!draws_uniforms(call_.firing) || (!args.uniforms.data && philox_.phase(0) == 0));
  }

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
    const auto m = neuron_.enter_inner(x, kSegmentSteps, distance, states_);
    if (is_last(t)) keep_last(kSegmentSteps);
    const spikescan_tensor& v = call_.args.membrane;
    if (!v.data) return fire_inner(t, m, next);
    fire_inner(t, typename Neuron::KeptMembrane(m, states_), next);
    store_segment(v, membrane_, t, kSegmentSteps, block_.lanes, streaming(v, t, shared_.membrane_parts), states_.at[0]);
  }

  // Less than a segment, a row's last one, if its spikes are float32, go past the caches, and V is not wanted; else
  // false.
  bool run_part(int64_t t, int distance, int steps) {
    const spikescan_tensor& out = call_.args.spikes;
    if (call_.args.membrane.data || out.dtype != SPIKESCAN_FLOAT32) return false;
    auto* first = static_cast<float*>(out.data) + spikes_.first(0) + t * out.stride_time;
    constexpr int64_t kBytes = sizeof(float);
    if (!are_lines(first)) return false;
    const Streaming way = streaming(out, t, shared_.spike_parts);
    if (!way.wanted(first, out.stride_time * kBytes, block_.lanes * kBytes, true)) return false;
    const StreamSink rows = {first, out.stride_time, ask_next(t, steps)};
    const RowsView x = view_segment(call_.args.x, x_, t, steps, block_.lanes, u_);
    const auto m = neuron_.enter_inner(x, steps, distance, states_);
    keep_last(steps);
    with_rule(call_.firing, [&](const auto& rule) HWY_ATTR {
      steps % kQuarterSteps == 0 ? fire_part(rule, t, steps, m, rows)
                                 : fire_part(rule, t, steps, m, PartStreamSink{rows, steps});
    });
    return true;
  }
  template <class Rule, class M, class Sink>
  HWY_INLINE void fire_part(const Rule& rule, int64_t t, int steps, M m, Sink out) {
    if constexpr (Rule::kDraws) {
      fire_drawn(rule, philox_, t, steps, block_.lanes, m, out);
    } else {
      fire_alone(rule, steps, block_.lanes, m, out);
    }
  }

  void keep_last(int steps) {
    neuron_.keep_last(steps, states_);
    __builtin_memcpy(final_, states_.last, sizeof final_);
  }

  // The spikes are float32, and a vector of a step is a line of memory. `first`: a segment's first row.
  bool are_lines(const void* first) const {
    const spikescan_tensor& out = call_.args.spikes;
    return out.dtype == SPIKESCAN_FLOAT32 && kFloats * sizeof(float) == kLineBytes && block_.lanes % kFloats == 0 &&
           spikes_.together() && on_lines(first, out.stride_time * int64_t{sizeof(float)});
  }

  // A share of the next turn's x, for the steps from t on.
  Asking ask_next(int64_t t, int steps) const {
    return next_turn_.share(call_.args.x, x_, place_, static_cast<int>(t % kTurnSteps), steps, block_.lanes);
  }

  template <class M>
  void fire_inner(int64_t t, M m, const Asking& next) {
    with_rule(call_.firing, [&](const auto& rule) HWY_ATTR { write_inner(rule, t, m, next); });
  }

  template <class Rule, class M, class Sink>
  HWY_INLINE void fire_segment(const Rule& rule, int64_t t, M m, Sink out) {
    if constexpr (Rule::kDraws) {
      fire_drawn<2>(rule, philox_, t, 0, kSegmentSteps, block_.lanes, m, out);
    } else {
      fire_alone(rule, kSegmentSteps, block_.lanes, m, out);
    }
  }

  template <class Rule, class M>
  void write_inner(const Rule& rule, int64_t t, M m, const Asking& next) {
    const spikescan_tensor& out = call_.args.spikes;
    const int lanes = block_.lanes;
    if constexpr (!std::is_same_v<Rule, NoRule>) {  // which has no packed spikes
      if (out.dtype == SPIKESCAN_BITS32) {
        const int shift = static_cast<int>(t % 32);
        if (shift == 0) {
          const Asking words(out, spikes_, t / 32, 0, 0);
          for (int l = 0; l < lanes; l += kLineBytes / sizeof(uint32_t)) words.ask_near(0, l);
        }
        fire_segment(rule, t, m, WordSink{words_, shift, next});
        if (shift != 0 || is_last(t)) words_.write(out, spikes_, t, lanes);
        return;
      }
    }
    const Streaming way = streaming(out, t, shared_.spike_parts);
    const bool together = spikes_.together();
    const auto bytes = static_cast<int64_t>(dtype_bytes(out.dtype)), stride_bytes = out.stride_time * bytes;
    auto* first = static_cast<char*>(out.data) + (spikes_.first(0) + t * out.stride_time) * bytes;
    const int64_t row_bytes = (together ? lanes : spikes_.run()) * bytes;
    const bool runs = way.long_run(out.stride_time, spikes_, lanes, static_cast<size_t>(bytes)) > 0;
    const bool squares =
        way.last && is_transposed(spikes_, out.stride_time) && out.dtype == SPIKESCAN_FLOAT32 && on_lines(first, 0);
    const bool streams = runs || squares || way.wanted(first, stride_bytes, row_bytes, together);
    if (streams && are_lines(first)) {
      return fire_segment(rule, t, m, StreamSink{reinterpret_cast<float*>(first), out.stride_time, next});
    }
    // A streaming store wants no line.
    const Asking output = streams ? next : Asking(out, spikes_, t, 0, 0);
#if HWY_TARGET <= HWY_AVX3 && HWY_ARCH_X86
    if constexpr (!std::is_same_v<Rule, NoRule>) {
      if (runs || !spikes_.written_alone()) {
        SpikeRows rows = {};
        fire_segment(rule, t, m, RowSink{rows, next, output});
        return rows.write(out, spikes_, t, lanes, way);
      }
    }
#endif
    fire_segment(rule, t, m, AskingTileSink{u_, next, output});
    store_segment(out, spikes_, t, kSegmentSteps, lanes, way, u_);
  }

  // The segment is settled; its tile of V becomes M, then the spikes.
  void write(int64_t t, int steps) {
    const spikescan_forward_args& args = call_.args;
    const int lanes = block_.lanes;
    Segment& m = states_.at[0];
    neuron_.settle(steps, states_, std::false_type(), [](int, int, Floats) HWY_ATTR {});
    const spikescan_tensor& v = args.membrane;
    if (v.data) store_segment(v, membrane_, t, steps, lanes, streaming(v, t, shared_.membrane_parts), m);
    if (!args.spikes.data) return;
    if (Neuron::kPsu) {
      for (int j = 0; j < steps; ++j) {
        for (int l = 0; l < lanes; l += kFloats) store(Neuron::rule_input(states_, j, l), m.at[j] + l);
      }
    }
    if (args.uniforms.data) load_segment(args.uniforms, uniforms_, t, steps, lanes, u_);
    const Asking next = ask_next(t, steps);
    const bool wants_lines = args.spikes.dtype != SPIKESCAN_BITS32 && !streams(d_, args.spikes.dtype);
    const Asking output = wants_lines ? Asking(args.spikes, spikes_, t, 0, 0) : next;
    fire(call_.firing, philox_, t, steps, lanes, args.uniforms.data != nullptr, u_, m, AskingTileSink{m, next, output});
    if (args.spikes.dtype != SPIKESCAN_BITS32) {
      return store_segment(args.spikes, spikes_, t, steps, lanes, streaming(args.spikes, t, shared_.spike_parts), m);
    }
    words_.add(m, t, steps, lanes);
    if (t % 32 != 0 || t + steps == d_.time) words_.write(args.spikes, spikes_, t, lanes);
  }

  Streaming streaming(const spikescan_tensor& tensor, int64_t t, RowParts<kTurnSteps>& parts) const {
    return way_of(d_, tensor, place_, parts, static_cast<int>(t % kTurnSteps), false);
  }

  // What backward may begin the chunk's segment from; `values(state)` are the lanes' numbers.
  template <class Values>
  void save(int64_t k, int segment, Values values) {
    for (int n = 0; n < kStates; ++n) {
      save_states(d_, block_, n, saved_slot(k, segment), values(n), call_.args.saved);
    }
  }

  // The states after the last chunk, whose lanes are the last ones.
  void finish() {
    for (int n = 0; n < kStates; ++n) {
      const spikescan_state& out = call_.args.final_state[n];
      if (!out.data) continue;
      for (int l = block_.lanes - block_.chunk_lanes(); l < block_.lanes; ++l) {
        out.data[block_.batch[l] * out.stride_batch + block_.channel[l]] = final_[n][l];
      }
    }
  }

  const ForwardCall& call_;
  const spikescan_description& d_;
  const BlockGrid& grid_;
  const StripPlace place_;
  LaneBlock block_;
  LaneDecays decays_;
  VectorPhilox philox_;
  RowPlaces x_, uniforms_, spikes_, membrane_;
  Neuron neuron_;
  Shared& shared_;
  typename Neuron::SegmentStates& states_;
  Segment& u_;
  NextTurn next_turn_;
  SpikeWords words_;
  bool inner_ = false;
  alignas(64) float final_[kStates][kLanes] = {};
};

SPIKESCAN_ELEMENT_END
