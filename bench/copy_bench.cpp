// How fast memory is copied: every method of every usable backend, at sizes inside and beyond the caches.
// bytes counts what is read and what is written.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "support/copy.h"
#include "support/options.h"

namespace spikescan::bench {
namespace {

constexpr int kCudaSamples = 30;

void run_copy(benchmark::State& state, spikescan_backend backend, size_t bytes, CopyMethod method) {
  CopyBench copy(backend, bytes, method);
  copy.seconds_once();
  std::vector<double> samples;
  for (auto iteration : state) {
    (void)iteration;
    samples.push_back(copy.seconds_once());
    state.SetIterationTime(samples.back());
  }
  const Summary summary = summarize(samples);
  state.counters["bytes"] = copy.bytes_moved();
  state.counters["median_seconds"] = summary.median;
  state.counters["spread"] = summary.spread;
  state.counters["samples"] = static_cast<double>(samples.size());
  state.counters["copy_bytes_per_second"] = copy.bytes_moved() / summary.median;
}

void add_all(spikescan_backend backend) {
  for (const size_t bytes : {size_t{1} << 20, beyond_cache_bytes(backend)}) {
    for (const CopyMethod method : copy_methods(backend)) {
      const std::string name = std::string("copy/") + copy_method_name(method) + "/" + std::to_string(bytes >> 20) +
                               "MiB/" + kBackends[backend];
      auto* registered = benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
        if (in_time(state)) run_copy(state, backend, bytes, method);
      });
      registered->UseManualTime()->Unit(benchmark::kMillisecond);
      if (backend == SPIKESCAN_BACKEND_CUDA) registered->Iterations(kCudaSamples);
    }
  }
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
  for (const spikescan_backend backend : options.backends) {
    add_context(backend);
    add_all(backend);
  }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
