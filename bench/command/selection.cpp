// The default cases: the suite, and the series that the report draws.
#include "selection.h"

#include <algorithm>
#include <initializer_list>
#include <iterator>
#include <utility>

namespace spikescan::bench {
namespace {

constexpr int64_t kLengthRows = 64;                  // few, so that the longest fits into memory
constexpr int64_t kElements = int64_t{1} << 22;      // 16 MiB of float32: more than a core's own caches
constexpr int64_t kWideElements = int64_t{1} << 25;  // beyond a processor's caches
constexpr int64_t kGpuElements = int64_t{1} << 26;   // beyond a GPU's caches
constexpr Pass kAllPasses[] = {Pass::kForward, Pass::kBackward, Pass::kForwardBackward};

class Cases {
 public:
  explicit Cases(spikescan_backend backend) : backend_(backend) {}

  void add(Pass pass, spikescan_recurrence recurrence, spikescan_rule rule, spikescan_dtype dtype,
           spikescan_dtype spikes, const Shape& shape, const char* series = "") {
    const ScanCase one = {backend_, pass, recurrence, rule, dtype, spikes, shape, series};
    const auto same = [&](const ScanCase& other) { return other.name() == one.name(); };
    if (std::none_of(list_.begin(), list_.end(), same)) list_.push_back(one);
  }

  // Forward with spikes in the dtype and as bits, and backward.
  void add_rule(spikescan_recurrence recurrence, spikescan_rule rule, const Shape& shape,
                std::initializer_list<spikescan_dtype> dtypes) {
    for (const spikescan_dtype dtype : dtypes) {
      add(Pass::kForward, recurrence, rule, dtype, dtype, shape);
      if (rule != SPIKESCAN_NONE) add(Pass::kForward, recurrence, rule, dtype, SPIKESCAN_BITS32, shape);
      add(Pass::kBackward, recurrence, rule, dtype, dtype, shape);
    }
  }

  // float32, the Bernoulli rule, every recurrence.
  void add_series(const char* series, const Shape& shape, std::initializer_list<Pass> passes) {
    for (int recurrence = SPIKESCAN_LIF; recurrence <= SPIKESCAN_PSU_LIF; ++recurrence) {
      for (const Pass pass : passes) {
        add(pass, static_cast<spikescan_recurrence>(recurrence), SPIKESCAN_SIGMOID_BERNOULLI, SPIKESCAN_FLOAT32,
            SPIKESCAN_FLOAT32, shape, series);
      }
    }
  }

  // Forward and backward; float32, the Bernoulli rule.
  void add_lif(const Shape& shape, const char* series = "") {
    for (const Pass pass : {Pass::kForward, Pass::kBackward}) {
      add(pass, SPIKESCAN_LIF, SPIKESCAN_SIGMOID_BERNOULLI, SPIKESCAN_FLOAT32, SPIKESCAN_FLOAT32, shape, series);
    }
  }

  size_t count() const { return list_.size(); }
  std::vector<ScanCase> take() { return std::move(list_); }

