#include "tests/element/sampling_checks.h"

#include <array>
#include <cmath>

#include "tests/element/known_answers.h"
#include "tests/element/sweep.h"

namespace spikescan::testing {
namespace {

RandomOrigin origin_at(uint64_t seed, uint32_t stream, int64_t b, int64_t t, int64_t c) {
  return {{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)}, stream, b, t, c};
}

RandomOrigin numbered_origin(int i) {
  const uint64_t seed = 0x9e3779b97f4a7c15u * static_cast<uint64_t>(i + 1);
  return origin_at(seed, static_cast<uint32_t>(i) * 3u, i * 5, 48 * i, 32 * i);
}

// `segments` segments of 16 steps by 16 channels, one after another in time.
std::vector<Segment> draw(const Sampler& sampler, const RandomOrigin& origin, int segments) {
  std::vector<Segment> out(static_cast<size_t>(segments));
  for (int s = 0; s < segments; ++s) {
    sampler.draw(origin, 0, s * kSegmentSteps, 0, kSegmentSteps, out[static_cast<size_t>(s)]);
  }
  return out;
}

template <class Visit>
void for_each_value(const std::vector<Segment>& segments, Visit visit) {
  for (const Segment& s : segments) {
    for (const auto& row : s.at) {
      for (const float value : row) visit(value);
    }
  }
}

// Sum of 12 (u - 1/2)(v - 1/2), of variance 1 a pair, over the square root of the pairs.
double correlation(const std::vector<Segment>& a, const std::vector<Segment>& b) {
  double sum = 0.0;
  for (size_t s = 0; s < a.size(); ++s) {
    for (int j = 0; j < kSegmentSteps; ++j) {
      for (int l = 0; l < kLanes; ++l) sum += 12.0 * (a[s].at[j][l] - 0.5) * (b[s].at[j][l] - 0.5);
    }
  }
  return sum / std::sqrt(static_cast<double>(a.size()) * kSegmentSteps * kLanes);
}

// Wilson and Hilferty: the cube root of chi-square over its degrees of freedom is close to normal.
double normal_of_chi_square(double chi_square, double degrees) {
  const double variance = 2.0 / (9.0 * degrees);
  return (std::cbrt(chi_square / degrees) - (1.0 - variance)) / std::sqrt(variance);
}

struct ProbabilityBin {
  int rule;
  float threshold, k, max_prob, m;
};

std::vector<ProbabilityBin> probability_bins() {
  std::vector<ProbabilityBin> bins;
  for (int i = 0; i < 21; ++i) {
    // sigmoid(k U) from 0.007 to 0.993, two slopes.
    bins.push_back({SPIKESCAN_SIGMOID_BERNOULLI, 1.0f, 10.0f, i % 2 ? 0.8f : 1.0f, 0.5f + 0.05f * i});
    bins.push_back({SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI, 1.0f, 50.0f, 1.0f, 0.9f + 0.016f * i});
  }
  return bins;
}

double exact_probability(const ProbabilityBin& bin) {
  const double u = static_cast<double>(bin.m) - static_cast<double>(bin.threshold);
  const double s = 1.0 / (1.0 + std::exp(-bin.k * u));
  return bin.rule == SPIKESCAN_SIGMOID_BERNOULLI ? bin.max_prob * s
                                                 : std::cos(6.283185307179586 * bin.threshold * u) * s;
}

int64_t count_spikes(const Sampler& sampler, const Firing& f, const std::vector<Segment>& uniforms, float m) {
  double spikes = 0.0;
  for (const Segment& u : uniforms) {
    Segment values;
    for (auto& row : values.at) std::fill(std::begin(row), std::end(row), m);
    sampler.fire(f, u, kSegmentSteps, values);
    for_each_value({values}, [&](float s) { spikes += s; });
  }
  return static_cast<int64_t>(spikes);
}

// Spike counts of 42 probabilities, each at 8 places of its own.
void add_spike_rates(const Sampler& sampler, std::vector<Statistic>& out) {
  constexpr int kSegments = 128;
  int place = 1000;
  for (const ProbabilityBin& bin : probability_bins()) {
    const double p = exact_probability(bin);
    const double n = static_cast<double>(kSegments) * kSegmentSteps * kLanes;
    const Firing f = firing(bin.rule, bin.threshold, bin.k, bin.max_prob);
    for (int repeat = 0; repeat < 8; ++repeat, ++place) {
      const std::vector<Segment> uniforms = draw(sampler, numbered_origin(place), kSegments);
      const double spikes = static_cast<double>(count_spikes(sampler, f, uniforms, bin.m));
      out.push_back({"rate " + std::to_string(p) + " at place " + std::to_string(place),
                     (spikes - n * p) / std::sqrt(n * p * (1.0 - p))});
    }
  }
}

// Each of a uniform's three bytes against 256 equal cells, at 64 places.
void add_byte_frequencies(const Sampler& sampler, std::vector<Statistic>& out) {
  constexpr int kSegments = 128;
  for (int place = 0; place < 64; ++place) {
    std::array<std::array<int, 256>, 3> cells = {};
    for_each_value(draw(sampler, numbered_origin(100 + place), kSegments), [&](float u) {
      const uint32_t word = static_cast<uint32_t>(u * 0x1p24f);
      for (size_t byte = 0; byte < 3; ++byte) ++cells[byte][word >> (8 * byte) & 0xff];
    });
    for (size_t byte = 0; byte < 3; ++byte) {
      const double expected = kSegments * kSegmentSteps * kLanes / 256.0;
      double chi_square = 0.0;
      for (const int count : cells[byte]) chi_square += (count - expected) * (count - expected) / expected;
      out.push_back({"byte " + std::to_string(byte) + " at place " + std::to_string(place),
                     normal_of_chi_square(chi_square, 255.0)});
    }
  }
}

struct Shift {
  const char* name;
  uint64_t seed;
  uint32_t stream;
  int64_t b, t, c;
};
constexpr Shift kShifts[] = {
    {"t + 1", 0, 0, 0, 1, 0},         {"t + 2", 0, 0, 0, 2, 0},
    {"t + 3", 0, 0, 0, 3, 0},         {"t + 4", 0, 0, 0, 4, 0},
    {"t + 5", 0, 0, 0, 5, 0},         {"t + 16", 0, 0, 0, 16, 0},
    {"t + 1024", 0, 0, 0, 1024, 0},   {"c + 1", 0, 0, 0, 0, 1},
    {"c + 2", 0, 0, 0, 0, 2},         {"c + 16", 0, 0, 0, 0, 16},
    {"b + 1", 0, 0, 1, 0, 0},         {"b + 2", 0, 0, 2, 0, 0},
    {"stream + 1", 0, 1, 0, 0, 0},    {"stream + 2", 0, 2, 0, 0, 0},
    {"seed + 1", 1, 0, 0, 0, 0},      {"seed + 2^32", uint64_t{1} << 32, 0, 0, 0, 0},
    {"b + 1, c - 1", 0, 0, 1, 0, -1}, {"b + 1, stream - 1", 0, ~0u, 1, 0, 0},
};

RandomOrigin shifted(const RandomOrigin& o, const Shift& s) {
  const uint64_t seed = (uint64_t{o.key.high} << 32 | o.key.low) + s.seed;
  return origin_at(seed, o.stream + s.stream, o.batch + s.b, o.time + s.t, o.channel + s.c);
}

// Neighbours along every index, at 16 places.
void add_serial_correlations(const Sampler& sampler, std::vector<Statistic>& out) {
  constexpr int kSegments = 128;
  for (int place = 0; place < 16; ++place) {
    const RandomOrigin origin = numbered_origin(200 + place);
    const std::vector<Segment> here = draw(sampler, origin, kSegments);
    for (const Shift& shift : kShifts) {
      out.push_back({std::string(shift.name) + " at place " + std::to_string(place),
                     correlation(here, draw(sampler, shifted(origin, shift), kSegments))});
    }
  }
}

// One bit of one index changed: the draws must have nothing to do with each other.
void add_bit_flips(const Sampler& sampler, std::vector<Statistic>& out) {
  constexpr int kSegments = 64;
  const RandomOrigin origin = origin_at(0x5a5a5a5a3c3c3c3c, 0x00ff00ff, 0x01234567, 0x0fedcba90, 0x00c0ffe0);
  const std::vector<Segment> here = draw(sampler, origin, kSegments);
  const auto add = [&](const char* index, int bit, const RandomOrigin& there) {
    out.push_back(
        {std::string(index) + " bit " + std::to_string(bit), correlation(here, draw(sampler, there, kSegments))});
  };
  for (int bit = 0; bit < 34; ++bit) {
    RandomOrigin there = origin;
    there.time ^= int64_t{1} << bit;
    add("t", bit, there);
  }
  for (int bit = 0; bit < 32; ++bit) {
    std::array<RandomOrigin, 5> there;
    there.fill(origin);
    there[0].key.low ^= 1u << bit;
    there[1].key.high ^= 1u << bit;
    there[2].stream ^= 1u << bit;
    there[3].batch ^= int64_t{1} << bit;
    there[4].channel ^= int64_t{1} << bit;
    constexpr const char* kNames[] = {"seed low", "seed high", "stream", "b", "c"};
    for (size_t i = 0; i < there.size(); ++i) add(kNames[i], bit, there[i]);
  }
}

struct Pin {
  uint64_t seed;
  uint32_t stream;
  int64_t b, t, c;
  int rule;
  float threshold, k, max_prob;
  int64_t spikes;
};

// Counted once by a float64 program in another language; a spike that moves changes the contract. Places lie on both
// sides of 2^16 and 2^32 and inside four-step blocks.
constexpr Pin kPins[] = {
    {1, 0, 0, 0, 0, SPIKESCAN_SIGMOID_BERNOULLI, 1.0f, 10.0f, 0.8f, 6532},
    {1, 1, 0, 0, 0, SPIKESCAN_SIGMOID_BERNOULLI, 1.0f, 10.0f, 0.8f, 6454},
    {2, 0, 0, 0, 0, SPIKESCAN_SIGMOID_BERNOULLI, 1.0f, 10.0f, 0.8f, 6476},
    {uint64_t{1} << 32, 0, 0, 0, 0, SPIKESCAN_SIGMOID_BERNOULLI, 1.0f, 10.0f, 0.8f, 6518},
    {7, 3, 65536, 65536 * 4, 65536, SPIKESCAN_SIGMOID_BERNOULLI, 1.0f, 100.0f, 1.0f, 8081},
    {7, 3, 0, 0, 0, SPIKESCAN_SIGMOID_BERNOULLI, 1.0f, 100.0f, 1.0f, 8078},
    {7, 3, 0, 1, 0, SPIKESCAN_SIGMOID_BERNOULLI, 1.0f, 2.0f, 0.1f, 832},
    {~uint64_t{0}, 0xffffffff, 0xffffffff, (int64_t{1} << 34) - 16384, 0xfffffff0, SPIKESCAN_SIGMOID_BERNOULLI, 1.0f,
     10.0f, 0.5f, 4068},
    {1, 0, 0, 0, 0, SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI, 1.0f, 50.0f, 1.0f, 2614},
    {3, 9, 4, 100, 160, SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI, 0.3f, 10.0f, 1.0f, 6945},
    {3, 9, 5, 100, 160, SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI, 2.0f, 50.0f, 1.0f, 2520},
    {3, 9, 5, 100, 160, SPIKESCAN_SIGMOID_BERNOULLI, 0.0f, 1.0f, 1.0f, 8155},
};

// M differs between the steps of a block, between blocks and between channels, so that moved words change the count.
float pinned_membrane(int t, int l) {
  return 0.5f + static_cast<float>((t * 37 + l * 11) % 64) / 64.0f;
}

void check_ties(const Sampler& sampler, std::vector<std::string>& failures) {
  Segment u;
  for (auto& row : u.at) std::fill(std::begin(row), std::end(row), 0.25f);
  for (const float max_prob : {0.25f, 0.0f}) {
    Segment m;
    for (auto& row : m.at) std::fill(std::begin(row), std::end(row), 1000.0f);
    if (max_prob == 0.0f) u = {};
    sampler.fire(firing(SPIKESCAN_SIGMOID_BERNOULLI, 1.0f, 10.0f, max_prob), u, kSegmentSteps, m);
    for_each_value({m}, [&](float s) {
      if (s != 0.0f && failures.empty()) failures.push_back("u = p = " + std::to_string(max_prob) + " fired");
    });
  }
}

}  // namespace

