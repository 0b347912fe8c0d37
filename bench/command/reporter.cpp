// Progress and table.
#include "reporter.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace spikescan::bench {
namespace {

// Google Benchmark appends how a case was run to its name.
std::string plain_name(const std::string& name) {
  return name.substr(0, name.find("/iterations:"));
}

std::string number(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

}  // namespace

Progress::Progress() : shown_(isatty(STDERR_FILENO) == 1) {}

void Progress::begin(const std::string& name) {
  ++done_;
  if (!shown_) return;
  std::fprintf(stderr, "\r\033[K[%d/%d] %.100s", done_, total, name.c_str());
  std::fflush(stderr);
}

void Progress::clear() const {
  if (shown_) std::fputs("\r\033[K", stderr);
}

Progress& progress() {
  static Progress one;
  return one;
}

void TableReporter::ReportRuns(const std::vector<Run>& runs) {
  for (const Run& run : runs) {
    const auto cell = [&](const char* key, const char* format, double scale) {
      const auto found = run.counters.find(key);
      return found == run.counters.end() ? std::string("-") : number(format, found->second.value * scale);
    };
    const auto value = [&](const char* key) {
      const auto found = run.counters.find(key);
      return found == run.counters.end() ? 0.0 : static_cast<double>(found->second.value);
    };
    const bool fast = value("bytes") > 0 && value("median_seconds") > 0;
    const bool band = value("samples") >= 3;
    lines_.push_back({plain_name(run.benchmark_name()), cell("median_seconds", "%.4f", 1e3),
                      band ? cell("p20_seconds", "%.4f", 1e3) + ".." + cell("p80_seconds", "%.4f", 1e3) : "-",
                      band ? cell("spread", "%.0f%%", 100) : "-",
                      fast ? number("%.2f", value("bytes") / value("median_seconds") * 1e-9) : "-",
                      cell("share_of_copy", "%.1f%%", 100), cell("elements_per_second", "%.0f", 1e-6),
                      cell("firing_rate", "%.1f%%", 100), cell("peak_bytes", "%.1f", 1.0 / (1 << 20)),
                      cell("error_units", "%.2f", 1)});
  }
}

void TableReporter::Finalize() {
  progress().clear();
  std::fputs(table_of(lines_).c_str(), stdout);
}

std::string table_of(const std::vector<std::vector<std::string>>& lines) {
  std::vector<size_t> widths;
  for (const auto& line : lines) {
    widths.resize(std::max(widths.size(), line.size()));
    for (size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  std::string text;
  for (const auto& line : lines) {
    for (size_t i = 0; i < line.size(); ++i) {
      const size_t blanks = widths[i] - line[i].size();
      if (i > 0) text.append(2 + blanks, ' ');
      text += line[i];
      if (i == 0 && line.size() > 1) text.append(blanks, ' ');
    }
    text += "\n";
  }
  return text;
}

}  // namespace spikescan::bench
