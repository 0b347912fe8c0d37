// `spikescan-bench compare A B`: what changed between two records or two builds, and what of it is noise.
// Rule: a median may be off by its half-width, half of the 10th to 90th percentile of its samples; with several runs of
// a build also half of what lies between the runs' medians. A change is noise where it is within both half-widths
// together.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "json.h"

namespace spikescan::bench {

struct Median {
  double seconds;
  std::optional<double> half_width;  // none where there were too few samples
};
using Medians = std::map<std::string, Median>;  // by the case's name

// Of a record, or of what `run --json` wrote; cases that were not measured are left out. Nothing where it is neither.
std::optional<Medians> medians_of(const Json& document);

// Several runs of the same build: the median of the medians.
Medians pool(const std::vector<Medians>& runs);

enum class Verdict { kFaster, kSlower, kNoise, kUnknown };
Verdict judge(const Median& a, const Median& b);

// Changes beyond noise, the largest first, then the counts.
std::string compare(const Medians& a, const Medians& b);

struct CompareOptions {
  std::string a, b;    // records (.json), shared libraries (.so) or build folders
  std::string filter;  // of builds: which cases are run
  std::string shapes;
  double min_time = 0.1;
  int rounds = 3;
};
int run_compare(const CompareOptions& options);

}  // namespace spikescan::bench
