// Registering, running, the context of the JSON.
#include "suite.h"

#include <chrono>
#include <cstdio>
#include <regex>

#include "reporter.h"

namespace spikescan::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kFewestSamples = 5, kMostSamples = 1000;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// The device and the library's version into the JSON's context, under the backend's name.
void add_context(spikescan_backend backend) {
  const spikescan_device_info info = device_info(backend);
  const std::string prefix = std::string(kBackends[backend]) + "_";
  const auto put = [&](const char* key, const std::string& value) { benchmark::AddCustomContext(prefix + key, value); };
  put("device", info.name);
  put("processors", std::to_string(info.processors));
  put("instruction_set", info.instruction_set);
  put("memory_bytes", std::to_string(info.memory_bytes));
  put("runtime_version", std::to_string(info.runtime_version));
  put("driver_version", std::to_string(info.driver_version));
  put("spikescan", spikescan_version());
}

}  // namespace

void put_samples(benchmark::State& state, const Summary& summary, size_t samples) {
  state.counters["median_seconds"] = summary.median;
  state.counters["spread"] = summary.spread;
  state.counters["p20_seconds"] = summary.p20;
  state.counters["p80_seconds"] = summary.p80;
  state.counters["samples"] = static_cast<double>(samples);
}

Summary take_samples(benchmark::State& state, double min_time, const std::function<double()>& seconds_once) {
  std::vector<double> samples;
  double spent = 0.0;
  while (samples.size() < kFewestSamples || (spent < min_time && samples.size() < kMostSamples)) {
    samples.push_back(seconds_once());
    spent += samples.back();
  }
  const Summary summary = summarize(samples);
  put_samples(state, summary, samples.size());
  return summary;
}

void Suite::add(const std::string& name, std::function<double(benchmark::State&)> measure) {
  if (!options_.filter.empty() && !std::regex_search(name, std::regex(options_.filter))) return;
  ++size_;
  const double limit = options_.seconds;
  const auto body = [name, measure = std::move(measure), limit](benchmark::State& state) {
    static const Clock::time_point started = Clock::now();
    progress().begin(name);
    if (seconds_since(started) > limit) return state.SkipWithError("the time budget was used up");
    for (auto iteration : state) {
      (void)iteration;
      state.SetIterationTime(measure(state));
    }
  };
  benchmark::RegisterBenchmark(name.c_str(), body)->UseManualTime()->Iterations(1)->Unit(benchmark::kMillisecond);
}

bool Suite::run(const char* program) {
  if (size_ == 0) return false;
  std::vector<std::string> words = {program};
  if (!options_.json.empty()) {
    words.push_back("--benchmark_out=" + options_.json);
    words.push_back("--benchmark_out_format=json");
  }
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  int count = static_cast<int>(words.size());
  benchmark::Initialize(&count, arguments.data());
  progress().total = size_;
  TableReporter table;
  benchmark::RunSpecifiedBenchmarks(&table);
  benchmark::Shutdown();
  return true;
}

int run(const RunOptions& options, const char* program) {
  Suite suite(options);
  bool any = false;
  for (const spikescan_backend backend : {SPIKESCAN_BACKEND_CPU, SPIKESCAN_BACKEND_CUDA}) {
    if (!wanted(options.backends, kBackends[backend])) continue;
    if (!usable(backend)) continue;
    any = true;
    add_context(backend);
    if (options.copy_methods && wanted(options.series, "suite")) add_copy_cases(suite, backend);
    if (backend == SPIKESCAN_BACKEND_CPU && wanted(options.series, "limits")) add_generator_cases(suite);
    add_pass_cases(suite, backend);
    if (wanted(options.series, "error")) add_error_cases(suite, backend);
  }
  if (!any) {
    std::fprintf(stderr, "spikescan-bench: this machine has no usable backend among those asked for\n");
    return 2;
  }
  if (suite.run(program)) return 0;
  std::fprintf(stderr, "spikescan-bench: no case matches; leave out --filter to see what there is\n");
  return 2;
}

}  // namespace spikescan::bench
