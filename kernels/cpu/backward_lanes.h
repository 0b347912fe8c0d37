// The backward pass of one block (docs/model.md, section 2), from one saved state to the next, last first: the states
// of the 64 steps between are found from x, then, last segment first, the gradients run. x is read once (spsn's a
// second time, from the caches; more often where time is split over threads); nothing of size B T C is kept.
#pragma once

#include "kernels/backend.h"
#include "kernels/cpu/backward_asking.h"
#include "kernels/cpu/decay_sums.h"
#include "kernels/cpu/delayed_rows.h"
#include "kernels/cpu/gradient_lanes.h"
#include "kernels/cpu/lane_states.h"
#include "kernels/cpu/neuron_lanes.h"
#include "kernels/cpu/processor_facts.h"
#include "kernels/cpu/row_stream.h"
#include "kernels/cpu/saved_states.h"
#include "kernels/cpu/segment_io.h"
#include "kernels/cpu/vector_firing.h"

SPIKESCAN_ELEMENT_BEGIN

template <spikescan_recurrence R>
class BackwardLanes {
 public:
  using Neuron = NeuronLanes<R>;
  static constexpr int kStates = Neuron::kStates;

  // psu_lif: s (1 - s) of s = sigmoid(V).
  using Slopes = std::conditional_t<Neuron::kPsu, Segment[kSavedSegments], Absent>;

  // The steps from one saved state to the next, while they are worked on: the same memory for all blocks of a strip, so
  // that with one state it stays in the first-level cache.
  struct Shared {
    typename Neuron::States states[kSavedSegments] = {};
    Segment x = {}, grad_spikes = {}, grad_membrane = {};  // where they are not read from memory
    Segment gradients[kStates] = {};                       // [0]: first the rule's share of the gradient on V
    [[no_unique_address]] Slopes slopes;
    RowParts<kSavedSteps> grad_x_parts;
    DelayedRows grad_x;  // in gradients[0]: the last segment's, of whichever block
  };

  BackwardLanes(const BackwardCall& call, const BlockGrid& grid, int64_t channel_block, StripPlace place,
                Shared& shared)
      : call_(call), d_(call.description), grid_(grid), place_(place), shared_(shared) {
    block_.set_channels(grid, channel_block);
    load_decays(d_, call.args.beta, call.args.alpha, block_, decays_);
    neuron_.prepare(decays_, block_.lanes, d_.time);
    gradient_.prepare(decays_, block_.lanes, d_.time);
  }

  // One row block of a strip: its blocks' groups of segments in turn. Batches that share a row of partial sums go one
  // after the other (several only where there is one chunk).
  template <class Strip>
  static void run(Strip& strip, const BackwardCall& call, int64_t row_block) {
    const int64_t time = call.description.time, chunks = chunk_count(time);
    strip.each([](BackwardLanes& lanes) { lanes.decay_sums_.clear(); });
    for (int i = 0; i < call.plan.row_batches; ++i) {
      bool any = false;
      strip.each([&](BackwardLanes& lanes) { any = lanes.start(row_block, i); });
      if (!any) break;
      for (int64_t k = chunks - 1; k >= 0; --k) {
        strip.each([&](BackwardLanes& lanes) { lanes.begin_chunk(k); });
        for (int group = last_group(chunk_steps(time, k)); group >= 0; --group) {
          strip.each([&](BackwardLanes& lanes) { lanes.run_group(k, group); });
        }
        strip.each([&](BackwardLanes& lanes) { lanes.end_chunk(k, row_block); });
      }
      strip.each([](BackwardLanes& lanes) { lanes.finish(); });
    }
    if (chunks == 1) strip.each([&](BackwardLanes& lanes) { lanes.give_sums(row_block, 0); });
    strip.shared().grad_x.send_all();
  }

  // Some chunks alone (split_chunk.h), the last one first, which k is.
  static constexpr int kStages = GradientLanes<R>::kStages;
  auto& stage_scan(int stage) { return gradient_.stage_scan(stage); }
  int lanes() const { return block_.lanes; }
  int chunk_length(int64_t position) const { return chunk_steps(d_.time, chunk_at(position)); }
  bool leaves_split(int64_t position) const { return GradientScan<1>::leaves_split(chunk_at(position)); }

  void start_split(int64_t row_block, int64_t position, int count) {
    row_block_ = row_block;
    decay_sums_.clear();
    start(row_block, 0, count);
    load_carry(chunk_at(position));
  }

  void measure(int64_t position) {
    const int64_t k = chunk_at(position);
    gradient_.begin_chunk(block_.lanes);
    for (int group = last_group(chunk_length(position)); group >= 0; --group) {
      for (int i = enter_group(k, group) - 1; i >= 0; --i) run_gradients(k, group, i);
    }
  }

