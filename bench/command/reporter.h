// What a run shows: one progress line that rewrites itself, on a terminal alone, and a table at the end.
#pragma once

#include <benchmark/benchmark.h>

#include <string>
#include <vector>

namespace spikescan::bench {

class Progress {
 public:
  Progress();
  void begin(const std::string& name);
  void clear() const;
  int total = 0;

 private:
  bool shown_;
  int done_ = 0;
};
Progress& progress();

class TableReporter : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override;
  void Finalize() override;

 private:
  std::vector<std::vector<std::string>> lines_ = {
      {"case", "ms", "20..80%", "spread", "GB/s", "of copy", "Mel/s", "firing", "peak MiB", "error"}};
};

// Columns side by side: the first to the left, the others to the right.
std::string table_of(const std::vector<std::vector<std::string>>& lines);

}  // namespace spikescan::bench
