// Which combinations a process has really run, so that a list that loses one is noticed.
#pragma once

#include <set>
#include <string>

#include "support/run.h"

namespace spikescan::support {

// "cuba_lif heaviside bfloat16 -> bits32 on cpu"
std::string combination(const Target& target, const Case& c);

void note_run(const Target& target, const Case& c);
const std::set<std::string>& combinations_run();

// What is in `wanted` and not in `run`, one a line.
std::string missing(const std::set<std::string>& wanted, const std::set<std::string>& run);

const char* name_of(spikescan_recurrence recurrence);
const char* name_of(spikescan_rule rule);
const char* name_of(spikescan_dtype dtype);

constexpr spikescan_recurrence kRecurrences[] = {SPIKESCAN_LIF, SPIKESCAN_SPSN, SPIKESCAN_CUBA_LIF, SPIKESCAN_PSU_LIF};
constexpr spikescan_rule kRules[] = {SPIKESCAN_SIGMOID_BERNOULLI, SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI,
                                     SPIKESCAN_HEAVISIDE, SPIKESCAN_NONE};
constexpr spikescan_surrogate kSurrogates[] = {SPIKESCAN_ARCTAN, SPIKESCAN_SUPERSPIKE, SPIKESCAN_TRIANGULAR,
                                               SPIKESCAN_BOXCAR, SPIKESCAN_TANH};
constexpr spikescan_dtype kFloatDtypes[] = {SPIKESCAN_FLOAT32, SPIKESCAN_FLOAT16, SPIKESCAN_BFLOAT16};
constexpr spikescan_dtype kSpikeDtypes[] = {SPIKESCAN_FLOAT32, SPIKESCAN_FLOAT16, SPIKESCAN_BFLOAT16, SPIKESCAN_UINT8,
                                            SPIKESCAN_BITS32};

// The rule `none` writes U, which needs a floating dtype.
constexpr bool can_spike_as(spikescan_rule rule, spikescan_dtype dtype) {
  return rule != SPIKESCAN_NONE || (dtype != SPIKESCAN_UINT8 && dtype != SPIKESCAN_BITS32);
}

}  // namespace spikescan::support