  void finish_split(int64_t position) {
    const int64_t k = chunk_at(position);
    gradient_.begin_chunk(block_.lanes);
    for (int group = last_group(chunk_length(position)); group >= 0; --group) run_group(k, group);
    shared_.grad_x.send_all();
    give_sums(row_block_, k);
    if (k + 1 > block_.chunks()) return;
    gradient_.end_chunk(chunk_length(position), block_.lanes, true);
    finish();
  }

 private:
  int64_t chunk_at(int64_t position) const { return chunk_count(d_.time) - 1 - position; }

  // A group is what lies between two saved states.
  static int last_group(int length) { return (length - 1) / kSavedSteps; }

  // False where the row block has no batch left. `side_by_side`: chunks of each row.
  bool start(int64_t row_block, int batch_of_row, int side_by_side = 1) {
    const spikescan_backward_args& args = call_.args;
    block_.set_batches(grid_, row_block, call_.plan.row_batches, batch_of_row, d_.batch);
    block_.set_chunks(side_by_side, -1);
    neuron_.set_lanes(block_.lanes);
    x_.set(args.x, block_);
    if (args.grad_spikes.data) grad_spikes_.set(args.grad_spikes, block_);
    if (args.grad_membrane.data) grad_membrane_.set(args.grad_membrane, block_);
    if (args.grad_x.data) grad_x_.set(args.grad_x, block_);
    for (int n = 0; n < kStates; ++n) {
      load_state(args.grad_final_state[n], block_, 0, gradient_.carry(n));
    }
    return block_.lanes > 0;
  }

  void finish() {
    for (int n = 0; n < kStates; ++n) store_state(gradient_.carry(n), block_, call_.args.grad_initial_state[n]);
  }

  void begin_chunk(int64_t k) {
    load_carry(k);
    gradient_.begin_chunk(block_.lanes);
  }
  void end_chunk(int64_t k, int64_t row_block) {
    // Before the first chunk comes the caller's state alone.
    if (k > 0 || wants_any(call_.args.grad_initial_state, kStates)) {
      gradient_.end_chunk(chunk_steps(d_.time, k), block_.lanes, GradientScan<1>::leaves_split(k));
    }
    if (call_.plan.chunks > 1) give_sums(row_block, k);
  }

  // The states before the chunk, as scans take them and as its first step sees them: saved ones, but for the first
  // chunk.
  void load_carry(int64_t k) {
    const bool has_first = k + 1 == block_.chunks();
    for (int n = 0; n < kStates; ++n) {
      double* carry = neuron_.carry(n);
      load_states(d_, block_, n, saved_slot(k, 0), call_.args.saved, carry);
      if (has_first) load_state(call_.args.initial_state[n], block_, block_.last_chunk(), carry);
      for (int l = 0; l < block_.lanes; l += kDoubles) store_narrow(load(carry + l), before_[n] + l);
    }
  }

  // A group is a turn. x is needed first, and first step first, all else last step first.
  void begin_turn(int64_t k, int group) {
    const int64_t t = k * kChunkSteps + group * kSavedSteps;
    const int64_t last = (d_.time - 1) / kSavedSteps * kSavedSteps;
    const int64_t next_batches = call_.plan.row_batches > 1 ? 1 : grid_.rows;  // most often
    const bool ends = t == 0;
    asking_.begin(place_, d_.time, turn_at(t, d_.time, kSavedSteps),
                  turn_at(ends ? last : t - kSavedSteps, d_.time, kSavedSteps), ends ? next_batches : 0, block_.lanes);
    asking_.add(call_.args.x, x_, false);
    asking_.add(call_.args.grad_spikes, grad_spikes_, true);
    asking_.add(call_.args.grad_membrane, grad_membrane_, true);
    asking_.start();
  }

  // The chain over the chunk's segments before the group.
  void load_chain(int64_t k, int group) {
    neuron_.begin_chunk();
    const NextTurn& next = asking_.next();
    const int64_t next_step = next.turn().first, next_chunk = next_step / kChunkSteps;
    const int next_segment = static_cast<int>(next_step % kChunkSteps) / kSegmentSteps;
    for (int n = 0; n < kStates; ++n) {
      if (group > 0) {
        load_states(d_, block_, n, saved_slot(k, group * kSavedSegments), call_.args.saved, neuron_.chain(n));
      }
      if (next_segment > 0) {
        ask_states(d_, block_, next.batches(), next.channels(), n, saved_slot(next_chunk, next_segment),
                   call_.args.saved);
      }
    }
  }

  // A segment of a group: its place in the chunk, its steps, and how many come after it in the chunk.
  struct Place {
    int first, steps, after;
    bool ends;  // it is the last of a full chunk
  };
  Place place_of(int64_t k, int group, int i) const {
    const int length = chunk_steps(d_.time, k);
    const int first = group * kSavedSteps + i * kSegmentSteps;
    const int steps = length - first < kSegmentSteps ? length - first : kSegmentSteps, end = first + steps;
    return {first, steps, length - end, end == kChunkSteps};
  }

