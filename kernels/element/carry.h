// The linear map that carries a state over n steps, and the float32 response of one step to a carried-in state.
// N = 1: s' = a s.  N = 2, lower triangular: s0' = a s0, s1' = m s0 + b s1. Powers are made in double in one fixed
// order (squares, low bit first) and rounded once (docs/reproducibility.md).
#pragma once

#include "kernels/element/chunking.h"
#include "kernels/element/real.h"

SPIKESCAN_ELEMENT_BEGIN

template <int N>
struct Map {
  double a, m, b;
};

// One state: m and b are neither stored nor computed.
template <>
struct Map<1> {
  double a;
};

// How the float32 output of a step depends on the state carried into its quarter.
template <int N>
struct Response {
  float a, m, b;
};

template <>
struct Response<1> {
  float a;
};

SPIKESCAN_HD Map<1> compose(const Map<1>& x, const Map<1>& y) {
  return {x.a * y.a};
}
SPIKESCAN_HD Map<2> compose(const Map<2>& x, const Map<2>& y) {
  return {x.a * y.a, fused(x.m, y.a, x.b * y.m), x.b * y.b};
}

SPIKESCAN_HD void set_identity(Map<1>& map) {
  map.a = 1.0;
}
SPIKESCAN_HD void set_identity(Map<2>& map) {
  map.a = 1.0;
  map.m = 0.0;
  map.b = 1.0;
}

// A positive decay's power never underflows to zero: 0 * infinity would turn an infinite state into NaN.
constexpr double kLeastDouble = 4.9406564584124654e-324;
SPIKESCAN_HD double keep_positive(double power, double base) {
  return power == 0.0 && base > 0.0 ? kLeastDouble : power;
}
SPIKESCAN_HD void keep_positive(Map<1>& power, const Map<1>& base) {
  power.a = keep_positive(power.a, base.a);
}
SPIKESCAN_HD void keep_positive(Map<2>& power, const Map<2>& base) {
  power.a = keep_positive(power.a, base.a);
  power.m = keep_positive(power.m, base.m);
  power.b = keep_positive(power.b, base.b);
}

// Then keep_positive() has nothing to do.
SPIKESCAN_HD bool is_positive(const Map<1>& power) {
  return power.a > 0.0;
}
SPIKESCAN_HD bool is_positive(const Map<2>& power) {
  return power.a > 0.0 && power.m > 0.0 && power.b > 0.0;
}

// Of Map<N>, or of a vector of maps (kernels/cpu/decay_tables.h).
template <class AnyMap>
SPIKESCAN_HD AnyMap power(const AnyMap& base, int exponent) {
  AnyMap result;
  set_identity(result);
  if (exponent == 0) return result;
  AnyMap square = base;
  bool empty = true;
  for (int e = exponent;;) {
    if (e & 1) {
      result = empty ? square : compose(square, result);
      empty = false;
    }
    e >>= 1;
    if (e == 0) break;
    square = compose(square, square);
  }
  keep_positive(result, base);
  return result;
}

SPIKESCAN_HD float round_power(double power) {
  const float rounded = static_cast<float>(power);
  return power > 0.0 && rounded == 0.0f ? 1.40129846e-45f : rounded;
}

// Forward in time a step's output holds the state after it: step j of a quarter answers with M^(j+1).
SPIKESCAN_HD Response<1> state_response(const Map<1>& power) {
  return {round_power(power.a)};
}
SPIKESCAN_HD Response<2> state_response(const Map<2>& power) {
  return {round_power(power.a), round_power(power.m), round_power(power.b)};
}

// Backward in time a step's output is the gradient before the decay is applied: G = g + s0, Q = G + s1, so the
// step reached after n others answers with a^n, a^n + m_n, b^n.
SPIKESCAN_HD Response<1> gradient_response(const Map<1>& power) {
  return {round_power(power.a)};
}
SPIKESCAN_HD Response<2> gradient_response(const Map<2>& power) {
  return {round_power(power.a), round_power(power.a + power.m), round_power(power.b)};
}

