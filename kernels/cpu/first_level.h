// Into which cache the passes ask for memory that they will read soon.
#pragma once

namespace spikescan {

// What is read next goes into the first-level cache; where this is false, into the second, as all else (docs/cpu.md,
// Prefetch). A fact about the processor, on which no result depends.
extern const bool kAsksFirstLevel;

}  // namespace spikescan
