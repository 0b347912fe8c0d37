// Firing over one segment of a block: uniforms (the generator's or the caller's) and the rule.
#pragma once

#include "kernels/cpu/lane_block.h"
#include "kernels/cpu/vector_firing.h"
#include "kernels/cpu/vector_philox.h"

SPIKESCAN_ELEMENT_BEGIN

constexpr float kUniformScale = 16777216.0f;  // 2^24: the generator's word counts as it is

// A segment's M is a tile, or had from m.at(q, i, l), kFloats rows from l on at step i of quarter q, in the innermost
// loop. Its spikes go to a sink (spike_sinks.h), which may be the same tile.
struct TileSource {
  const Segment& tile;
  HWY_INLINE Floats at(int q, int i, int l) const { return load(tile.at[q * kQuarterSteps + i] + l); }
};

template <class Sink, class Spikes>
HWY_INLINE void ask_and_put(Sink& out, int j, int l, Spikes spikes) {
  out.ask(j, l);
  out.put(j, l, spikes);
}

// A rule that draws nothing. Calls m and out for whole quarters, so also for rows past the last step.
template <class Rule, class Source, class Sink>
HWY_INLINE void fire_alone(const Rule& rule, int steps, int lanes, Source m, Sink out) {
  if constexpr (Sink::kStreams) {  // whole rows; such a sink's end() does nothing
    for (int j = 0; j < steps; j += kQuarterSteps) {
#pragma GCC unroll 4
      for (int i = 0; i < kQuarterSteps; ++i) {
#pragma GCC unroll 4
        for (int l = 0; l < lanes; l += kFloats) {
          ask_and_put(out, j + i, l, rule.spike(m.at(j / kQuarterSteps, i, l)));
        }
      }
    }
    return;
  }
  for (int l = 0; l < lanes; l += kFloats) {
    for (int j = 0; j < steps; j += kQuarterSteps) {
#pragma GCC unroll 4
      for (int i = 0; i < kQuarterSteps; ++i) {
        ask_and_put(out, j + i, l, rule.spike(m.at(j / kQuarterSteps, i, l)));
      }
    }
    out.end(l);
  }
}

template <class Rule, class Sink>
HWY_INLINE void fire_given(const Rule& rule, const Segment& u, int steps, int lanes, const Segment& m, Sink out) {
  for (int l = 0; l < lanes; l += kFloats) {
    for (int j = 0; j < steps; ++j) {
      ask_and_put(out, j, l, rule.spike(rule.odds(load(m.at[j] + l)), load(u.at[j] + l)));
    }
    out.end(l);
  }
}

// Of kFloats rows from l on, the quarter from step j on.
template <class Rule, class Source, class Sink>
HWY_INLINE void fire_quarter(const Rule& rule, const Words* drawn, int j, int l, Source m, Sink& out) {
  static_assert(kFour == kQuarterSteps);
  // Of four lines asked for in a row the last came too late. Beside stores past the caches, in turns, none did.
  constexpr bool kAsksBetween = !Sink::kStreams;
  Four membrane, uniforms;
  if (kAsksBetween) out.ask(j, l);
#pragma GCC unroll 4
  for (int i = 0; i < kFour; ++i) membrane.at[i] = m.at(j / kQuarterSteps, i, l);
  if (kAsksBetween) out.ask(j + 1, l);
  const auto odds = rule.odds(membrane);
  if (kAsksBetween) out.ask(j + 2, l);
#pragma GCC unroll 4
  for (int i = 0; i < kFour; ++i) uniforms.at[i] = to_scaled_uniform(drawn[i]);
  const auto spikes = rule.spike(odds, uniforms);
  if (kAsksBetween) out.ask(j + 3, l);
#pragma GCC unroll 4
  for (int i = 0; i < kFour; ++i) {
    if (!kAsksBetween) out.ask(j + i, l);
    out.put(j + i, l, spikes.at[i]);
  }
}

