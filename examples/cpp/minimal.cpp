#include <cmath>
#include <cstdio>
#include <spikescan/spikescan.hpp>
namespace sk = spikescan;

int main() try {
  const sk::Device device = sk::resolve(sk::Device::automatic);  // CUDA where there is a GPU, else the CPU
  const sk::Problem problem{.device = device, .neuron = sk::kStochasticAssociativeLif, .shape = {1, 4000, 3}};
  std::vector<float> input(12000);  // [batch 1, time 4000, channels 3]
  for (size_t i = 0; i < input.size(); ++i) input[i] = float(i % 97) / 250.0f;
  const auto x = sk::Tensor::from(device, problem.shape, input);
  const auto beta = sk::Tensor::from(device, problem.decay_shape(), std::vector{0.5f, 0.8f, 0.9f});
  sk::Tensor spikes(device, problem.shape, sk::Dtype::uint8), v(device, problem.shape);
  sk::Workspace workspace(problem);
  sk::forward(problem, {.x = x, .beta = beta, .key = {.seed = 1}, .spikes = spikes, .membrane = v}, workspace);
  int64_t fired = 0;
  for (const uint8_t spike : spikes.to_vector<uint8_t>()) fired += spike;
  bool finite = true;
  for (const float value : v.to_vector()) finite = finite && std::isfinite(value);
  std::printf("firing rate %.4f, V is %s\n", double(fired) / 12000.0, finite ? "finite" : "not finite");
} catch (const sk::Error& error) {
  return std::fprintf(stderr, "%s\n", error.what()), 1;
}
