// What `spikescan-bench run` is asked to measure, and the list of cases that follows from it.
#pragma once

#include <string>
#include <vector>

#include "../support/scan_case.h"

namespace spikescan::bench {

// What a row is for; the first is the default of a run.
inline constexpr const char* kSeries[] = {"suite",
                                          "time_vs_length",
                                          "constant_elements",
                                          "share_vs_rows",
                                          "share_vs_channels",
                                          "share_vs_steps",
                                          "steps_time_first",
                                          "few_rows",
                                          "with_membrane",
                                          "steep",
                                          "silent",
                                          "error",
                                          "limits"};

struct RunOptions {
  std::vector<std::string> backends, dtypes, recurrences, series;  // names; empty: all that there are
  std::vector<Shape> shapes;                                       // of the suite; empty: the defaults
  std::string filter, json;
  double min_time = 0.25;    // seconds of samples a case
  double seconds = 1e9;      // cases that would start later are not run
  bool copy_methods = true;  // every method of copying, at two sizes
};

// True where the list is empty or names it.
bool wanted(const std::vector<std::string>& names, const std::string& name);

// The passes of a backend, in the order in which they are run.
std::vector<ScanCase> pass_cases(spikescan_backend backend, const RunOptions& options);

}  // namespace spikescan::bench
