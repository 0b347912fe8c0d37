// Learns one decay a channel so that each channel fires at a target rate: forward and backward of a stochastic lif
// neuron (docs/model.md) by plain gradient descent, on time-first data [T, B, C]. The gradient form is
// `derivative`, the slope of the probability, since the rate is what the loss sees.
#include <cmath>
#include <cstdio>
#include <vector>

#include <spikescan/spikescan.hpp>

namespace sk = spikescan;

namespace {

constexpr sk::Shape kShape{.batch = 8, .time = 5000, .channels = 4};
constexpr int kSteps = 60;
constexpr float kTargetRate = 0.2f;
constexpr float kLearningRate = 0.2f;

std::vector<float> make_input() {
  std::vector<float> input(static_cast<size_t>(kShape.elements()));
  for (size_t i = 0; i < input.size(); ++i) input[i] = 0.12f + 0.08f * std::sin(0.003f * static_cast<float>(i));
  return input;
}

// The mean of each channel; in [T, B, C] the channel is the fastest index whatever the order of the other two.
std::vector<float> channel_rates(const std::vector<float>& spikes) {
  const auto channels = static_cast<size_t>(kShape.channels);
  std::vector<double> sums(channels);
  for (size_t i = 0; i < spikes.size(); ++i) sums[i % channels] += spikes[i];
  std::vector<float> rates(channels);
  const double rows = static_cast<double>(kShape.batch * kShape.time);
  for (size_t c = 0; c < channels; ++c) rates[c] = static_cast<float>(sums[c] / rows);
  return rates;
}

int train() {
  const sk::Device device = sk::resolve(sk::Device::automatic);
  const sk::Problem problem{
      .device = device, .neuron = {.gradient = sk::Gradient::derivative, .k = 4.0f}, .shape = kShape};
  const sk::Stream stream(device);

  // Everything is allocated once; the loop below allocates no device memory.
  const sk::Tensor x = sk::Tensor::from(device, kShape, make_input(), sk::Dtype::float32, sk::Layout::time_first);
  sk::Tensor spikes = sk::Tensor::time_first(device, kShape);
  sk::Tensor grad_spikes = sk::Tensor::time_first(device, kShape);
  sk::Tensor beta(device, problem.decay_shape()), grad_beta(device, problem.decay_shape());
  sk::Workspace workspace(problem);
  sk::Memory saved = sk::make_saved(problem);
  std::printf("device %s, x %zu bytes, workspace %zu bytes, saved %zu bytes\n", sk::device_info(device).name, x.bytes(),
              workspace.size(), saved.size());

  std::vector<float> decays = {0.6f, 0.65f, 0.7f, 0.85f}, rates;
  std::vector<float> slopes(static_cast<size_t>(kShape.elements()));
  for (int step = 0; step < kSteps; ++step) {
    beta.copy_from(decays, stream);
    // Another generator stream at each step: fresh random numbers, and the whole run repeats to the bit.
    const sk::Key key{.seed = 1, .stream = static_cast<uint32_t>(step)};
    sk::forward(problem, {.x = x, .beta = beta, .key = key, .spikes = spikes, .saved = saved}, workspace, stream);
    rates = channel_rates(spikes.to_vector(stream));

    // loss = sum over channels of (rate - target)^2 / 2, so dL/dS of an element is (rate - target) / (B T).
    const float rows = static_cast<float>(kShape.batch * kShape.time);
    for (size_t i = 0; i < slopes.size(); ++i) slopes[i] = (rates[i % rates.size()] - kTargetRate) / rows;
    grad_spikes.copy_from(slopes, stream);
    sk::backward(problem, {.x = x, .beta = beta, .saved = saved, .grad_spikes = grad_spikes, .grad_beta = grad_beta},
                 workspace, stream);
    const std::vector<float> gradient = grad_beta.to_vector(stream);
    for (size_t c = 0; c < decays.size(); ++c) decays[c] -= kLearningRate * gradient[c];
    if (step % 10 == 0 || step == kSteps - 1) {
      std::printf("step %2d  rates", step);
      for (const float rate : rates) std::printf(" %.3f", rate);
      std::printf("  decays");
      for (const float decay : decays) std::printf(" %.3f", decay);
      std::printf("\n");
    }
  }
  for (const float rate : rates) {
    if (!(std::abs(rate - kTargetRate) < 0.02f)) {
      std::fprintf(stderr, "a channel fires at %.4f; the target is %.2f\n", rate, kTargetRate);
      return 1;
    }
  }
  std::printf("every channel fires at %.2f within 0.02\n", kTargetRate);
  return 0;
}

}  // namespace

int main() try { return train(); } catch (const sk::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
