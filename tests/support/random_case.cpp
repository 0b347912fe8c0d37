#include "support/random_case.h"

#include <algorithm>

namespace spikescan::support {
namespace {

float clipped(float decay) {
  return std::clamp(decay, 0.0f, 1.0f);
}

// The input whose membrane would settle at the threshold.
float drift(const Case& c, float beta, float alpha) {
  const float threshold = c.description.threshold;
  switch (c.description.recurrence) {
    case SPIKESCAN_SPSN:
      return threshold;
    case SPIKESCAN_CUBA_LIF:
      return threshold * (1 - beta) * (1 - alpha);
    case SPIKESCAN_PSU_LIF:
      return threshold * (1 - beta) + 0.8f;  // R settles near sigmoid(V) / (1 - beta)
    default:
      return threshold * (1 - beta);
  }
}

std::vector<float> draw(Random& random, int64_t count, float low, float high, spikescan_dtype dtype) {
  std::vector<float> out(static_cast<size_t>(count));
  for (float& value : out) value = rounded(random.uniform(low, high), dtype);
  return out;
}

std::vector<float> draw_decays(Random& random, int64_t count, const Fill& options) {
  std::vector<float> out = draw(random, count, options.lowest_decay, options.highest_decay, SPIKESCAN_FLOAT32);
  constexpr float kSpecial[] = {0.0f, 1.0f, -0.25f, 1.25f, 0.5f};
  for (float& decay : out) {
    if (options.special_decays && random.chance(6)) decay = random.pick(kSpecial);
  }
  return out;
}

std::vector<float> draw_x(Random& random, const Case& c) {
  const spikescan_description& d = c.description;
  const float spread = d.recurrence == SPIKESCAN_SPSN ? 3.0f : 0.6f;
  std::vector<float> out(static_cast<size_t>(c.elements()));
  size_t i = 0;
  for (int64_t row = 0; row < d.batch * d.time; ++row) {
    for (int64_t channel = 0; channel < d.channels; ++channel) {
      const size_t decay = d.shared_decay ? 0 : static_cast<size_t>(channel);
      const float mean = drift(c, clipped(c.beta[decay]), c.has_alpha() ? clipped(c.alpha[decay]) : 0.0f);
      out[i++] = rounded(mean + random.uniform(-spread, spread), d.dtype);
    }
  }
  return out;
}

// A layout with stride 0 holds one batch, or one step, for all.
void repeat(std::vector<float>& values, Layout layout, const spikescan_description& d) {
  if (values.empty() || (layout != Layout::repeat_batch && layout != Layout::repeat_time)) return;
  for (int64_t b = 0; b < d.batch; ++b) {
    for (int64_t t = 0; t < d.time; ++t) {
      const int64_t from = layout == Layout::repeat_batch ? t : b * d.time;
      if (from == b * d.time + t) continue;
      const auto source = values.begin() + from * d.channels;
      std::copy(source, source + d.channels, values.begin() + (b * d.time + t) * d.channels);
    }
  }
}

}  // namespace

uint64_t Random::bits() {
  uint64_t z = state_ += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

float Random::uniform(float low, float high) {
  return low + (high - low) * static_cast<float>(bits() >> 40) * 0x1p-24f;
}

void fill(Case& c, uint64_t seed, const Fill& options) {
  Random random(seed);
  const spikescan_description& d = c.description;
  c.beta = draw_decays(random, c.decays(), options);
  if (c.has_alpha()) c.alpha = draw_decays(random, c.decays(), options);
  c.x = draw_x(random, c);
  repeat(c.x, c.x_layout, d);
  for (int n = 0; n < (c.has_second() ? 2 : 1); ++n) {
    if (options.initial_state) c.initial[n] = draw(random, c.rows(), -1, 1, SPIKESCAN_FLOAT32);
    if (options.grad_final_state) c.grad_final[n] = draw(random, c.rows(), -1, 1, SPIKESCAN_FLOAT32);
  }
  if (options.own_uniforms) c.uniforms = draw(random, c.elements(), 0, 1, SPIKESCAN_FLOAT32);
  if (options.grad_spikes) c.grad_spikes = draw(random, c.elements(), -1, 1, c.grad_spikes_dtype);
  if (options.grad_membrane) c.grad_membrane = draw(random, c.elements(), -1, 1, c.grad_membrane_dtype);
  repeat(c.uniforms, c.uniforms_layout, d);
  repeat(c.grad_spikes, c.grad_spikes_layout, d);
  repeat(c.grad_membrane, c.grad_membrane_layout, d);
  c.seed = random.bits();
  c.stream = static_cast<uint32_t>(random.bits());
}

}  // namespace spikescan::support
