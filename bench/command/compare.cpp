// Pooling, judging, printing.
#include "compare.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "reporter.h"

namespace spikescan::bench {
namespace {

constexpr double kFewestForSpread = 3;

double middle(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

std::string text(const char* format, double value) {
  char out[64];
  std::snprintf(out, sizeof out, format, value);
  return out;
}

struct Change {
  std::string name;
  Median a, b;
  Verdict verdict;
  double ratio() const { return b.seconds / a.seconds; }
};

}  // namespace

std::optional<Medians> medians_of(const Json& document) {
  const Json* rows = document.find("rows");
  if (rows == nullptr) rows = document.find("benchmarks");
  if (rows == nullptr || rows->kind != Json::kList) return std::nullopt;
  Medians out;
  for (const Json& row : rows->list) {
    const std::string full = row.text_at("name");
    const auto seconds = row.number_at("median_seconds"), spread = row.number_at("spread");
    if (full.empty() || !seconds || !(*seconds > 0.0)) continue;
    Median median = {*seconds, std::nullopt};
    // Google Benchmark's own output has a spread of any number of samples.
    const bool enough = row.number_at("samples").value_or(kFewestForSpread) >= kFewestForSpread;
    if (spread && enough) median.half_width = *spread * *seconds / 2;
    out[full.substr(0, full.find("/iterations:"))] = median;
  }
  return out;
}

Medians pool(const std::vector<Medians>& runs) {
  std::map<std::string, std::vector<Median>> all;
  for (const Medians& run : runs) {
    for (const auto& [name, median] : run) all[name].push_back(median);
  }
  Medians out;
  for (const auto& [name, medians] : all) {
    std::vector<double> seconds, widths;
    for (const Median& one : medians) {
      seconds.push_back(one.seconds);
      if (one.half_width) widths.push_back(*one.half_width);
    }
    const auto [least, most] = std::minmax_element(seconds.begin(), seconds.end());
    Median pooled = {middle(seconds), std::nullopt};
    if (widths.size() == medians.size()) pooled.half_width = std::max(middle(widths), (*most - *least) / 2);
    out[name] = pooled;
  }
  return out;
}

Verdict judge(const Median& a, const Median& b) {
  if (!a.half_width || !b.half_width) return Verdict::kUnknown;
  if (std::fabs(a.seconds - b.seconds) <= *a.half_width + *b.half_width) return Verdict::kNoise;
  return b.seconds < a.seconds ? Verdict::kFaster : Verdict::kSlower;
}

std::string compare(const Medians& a, const Medians& b) {
  std::vector<Change> changes;
  for (const auto& [name, median] : b) {
    const auto before = a.find(name);
    if (before != a.end()) changes.push_back({name, before->second, median, judge(before->second, median)});
  }
  std::sort(changes.begin(), changes.end(), [](const Change& x, const Change& y) {
    return std::fabs(std::log(x.ratio())) > std::fabs(std::log(y.ratio()));
  });
  size_t counts[4] = {};
  std::vector<std::vector<std::string>> lines = {{"case", "A ms", "B ms", "B / A", ""}};
  for (const Change& change : changes) {
    ++counts[static_cast<int>(change.verdict)];
    const bool real = change.verdict == Verdict::kFaster || change.verdict == Verdict::kSlower;
    if (!real) continue;
    lines.push_back({change.name, text("%.4f", change.a.seconds * 1e3), text("%.4f", change.b.seconds * 1e3),
                     text("%.3f", change.ratio()), change.verdict == Verdict::kFaster ? "faster" : "slower"});
  }
  char summary[400];
  std::snprintf(summary, sizeof summary,
                "%zu cases in both: B is faster in %zu, slower in %zu; noise in %zu (the medians lie within both "
                "half-widths together); too few samples to tell in %zu; only in A %zu, only in B %zu\n",
                changes.size(), counts[0], counts[1], counts[2], counts[3], a.size() - changes.size(),
                b.size() - changes.size());
  return (lines.size() > 1 ? table_of(lines) : "") + summary;
}

}  // namespace spikescan::bench
