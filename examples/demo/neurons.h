// The four neurons over one drive [B, T, C]: what they do (spikes, membrane) and how fast (median times).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <spikescan/spikescan.hpp>

namespace demo {

struct Neuron {
  std::string name, rule;
  spikescan::Neuron options;
  double membrane_seconds = 0.0, synapse_seconds = 0.0;  // time constants of V (and R), and of cuba_lif's I
};

// Spyx's four classes with their defaults.
std::vector<Neuron> neurons();

struct Sound {
  spikescan::Shape shape;
  double sample_rate = 0.0;
  std::vector<double> centres;  // [C] in Hz
  std::vector<float> drive;     // [B, T, C]
};

struct Behaviour {
  double firing_rate = 0.0;     // share of all elements that spike
  std::vector<uint8_t> spikes;  // [B, T, C]
  std::vector<float> membrane;  // [B, T, C]: what the firing rule sees, V or V - R
};

struct Pass {
  std::string name;  // "forward" or "backward"
  double median_seconds = 0.0;
  double bytes = 0.0;       // the fewest that the pass can move
  double copy_speed = 0.0;  // bytes a second of this machine's copy, measured between the samples of the pass
  double speed() const { return bytes / median_seconds; }
};

// One neuron on one device, its drive scaled so that it is above its threshold a tenth of the time.
class Experiment {
 public:
  Experiment(const Neuron& neuron, const Sound& sound, spikescan::Device device);

  Behaviour behave();
  // Each repeats its pass for about `seconds`, and at least five times. Forward writes spikes as bytes; backward reads
  // the gradient of the spikes and writes those of x and of the decays.
  Pass time_forward(double seconds);
  Pass time_backward(double seconds);

 private:
  spikescan::ForwardArgs inputs();
  void scale_drive(const Neuron& neuron);
  Pass time(const char* name, double bytes, double seconds, const std::function<void()>& run);

  const Sound& sound_;
  spikescan::Problem problem_;
  spikescan::Stream stream_;
  spikescan::Tensor alpha_, beta_, x_, spikes_;
  spikescan::Workspace workspace_;
};

}  // namespace demo
