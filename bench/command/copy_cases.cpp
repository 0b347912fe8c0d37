// How fast memory is copied: every method of a backend, at sizes inside and beyond the caches. bytes counts what is
// read and what is written.
#include "suite.h"

namespace spikescan::bench {
namespace {

double measure(benchmark::State& state, spikescan_backend backend, size_t bytes, CopyMethod method, double min_time) {
  CopyBench copy(backend, bytes, method);
  copy.seconds_once();
  const Summary summary = take_samples(state, min_time, [&] { return copy.seconds_once(); });
  state.counters["bytes"] = copy.bytes_moved();
  state.counters["copy_bytes_per_second"] = copy.bytes_moved() / summary.median;
  return summary.median;
}

}  // namespace

void add_copy_cases(Suite& suite, spikescan_backend backend) {
  const double min_time = suite.options().min_time;
  for (const size_t bytes : {size_t{1} << 20, beyond_cache_bytes(backend)}) {
    for (const CopyMethod method : copy_methods(backend)) {
      const std::string name = std::string("copy/") + copy_method_name(method) + "/" + std::to_string(bytes >> 20) +
                               "MiB/" + kBackends[backend];
      suite.add(name, [=](benchmark::State& state) { return measure(state, backend, bytes, method, min_time); });
    }
  }
}

}  // namespace spikescan::bench
