// The two passes of docs/model.md, sections 1 and 2, in float64, step by step. Tensors are [B, T, C], states and
// initial values [B, C], in plain vectors; an empty vector is an absent input. Beside every result stands its
// magnitude: the same sum over the absolute values of its terms, which is what the promised accuracy is relative to.
#pragma once

#include <cstdint>
#include <vector>

#include "reference/rules.h"

namespace spikescan::reference {

using Values = std::vector<double>;

struct Problem {
  spikescan_recurrence recurrence;
  Rule rule;
  bool shared_decay;
  int64_t batch, time, channels;
  Values x, beta, alpha;  // decays unclipped, [C] or [1]
  Values initial[2];      // V; then I or R

  int64_t at(int64_t b, int64_t t, int64_t c) const { return (b * time + t) * channels + c; }
  bool has_second() const { return recurrence == SPIKESCAN_CUBA_LIF || recurrence == SPIKESCAN_PSU_LIF; }
};

struct Sum {
  Values value, magnitude;
};

// V, and I or R (empty for lif and spsn), after each step.
struct States {
  Sum membrane, second;
};
States states_of(const Problem& problem);

// R where the membrane is given: a float32 membrane moves R by more than R's own rounding. The magnitude of a term is
// sigmoid(V) and what a relative change of V does to it, |V| s (1 - s).
Sum refractory_of(const Problem& problem, const Values& membrane);

// The states after the last step, [B, C]; the initial ones where there is no step.
Sum final_state(const Problem& problem, const States& states, int which);

// M - threshold, what the firing rule is a function of.
Values distance_of(const Problem& problem, const States& states);

struct Incoming {
  Values spikes, membrane, final_state[2];
};

// The point where the nonlinear terms are taken: the rule's U, and V for the derivative of sigmoid(V). A test hands in
// what the float32 pass saw. `slack`, where given, is added to |dS/dM| in the magnitudes: the rule's own rounding.
struct Point {
  Values distance, membrane, slack;
};

struct Gradients {
  Sum x, beta, alpha, initial[2];
};
Gradients gradients_of(const Problem& problem, const States& states, const Point& point, const Incoming& incoming);

}  // namespace spikescan::reference
