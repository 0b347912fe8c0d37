// The forward pass of one group of channels and one batch (SPEC sections 1 and 3): x read once, in segments; membrane,
// spikes, final states and the chunks' carries written as they come.
#pragma once

#include "kernels/cpu/lane_firing.h"
#include "kernels/cpu/neuron_lanes.h"
#include "kernels/layout.h"

SPIKESCAN_ELEMENT_BEGIN

template <spikescan_recurrence R>
class ForwardLanes {
 public:
  using Neuron = NeuronLanes<R>;

  ForwardLanes(const ForwardCall& call, int64_t channel)
      : call_(call),
        d_(call.description),
        channel_(channel),
        lanes_(static_cast<int>(d_.channels - channel < kLanes ? d_.channels - channel : kLanes)),
        random_(random_origin(call)) {
    neuron_.prepare(load_decays(d_, call.args.beta, call.args.alpha, channel, lanes_), chunk_steps(d_.time, 0));
  }

  void run(int64_t b) {
    start(b);
    const int64_t chunks = chunk_count(d_.time);
    for (int64_t k = 0; k < chunks; ++k) {
      if (k > 0 && call_.args.saved) save_carry(b, k, chunks);
      run_chunk(b, k);
    }
    finish(b);
  }

 private:
  void start(int64_t b) {
    for (int n = 0; n < Neuron::kStates; ++n) {
      const spikescan_state& initial = call_.args.initial_state[n];
      for (int l = 0; l < lanes_; ++l) {
        const float value = initial.data ? initial.data[b * initial.stride_batch + channel_ + l] : 0.0f;
        neuron_.set_carry(n, l, value);
        final_[n][l] = value;
      }
    }
  }

  void run_chunk(int64_t b, int64_t k) {
    const int length = chunk_steps(d_.time, k);
    const bool at_split = (k + 1) % kSplitChunks == 0;
    neuron_.begin_chunk();
    for (int distance = 0; distance < length; distance += kSegmentSteps) {
      const int steps = length - distance < kSegmentSteps ? length - distance : kSegmentSteps;
      const int64_t t = k * kChunkSteps + distance;
      Segment x;
      load_segment(call_.args.x, b, t, channel_, steps, lanes_, x);
      Segment states[Neuron::kStates];
      neuron_.scan(x, steps, distance, length, at_split, states);
      if (call_.args.membrane.data) store_segment(call_.args.membrane, b, t, channel_, steps, lanes_, states[0]);
      if (call_.args.spikes.data) fire_segment(b, t, steps, states);
      for (int n = 0; n < Neuron::kStates; ++n) {
        for (int l = 0; l < kLanes; ++l) final_[n][l] = states[n].at[steps - 1][l];
      }
    }
  }

  void fire_segment(int64_t b, int64_t t, int steps, const Segment (&states)[Neuron::kStates]) {
    Segment m, u;
    Neuron::rule_input(states, steps, m);
    if (call_.args.uniforms.data) {
      load_segment(call_.args.uniforms, b, t, channel_, steps, lanes_, u);
    } else if (draws_uniforms(call_.firing)) {
      draw_uniforms(random_, b, t, channel_, steps, u);
    }
    fire(call_.firing, u, steps, m);
    store_spikes(call_.args.spikes, b, t, channel_, steps, lanes_, t + steps == d_.time, m, word_);
  }

  void save_carry(int64_t b, int64_t k, int64_t chunks) {
    auto* saved = static_cast<double*>(call_.args.saved);
    for (int n = 0; n < Neuron::kStates; ++n) {
      const int64_t first = slot_index(n, b, k - 1, channel_, d_.batch, saved_slots(chunks), d_.channels);
      for (int l = 0; l < lanes_; ++l) saved[first + l] = neuron_.carry(n, l);
    }
  }

  void finish(int64_t b) {
    for (int n = 0; n < Neuron::kStates; ++n) {
      const spikescan_state& out = call_.args.final_state[n];
      if (!out.data) continue;
      for (int l = 0; l < lanes_; ++l) out.data[b * out.stride_batch + channel_ + l] = final_[n][l];
    }
  }

  const ForwardCall& call_;
  const spikescan_description& d_;
  const int64_t channel_;
  const int lanes_;
  const RandomOrigin random_;
  Neuron neuron_;
  float final_[Neuron::kStates][kLanes] = {};
  uint32_t word_[kLanes] = {};
};

SPIKESCAN_ELEMENT_END
