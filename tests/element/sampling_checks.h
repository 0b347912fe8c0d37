// Checks of the random numbers and of the spikes made from them (docs/model.md, section 3), written over a Sampler so
// that they can be run against the library's own and against faulty ones.
#pragma once

#include <string>
#include <vector>

#include "tests/element/lane_sampler.h"

namespace spikescan::testing {

// The two steps between an element's place and its spike, as the CPU backend takes them.
struct Sampler {
  void (*draw)(const RandomOrigin& origin, int64_t b, int64_t t, int64_t c, int steps, Segment& u);
  void (*fire)(const Firing& f, const Segment& u, int steps, Segment& m);
};
Sampler library_sampler();

// A number that is close to a standard normal where the sampler is right; the seeds are fixed, so it never varies.
struct Statistic {
  std::string name;
  double z;
};
std::vector<Statistic> statistics(const Sampler& sampler);

// What has one right answer: known uniforms, ties, pinned counts. Each failure is a sentence.
std::vector<std::string> exact_failures(const Sampler& sampler);

// Spikes of pinned configuration `index`; -1 past the last one.
int64_t pinned_spikes(const Sampler& sampler, int index);

}  // namespace spikescan::testing
