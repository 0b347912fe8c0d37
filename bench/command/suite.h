// The benchmarks of one run: registered with Google Benchmark under their names, each called once. A case takes its own
// samples, because it interleaves them with those of the copy.
#pragma once

#include <benchmark/benchmark.h>

#include <functional>
#include <string>

#include "../support/copy.h"
#include "selection.h"

namespace spikescan::bench {

class Suite {
 public:
  explicit Suite(const RunOptions& options) : options_(options) {}

  const RunOptions& options() const { return options_; }

  // Unless the filter leaves it out. `measure` fills in the counters and returns the median in seconds.
  void add(const std::string& name, std::function<double(benchmark::State&)> measure);

  // Runs all and prints a table; false where nothing was asked for.
  bool run(const char* program);

 private:
  const RunOptions& options_;
  int size_ = 0;
};

// median_seconds, spread, p20_seconds, p80_seconds, samples.
void put_samples(benchmark::State& state, const Summary& summary, size_t samples);

// Calls `seconds_once` until its seconds add up to min_time, some times at least, not without end; puts the samples.
Summary take_samples(benchmark::State& state, double min_time, const std::function<double()>& seconds_once);

void add_pass_cases(Suite& suite, spikescan_backend backend);
void add_copy_cases(Suite& suite, spikescan_backend backend);
void add_error_cases(Suite& suite, spikescan_backend backend);
void add_generator_cases(Suite& suite);

int run(const RunOptions& options, const char* program);

}  // namespace spikescan::bench
