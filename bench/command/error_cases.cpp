// The largest error of V against a sequential long double scan, in units of 2^-24 sum beta^n |x_{t-n}| (docs/model.md
// promises 8), over length and decay. The library's own forward call is measured, not a model of it.
#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "../support/inputs.h"
#include "suite.h"

namespace spikescan::bench {
namespace {

constexpr float kDecays[] = {0.5f, 0.9f, 0.99f, 0.999f, 0.9999f, 0.99999f, 1.0f};
constexpr std::array<int64_t, 5> kLengths = {100, 1000, 10000, 100000, 1000000};
constexpr int64_t kChannels = 12;

// Constant, one-signed and two-signed channels in turn.
std::vector<float> inputs() {
  std::vector<float> x(static_cast<size_t>(kLengths.back() * kChannels));
  for (int64_t t = 0; t < kLengths.back(); ++t) {
    for (int64_t c = 0; c < kChannels; ++c) {
      const float value = unit_value(7, static_cast<uint64_t>(c % 3 == 0 ? c : t * kChannels + c));
      x[static_cast<size_t>(t * kChannels + c)] = c % 3 == 2 ? 2.0f * value - 1.0f : value;
    }
  }
  return x;
}

std::vector<float> membrane(spikescan_backend backend, const std::vector<float>& x, float decay) {
  const Stream stream(backend);
  const Shape shape = {1, kLengths.back(), kChannels};
  spikescan_description d = SPIKESCAN_DESCRIPTION_INIT;
  d.backend = backend;
  d.rule = SPIKESCAN_NONE;
  d.batch = shape.batch;
  d.time = shape.time;
  d.channels = shape.channels;
  spikescan_sizes sizes = {};
  sizes.struct_size = sizeof(sizes);
  check(spikescan_query_sizes(&d, &sizes), "spikescan_query_sizes");
  const Memory input(backend, x.size() * sizeof(float)), output(backend, x.size() * sizeof(float)),
      beta(backend, kChannels * sizeof(float)), workspace(backend, sizes.forward_workspace);
  input.upload(x.data(), stream.get());
  beta.upload(std::vector<float>(kChannels, decay).data(), stream.get());
  spikescan_forward_args args = {};
  args.struct_size = sizeof(args);
  args.x = contiguous(input.data(), SPIKESCAN_FLOAT32, shape);
  args.beta = beta.floats();
  args.membrane = contiguous(output.data(), SPIKESCAN_FLOAT32, shape);
  args.workspace = workspace.data();
  args.workspace_bytes = workspace.bytes();
  check(spikescan_forward(&d, &args, stream.get()), "spikescan_forward");
  const auto bytes = output.download(stream.get());
  std::vector<float> v(x.size());
  std::memcpy(v.data(), bytes.data(), bytes.size());
  return v;
}

// Up to each length: one run over the longest has them all, since V at t depends on nothing later.
std::array<double, kLengths.size()> worst_errors(spikescan_backend backend, float decay) {
  const std::vector<float> x = inputs(), v = membrane(backend, x, decay);
  std::array<double, kLengths.size()> worst = {};
  for (int64_t c = 0; c < kChannels; ++c) {
    long double exact = 0.0L, magnitude = 0.0L, largest = 0.0L;
    size_t length = 0;
    for (int64_t t = 0; t < kLengths.back(); ++t) {
      const auto i = static_cast<size_t>(t * kChannels + c);
      exact = decay * exact + x[i];
      magnitude = decay * magnitude + std::fabs(x[i]);
      if (magnitude > 0) largest = std::max(largest, std::fabs(v[i] - exact) / magnitude);
      if (t + 1 == kLengths[length]) {
        worst[length] = std::max(worst[length], static_cast<double>(largest * 0x1p24L));
        ++length;
      }
    }
  }
  return worst;
}

std::string decay_text(float decay) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", static_cast<double>(decay));
  return text;
}

}  // namespace

void add_error_cases(Suite& suite, spikescan_backend backend) {
  if (!wanted(suite.options().recurrences, "lif") || !wanted(suite.options().dtypes, "float32")) return;
  for (const float decay : kDecays) {
    for (size_t length = 0; length < kLengths.size(); ++length) {
      const std::string name = "error/lif/" + decay_text(decay) + "/1x" + std::to_string(kLengths[length]) + "x" +
                               std::to_string(kChannels) + "/" + kBackends[backend];
      suite.add(name, [=](benchmark::State& state) {
        static std::map<std::pair<spikescan_backend, float>, std::array<double, kLengths.size()>> known;
        const auto key = std::make_pair(backend, decay);
        if (!known.count(key)) known[key] = worst_errors(backend, decay);
        state.counters["error_units"] = known[key][length];
        return 0.0;
      });
    }
  }
}

}  // namespace spikescan::bench