  // Forward over the group's segments, which are counted.
  int enter_group(int64_t k, int group) {
    begin_turn(k, group);
    load_chain(k, group);
    const int left = segment_count(chunk_steps(d_.time, k)) - group * kSavedSegments;
    const int count = left < kSavedSegments ? left : kSavedSegments;
    for (int i = 0; i < count; ++i) {
      const Place at = place_of(k, group, i);
      const RowsView x = view_x(k * kChunkSteps + at.first, at.steps);
      asking_.states();
      Segment* const slopes = slopes_of(i);  // psu_lif's, which alone has a drive
      neuron_.enter(x, at.steps, at.first, at.ends, shared_.states[i], [slopes](int j, int l, Floats v) HWY_ATTR {
        const Logistics drive = sigmoid_with_slope(v);
        store(drive.slope, slopes->at[j] + l);
        return drive.value;
      });
    }
    return count;
  }
  RowsView view_x(int64_t t, int steps) { return view_segment(call_.args.x, x_, t, steps, block_.lanes, shared_.x); }

  // Backward over them: the gradients of each, then its outputs. The first step's share of the decays' gradients waits
  // for the states before it.
  void run_group(int64_t k, int group) {
    int i = enter_group(k, group) - 1;
    complete_sums(shared_.states[i].last);
    for (; i >= 0; --i) {
      run_gradients(k, group, i);
      write(k, group, i);
      if (i > 0) complete_sums(shared_.states[i - 1].last);
    }
    if (group == 0) complete_sums(before_);
    asking_.rest();
  }

  void run_gradients(int64_t k, int group, int i) {
    const Place at = place_of(k, group, i);
    const int64_t t = k * kChunkSteps + at.first;
    auto& states = shared_.states[i];
    run_rule(t, at, states);
    choose_arithmetic(i, at.steps, states.subnormal);
    asking_.scan();
    const auto scan = [&](auto add_membrane) HWY_ATTR {
      with_arithmetic(in_doubles_, [&](auto by) HWY_ATTR {
        gradient_.scan(add_membrane, slopes_of(i), at.steps, block_.lanes, at.after, shared_.gradients, by);
      });
    };
    const spikescan_tensor& membrane = call_.args.grad_membrane;
    if (!membrane.data) return scan([](int, int, Floats h) HWY_ATTR { return h; });
    const RowsView gv = view_segment(membrane, grad_membrane_, t, at.steps, block_.lanes, shared_.grad_membrane);
    scan([&](int j, int l, Floats h) HWY_ATTR { return h + gv(j, l); });
  }

  Segment* slopes_of(int i) {
    if constexpr (Neuron::kPsu) {
      return &shared_.slopes[i];
    } else {
      return nullptr;
    }
  }

  // The rule's share h of the gradient on V; the states are settled on the way. It takes the place of the last
  // segment's gradient of x, which goes to memory meanwhile: the rule is what takes longest.
  void run_rule(int64_t t, const Place& at, typename Neuron::States& states) {
    const int steps = at.steps;
    Segment& direct = shared_.gradients[0];
    DelayedRows& grad_x = shared_.grad_x;
    if (!call_.args.grad_spikes.data) {
      grad_x.send_all();
      direct = {};
      return neuron_.settle(steps, states);
    }
    const RowsView given =
        view_segment(call_.args.grad_spikes, grad_spikes_, t, steps, block_.lanes, shared_.grad_spikes);
    const RowsView gs = in_doubles_ ? RowsView{kOnes.at, 0} : given;  // multiplied in doubles afterwards
    const bool sends_rows = grad_x.keep(steps, block_.lanes);
    with_gradient(call_.firing, [&]<class Rule>(TypeOf<Rule>) HWY_ATTR {
      const Rule rule(call_.firing);
      const bool in_memory = gs.first != shared_.grad_spikes.at[0];
      const auto ask = [this]() HWY_ATTR { asking_.rule(); };
      // A function of its own, which the compiler makes of it, takes up to a twentieth longer.
      const auto settle = [&](auto sender) HWY_ATTR __attribute__((always_inline)) {
        const auto begin = [&rule, &sender](int j, int l, Floats m) HWY_ATTR {
          sender.send(j, l);
          return rule.begin(m);
        };
        const auto end = [&rule, &gs, &direct](int j, int l, Floats begun) HWY_ATTR {
          const Floats slope = rule.end(begun);
          store(gs(j, l) * slope, direct.at[j] + l);
        };
        neuron_.settle(steps, states, in_memory, begin, end, ask);
      };
      if constexpr (DelayedRows::kUsed) {
        if (sends_rows && grad_x.whole()) return settle(DelayedRows::Sender<true>(grad_x));
        if (sends_rows) return settle(DelayedRows::Sender<false>(grad_x));
      }
      settle(DelayedRows::NoSender());
    });
    grad_x.done();
    if (in_doubles_) multiply_in_doubles(given, steps, direct);
  }

