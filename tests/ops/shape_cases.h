// The cases of the shapes test: pairwise over sizes, layouts, dtypes, neurons and options. Case n is a
// function of n alone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "support/run.h"

namespace spikescan::ops {

// What a case is made of, each a choice out of kLevels.
enum Axis {
  kTime,
  kBatch,
  kChannels,
  kRecurrence,
  kRule,
  kDtype,
  kSpikesDtype,
  kMembraneDtype,
  kGradDtypes,
  kInputLayout,
  kGradLayout,
  kOutputLayout,
  kMisaligned,
  kSharedDecay,
  kSlope,     // surrogate and gradient form
  kSampling,  // generator, caller's uniforms, key in memory, origins at their largest
  kInputs,    // which optional inputs are there
  kOutputs,   // which optional outputs are there
  kAxes
};

struct Choice {
  int level[kAxes];
};

// Two levels that meet in one case.
struct Pair {
  int axis[2], level[2];
};

// The most elements of a pair of sizes, and of a case that is held against float64 in full.
constexpr int64_t kMostElements = 700000;
constexpr int64_t kMostReferenceElements = 20000;

int levels(Axis axis);
int64_t elements_of(const Choice& choice);

// All pairs that some case can hold: left out are sizes whose product alone is above kMostElements, and the rule `none`
// with spikes that cannot hold U.
std::vector<Pair> possible_pairs();

// Case n: its pair is n modulo their number, everything else is drawn.
Choice choice_of(int64_t n);
support::Case case_of(const Choice& choice, int64_t n);
std::string describe(const Choice& choice);

}  // namespace spikescan::ops
