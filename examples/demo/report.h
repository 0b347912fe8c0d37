// What the demo tells: a progress line on standard error, the table, and the files that plot.py draws.
#pragma once

#include <string>
#include <vector>

#include "neurons.h"
#include "recording.h"

namespace demo {

// One line that rewrites itself on a terminal; plain lines elsewhere.
class Progress {
 public:
  Progress();
  ~Progress() { done(); }
  void step(const std::string& what);
  void done();  // takes the line away

 private:
  bool terminal_;
};

struct Row {
  Neuron neuron;
  double firing_rate = 0.0;
  Pass pass;
};

void print_table(const std::vector<Row>& rows, const Sound& sound, spikescan::Device device);

// Numbers for plot.py, in `folder`: report.json and .npy files, all of the first recording.
class Files {
 public:
  Files(std::string folder, const Recordings& recordings, const Sound& sound, spikescan::Device device);
  void add(const Neuron& neuron, const Behaviour& behaviour);
  void finish(const std::vector<Row>& rows);

 private:
  std::string folder_;
  const Recordings& recordings_;
  const Sound& sound_;
  std::string device_;
  int64_t bin_, window_start_, window_;  // in samples
};

}  // namespace demo
