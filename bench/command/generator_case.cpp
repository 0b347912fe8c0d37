// The generator's limit: every thread draws and nothing else is done.
#include "generator.h"

#include <chrono>
#include <string_view>

#include "suite.h"

namespace spikescan::bench {
namespace {

constexpr int kTasks = 64;
constexpr int64_t kDrawsOfTask = 1 << 20;

// That of the instruction set which the library chose here.
GeneratorRun generator_here() {
  const std::string_view isa = device_info(SPIKESCAN_BACKEND_CPU).instruction_set;
#if defined(SPIKESCAN_X86_ISAS)
  if (isa == "avx512") return generator_avx512;
  if (isa == "avx2") return generator_avx2;
  if (isa == "sse4") return generator_sse4;
  return nullptr;
#else
  return isa.empty() ? nullptr : SPIKESCAN_JOIN(generator_, SPIKESCAN_ONLY_ISA);
#endif
}

// How long all tasks take, and how many words they draw.
double seconds_once(GeneratorRun generator, int64_t& draws) {
  draws = 0;
  uint32_t folded = 0;
  const auto start = std::chrono::steady_clock::now();
#pragma omp parallel for schedule(static) reduction(+ : draws) reduction(^ : folded)
  for (int task = 0; task < kTasks; ++task) {
    int64_t made = 0;
    folded ^= generator(kDrawsOfTask, &made);
    draws += made;
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  benchmark::DoNotOptimize(folded);
  return seconds;
}

double measure(benchmark::State& state, GeneratorRun generator, double min_time) {
  int64_t draws = 0;
  const Summary summary = take_samples(state, min_time, [&] { return seconds_once(generator, draws); });
  state.counters["elements_per_second"] = static_cast<double>(draws) / summary.median;
  return summary.median;
}

}  // namespace

void add_generator_cases(Suite& suite) {
  const GeneratorRun generator = generator_here();
  if (generator == nullptr) return;
  const double min_time = suite.options().min_time;
  suite.add("limits/generator/philox/cpu",
            [=](benchmark::State& state) { return measure(state, generator, min_time); });
}

}  // namespace spikescan::bench
