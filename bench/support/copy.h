// The denominator of every share: how fast this machine copies memory, measured between the cases of the same run.
#pragma once

#include <cstddef>
#include <vector>

#include "c_api.h"

namespace spikescan::bench {

enum class CopyMethod { kPlain, kStreaming, kDevice };

const char* copy_method_name(CopyMethod method);

// Methods that this machine and backend have: CPU plain (and streaming stores), or CUDA device to device.
std::vector<CopyMethod> copy_methods(spikescan_backend backend);

class CopyBench {
 public:
  CopyBench(spikescan_backend backend, size_t bytes, CopyMethod method);

  double seconds_once();
  double bytes_moved() const { return 2.0 * static_cast<double>(source_.bytes()); }  // read and written

 private:
  spikescan_backend backend_;
  CopyMethod method_;
  Memory source_, destination_;
  Stream stream_;
  Timer timer_;
};

// The fastest of the methods, on buffers too large for the caches.
CopyMethod best_copy_method(spikescan_backend backend, size_t bytes);

// Bytes of one buffer that no cache of the device holds.
size_t beyond_cache_bytes(spikescan_backend backend);

struct Summary {
  double median;
  double spread;  // (90th percentile - 10th percentile) / median
  double p20, p80;
};
Summary summarize(std::vector<double> samples);

}  // namespace spikescan::bench
