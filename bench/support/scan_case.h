// One benchmark case and its buffers: several sets in rotation, more bytes than the device's cache holds, so that every
// timed pass reads its inputs from memory. x, spikes and gradients are [B, T, C].
#pragma once

#include <string>
#include <vector>

#include "c_api.h"
#include "names.h"

namespace spikescan::bench {

struct ScanCase {
  spikescan_backend backend;
  bool backward;
  spikescan_recurrence recurrence;
  spikescan_rule rule;
  spikescan_dtype dtype;
  spikescan_dtype spikes;  // forward's output format; backward reads grad_spikes in dtype
  Shape shape;

  std::string name() const;
  // The fewest bytes that the pass can move: forward reads x and writes the spikes; backward reads x and the gradient
  // of the spikes and writes the gradient of x. States and decays are left out: under a thousandth at T = 1024.
  double bytes() const;
};

class ScanBuffers {
 public:
  explicit ScanBuffers(const ScanCase& scan_case);

  void* stream() const { return stream_.get(); }
  // Runs or enqueues the pass on the next set.
  void pass();
  // Share of ones among the first set's spikes; negative where the rule makes none.
  double firing_rate();

 private:
  struct Set {
    Memory x, spikes, saved, grad_spikes, grad_x;
  };

  void forward(Set& set, const Memory& workspace);
  void backward(Set& set);

  ScanCase case_;
  spikescan_description description_ = SPIKESCAN_DESCRIPTION_INIT;
  Stream stream_;
  spikescan_sizes sizes_ = {};
  Memory beta_, alpha_, grad_beta_, grad_alpha_, workspace_;
  std::vector<Set> sets_;
  size_t next_ = 0;
};

}  // namespace spikescan::bench
