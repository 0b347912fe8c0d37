// What work enqueues on a CUDA stream, captured to be replayed and counted.
#pragma once

#include <cuda_runtime_api.h>

#include <vector>

#include "cuda_timing.h"

namespace spikescan::bench {

struct NodeCounts {
  int kernels = 0, memsets = 0, others = 0;
};

class CudaGraph {
 public:
  template <class Work>
  CudaGraph(cudaStream_t stream, Work work) {
    // Global: a call that could wait or allocate is refused on any thread while the capture lasts.
    CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal));
    work();
    CHECK(cudaStreamEndCapture(stream, &graph_));
    CHECK(cudaGraphInstantiate(&replay_, graph_, 0));
  }
  CudaGraph(const CudaGraph&) = delete;
  CudaGraph& operator=(const CudaGraph&) = delete;
  ~CudaGraph() {
    cudaGraphExecDestroy(replay_);
    cudaGraphDestroy(graph_);
  }

  void replay(cudaStream_t stream) const { CHECK(cudaGraphLaunch(replay_, stream)); }

  NodeCounts nodes() const {
    size_t count = 0;
    CHECK(cudaGraphGetNodes(graph_, nullptr, &count));
    std::vector<cudaGraphNode_t> nodes(count);
    CHECK(cudaGraphGetNodes(graph_, nodes.data(), &count));
    NodeCounts counts;
    for (const cudaGraphNode_t node : nodes) {
      cudaGraphNodeType type;
      CHECK(cudaGraphNodeGetType(node, &type));
      const bool kernel = type == cudaGraphNodeTypeKernel, memset = type == cudaGraphNodeTypeMemset;
      ++(kernel ? counts.kernels : memset ? counts.memsets : counts.others);
    }
    return counts;
  }

 private:
  cudaGraph_t graph_ = nullptr;
  cudaGraphExec_t replay_ = nullptr;
};

}  // namespace spikescan::bench
