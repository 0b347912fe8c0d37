// One benchmark case and its buffers: several sets in rotation, more bytes than the device's cache holds, so that every
// timed pass reads its inputs from memory. x, spikes and gradients are [B, T, C], or (time first) [T, B, C] in memory.
#pragma once

#include <string>
#include <vector>

#include "c_api.h"
#include "names.h"

namespace spikescan::bench {

enum class Pass { kForward, kBackward, kForwardBackward };
inline constexpr const char* kPasses[] = {"forward", "backward", "forward_backward"};

struct ScanCase {
  spikescan_backend backend;
  Pass pass;
  spikescan_recurrence recurrence;
  spikescan_rule rule;
  spikescan_dtype dtype;
  spikescan_dtype spikes;  // forward's output format; backward reads grad_spikes in dtype
  Shape shape;
  std::string series = {};  // what the row is for; empty: the suite

  // "scan/forward/lif/...", with the series in front where it is another than the suite.
  std::string name() const;
  // The fewest bytes that the pass can move: forward reads x and writes the spikes (and V); backward reads x and the
  // gradient of the spikes and writes the gradient of x. States and decays, under a thousandth at T = 1024, are left
  // out.
  double bytes() const;
  bool has_forward() const { return pass != Pass::kBackward; }
  bool has_backward() const { return pass != Pass::kForward; }
  bool has_membrane() const { return series == "with_membrane"; }  // forward writes V, too, in float32
  bool is_time_first() const { return series == "steps_time_first"; }
  bool is_steep() const { return series == "steep"; }  // k = 100, as in Spyx's presets: most slopes are next to nothing
  bool is_silent() const { return series == "silent"; }  // inputs in few steps alone: states decay to nothing
};

class ScanBuffers {
 public:
  explicit ScanBuffers(const ScanCase& scan_case);

  void* stream() const { return stream_.get(); }
  // Runs or enqueues the pass on the next set.
  void pass();
  // Share of ones among the first 8 MiB of a set's spikes; negative where the pass makes none.
  double firing_rate();
  // All that one pass needs at once: inputs, outputs, what is kept for backward, scratch. No call allocates more.
  size_t bytes_needed() const;

  // What pass() would hand to the library, of the next set.
  const spikescan_description& description() const { return description_; }
  spikescan_forward_args next_forward() { return forward_of(next_set(), forward_workspace_); }
  spikescan_backward_args next_backward() { return backward_of(next_set()); }

 private:
  struct Set {
    Memory x, spikes, membrane, saved, grad_spikes, grad_x;
  };

  Memory copy_of(const Memory& source) const;
  void silence(const Memory& x) const;
  Set make_set(const Memory& x) const;
  const Set& next_set();
  spikescan_tensor tensor_of(const Memory& memory, spikescan_dtype dtype) const;
  spikescan_forward_args forward_of(const Set& set, const Memory& workspace) const;
  spikescan_backward_args backward_of(const Set& set) const;
  void forward(const Set& set, const Memory& workspace) const;
  void backward(const Set& set) const;

  ScanCase case_;
  spikescan_description description_ = SPIKESCAN_DESCRIPTION_INIT;
  Stream stream_;
  spikescan_sizes sizes_ = {};
  Memory beta_, alpha_, grad_beta_, grad_alpha_, forward_workspace_, backward_workspace_;
  std::vector<Set> sets_;
  size_t next_ = 0;
};

}  // namespace spikescan::bench
