// Each band is two equal second-order band-pass sections (R. Bristow-Johnson's cookbook, 0 dB at the centre) in a row.
#include "filterbank.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>

namespace demo {
namespace {

constexpr double kLowest = 80.0, kHighest = 8000.0;
constexpr double kBelowNyquist = 0.45;    // of the sample rate
constexpr float kCompression = 0.3f;      // loudness grows about like this power of the pressure
constexpr double kEmphasis = 1000.0;      // Hz: what lies above is raised by 6 dB an octave, as much as speech falls
constexpr double kTwoSections = 0.64359;  // half-power width of two equal sections over that of one: sqrt(sqrt(2) - 1)

// One section for all channels: y = b0 (x - x[t-2]) - a1 y[t-1] - a2 y[t-2].
struct Section {
  std::vector<double> b0, a1, a2, first, second;  // the last two are the filter's state

  Section(const std::vector<double>& centres, double sample_rate) {
    for (const double centre : centres) {
      // As wide as the ear's own filters (equivalent rectangular bandwidth of Glasberg and Moore).
      const double width = 24.7 * (4.37e-3 * centre + 1.0) / kTwoSections;
      const double w = 2.0 * std::numbers::pi * centre / sample_rate;
      const double a = std::sin(w) * width / (2.0 * centre);
      b0.push_back(a / (1.0 + a));
      a1.push_back(-2.0 * std::cos(w) / (1.0 + a));
      a2.push_back((1.0 - a) / (1.0 + a));
    }
    first.resize(centres.size());
    second.resize(centres.size());
  }

  double step(size_t c, double x) {
    const double in = b0[c] * x;
    const double y = in + first[c];
    first[c] = second[c] - a1[c] * y;
    second[c] = -in - a2[c] * y;
    return y;
  }
};

std::vector<float> emphasized(const std::vector<float>& samples, double sample_rate) {
  const auto share = static_cast<float>(std::exp(-2.0 * std::numbers::pi * kEmphasis / sample_rate));
  std::vector<float> raised(samples.size());
  for (size_t t = 0; t < samples.size(); ++t) raised[t] = samples[t] - (t > 0 ? share * samples[t - 1] : 0.0f);
  return raised;
}

double loudness(const std::vector<float>& samples) {
  double sum = 0.0;
  for (const float s : samples) sum += static_cast<double>(s) * s;
  return std::sqrt(sum / static_cast<double>(samples.size()));
}

void filter(const std::vector<float>& recording, double sample_rate, const std::vector<double>& centres, float* drive) {
  const std::vector<float> samples = emphasized(recording, sample_rate);
  Section one(centres, sample_rate), two(centres, sample_rate);
  const double scale = 1.0 / loudness(samples);
  for (const float sample : samples) {
    const double x = scale * sample;
    for (size_t c = 0; c < centres.size(); ++c) {
      drive[c] = static_cast<float>(std::max(two.step(c, one.step(c, x)), 0.0));
    }
    for (size_t c = 0; c < centres.size(); ++c) drive[c] = std::pow(drive[c], kCompression);
    drive += centres.size();
  }
}

}  // namespace

std::vector<double> centre_frequencies(int channels, double sample_rate) {
  const double highest = std::min(kHighest, kBelowNyquist * sample_rate);
  std::vector<double> centres;
  for (int c = 0; c < channels; ++c) centres.push_back(kLowest * std::pow(highest / kLowest, c / (channels - 1.0)));
  return centres;
}

std::vector<float> drive_of(const std::vector<std::vector<float>>& recordings, double sample_rate,
                            const std::vector<double>& centres) {
  const auto batch = static_cast<int64_t>(recordings.size());
  const size_t row = recordings.front().size() * centres.size();
  std::vector<float> drive(recordings.size() * row);
#pragma omp parallel for schedule(dynamic)
  for (int64_t b = 0; b < batch; ++b) {
    filter(recordings[static_cast<size_t>(b)], sample_rate, centres, &drive[static_cast<size_t>(b) * row]);
  }
  return drive;
}

}  // namespace demo
