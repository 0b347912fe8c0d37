// The spikes of a block's segments in a forward pass (docs/model.md, section 3): which way they are fired and written.
// Those of whole segments go from the rule to the output in registers, and so do those of less than a segment in two
// cases; all else by way of a tile.
#pragma once

#include <optional>
#include <type_traits>

#include "kernels/cpu/segment_io.h"
#include "kernels/cpu/spike_sinks.h"

SPIKESCAN_ELEMENT_BEGIN

// A block's steps before the next one's turn: each turn brings a block's tables into the first-level cache again.
constexpr int kForwardTurn = 2 * kSegmentSteps;

class ForwardSpikes {
 public:
  // How the spikes' rows go to memory, if they are no packed words.
  struct Destination {
    Streaming way;
    bool streams;   // past the caches
    bool are_bits;  // first, of rules that fire (spike_rows.h)
    float* lines;   // where float rows go past the caches and each vector is a line; else null
  };

  // `u` is scratch.
  ForwardSpikes(const ForwardCall& call, StripPlace place, RowParts<kForwardTurn>& parts, Segment& u)
      : call_(call), place_(place), parts_(parts), u_(u), philox_(random_origin(call)) {}

  HWY_INLINE void set_rows(const LaneBlock& block) {
    const spikescan_forward_args& args = call_.args;
    lanes_ = block.lanes;
    if (args.uniforms.data) uniforms_.set(args.uniforms, block);
    if (args.spikes.data) spikes_.set(args.spikes, block);
    const bool draws = draws_uniforms(call_.firing);
    if (args.spikes.data && draws && !args.uniforms.data) philox_.set_rows(block);
    in_registers_ = args.spikes.data && (!draws || (!args.uniforms.data && philox_.phase(0) == 0));
  }

  // Spikes are wanted, and draws, if there are any, are the generator's and begin at a multiple of four steps.
  bool in_registers() const { return in_registers_; }

  // A whole segment's, in registers. Its work asks for `next` beside it.
  template <class M>
  void fire(int64_t t, M m, const Asking& next) {
    with_rule(call_.firing, [&](const auto& rule) HWY_ATTR { fire_by(rule, t, m, next); });
  }

  // Where the spikes of less than a segment go if fire_part() can take it: they are bits first, or float rows of lines.
  std::optional<Destination> destination_of_part(int64_t t) const {
    if (call_.args.spikes.dtype == SPIKESCAN_BITS32) return {};
    const Destination to = destination(t);
    if (to.lines || (to.are_bits && call_.firing.rule != SPIKESCAN_NONE)) return to;
    return {};
  }
  HWY_INLINE void fire_part(int64_t t, int steps, const Destination& to, const Segment& tile, const Asking& next) {
    const TileSource m = {tile};
    with_rule(call_.firing, [&]<class Rule>(const Rule& rule) HWY_ATTR {
      const auto fire = [&](auto sink) HWY_ATTR { fire_steps(rule, t, steps, m, sink); };
      const StreamSink lines = {to.lines, call_.args.spikes.stride_time, next};
      if (to.lines) return steps % kQuarterSteps == 0 ? fire(lines) : fire(PartStreamSink{lines, steps});
#if SPIKESCAN_AVX512
      if constexpr (!std::is_same_v<Rule, NoRule>) fire_bits(t, steps, to, next, fire);
#endif
    });
  }

  // Of a tile of M, which the spikes replace.
  HWY_INLINE void fire_tile(int64_t t, int steps, Segment& m, const Asking& next) {
    const spikescan_forward_args& args = call_.args;
    const spikescan_tensor& out = args.spikes;
    if (args.uniforms.data) load_segment(args.uniforms, uniforms_, t, steps, lanes_, u_);
    const bool wants_lines = out.dtype != SPIKESCAN_BITS32 && !streams(call_.description, out.dtype);
    const Asking output = wants_lines ? Asking(out, spikes_, t, 0, 0) : next;
    const AskingTileSink sink = {m, next, output};
    fire_any(call_.firing, philox_, t, steps, lanes_, args.uniforms.data != nullptr, u_, m, sink);
    if (out.dtype != SPIKESCAN_BITS32) return store_segment(out, spikes_, t, steps, lanes_, streaming(t), m);
    words_.add(m, t, steps, lanes_);
    if (t % kPackedSteps != 0 || t + steps == call_.description.time) words_.write(out, spikes_, t, lanes_);
  }

