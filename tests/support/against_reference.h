// A backend held against the float64 reference: membranes, spikes and gradients within the accuracy that the
// specification promises. Cases must be canonical: float32 throughout.
#pragma once

#include "reference/passes.h"
#include "support/run.h"

namespace spikescan::support {

reference::Problem problem_of(const Case& c);
reference::Incoming incoming_of(const Case& c);

// The uniforms that a Bernoulli rule draws.
std::vector<double> uniforms_of(const Case& c);

// The largest error in units of 2^-24 of each sum's magnitude. Infinity where a NaN or an infinity is not the same.
double worst_error(const Array& got, const reference::Sum& want);

// What float32 made of a forward call: membrane and U, seen through the rule `none`, and the spikes.
struct Seen {
  Forward call;    // of the case itself
  Array distance;  // U = M - threshold of every element
};
Seen run_forward(const Target& target, const Case& c);

struct Report {
  double membrane = 0, distance = 0, gradient = 0;  // worst errors in units
  int64_t elements = 0, ties = 0, spikes = 0, nonzero_gradients = 0;
};

// Each runs `c` and holds what it gives against the reference.
Report expect_states(const Target& target, const Case& c);  // V, and U where the rule is `none`
Report expect_reference(const Target& target, const Case& c, const std::string& label);  // everything, both passes

// Parts of it, for tests that look closer.
void expect_states(const Case& c, const Seen& seen, Report& report);
void expect_spikes(const Case& c, const Seen& seen, Report& report);
reference::Gradients reference_gradients(const Case& c, const Seen& seen);

}  // namespace spikescan::support
