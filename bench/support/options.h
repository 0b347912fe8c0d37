// Options that the two programs share, taken from the command line before Google Benchmark sees it.
#pragma once

#include <benchmark/benchmark.h>

#include <vector>

#include "names.h"

namespace spikescan::bench {

struct Options {
  std::vector<spikescan_backend> backends;  // usable ones among --backends=cpu,cuda; all by default
  double seconds = 1e9;                     // --seconds=90: cases that would start later are not run
  std::vector<Shape> shapes;                // --shapes=64x1024x512,1x1024x64; empty: the defaults
};

// Removes what it understood. False, with a sentence on stderr, where a value makes no sense.
bool take_options(int* argc, char** argv, Options* options);

// Starts the budget of options.seconds.
void start_clock(const Options& options);

// False, and the case marked as not run, once the budget is used up.
bool in_time(benchmark::State& state);

// The device and the library's version into the JSON's context, under the backend's name.
void add_context(spikescan_backend backend);

}  // namespace spikescan::bench