// out = map * state + added, in double, for a map over one step or more; `added` is float or double. `out` may be
// `state`.
template <class T>
SPIKESCAN_HD void advance(const Map<1>& map, const double (&state)[1], const T (&added)[1], double (&out)[1]) {
  out[0] = fused(map.a, state[0], static_cast<double>(added[0]));
}
template <class T>
SPIKESCAN_HD void advance(const Map<2>& map, const double (&state)[2], const T (&added)[2], double (&out)[2]) {
  out[1] = fused(map.b, state[1], fused(map.m, state[0], static_cast<double>(added[1])));
  out[0] = fused(map.a, state[0], static_cast<double>(added[0]));
}

// The same also over no steps: the identity's m is 0, and 0 * infinity would turn a finite or infinite second state
// into NaN.
template <class T>
SPIKESCAN_HD void advance_or_stay(const Map<1>& map, const double (&state)[1], const T (&added)[1], double (&out)[1]) {
  advance(map, state, added, out);
}
template <class T>
SPIKESCAN_HD void advance_or_stay(const Map<2>& map, const double (&state)[2], const T (&added)[2], double (&out)[2]) {
  const double coupled = map.m != 0.0 ? fused(map.m, state[0], static_cast<double>(added[1])) : added[1];
  out[1] = fused(map.b, state[1], coupled);
  out[0] = fused(map.a, state[0], static_cast<double>(added[0]));
}

// What a segment's own steps leave, from what its quarters leave, in the scan's order: M^4 of what the quarters before
// leave, plus this one's.
template <int N>
SPIKESCAN_HD void join_quarters(const Map<N>& quarter_map, const float (&left)[kSegmentQuarters][N],
                                double (&joined)[N]) {
  for (int n = 0; n < N; ++n) joined[n] = left[0][n];
  for (int i = 1; i < kSegmentQuarters; ++i) advance(quarter_map, joined, left[i], joined);
}

// One link of the chain over the segments of a chunk: d' = M^16 d + local, from d = 0 at the chunk's start. It stays in
// double: rounded at every segment, a constant input at a decay of 1 drifts by 18 * 2^-24 of its sum within a chunk.
template <int N>
SPIKESCAN_HD void advance_segment(const Map<N>& segment_map, double (&d)[N], const double (&local)[N]) {
  advance(segment_map, d, local, d);
}

// The state carried into a segment, M^(steps since the chunk's edge) c + d; into its next quarter, over the steps of
// the one before; `has_steps`: that one is known to have some. A quarter's entry is this in float32.
template <int N>
SPIKESCAN_HD void enter_segment(const Map<N>& map, const double (&carry)[N], const double (&d)[N], double (&state)[N]) {
  advance_or_stay(map, carry, d, state);
}
template <int N>
SPIKESCAN_HD void enter_quarter(const Map<N>& map_before, bool has_steps, const float (&left_before)[N],
                                double (&state)[N]) {
  has_steps ? advance(map_before, state, left_before, state) : advance_or_stay(map_before, state, left_before, state);
}
template <int N>
SPIKESCAN_HD void round_entry(const double (&state)[N], float (&entry)[N]) {
  for (int n = 0; n < N; ++n) entry[n] = static_cast<float>(state[n]);
}

// What a chunk publishes of its chain.
template <int N>
SPIKESCAN_HD void round_aggregate(const double (&d)[N], float (&aggregate)[N]) {
  for (int n = 0; n < N; ++n) aggregate[n] = round_to_float(d[n]);
}

// One link of the chain over chunks: c' = M^steps c + aggregate, in double; rounded to float32 where a call may be cut.
// `aggregate`: floats, which memory may hold as doubles.
template <int N, class T>
SPIKESCAN_HD void advance_chunk(const Map<N>& chunk_map, double (&carry)[N], const T (&aggregate)[N], bool at_split) {
  advance(chunk_map, carry, aggregate, carry);
  if (at_split) {
    for (int n = 0; n < N; ++n) carry[n] = round_to_float(carry[n]);
  }
}

// A step's output: its local value plus the response to the state carried into its quarter.
SPIKESCAN_HD void respond(const Response<1>& r, const float (&entry)[1], float (&value)[1]) {
  value[0] = fused(r.a, entry[0], value[0]);
}
SPIKESCAN_HD void respond(const Response<2>& r, const float (&entry)[2], float (&value)[2]) {
  value[1] = fused(r.b, entry[1], fused(r.m, entry[0], value[1]));
  value[0] = fused(r.a, entry[0], value[0]);
}

SPIKESCAN_ELEMENT_END
