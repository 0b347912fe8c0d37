// Settles a segment of a neuron's states: the last scan's rows, local until then, take what was carried into each
// quarter, and M of each step is there for whoever reads it.
#pragma once

#include "kernels/cpu/segment_states.h"

SPIKESCAN_ELEMENT_BEGIN

constexpr int kAbreast = 4;  // vectors

// Step j, before which its quarter has `reached` steps; M.
template <class Response, spikescan_recurrence R>
HWY_INLINE Floats settle_step(const Response& response, int j, int reached, int l, SegmentStates<R>& states) {
  using Neuron = NeuronScans<R>;
  float* const v = states.at[0].at[j] + l;
  if constexpr (Neuron::kPsu) {
    float* const r = states.at[1].at[j] + l;
    const Floats settled = response(0, reached, load(r));
    store(settled, r);
    return load(v) - settled;
  } else {
    const Floats settled = response(Neuron::kCuba ? 1 : 0, reached, load(v));
    if constexpr (Neuron::kCuba) {
      float* const current = states.at[1].at[j] + l;
      store(response(0, reached, load(current)), current);
    }
    store(settled, v);
    return settled;
  }
}

// A step is ended when the next one has begun: operations that wait for each other, a division among them, are fewer in
// a row then, and a processor sees further ahead.
template <class Scan, spikescan_recurrence R, class Begin, class End, class Before>
HWY_INLINE void settle_abreast(const Scan& scan, int steps, int l, SegmentStates<R>& states, Begin& begin, End& end,
                               Before& before) {
  Floats begun[kAbreast];
  for (Floats& of_vector : begun) of_vector = floats(0.0f);
  const auto settle_quarter = [&](const auto& quarter, const auto& responses) HWY_ATTR {
    before();
    for (int j = quarter.end - 1; j >= quarter.begin; --j) {
#pragma GCC unroll 4
      for (int v = 0; v < kAbreast; ++v) {
        const int at = l + v * kFloats;
        const Floats next = begin(j, at, settle_step(responses(v), j, quarter.reached(j), at, states));
        if (j + 1 < steps) end(j + 1, at, begun[v]);
        begun[v] = next;
      }
    }
  };
  scan.template for_quarters_abreast<kAbreast>(states.last_entry(), steps, l, settle_quarter);
  for (int v = 0; v < kAbreast; ++v) end(0, l + v * kFloats, begun[v]);
}

template <class Scan, spikescan_recurrence R, class Begin, class End>
HWY_INLINE void settle_vector(const Scan& scan, int steps, int l, SegmentStates<R>& states, Begin& begin, End& end) {
  if (states.settled) {
    for (int j = steps - 1; j >= 0; --j) end(j, l, begin(j, l, states.rule_input(j, l)));
    return;
  }
  scan.for_quarters(states.last_entry(), steps, l, [&](const auto& quarter, const auto& response) HWY_ATTR {
    for (int j = quarter.end - 1; j >= quarter.begin; --j) {
      end(j, l, begin(j, l, settle_step(response, j, quarter.reached(j), l, states)));
    }
  });
}

// `scan`: the last one of the neuron. begin(j, l, m) sees M of each step of kFloats rows, the last one first: backward
// goes on to earlier steps, and a processor that fetches ahead on its own then fetches what is needed. What it returns
// goes to end(j, l, begun). `abreast`: several vectors of a step before the next step, as memory lies that these read;
// a bool, or std::false_type. before() comes before about a quarter of the work.
template <class Scan, spikescan_recurrence R, class Abreast, class Begin, class End, class Before>
HWY_INLINE void settle_segment(const Scan& scan, int steps, int lanes, SegmentStates<R>& states, Abreast abreast,
                               Begin begin, End end, Before before) {
  int l = 0;
  if (abreast && !states.settled) {
    for (; l + kAbreast * kFloats <= lanes; l += kAbreast * kFloats) {
      settle_abreast(scan, steps, l, states, begin, end, before);
    }
  }
  for (; l < lanes; l += kFloats) {
    before();
    settle_vector(scan, steps, l, states, begin, end);
  }
  states.settled = true;
}

SPIKESCAN_ELEMENT_END