Sampler library_sampler() {
  return {draw_uniforms, fire};
}

std::vector<Statistic> statistics(const Sampler& sampler) {
  std::vector<Statistic> out;
  add_spike_rates(sampler, out);
  add_byte_frequencies(sampler, out);
  add_serial_correlations(sampler, out);
  add_bit_flips(sampler, out);
  return out;
}

int64_t pinned_spikes(const Sampler& sampler, int index) {
  if (index >= static_cast<int>(std::size(kPins))) return -1;
  const Pin& p = kPins[index];
  const Firing f = firing(p.rule, p.threshold, p.k, p.max_prob);
  int64_t spikes = 0;
  for (int s = 0; s < 64; ++s) {
    Segment u, m;
    sampler.draw(origin_at(p.seed, p.stream, p.b, p.t, p.c), 0, s * kSegmentSteps, 0, kSegmentSteps, u);
    for (int j = 0; j < kSegmentSteps; ++j) {
      for (int l = 0; l < kLanes; ++l) m.at[j][l] = pinned_membrane(s * kSegmentSteps + j, l) + p.threshold - 1.0f;
    }
    sampler.fire(f, u, kSegmentSteps, m);
    for_each_value({m}, [&](float spike) { spikes += spike != 0.0f; });
  }
  return spikes;
}

std::vector<std::string> exact_failures(const Sampler& sampler) {
  std::vector<std::string> failures;
  check_ties(sampler, failures);
  for (const UniformAnswer& a : read_known_answers().uniforms) {
    Segment u;
    sampler.draw(origin_at(a.seed, a.stream, a.b, a.t, a.c), 0, 0, 0, 1, u);
    if (u.at[0][0] * 0x1p24f != static_cast<float>(a.numerator)) {
      failures.push_back("uniform of t = " + std::to_string(a.t) + ", c = " + std::to_string(a.c));
    }
  }
  for (int i = 0; i < static_cast<int>(std::size(kPins)); ++i) {
    const int64_t spikes = pinned_spikes(sampler, i);
    if (spikes != kPins[i].spikes) {
      failures.push_back("pinned count " + std::to_string(i) + " is " + std::to_string(spikes) + ", not " +
                         std::to_string(kPins[i].spikes));
    }
  }
  return failures;
}

}  // namespace spikescan::testing
