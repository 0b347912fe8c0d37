// Comparing and printing; measuring is in sweep_device.cpp.
#include "sweep.h"

#include <algorithm>
#include <cstdio>

namespace spikescan::bench {
namespace {

const PlanTime& best_of(const SweepCase& one) {
  return *std::min_element(one.plans.begin(), one.plans.end(),
                           [](const PlanTime& a, const PlanTime& b) { return a.seconds < b.seconds; });
}

}  // namespace

double loss(const SweepCase& one) {
  return one.plans.empty() ? 0.0 : one.plans.front().seconds / best_of(one).seconds - 1.0;
}

std::string report(const std::vector<SweepCase>& cases) {
  std::vector<const SweepCase*> losing;
  size_t plans = 0;
  for (const SweepCase& one : cases) {
    plans += one.plans.size();
    if (loss(one) > kToleratedLoss) losing.push_back(&one);
  }
  std::stable_sort(losing.begin(), losing.end(), [](auto* a, auto* b) { return loss(*a) > loss(*b); });
  std::string text;
  for (const SweepCase* one : losing) {
    char line[256];
    std::snprintf(line, sizeof line, "%s: the planner's choice takes %.1f%% longer than the best\n", one->name.c_str(),
                  100 * loss(*one));
    text += line;
    for (const auto& [word, plan] : {std::pair("chosen", &one->plans.front()), std::pair("best", &best_of(*one))}) {
      std::snprintf(line, sizeof line, "  %-6s %9.4f ms  ", word, plan->seconds * 1e3);
      text += line + plan->plan + "\n";
    }
  }
  char summary[200];
  std::snprintf(summary, sizeof summary, "%zu of %zu cases lose more than %.0f%% (%zu plans tried)\n", losing.size(),
                cases.size(), 100 * kToleratedLoss, plans);
  return text + summary;
}

}  // namespace spikescan::bench
