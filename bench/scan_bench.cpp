// Every recurrence, forward and backward, against the copy speed of the same machine in the same run. A case takes
// samples of the pass and, between them, samples of the copy, so that both see the same clocks and neighbours.
// Counters: bytes, share_of_copy, median_seconds, spread, copy_bytes_per_second, elements_per_second, firing_rate.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "support/copy.h"
#include "support/options.h"
#include "support/scan_case.h"

namespace spikescan::bench {
namespace {

constexpr size_t kFewestCopies = 5;
// CUDA: a sample is a run of launches between two events, long enough that the events' own cost disappears.
constexpr double kCudaSampleSeconds = 400e-6;
constexpr int kMostLaunches = 64;
constexpr int kCudaSamples = 30;

CopyBench& shared_copy(spikescan_backend backend) {
  static std::map<spikescan_backend, std::unique_ptr<CopyBench>> copies;
  auto& copy = copies[backend];
  if (copy == nullptr) {
    const size_t bytes = beyond_cache_bytes(backend);
    copy = std::make_unique<CopyBench>(backend, bytes, best_copy_method(backend, bytes));
  }
  return *copy;
}

// Google Benchmark calls a function again for every guess at the number of iterations; the buffers stay.
ScanBuffers& shared_buffers(const ScanCase& scan_case) {
  static std::string name;
  static std::unique_ptr<ScanBuffers> buffers;
  if (name != scan_case.name()) {
    buffers.reset();  // first, so that two cases never need memory at once
    buffers = std::make_unique<ScanBuffers>(scan_case);
    name = scan_case.name();
  }
  return *buffers;
}

void run_case(benchmark::State& state, const ScanCase& scan_case) {
  CopyBench& copy = shared_copy(scan_case.backend);
  ScanBuffers& buffers = shared_buffers(scan_case);
  const Timer timer(scan_case.backend);
  const auto sample = [&](int launches) {
    const double seconds = timer.seconds(buffers.stream(), [&] {
      for (int i = 0; i < launches; ++i) buffers.pass();
    });
    return seconds / launches;
  };

  int launches = 1;
  if (scan_case.backend == SPIKESCAN_BACKEND_CUDA) {
    const double once = sample(1);
    launches = std::clamp(static_cast<int>(kCudaSampleSeconds / std::max(once, 1e-9)), 1, kMostLaunches);
  }

  std::vector<double> passes, copies;
  double pass_seconds = 0.0, copy_seconds = 0.0;
  for (auto iteration : state) {
    (void)iteration;
    const double seconds = sample(launches);
    state.SetIterationTime(seconds);
    passes.push_back(seconds);
    pass_seconds += seconds * launches;
    // Spread over the run, and never more of its time than the passes take, beyond the first few.
    if (copies.size() < kFewestCopies || copy_seconds < pass_seconds) {
      copies.push_back(copy.seconds_once());
      copy_seconds += copies.back();
    }
  }

  const Summary pass = summarize(passes);
  const double copy_speed = copy.bytes_moved() / summarize(copies).median;
  state.counters["bytes"] = scan_case.bytes();
  state.counters["median_seconds"] = pass.median;
  state.counters["spread"] = pass.spread;
  state.counters["samples"] = static_cast<double>(passes.size());
  state.counters["launches_per_sample"] = launches;
  state.counters["copy_bytes_per_second"] = copy_speed;
  state.counters["share_of_copy"] = scan_case.bytes() / pass.median / copy_speed;
  state.counters["elements_per_second"] = static_cast<double>(scan_case.shape.elements()) / pass.median;
  const double rate = buffers.firing_rate();
  if (rate >= 0.0) state.counters["firing_rate"] = rate;
}

void add(const ScanCase& scan_case) {
  auto* registered = benchmark::RegisterBenchmark(scan_case.name().c_str(), [scan_case](benchmark::State& state) {
    if (in_time(state)) run_case(state, scan_case);
  });
  registered->UseManualTime()->Unit(benchmark::kMillisecond);
  if (scan_case.backend == SPIKESCAN_BACKEND_CUDA) registered->Iterations(kCudaSamples);
}

void add_passes(spikescan_backend backend, spikescan_recurrence recurrence, spikescan_rule rule, const Shape& shape,
                const std::vector<spikescan_dtype>& dtypes) {
  for (const spikescan_dtype dtype : dtypes) {
    add({backend, false, recurrence, rule, dtype, dtype, shape});
    if (rule != SPIKESCAN_NONE) add({backend, false, recurrence, rule, dtype, SPIKESCAN_BITS32, shape});
    add({backend, true, recurrence, rule, dtype, dtype, shape});
  }
}

void add_all(spikescan_backend backend, const std::vector<Shape>& shapes) {
  for (const Shape& shape : shapes) {
    for (int recurrence = SPIKESCAN_LIF; recurrence <= SPIKESCAN_PSU_LIF; ++recurrence) {
      add_passes(backend, static_cast<spikescan_recurrence>(recurrence), SPIKESCAN_SIGMOID_BERNOULLI, shape,
                 {SPIKESCAN_FLOAT32, SPIKESCAN_BFLOAT16});
    }
  }
  // The other rules on the first shape: the rule changes the arithmetic an element and nothing that is moved.
  for (int rule = SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI; rule <= SPIKESCAN_NONE; ++rule) {
    add_passes(backend, SPIKESCAN_LIF, static_cast<spikescan_rule>(rule), shapes.front(), {SPIKESCAN_FLOAT32});
  }
  add_passes(backend, SPIKESCAN_PSU_LIF, SPIKESCAN_HEAVISIDE, shapes.front(), {SPIKESCAN_FLOAT32});
}

// Many rows, few rows, and a size where only the fixed costs count. The CPU's few rows are
// cut to what two cores pass in milliseconds, so that the suite ends within minutes.
std::vector<Shape> default_shapes(spikescan_backend backend) {
  if (backend == SPIKESCAN_BACKEND_CUDA) return {{64, 1024, 512}, {1, 1000000, 64}, {1, 1024, 64}};
  return {{64, 1024, 512}, {1, 65536, 64}, {1, 1024, 64}};
}

}  // namespace
}  // namespace spikescan::bench

int main(int argc, char** argv) {
  using namespace spikescan::bench;
  Options options;
  if (!take_options(&argc, argv, &options)) return 2;
  start_clock(options);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  if (options.backends.empty()) {
    std::fprintf(stderr, "no usable backend among those asked for\n");
    return 2;
  }
  for (const spikescan_backend backend : options.backends) {
    add_context(backend);
    add_all(backend, options.shapes.empty() ? default_shapes(backend) : options.shapes);
  }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
