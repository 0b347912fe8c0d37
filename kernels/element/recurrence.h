// The steps of docs/model.md, sections 1 and 2, from a zero state, forward (state) and backward (gradient) in time.
// Every pass of every neuron is one or two of these four scans: lif and spsn use order 1, cuba_lif order 2 (I before V
// forward, V's gradient before I's backward), psu_lif order 1 twice with the same decay.
#pragma once

#include "kernels/element/carry.h"

SPIKESCAN_ELEMENT_BEGIN

// Decays are clipped to [0, 1]; NaN stays NaN.
SPIKESCAN_HD float clip_decay(float raw) {
  return raw < 0.0f ? 0.0f : (raw > 1.0f ? 1.0f : raw);
}
SPIKESCAN_HD bool decay_has_gradient(float raw) {
  return !(raw < 0.0f || raw > 1.0f);
}
// What of the gradient of a channel's clipped decay reaches the raw one; `decays` is null where there are no steps.
SPIKESCAN_HD float clipped_gradient(const float* decays, int64_t channel, double gradient) {
  return decays && decay_has_gradient(decays[channel]) ? static_cast<float>(gradient) : 0.0f;
}
// spsn: what x is multiplied by.
SPIKESCAN_HD float input_gain(float beta) {
  return 1.0f - beta;
}

// The decays of one channel in the order of the scan's states.
template <int N>
struct Decays {
  float first, second;
};

SPIKESCAN_HD Map<1> state_map(const Decays<1>& d) {
  return {d.first};
}
// V' = second V + first I + x.
SPIKESCAN_HD Map<2> state_map(const Decays<2>& d) {
  return {d.first, d.first, d.second};
}
SPIKESCAN_HD Map<1> gradient_map(const Decays<1>& d) {
  return {d.first};
}
// s1' = second (s1 + s0 + g).
SPIKESCAN_HD Map<2> gradient_map(const Decays<2>& d) {
  return {d.first, d.second, d.second};
}

// Forward: s becomes the state after the step, which is also the step's output.
SPIKESCAN_HD void step_state(const Decays<1>& d, float input, float (&s)[1], float (&output)[1]) {
  s[0] = fused(d.first, s[0], input);
  output[0] = s[0];
}
SPIKESCAN_HD void step_state(const Decays<2>& d, float input, float (&s)[2], float (&output)[2]) {
  s[0] = fused(d.first, s[0], input);
  s[1] = fused(d.second, s[1], s[0]);
  output[0] = s[0];
  output[1] = s[1];
}

// Backward: output is the gradient at the step (G; then Q), s the gradient with respect to the state before it.
SPIKESCAN_HD void step_gradient(const Decays<1>& d, float input, float (&s)[1], float (&output)[1]) {
  output[0] = input + s[0];
  s[0] = d.first * output[0];
}
SPIKESCAN_HD void step_gradient(const Decays<2>& d, float input, float (&s)[2], float (&output)[2]) {
  output[0] = input + s[0];
  s[0] = d.first * output[0];
  output[1] = output[0] + s[1];
  s[1] = d.second * output[1];
}

// From a zero state, of which nothing need be multiplied.
SPIKESCAN_HD void start_state(const Decays<1>&, float input, float (&s)[1], float (&output)[1]) {
  s[0] = output[0] = input;
}
SPIKESCAN_HD void start_state(const Decays<2>&, float input, float (&s)[2], float (&output)[2]) {
  s[0] = s[1] = output[0] = output[1] = input;
}

// One scan as a type: direction picks map, step and response. `reached` counts the quarter's steps taken before;
// leaves_split() says whether the state that leaves a chunk crosses a place where a call may be cut; quarter() is the
// quarter of a segment that the scan takes i-th.
template <int N>
struct StateScan {
  static constexpr int kOrder = N;
  static constexpr bool kReverse = false;
  SPIKESCAN_HD static Map<N> map(const Decays<N>& d) { return state_map(d); }
  SPIKESCAN_HD static void step(int reached, const Decays<N>& d, float input, float (&s)[N], float (&output)[N]) {
    reached == 0 ? start_state(d, input, s, output) : step_state(d, input, s, output);
  }
  SPIKESCAN_HD static int response_exponent(int reached) { return reached + 1; }
  SPIKESCAN_HD static bool leaves_split(int64_t chunk) { return (chunk + 1) % kSplitChunks == 0; }
  SPIKESCAN_HD static constexpr int quarter(int i) { return i; }
  SPIKESCAN_HD static Response<N> response(const Map<N>& power) { return state_response(power); }
};

template <int N>
struct GradientScan {
  static constexpr int kOrder = N;
  static constexpr bool kReverse = true;
  SPIKESCAN_HD static Map<N> map(const Decays<N>& d) { return gradient_map(d); }
  SPIKESCAN_HD static void step(int, const Decays<N>& d, float input, float (&s)[N], float (&output)[N]) {
    step_gradient(d, input, s, output);
  }
  SPIKESCAN_HD static int response_exponent(int reached) { return reached; }
  SPIKESCAN_HD static bool leaves_split(int64_t chunk) { return chunk % kSplitChunks == 0; }
  SPIKESCAN_HD static constexpr int quarter(int i) { return kSegmentQuarters - 1 - i; }
  SPIKESCAN_HD static Response<N> response(const Map<N>& power) { return gradient_response(power); }
};

SPIKESCAN_ELEMENT_END
