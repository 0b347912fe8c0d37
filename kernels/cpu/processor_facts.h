// What the passes do otherwise on some processors than on others. No result depends on it.
#pragma once

namespace spikescan {

// What is read next goes into the first-level cache; where this is false, into the second, as all else (docs/cpu.md,
// Prefetch).
extern const bool kAsksFirstLevel;

// Subnormal numbers are multiplied by microcode (docs/cpu.md, Subnormal numbers). Not constant: tests try both.
extern bool subnormals_are_slow;

}  // namespace spikescan
