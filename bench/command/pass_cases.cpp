// Every recurrence, forward and backward, against the copy speed of the same machine in the same run. A case takes
// samples of the pass and, between them, samples of the copy, so that both see the same clocks and neighbours.
#include <algorithm>
#include <map>
#include <memory>

#include "suite.h"

namespace spikescan::bench {
namespace {

constexpr size_t kFewestCopies = 5, kFewestPasses = 5, kMostPasses = 1000;
constexpr double kLongPass = 1.0;  // seconds; of such a pass three samples have to do
// A sample is a run of launches, long enough that the cost of the clock or of the events disappears.
constexpr double kCudaSampleSeconds = 400e-6, kCpuSampleSeconds = 20e-6;
constexpr int kMostLaunches = 64;

CopyBench& shared_copy(spikescan_backend backend) {
  static std::map<spikescan_backend, std::unique_ptr<CopyBench>> copies;
  auto& copy = copies[backend];
  if (copy == nullptr) {
    const size_t bytes = beyond_cache_bytes(backend);
    copy = std::make_unique<CopyBench>(backend, bytes, best_copy_method(backend, bytes));
  }
  return *copy;
}

struct Samples {
  std::vector<double> passes, copies;
  int launches = 1;
};

Samples interleave(const ScanCase& scan_case, ScanBuffers& buffers, CopyBench& copy, double min_time) {
  const Timer timer(scan_case.backend);
  Samples out;
  const auto sample = [&] {
    return timer.seconds(buffers.stream(), [&] {
      for (int i = 0; i < out.launches; ++i) buffers.pass();
    }) / out.launches;
  };
  const double once = sample();
  const double wanted = scan_case.backend == SPIKESCAN_BACKEND_CUDA ? kCudaSampleSeconds : kCpuSampleSeconds;
  out.launches = std::clamp(static_cast<int>(wanted / std::max(once, 1e-9)) + (once < wanted), 1, kMostLaunches);
  const size_t fewest = once > kLongPass ? 3 : kFewestPasses;
  double pass_seconds = 0.0, copy_seconds = 0.0;
  while (out.passes.size() < fewest || (pass_seconds < min_time && out.passes.size() < kMostPasses)) {
    out.passes.push_back(sample());
    pass_seconds += out.passes.back() * out.launches;
    // Spread over the run, and never more of its time than the passes take, beyond the first few.
    if (out.copies.size() < kFewestCopies || copy_seconds < pass_seconds) {
      out.copies.push_back(copy.seconds_once());
      copy_seconds += out.copies.back();
    }
  }
  return out;
}

double measure(benchmark::State& state, const ScanCase& scan_case, double min_time) {
  CopyBench& copy = shared_copy(scan_case.backend);
  ScanBuffers buffers(scan_case);
  const Samples samples = interleave(scan_case, buffers, copy, min_time);
  const Summary pass = summarize(samples.passes);
  const double copy_speed = copy.bytes_moved() / summarize(samples.copies).median;
  put_samples(state, pass, samples.passes.size());
  state.counters["bytes"] = scan_case.bytes();
  state.counters["launches_per_sample"] = samples.launches;
  state.counters["copy_bytes_per_second"] = copy_speed;
  state.counters["share_of_copy"] = scan_case.bytes() / pass.median / copy_speed;
  state.counters["elements_per_second"] = static_cast<double>(scan_case.shape.elements()) / pass.median;
  state.counters["peak_bytes"] = static_cast<double>(buffers.bytes_needed());
  const double rate = buffers.firing_rate();
  if (rate >= 0.0) state.counters["firing_rate"] = rate;
  return pass.median;
}

}  // namespace

void add_pass_cases(Suite& suite, spikescan_backend backend) {
  const double min_time = suite.options().min_time;
  for (const ScanCase& one : pass_cases(backend, suite.options())) {
    suite.add(one.name(), [one, min_time](benchmark::State& state) { return measure(state, one, min_time); });
  }
}

}  // namespace spikescan::bench
