// Graphs: a capture turns the calling thread's work into a list, and a replay runs the list in its order (runtime.h).
// One stream at a time, which is all that the library's own calls ask for.
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "simt/runtime.h"

// CUDA's headers declare these three and leave them to the runtime.
struct CUgraphNode_st {
  cudaGraphNodeType type;
  std::function<cudaError_t()> work;
};
struct CUgraph_st {
  std::vector<std::shared_ptr<CUgraphNode_st>> nodes;
};
struct CUgraphExec_st {
  std::vector<std::shared_ptr<CUgraphNode_st>> nodes;  // they outlive the graph
};

namespace simt {
namespace {

struct Capture {
  cudaStream_t stream;
  std::unique_ptr<CUgraph_st> graph;
};
thread_local std::optional<Capture> capture;

}  // namespace

namespace detail {

bool capturing() {
  return capture.has_value();
}

void add_node(cudaGraphNodeType type, std::function<cudaError_t()> work) {
  capture->graph->nodes.push_back(std::make_shared<CUgraphNode_st>(CUgraphNode_st{type, std::move(work)}));
}

}  // namespace detail
}  // namespace simt

using namespace simt;

extern "C" {

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  if (!detail::stream_exists(stream)) return detail::answer(cudaErrorInvalidResourceHandle);
  if (capture || stream == nullptr || stream == cudaStreamLegacy) {
    return detail::answer(cudaErrorStreamCaptureUnsupported);
  }
  capture = Capture{stream, std::make_unique<CUgraph_st>()};
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  if (!capture || capture->stream != stream) return detail::answer(cudaErrorIllegalState);
  *graph = capture->graph.release();
  capture.reset();
  return cudaSuccess;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  const bool active = capture && capture->stream == stream;
  *status = active ? cudaStreamCaptureStatusActive : cudaStreamCaptureStatusNone;
  return detail::answer(detail::stream_exists(stream) ? cudaSuccess : cudaErrorInvalidResourceHandle);
}

cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t* nodes, std::size_t* count) {
  if (nodes != nullptr) {
    for (std::size_t i = 0; i < *count; ++i) nodes[i] = i < graph->nodes.size() ? graph->nodes[i].get() : nullptr;
  }
  *count = graph->nodes.size();
  return cudaSuccess;
}

cudaError_t cudaGraphNodeGetType(cudaGraphNode_t node, cudaGraphNodeType* type) {
  *type = node->type;
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
  *executable = new CUgraphExec_st{graph->nodes};
  return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  if (!detail::stream_exists(stream)) return detail::answer(cudaErrorInvalidResourceHandle);
  for (const auto& node : executable->nodes) {
    if (const cudaError_t error = node->work(); error != cudaSuccess) return error;
  }
  return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  delete executable;
  return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}

}  // extern "C"