  // `direct` holds the rule's slopes until here.
  void multiply_in_doubles(const RowsView& gs, int steps, Segment& direct) {
    for (int j = 0; j < steps; ++j) {
      for (int l = 0; l < block_.lanes; l += kFloats) {
        store(InDoubles::product(gs(j, l), load(direct.at[j] + l)), direct.at[j] + l);
      }
    }
  }

  // Subnormal gradients come in crowds: a row tells when to begin to multiply in doubles, all rows when to end. States
  // count, by which gradients are multiplied.
  void choose_arithmetic(int segment, int steps, bool states_are_subnormal) {
    if (!kWatchesTiny || !subnormals_are_slow) return;
    const Segment& direct = shared_.gradients[0];
    SmallSearch search(kNormal);
    search.look_at(segment % 2 == 0 ? gradient_.entered() : direct.at[steps / 2], block_.lanes);
    for (int j = 0; in_doubles_ && j < steps; ++j) search.look_at(direct.at[j], block_.lanes);
    in_doubles_ = states_are_subnormal || search.found();
  }

  // The segment's gradient of x, and its share of the decays' gradients.
  void write(int64_t k, int group, int i) {
    const Place at = place_of(k, group, i);
    const int64_t t = k * kChunkSteps + at.first;
    const RowsView x = Neuron::kSpsn ? view_x(t, at.steps) : RowsView{};
    const spikescan_tensor& out = call_.args.grad_x;
    const Streaming way =
        out.data ? way_of(d_, out, place_, shared_.grad_x_parts, i * kSegmentSteps, true) : Streaming(place_);
    Segment& tile = shared_.gradients[0];
    with_arithmetic(in_doubles_, [&](auto by) HWY_ATTR {
      finish_segment(
          x, at.steps, shared_.states[i], [&](int j, int l, Floats dx) HWY_ATTR { store(dx, tile.at[j] + l); }, by);
    });
    if (!out.data) return;
    if (float* const first = streamed_rows(out, grad_x_, t, block_.lanes, way)) {
      return shared_.grad_x.wait(tile, first, out.stride_time, at.steps, block_.lanes, way);
    }
    store_segment(out, grad_x_, t, at.steps, block_.lanes, way, tile);
  }

  template <class Sink, class Arithmetic>
  HWY_INLINE void finish_segment(const RowsView& x, int steps, const typename Neuron::States& states, Sink sink,
                                 Arithmetic by) {
    for (int l = 0; l < block_.lanes; l += kFloats) {
      asking_.output();
      typename DecaySums<R>::OfSegment sums;
      const Floats gain = load(decays_.gain + l);
      const auto put = [&](int j, const Floats(&g)[kStates]) HWY_ATTR {
        sink(j, l, Neuron::kSpsn ? by.product(g[0], gain) : Neuron::kCuba ? g[kStates - 1] : g[0]);
        return Neuron::kSpsn ? x(j, l) : floats(0.0f);
      };
      const auto step = [&](int j, const Floats(&g)[kStates]) HWY_ATTR {
        const Floats input = put(j, g);
        Floats before[kStates];
        for (int n = 0; n < kStates; ++n) before[n] = load(states.at[n].at[j - 1] + l);
        sums.add(g, before, input, by);
      };
      const auto first = [&](const Floats(&g)[kStates]) HWY_ATTR { decay_sums_.wait_with(l, g, put(0, g)); };
      gradient_.for_gradients(steps, l, shared_.gradients, step, first, by);
      decay_sums_.wait_with(l, sums);
    }
  }

  void complete_sums(const float (&states_before)[kStates][kLanes]) {
    decay_sums_.complete(states_before, block_.lanes);
  }
  void give_sums(int64_t row_block, int64_t last_chunk) {
    decay_sums_.give(call_, grid_, block_, row_block, last_chunk);
  }

  const BackwardCall& call_;
  const spikescan_description& d_;
  const BlockGrid& grid_;
  const StripPlace place_;
  int64_t row_block_ = 0;
  LaneBlock block_;
  LaneDecays decays_;
  RowPlaces x_, grad_spikes_, grad_membrane_, grad_x_;
  Neuron neuron_;
  GradientLanes<R> gradient_;
  Shared& shared_;
  BackwardAsking asking_;
  bool in_doubles_ = false;                    // gradients are multiplied so: choose_arithmetic()
  alignas(64) float before_[kStates][kLanes];  // the states before the chunk
  DecaySums<R> decay_sums_;
};

SPIKESCAN_ELEMENT_END
