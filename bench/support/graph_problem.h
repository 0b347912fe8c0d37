// One lif problem in float32 on the GPU with several sets of buffers, for passes that are captured in CUDA graphs; and
// what an eager call of each pass gave, to hold a replay against.
#pragma once

#include <vector>

#include "c_api.h"
#include "cuda_graph.h"
#include "names.h"
#include "scan_case.h"

namespace spikescan::bench {

class GraphProblem {
 public:
  GraphProblem(const Shape& shape, size_t sets, uint64_t seed);

  cudaStream_t stream() const { return static_cast<cudaStream_t>(stream_.get()); }
  size_t set_count() const { return sets_.size(); }
  void enqueue(Pass pass, size_t set) const;
  // Replays once. True where the pass's outputs are, in each of the first `sets` sets, the eager call's bit for bit.
  bool replays_the_eager_bits(const CudaGraph& graph, Pass pass, size_t sets) const;
  // The key of the calls from now on; what the eager calls gave stays.
  void set_seed(uint64_t seed) { seed_ = seed; }

 private:
  struct Set {
    Memory x, spikes, saved, grad_spikes, grad_x, grad_beta;
  };
  using Bytes = std::vector<unsigned char>;
  struct Outputs {
    Bytes spikes, grad_x, grad_beta;
  };

  Set make_set(const std::vector<float>& x, const std::vector<float>& grad_spikes) const;
  void forward(const Set& set) const;
  void backward(const Set& set) const;
  void overwrite_outputs(const Set& set, int byte) const;
  bool holds_the_eager_bits(Pass pass, const Set& set) const;

  uint64_t seed_;
  spikescan_description description_ = SPIKESCAN_DESCRIPTION_INIT;
  spikescan_sizes sizes_ = {};
  Stream stream_{SPIKESCAN_BACKEND_CUDA};
  Memory beta_, forward_workspace_, backward_workspace_;
  std::vector<Set> sets_;  // with the same inputs
  Outputs eager_;
};

}  // namespace spikescan::bench
