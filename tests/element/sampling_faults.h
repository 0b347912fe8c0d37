// Samplers with one fault each: what the checks of sampling_checks.h are for.
#pragma once

#include <span>

#include "tests/element/sampling_checks.h"

namespace spikescan::testing {

struct SamplerFault {
  const char* name;
  Sampler sampler;
  bool shows_in_statistics;  // else only an exact check can see it: a bias of 2^-24, or numbers as good as the right
                             // ones
};

std::span<const SamplerFault> sampler_faults();

}  // namespace spikescan::testing