// Steps begin ... end - 1 of a segment that starts at a multiple of four, as `begin` is one, of the lanes from `l` on.
// Draws for kTimes quarters of kVectors vectors at once; calls m and out for whole ones, so also for rows past the last
// step.
template <int kTimes, int kVectors, class Rule, class Source, class Sink>
HWY_INLINE void fire_drawn(const Rule& call_rule, const VectorPhilox& philox, int64_t t, int begin, int end, int l,
                           int lanes, Source m, Sink out) {
  constexpr int kQuarters = kSegmentSteps / kPhiloxSteps;
  static_assert(kQuarterSteps == kPhiloxSteps);
  const Rule rule = call_rule;  // in registers
  PhiloxTime times[kQuarters];
  for (int i = begin / kPhiloxSteps; kPhiloxSteps * i < end; ++i) philox.at_time(t + kPhiloxSteps * i, times[i]);
  for (; l < lanes; l += kVectors * kFloats) {
    for (int j = begin; j < end; j += kTimes * kPhiloxSteps) {
      Words drawn[kPhiloxSteps * kTimes * kVectors];
      // Keys are read where they are needed: hoisted out of the loop they would only be spilled.
      __atomic_signal_fence(__ATOMIC_SEQ_CST);
      philox.draw<kTimes, kVectors>(times + j / kPhiloxSteps, l, drawn);
#pragma GCC unroll 1
      for (int i = 0; i < kTimes * kVectors; ++i) {
        fire_quarter(rule, drawn + kPhiloxSteps * i, j + i % kTimes * kPhiloxSteps, l + i / kTimes * kFloats, m, out);
      }
    }
    for (int v = 0; v < kVectors; ++v) out.end(l + v * kFloats);
  }
}

// Where a call starts between multiples of four.
inline void draw_shifted(const VectorPhilox& philox, int64_t t, int steps, int lanes, Segment& u) {
  for (int l = 0; l < lanes; l += kFloats) {
    for (int first = -philox.phase(t); first < steps; first += 4) {
      Words drawn[4];
      PhiloxTime time;
      philox.at_time(t + first, time);
      philox.draw<1, 1>(&time, l, drawn);
      for (int i = 0; i < 4; ++i) {
        if (first + i >= 0 && first + i < steps) store(to_scaled_uniform(drawn[i]), u.at[first + i] + l);
      }
    }
  }
}

// All of a segment's steps: draws go two at a time, of a quarter that is left those of two vectors.
template <class Rule, class Source, class Sink>
HWY_INLINE void fire_drawn(const Rule& rule, const VectorPhilox& philox, int64_t t, int steps, int lanes, Source m,
                           Sink out) {
  const int in_pairs = (steps + 3) / 8 * 8;
  const int vectors = (lanes + kFloats - 1) / kFloats, paired_lanes = vectors / 2 * (2 * kFloats);
  fire_drawn<2, 1>(rule, philox, t, 0, in_pairs, 0, lanes, m, out);
  if (in_pairs >= steps) return;
  fire_drawn<1, 2>(rule, philox, t, in_pairs, steps, 0, paired_lanes, m, out);
  fire_drawn<1, 1>(rule, philox, t, in_pairs, steps, paired_lanes, lanes, m, out);
}

template <class Rule, class Sink>
void fire_by_generator(const Firing& f, const VectorPhilox& philox, int64_t t, int steps, int lanes, Segment& u,
                       const Segment& m, Sink to) {
  const Rule rule(f, kUniformScale);
  if (philox.phase(t) == 0) return fire_drawn(rule, philox, t, steps, lanes, TileSource{m}, to);
  draw_shifted(philox, t, steps, lanes, u);
  fire_given(rule, u, steps, lanes, m, to);
}

// Any rule and source of uniforms; `to` is no sink of words, since its end() may come twice. `given`: u holds the
// caller's uniforms; else u is scratch. A function of its own: beside the loops of whole segments its code made those
// slower.
template <class Sink>
HWY_NOINLINE void fire_any(const Firing& f, const VectorPhilox& philox, int64_t t, int steps, int lanes, bool given,
                           Segment& u, const Segment& m, Sink to) {
  switch (f.rule) {
    case SPIKESCAN_SIGMOID_BERNOULLI:
      return given ? fire_given(SigmoidRule(f, 1.0f), u, steps, lanes, m, to)
                   : fire_by_generator<DrawnSigmoidRule>(f, philox, t, steps, lanes, u, m, to);
    case SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI:
      return given ? fire_given(RefractoryRule(f, 1.0f), u, steps, lanes, m, to)
                   : fire_by_generator<RefractoryRule>(f, philox, t, steps, lanes, u, m, to);
    case SPIKESCAN_HEAVISIDE:
      return fire_alone(HeavisideRule(f), steps, lanes, TileSource{m}, to);
    default:
      return fire_alone(NoRule(f), steps, lanes, TileSource{m}, to);
  }
}

// use(rule) with the call's rule, for the generator's words as they are.
template <class Use>
HWY_INLINE void with_rule(const Firing& f, Use use) {
  switch (f.rule) {
    case SPIKESCAN_SIGMOID_BERNOULLI:
      return use(DrawnSigmoidRule(f, kUniformScale));
    case SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI:
      return use(RefractoryRule(f, kUniformScale));
    case SPIKESCAN_HEAVISIDE:
      return use(HeavisideRule(f));
    default:
      return use(NoRule(f));
  }
}

SPIKESCAN_ELEMENT_END
