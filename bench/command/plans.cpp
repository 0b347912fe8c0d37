// The grid of facts and of block counts.
#include "plans.h"

#include <algorithm>
#include <set>

#include "host/print_plan.h"

namespace spikescan::bench {
namespace {

constexpr int32_t kManyProcessors = 1 << 20;  // that no call fills

std::vector<DeviceFacts> pretended(const DeviceFacts& facts) {
  std::vector<DeviceFacts> out = {facts};
  for (const int32_t processors :
       {facts.processors, 1, std::max(facts.processors / 4, 1), facts.processors * 4, kManyProcessors}) {
    for (const size_t share : {1, 2, 4}) {
      DeviceFacts other = facts;
      other.processors = processors;
      other.shared_bytes_total = facts.shared_bytes_total / share;
      out.push_back(other);
      other.shared_bytes = facts.shared_bytes / share;
      out.push_back(other);
    }
  }
  return out;
}

}  // namespace

std::string describe(const Plan& plan) {
  return print_launch(plan);
}

std::vector<Plan> candidate_plans(const spikescan_description& description, bool backward, const DeviceFacts& facts) {
  const auto planned = [&](const DeviceFacts& of) {
    return backward ? plan_backward(description, of) : plan_forward(description, of);
  };
  std::vector<Plan> out;
  std::set<std::string> seen;
  const auto add = [&](const Plan& plan) {
    if (seen.insert(describe(plan)).second) out.push_back(plan);
  };
  const Plan own = planned(facts);
  add(own);
  for (const DeviceFacts& other : pretended(facts)) {
    const Plan plan = planned(other);
    // Few processors pretended, few blocks planned: the grid is the own plan's, or a part or a multiple of it.
    for (const int64_t blocks : {plan.blocks, own.blocks, own.blocks / 2, own.blocks * 2}) {
      Plan varied = plan;
      varied.blocks = std::clamp<int64_t>(blocks, 1, std::max<int64_t>(is_tiles(plan) ? plan.tiles : blocks, 1));
      add(varied);
    }
  }
  return out;
}

}  // namespace spikescan::bench
