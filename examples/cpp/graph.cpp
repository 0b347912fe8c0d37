// A forward pass captured once in a CUDA graph and replayed with a new key each time: the key lies in device memory and
// is read when the kernel runs. Each replay is compared with the same call made eagerly.
#include <cuda_runtime_api.h>

#include <cstdio>
#include <vector>

#include <spikescan/spikescan.hpp>

namespace sk = spikescan;

namespace {

void check_cuda(cudaError_t error) {
  if (error != cudaSuccess) throw sk::Error(sk::Status::cuda_error, cudaGetErrorString(error));
}

int replay() {
  const sk::Device device = sk::Device::cuda;
  const sk::Problem problem{.device = device, .shape = {.batch = 4, .time = 1000, .channels = 8}};
  sk::Tensor x(device, problem.shape), spikes(device, problem.shape), eager(device, problem.shape);
  x.copy_from(std::vector<float>(static_cast<size_t>(problem.shape.elements()), 0.2f));
  const sk::Tensor beta = sk::Tensor::from(device, problem.decay_shape(), std::vector<float>(8, 0.8f));
  sk::Workspace workspace(problem);
  const sk::Stream stream(device);
  const auto cuda_stream = static_cast<cudaStream_t>(stream.raw());

  std::vector<float> previous;
  const auto drew_anew = [&](uint32_t step) {
    sk::forward(problem, {.x = x, .beta = beta, .key = {.seed = 1, .stream = step}, .spikes = eager}, workspace,
                stream);
    const std::vector<float> replayed = spikes.to_vector(stream);
    const bool right = replayed == eager.to_vector(stream) && replayed != previous;
    if (!right) std::fprintf(stderr, "replay %u differs from the eager call, or repeats the one before\n", step);
    previous = replayed;
    return right;
  };

  // [graph]
  sk::DeviceKey key(device);
  cudaGraph_t graph;
  cudaGraphExec_t executable;
  check_cuda(cudaStreamBeginCapture(cuda_stream, cudaStreamCaptureModeGlobal));
  sk::forward(problem, {.x = x, .beta = beta, .device_key = key.get(), .spikes = spikes}, workspace, stream);
  check_cuda(cudaStreamEndCapture(cuda_stream, &graph));
  check_cuda(cudaGraphInstantiate(&executable, graph, 0));

  for (uint32_t step = 0; step < 4; ++step) {
    key.set({.seed = 1, .stream = step}, {}, stream);
    check_cuda(cudaGraphLaunch(executable, cuda_stream));
    if (!drew_anew(step)) return 1;
  }
  // [/graph]
  check_cuda(cudaGraphExecDestroy(executable));
  check_cuda(cudaGraphDestroy(graph));
  std::printf("every replay drew anew\n");
  return 0;
}

}  // namespace

int main() try {
  if (!sk::usable(sk::Device::cuda)) {
    std::printf("no CUDA device: nothing to replay\n");
    return 0;
  }
  return replay();
} catch (const sk::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
