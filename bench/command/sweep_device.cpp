// Timing the plans of a case on the GPU, one after the other in each round. The kernels are called below the C ABI,
// with the plan that is to be tried: the backend is linked into this program, beside the shared library.
#include <algorithm>
#include <cstdio>

#include "sweep.h"

#if defined(SPIKESCAN_SWEEP)
#include "../support/copy.h"
#include "host/firing_setup.h"
#include "kernels/backend.h"
#include "plans.h"
#include "reporter.h"
#endif

namespace spikescan::bench {

#if defined(SPIKESCAN_SWEEP)
namespace {

constexpr double kSampleSeconds = 400e-6;
constexpr int kMostLaunches = 64;

void check(const BackendResult& result) {
  if (result.status == SPIKESCAN_OK) return;
  std::fprintf(stderr, "spikescan-bench sweep: %s: %s\n", result.where, result.error);
  std::exit(1);
}

template <class Call, class Args>
void launch(BackendResult (*pass)(const Call&, void*), const spikescan_description& d, Args args, const Plan& plan,
            const Memory& workspace, void* stream) {
  args.workspace = workspace.data();
  args.workspace_bytes = workspace.bytes();
  check(pass(Call{d, args, make_firing(d), plan}, stream));
}

SweepCase sweep_case(const ScanCase& scan_case, const DeviceFacts& facts, int rounds) {
  ScanBuffers buffers(scan_case);
  const Timer timer(scan_case.backend);
  const bool backward = scan_case.has_backward();
  const std::vector<Plan> plans = candidate_plans(buffers.description(), backward, facts);
  size_t most = 0;
  for (const Plan& plan : plans) most = std::max(most, plan.workspace_bytes);
  const Memory workspace(scan_case.backend, most);
  const auto sample = [&](const Plan& plan, int launches) {
    return timer.seconds(buffers.stream(), [&] {
      for (int i = 0; i < launches; ++i) {
        if (backward) {
          launch(cuda_backend()->backward, buffers.description(), buffers.next_backward(), plan, workspace,
                 buffers.stream());
        } else {
          launch(cuda_backend()->forward, buffers.description(), buffers.next_forward(), plan, workspace,
                 buffers.stream());
        }
      }
    }) / launches;
  };
  std::vector<std::vector<double>> samples(plans.size());
  for (int round = -1; round < rounds; ++round) {  // the first is a warm-up
    for (size_t i = 0; i < plans.size(); ++i) {
      const double once = round <= 0 ? sample(plans[i], 1) : samples[i].front();
      const int launches = std::clamp(static_cast<int>(kSampleSeconds / std::max(once, 1e-9)), 1, kMostLaunches);
      if (round >= 0) samples[i].push_back(sample(plans[i], launches));
    }
  }
  SweepCase out = {scan_case.name(), {}};
  for (size_t i = 0; i < plans.size(); ++i) out.plans.push_back({describe(plans[i]), summarize(samples[i]).median});
  return out;
}

}  // namespace

int run_sweep(const SweepOptions& options) {
  if (!usable(SPIKESCAN_BACKEND_CUDA)) {
    std::fprintf(stderr, "spikescan-bench sweep: launch plans are the GPU's, and this machine has no usable one\n");
    return 2;
  }
  DeviceFacts facts = {};
  check(cuda_backend()->facts(&facts));
  RunOptions selection;
  selection.series = {"suite", "time_vs_length", "share_vs_rows"};
  selection.shapes = options.shapes;
  if (!options.shapes.empty()) selection.series = {"suite"};
  selection.dtypes = options.dtypes;
  selection.recurrences = options.recurrences;
  std::vector<SweepCase> cases;
  for (const ScanCase& one : pass_cases(SPIKESCAN_BACKEND_CUDA, selection)) {
    if (one.pass == Pass::kForwardBackward) continue;
    progress().begin(one.name());
    cases.push_back(sweep_case(one, facts, options.rounds));
  }
  progress().clear();
  std::fputs(report(cases).c_str(), stdout);
  return 0;
}

#else

int run_sweep(const SweepOptions&) {
  std::fprintf(stderr, "spikescan-bench sweep: launch plans are the GPU's, and this was built without CUDA\n");
  return 2;
}

#endif

}  // namespace spikescan::bench
