#include "neurons.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <memory>
#include <stdexcept>

#include "bench/support/copy.h"

namespace demo {
namespace {

namespace sk = spikescan;
namespace bench = spikescan::bench;

constexpr sk::Key kKey{.seed = 2306, .stream = 12666};
constexpr double kBusyShare = 0.1;
constexpr size_t kFewestSamples = 5;

// The decay of a time constant, for every channel.
sk::Tensor decays(const Sound& sound, double seconds, sk::Device device) {
  const auto decay = static_cast<float>(std::exp(-1.0 / (seconds * sound.sample_rate)));
  const std::vector<float> values(static_cast<size_t>(sound.shape.channels), decay);
  return sk::Tensor::from(device, {1, 1, sound.shape.channels}, values);
}

// The value that `share` of the elements exceed; a million of them are enough to tell.
float exceeded_by(double share, const std::vector<float>& values) {
  const size_t step = values.size() / 1'000'000 + 1;
  std::vector<float> some;
  for (size_t i = 0; i < values.size(); i += step) some.push_back(values[i]);
  const auto place = some.begin() + static_cast<std::ptrdiff_t>((1.0 - share) * static_cast<double>(some.size() - 1));
  std::nth_element(some.begin(), place, some.end());
  return *place;
}

// Made once: finding the fastest way to copy takes a moment.
bench::CopyBench& copy_of(sk::Device device) {
  static std::unique_ptr<bench::CopyBench> copy;
  if (copy == nullptr) {
    const auto backend = static_cast<spikescan_backend>(device);
    const size_t bytes = bench::beyond_cache_bytes(backend);
    copy = std::make_unique<bench::CopyBench>(backend, bytes, bench::best_copy_method(backend, bytes));
  }
  return *copy;
}

}  // namespace

std::vector<Neuron> neurons() {
  return {{"lif", "sigmoid_bernoulli", sk::kStochasticAssociativeLif, 2e-3, 0.0},
          {"cuba_lif", "refractory_sigmoid_bernoulli", sk::kStochasticAssociativeCubaLif, 2e-3, 0.5e-3},
          {"spsn", "sigmoid_bernoulli", sk::kSpsn, 2e-3, 0.0},
          {"psu_lif", "heaviside", sk::kPsuLif, 0.25e-3, 0.0}};
}

Experiment::Experiment(const Neuron& neuron, const Sound& sound, sk::Device device)
    : sound_(sound),
      problem_{.device = device, .neuron = neuron.options, .shape = sound.shape},
      stream_(device),
      beta_(decays(sound, neuron.membrane_seconds, device)),
      x_(sk::Tensor::from(device, sound.shape, sound.drive)),
      spikes_(device, sound.shape, sk::Dtype::uint8),
      workspace_(problem_) {
  if (neuron.options.recurrence == sk::Recurrence::cuba_lif) alpha_ = decays(sound, neuron.synapse_seconds, device);
  scale_drive(neuron);
}

sk::ForwardArgs Experiment::inputs() {
  sk::ForwardArgs args{.x = x_, .beta = beta_, .key = kKey};
  if (alpha_.data() != nullptr) args.alpha = alpha_;
  return args;
}

// V grows in proportion to x. psu_lif has to lift V - R to its threshold, and R settles at 1 / (1 - beta) where V is
// well above zero.
void Experiment::scale_drive(const Neuron& neuron) {
  sk::Tensor v(problem_.device, problem_.shape);
  sk::ForwardArgs args = inputs();
  args.membrane = v;
  sk::forward(problem_, args, workspace_, stream_);
  float wanted = neuron.options.threshold;
  if (neuron.options.recurrence == sk::Recurrence::psu_lif) wanted += 1.0f / (1.0f - beta_.to_vector(stream_).front());
  const float gain = wanted / exceeded_by(kBusyShare, v.to_vector(stream_));
  if (!std::isfinite(gain)) throw std::runtime_error("the sound is silent nearly all the time: no neuron would fire");
  std::vector<float> scaled = sound_.drive;
  for (float& value : scaled) value *= gain;
  x_.copy_from(scaled, stream_);
}

Behaviour Experiment::behave() {
  Behaviour behaviour;
  sk::ForwardArgs args = inputs();
  args.spikes = spikes_;
  sk::forward(problem_, args, workspace_, stream_);
  behaviour.spikes = spikes_.to_vector<uint8_t>(stream_);
  const auto fired = std::count(behaviour.spikes.begin(), behaviour.spikes.end(), uint8_t{1});
  behaviour.firing_rate = static_cast<double>(fired) / static_cast<double>(behaviour.spikes.size());

  // The rule `none` with threshold 0 gives what the other rules see.
  sk::Problem seen = problem_;
  seen.neuron.rule = sk::Rule::none;
  seen.neuron.threshold = 0.0f;
  sk::Tensor membrane(problem_.device, problem_.shape);
  args.spikes = membrane;
  sk::forward(seen, args, workspace_, stream_);
  behaviour.membrane = membrane.to_vector(stream_);
  return behaviour;
}

Pass Experiment::time(const char* name, double bytes, double seconds, const std::function<void()>& run) {
  bench::CopyBench& copy = copy_of(problem_.device);
  sk::Timer timer(problem_.device);
  std::vector<double> passes, copies;
  run();  // the first pass pays for code loading and threads
  for (double spent = 0.0; spent < seconds || passes.size() < kFewestSamples; spent += passes.back() + copies.back()) {
    timer.start(stream_);
    run();
    timer.stop(stream_);
    passes.push_back(timer.seconds());
    copies.push_back(copy.seconds_once());
  }
  return {name, bench::summarize(passes).median, bytes, copy.bytes_moved() / bench::summarize(copies).median};
}

Pass Experiment::time_forward(double seconds) {
  sk::ForwardArgs args = inputs();
  args.spikes = spikes_;
  return time("forward", static_cast<double>(x_.bytes() + spikes_.bytes()), seconds,
              [&] { sk::forward(problem_, args, workspace_, stream_); });
}

Pass Experiment::time_backward(double seconds) {
  sk::Memory saved = sk::make_saved(problem_);
  sk::ForwardArgs forward = inputs();
  forward.saved = saved.bytes();
  sk::forward(problem_, forward, workspace_, stream_);

  // Of a loss that wants the firing rate to fall: every spike counts alike.
  const std::vector<float> ones(sound_.drive.size(), 1.0f);
  const sk::Tensor grad_spikes = sk::Tensor::from(problem_.device, problem_.shape, ones);
  sk::Tensor grad_x(problem_.device, problem_.shape), grad_beta(problem_.device, problem_.decay_shape());
  sk::Tensor grad_alpha(problem_.device, problem_.decay_shape());
  sk::BackwardArgs args{.x = forward.x,
                        .beta = forward.beta,
                        .alpha = forward.alpha,
                        .saved = saved.bytes(),
                        .grad_spikes = grad_spikes,
                        .grad_x = grad_x,
                        .grad_beta = grad_beta};
  if (alpha_.data() != nullptr) args.grad_alpha = grad_alpha;
  return time("backward", 3.0 * static_cast<double>(x_.bytes()), seconds,
              [&] { sk::backward(problem_, args, workspace_, stream_); });
}

}  // namespace demo
