// Links an installed spikescan: a lif neuron whose rule `none` passes V on, for four steps of ones with beta = 1/2.
#include <cstdio>
#include <vector>

#include <spikescan/spikescan.hpp>

namespace sk = spikescan;

int main() try {
  const sk::Problem problem{.device = sk::Device::cpu,
                            .neuron = {.rule = sk::Rule::none, .threshold = 0.0f, .shared_decay = true},
                            .shape = {.batch = 1, .time = 4, .channels = 1}};
  const auto x = sk::Tensor::from(sk::Device::cpu, problem.shape, std::vector<float>(4, 1.0f));
  const auto beta = sk::Tensor::from(sk::Device::cpu, problem.decay_shape(), std::vector{0.5f});
  sk::Tensor v(sk::Device::cpu, problem.shape);
  sk::Workspace workspace(problem);
  sk::forward(problem, {.x = x, .beta = beta, .membrane = v}, workspace);

  const std::vector<float> expected = {1.0f, 1.5f, 1.75f, 1.875f};  // exact in float32
  if (v.to_vector() != expected) return std::fprintf(stderr, "V differs from 1, 1.5, 1.75, 1.875\n"), 1;
  std::printf("spikescan %s from C++: V is right\n", spikescan_version());
} catch (const sk::Error& error) {
  return std::fprintf(stderr, "%s\n", error.what()), 1;
}
