// `spikescan-bench sweep`: what the CUDA planner's choice costs against the best plan that was tried.
#pragma once

#include <string>
#include <vector>

#include "selection.h"

namespace spikescan::bench {

constexpr double kToleratedLoss = 0.03;

struct PlanTime {
  std::string plan;
  double seconds;
};

struct SweepCase {
  std::string name;
  std::vector<PlanTime> plans;  // the planner's choice first
};

// How much longer the choice takes than the best: 0.1 for a tenth.
double loss(const SweepCase& one);

// Cases that lose more than is tolerated, the worst first, with both plans; then a sentence that counts them.
std::string report(const std::vector<SweepCase>& cases);

struct SweepOptions {
  std::vector<Shape> shapes;
  std::vector<std::string> dtypes, recurrences;
  int rounds = 15;
};
int run_sweep(const SweepOptions& options);

}  // namespace spikescan::bench