 private:
  // As fire_steps() with all steps, but compiled as that, packed spikes took 2% longer.
  template <class Rule, class M, class Sink>
  HWY_INLINE void fire_segment(const Rule& rule, int64_t t, M m, Sink out) {
    if constexpr (Rule::kDraws) {
      fire_drawn<2, 1>(rule, philox_, t, 0, kSegmentSteps, 0, lanes_, m, out);
    } else {
      fire_alone(rule, kSegmentSteps, lanes_, m, out);
    }
  }

  template <class Rule, class M, class Sink>
  HWY_INLINE void fire_steps(const Rule& rule, int64_t t, int steps, M m, Sink out) {
    if constexpr (Rule::kDraws) {
      fire_drawn(rule, philox_, t, steps, lanes_, m, out);
    } else {
      fire_alone(rule, steps, lanes_, m, out);
    }
  }

  template <class Rule, class M>
  void fire_by(const Rule& rule, int64_t t, M m, const Asking& next) {
    const spikescan_tensor& out = call_.args.spikes;
    if constexpr (!std::is_same_v<Rule, NoRule>) {  // which has no packed spikes
      if (out.dtype == SPIKESCAN_BITS32) {
        const int shift = static_cast<int>(t % kPackedSteps);
        if (shift == 0) {
          const Asking words(out, spikes_, t / kPackedSteps, 0, 0);
          for (int l = 0; l < lanes_; l += kLineBytes / sizeof(uint32_t)) words.ask_near(0, l);
        }
        fire_segment(rule, t, m, WordSink{words_, shift, next});
        if (shift != 0 || t + kSegmentSteps == call_.description.time) words_.write(out, spikes_, t, lanes_);
        return;
      }
    }
    const Destination to = destination(t);
    if (to.lines) return fire_segment(rule, t, m, StreamSink{to.lines, out.stride_time, next});
#if SPIKESCAN_AVX512
    if constexpr (!std::is_same_v<Rule, NoRule>) {
      const auto fire = [&](auto sink) HWY_ATTR { fire_segment(rule, t, m, sink); };
      if (to.are_bits) return fire_bits(t, kSegmentSteps, to, next, fire);
    }
#endif
    fire_segment(rule, t, m, AskingTileSink{u_, next, output_of(to, t, next)});
    store_segment(out, spikes_, t, kSegmentSteps, lanes_, to.way, u_);
  }

  Destination destination(int64_t t) const {
    const spikescan_tensor& out = call_.args.spikes;
    const Streaming way = streaming(t);
    const bool together = spikes_.together();
    const auto bytes = static_cast<int64_t>(dtype_bytes(out.dtype)), stride_bytes = out.stride_time * bytes;
    auto* first = static_cast<char*>(out.data) + (spikes_.first(0) + t * out.stride_time) * bytes;
    const int64_t row_bytes = (together ? lanes_ : spikes_.run()) * bytes;
    const bool runs = way.long_run(out.stride_time, spikes_, lanes_, static_cast<size_t>(bytes)) > 0;
    const bool squares =
        way.last && is_transposed(spikes_, out.stride_time) && out.dtype == SPIKESCAN_FLOAT32 && on_lines(first, 0);
    const bool streams = runs || squares || way.wanted(first, stride_bytes, row_bytes, together);
    const bool are_bits = SPIKESCAN_AVX512 && (runs || !spikes_.written_alone());
    return {way, streams, are_bits, streams ? whole_lines(out, spikes_, t, lanes_) : nullptr};
  }
  // What to ask for beside the inputs: a streaming store wants no line.
  Asking output_of(const Destination& to, int64_t t, const Asking& next) const {
    return to.streams ? next : Asking(call_.args.spikes, spikes_, t, 0, 0);
  }

#if SPIKESCAN_AVX512
  // `fire`: fires into the sink that it is passed.
  template <class Fire>
  HWY_INLINE void fire_bits(int64_t t, int steps, const Destination& to, const Asking& next, Fire fire) {
    SpikeRows bits = {};
    fire(RowSink{bits, next, output_of(to, t, next)});
    bits.write(call_.args.spikes, spikes_, t, steps, lanes_, to.way);
  }
#endif

  Streaming streaming(int64_t t) const {
    return way_of(call_.description, call_.args.spikes, place_, parts_, static_cast<int>(t % kForwardTurn), false);
  }

  const ForwardCall& call_;
  const StripPlace place_;
  RowParts<kForwardTurn>& parts_;
  Segment& u_;
  int lanes_ = 0;
  VectorPhilox philox_;
  RowPlaces uniforms_, spikes_;
  SpikeWords words_;
  bool in_registers_ = false;
};

SPIKESCAN_ELEMENT_END