 private:
  spikescan_backend backend_;
  std::vector<ScanCase> list_;
};

constexpr Shape kManyRows = {256, 1024, 512}, kFewRows = {1, 1000000, 64}, kTiny = {1, 1024, 64};

// Many rows, few rows, and a size where only the fixed costs count. The CPU's are cut to what two cores pass in
// milliseconds, so that the suite ends within minutes.
std::vector<Shape> suite_shapes(spikescan_backend backend) {
  if (backend == SPIKESCAN_BACKEND_CUDA) return {kManyRows, kFewRows, kTiny};
  return {{64, 1024, 512}, {1, 65536, 64}, kTiny};
}

void add_suite(Cases& cases, const std::vector<Shape>& shapes) {
  for (const Shape& shape : shapes) {
    for (int recurrence = SPIKESCAN_LIF; recurrence <= SPIKESCAN_PSU_LIF; ++recurrence) {
      cases.add_rule(static_cast<spikescan_recurrence>(recurrence), SPIKESCAN_SIGMOID_BERNOULLI, shape,
                     {SPIKESCAN_FLOAT32, SPIKESCAN_BFLOAT16});
    }
  }
  for (int recurrence = SPIKESCAN_LIF; recurrence <= SPIKESCAN_PSU_LIF; ++recurrence) {
    cases.add_rule(static_cast<spikescan_recurrence>(recurrence), SPIKESCAN_SIGMOID_BERNOULLI, shapes.front(),
                   {SPIKESCAN_FLOAT16});
  }
  // The other rules on the first shape: the rule changes the arithmetic an element and nothing that is moved.
  for (int rule = SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI; rule <= SPIKESCAN_NONE; ++rule) {
    cases.add_rule(SPIKESCAN_LIF, static_cast<spikescan_rule>(rule), shapes.front(), {SPIKESCAN_FLOAT32});
  }
  cases.add_rule(SPIKESCAN_PSU_LIF, SPIKESCAN_HEAVISIDE, shapes.front(), {SPIKESCAN_FLOAT32});
}

// The shape of published comparisons of spiking frameworks: batch 16, 500 steps.
void add_community(Cases& cases) {
  for (const int64_t channels : {512, 4096, 16384}) {
    for (const Pass pass : kAllPasses) {
      cases.add(pass, SPIKESCAN_LIF, SPIKESCAN_SIGMOID_BERNOULLI, SPIKESCAN_FLOAT32, SPIKESCAN_FLOAT32,
                {16, 500, channels});
    }
  }
}

// Where a GPU is harder to fill: few rows of many bytes, one row, rows that start at odd places, short sequences whose
// batches share rows of sums.
void add_harder_shapes(Cases& cases) {
  for (const Shape& shape : {Shape{1, 1000000, 512}, Shape{1, 1000000, 1}, Shape{256, 1000, 130}, Shape{32, 25, 128},
                             Shape{128, 100, 512}}) {
    cases.add_lif(shape);
  }
}

// What a GPU's share of the copy is judged by, the most telling first.
void add_gpu_targets(Cases& cases) {
  const auto add_neurons = [&](Pass pass, spikescan_dtype dtype, spikescan_dtype spikes) {
    for (int recurrence = SPIKESCAN_LIF; recurrence <= SPIKESCAN_PSU_LIF; ++recurrence) {
      cases.add(pass, static_cast<spikescan_recurrence>(recurrence), SPIKESCAN_SIGMOID_BERNOULLI, dtype, spikes,
                kManyRows);
    }
  };
  add_neurons(Pass::kForward, SPIKESCAN_FLOAT32, SPIKESCAN_FLOAT32);
  add_neurons(Pass::kBackward, SPIKESCAN_FLOAT32, SPIKESCAN_FLOAT32);
  add_neurons(Pass::kForward, SPIKESCAN_BFLOAT16, SPIKESCAN_BFLOAT16);
  add_neurons(Pass::kBackward, SPIKESCAN_BFLOAT16, SPIKESCAN_BFLOAT16);
  add_neurons(Pass::kForward, SPIKESCAN_FLOAT32, SPIKESCAN_BITS32);
  add_neurons(Pass::kForward, SPIKESCAN_BFLOAT16, SPIKESCAN_BITS32);
  for (const Shape& shape : {kFewRows, kTiny}) cases.add_lif(shape);
  add_harder_shapes(cases);
}

void add_lengths(Cases& cases) {
  for (int64_t time = 100; time <= 1000000; time *= 10) {
    cases.add_series("time_vs_length", {1, time, kLengthRows},
                     {Pass::kForward, Pass::kBackward, Pass::kForwardBackward});
  }
}

void add_constant_elements(Cases& cases) {
  for (int64_t time = 64; time <= 1048576; time *= 16) {
    cases.add_lif({1, time, kElements / time}, "constant_elements");
  }
}

// Every recurrence in float32, from memory.
void add_recurrences(Cases& cases, std::initializer_list<Pass> passes, const char* series) {
  for (const Pass pass : passes) {
    for (int recurrence = SPIKESCAN_LIF; recurrence <= SPIKESCAN_PSU_LIF; ++recurrence) {
      cases.add(pass, static_cast<spikescan_recurrence>(recurrence), SPIKESCAN_SIGMOID_BERNOULLI, SPIKESCAN_FLOAT32,
                SPIKESCAN_FLOAT32, {64, 1024, 512}, series);
    }
  }
}

// Widths of layers at constant elements: rows of whole cache lines and of parts, blocks of lanes that are not full.
void add_channels(Cases& cases) {
  for (const int64_t channels : {1, 8, 10, 32, 64, 100, 128, 130, 512}) {
    cases.add_lif({kWideElements / 1024 / channels, 1024, channels}, "share_vs_channels");
  }
}

// From the few steps of many trained networks to a segment's multiples and more, at constant elements.
void add_steps(Cases& cases, const char* series) {
  for (const int64_t time : {4, 8, 10, 16, 25, 32, 50, 100, 250}) {
    cases.add_lif({kWideElements / 512 / time, time, 512}, series);
  }
}

// One batch and a long time, from one row to the lanes of a block.
void add_few_rows(Cases& cases) {
  for (int64_t channels = 1; channels <= 64; channels *= 2) {
    cases.add_lif({1, 262144, channels}, "few_rows");
  }
}

// A GPU's plan changes with the rows: at constant bytes there should be no dip.
void add_rows(Cases& cases, spikescan_backend backend) {
  if (backend == SPIKESCAN_BACKEND_CUDA) {
    for (int64_t channels = 64; channels <= 65536; channels *= 2) {
      cases.add_lif({1, kGpuElements / channels, channels}, "share_vs_rows");
    }
    return;
  }
  for (int64_t channels = 1; channels <= 32768; channels *= 8) {
    cases.add_series("share_vs_rows", {1, 1024, channels}, {Pass::kForward, Pass::kBackward});
  }
}

}  // namespace

bool wanted(const std::vector<std::string>& names, const std::string& name) {
  return names.empty() || std::find(names.begin(), names.end(), name) != names.end();
}

std::vector<ScanCase> pass_cases(spikescan_backend backend, const RunOptions& options) {
  Cases cases(backend);
  const bool cuda = backend == SPIKESCAN_BACKEND_CUDA, defaults = options.shapes.empty();
  if (cuda && defaults && wanted(options.series, "suite")) add_gpu_targets(cases);
  if (cuda && wanted(options.series, "share_vs_rows")) add_rows(cases, backend);
  const size_t first = cases.count();
  if (wanted(options.series, "suite")) {
    add_suite(cases, defaults ? suite_shapes(backend) : options.shapes);
    if (defaults) add_community(cases);
  }
  if (wanted(options.series, "time_vs_length")) add_lengths(cases);
  if (wanted(options.series, "share_vs_rows")) add_rows(cases, backend);
  if (wanted(options.series, "constant_elements")) add_constant_elements(cases);
  // What the classes of spyx.experimental return, S and V.
  if (wanted(options.series, "with_membrane")) add_recurrences(cases, {Pass::kForward}, "with_membrane");
  // What becomes subnormal, which some processors multiply slowly.
  for (const char* series : {"steep", "silent"}) {
    if (wanted(options.series, series)) add_recurrences(cases, {Pass::kForward, Pass::kBackward}, series);
  }
  if (wanted(options.series, "share_vs_channels")) add_channels(cases);
  for (const char* series : {"share_vs_steps", "steps_time_first"}) {
    if (wanted(options.series, series)) add_steps(cases, series);
  }
  if (wanted(options.series, "few_rows")) add_few_rows(cases);
  std::vector<ScanCase> all = cases.take(), kept;
  // What documents quote first, then the cheap ones: where the time budget ends, the fewest are missing.
  const auto rank = [](const ScanCase& one) {
    return std::make_pair(!one.series.empty() || one.dtype != SPIKESCAN_FLOAT32, one.bytes());
  };
  std::stable_sort(all.begin() + static_cast<std::ptrdiff_t>(first), all.end(),
                   [&](const ScanCase& a, const ScanCase& b) { return rank(a) < rank(b); });
  std::copy_if(all.begin(), all.end(), std::back_inserter(kept), [&](const ScanCase& one) {
    return wanted(options.dtypes, kDtypes[one.dtype]) && wanted(options.recurrences, kRecurrences[one.recurrence]);
  });
  return kept;
}

}  // namespace spikescan::bench
