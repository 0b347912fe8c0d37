// The same call in another form (dtypes of outputs, layouts, outputs left out) must give the canonical call's bits,
// rounded once to the form's dtypes.
#pragma once

#include "support/run.h"

namespace spikescan::support {

// The same values in float32, contiguous, aligned, every output wanted: what any other form of the case must agree
// with.
Case canonical(const Case& c);

// Zeros and ones [B, T, C] as words [B, ceil(T/32), C].
Array pack(const Array& spikes, int64_t batch, int64_t time, int64_t channels);

// What a call of the form `c` has to give, from the canonical call's outputs.
Forward in_form(const Forward& canonical, const Case& c);
Backward in_form(const Backward& canonical, const Case& c);

// Runs both passes in the form `c`; the outputs that differ from the canonical ones, or empty.
std::string form_difference(const Target& target, const Case& c, const Forward& forward, const Backward& backward);

// The part of a case, and of its outputs, that lies in a box; origins move along. States at a cut in time are the
// caller's to set. Parameter gradients and saved states are left out.
Case part_of(const Case& whole, const Box& box);
Forward part_of(const Forward& whole, const Case& c, const Box& box);
Backward part_of(const Backward& whole, const Case& c, const Box& box);

// Runs the passes of a part by itself, backward if it wants the gradient of x; the outputs that differ from the whole
// call's part of them, or empty.
std::string part_difference(const Target& target, const Case& part, const Forward& forward, const Backward& backward);

}  // namespace spikescan::support
