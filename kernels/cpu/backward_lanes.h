// The backward pass of one group of channels (SPEC section 2): per chunk, last to first, the states are rebuilt from x
// and the saved carry, then the gradients run back over the segments. Nothing of size B T C is kept.
#pragma once

#include "kernels/backend.h"
#include "kernels/cpu/neuron_lanes.h"
#include "kernels/layout.h"

SPIKESCAN_ELEMENT_BEGIN

// The gradient scans of a neuron over kLanes channels. Input: h = gS dS/dM and gV; output: G on V, and the gradient on
// the second state (Q on I, A on R).
template <spikescan_recurrence R>
class GradientLanes {
 public:
  using Neuron = NeuronLanes<R>;

  void prepare(const LaneDecays& decays, int longest_chunk) {
    if constexpr (Neuron::kCuba) {
      scan_.prepare(decays.beta, decays.alpha, longest_chunk);
    } else {
      scan_.prepare(decays.beta, decays.beta, longest_chunk);
      if constexpr (Neuron::kPsu) refractory_.prepare(decays.beta, decays.beta, longest_chunk);
    }
  }

  void set_carry(int state, int lane, double value) {
    if constexpr (Neuron::kPsu) {
      if (state == 1) return refractory_.set_carry(0, lane, value);
    }
    scan_.set_carry(state, lane, value);
  }

  double carry(int state, int lane) const {
    if constexpr (Neuron::kPsu) {
      if (state == 1) return refractory_.carry(0, lane);
    }
    return scan_.carry(state, lane);
  }

  void begin_chunk() {
    scan_.begin_chunk();
    if constexpr (Neuron::kPsu) refractory_.begin_chunk();
  }

  void end_chunk(int length, bool at_split) {
    scan_.end_chunk(length, at_split);
    if constexpr (Neuron::kPsu) refractory_.end_chunk(length, at_split);
  }

  void scan(const Segment& h, const Segment& grad_membrane, const Segment& membrane, int steps, int distance,
            Segment (&gradients)[Neuron::kStates]) {
    Segment input = {};
    if constexpr (Neuron::kPsu) {
      for (int j = 0; j < steps; ++j) {
        for (int l = 0; l < kLanes; ++l) input.at[j][l] = -h.at[j][l];
      }
      Segment refractory[1];
      refractory_.scan(input, steps, distance, refractory);
      gradients[1] = refractory[0];
      for (int j = 0; j < steps; ++j) {
        for (int l = 0; l < kLanes; ++l) {
          input.at[j][l] =
              fused(sigmoid_slope(membrane.at[j][l]), refractory[0].at[j][l], h.at[j][l] + grad_membrane.at[j][l]);
        }
      }
      Segment direct[1];
      scan_.scan(input, steps, distance, direct);
      gradients[0] = direct[0];
    } else {
      for (int j = 0; j < steps; ++j) {
        for (int l = 0; l < kLanes; ++l) input.at[j][l] = h.at[j][l] + grad_membrane.at[j][l];
      }
      scan_.scan(input, steps, distance, gradients);
    }
  }

 private:
  LaneScan<GradientScan<Neuron::kCuba ? 2 : 1>> scan_;
  LaneScan<GradientScan<1>> refractory_;
};

template <spikescan_recurrence R>
class BackwardLanes {
 public:
  using Neuron = NeuronLanes<R>;
  static constexpr int kStates = Neuron::kStates;

  BackwardLanes(const BackwardCall& call, int64_t channel)
      : call_(call),
        d_(call.description),
        channel_(channel),
        lanes_(static_cast<int>(d_.channels - channel < kLanes ? d_.channels - channel : kLanes)),
        decays_(load_decays(d_, call.args.beta, call.args.alpha, channel, lanes_)) {
    const int longest = chunk_steps(d_.time, 0);
    neuron_.prepare(decays_, longest);
    gradient_.prepare(decays_, longest);
  }

  // One row of batches that share a row of partial sums (several only where there is one chunk).
  void run(int64_t batch_row) {
    const int64_t group = batches_per_row(d_.time);
    const int64_t first = batch_row * group;
    const int64_t end = first + group < d_.batch ? first + group : d_.batch;
    const int64_t chunks = chunk_count(d_.time);
    clear_totals();
    for (int64_t b = first; b < end; ++b) {
      for (int n = 0; n < kStates; ++n) set_carry_in(b, n);
      for (int64_t k = chunks - 1; k >= 0; --k) {
        rebuild_chunk(b, k, chunks);
        run_chunk(b, k);
        if (chunks > 1) store_totals(batch_row * chunks + k);
      }
      for (int n = 0; n < kStates; ++n) store_grad_initial(b, n);
    }
    if (chunks == 1) store_totals(batch_row);
  }

 private:
  static constexpr int kTileSegments = kChunkSegments;

  void set_carry_in(int64_t b, int n) {
    const spikescan_state& in = call_.args.grad_final_state[n];
    for (int l = 0; l < lanes_; ++l) {
      gradient_.set_carry(n, l, in.data ? in.data[b * in.stride_batch + channel_ + l] : 0.0f);
    }
  }

  void store_grad_initial(int64_t b, int n) {
    const spikescan_state& out = call_.args.grad_initial_state[n];
    if (!out.data) return;
    for (int l = 0; l < lanes_; ++l) {
      out.data[b * out.stride_batch + channel_ + l] = static_cast<float>(gradient_.carry(n, l));
    }
  }

  // Forward over the chunk, keeping the states; entry_ holds those before its first step.
  void rebuild_chunk(int64_t b, int64_t k, int64_t chunks) {
    const auto* saved = static_cast<const double*>(call_.args.saved);
    for (int n = 0; n < kStates; ++n) {
      const spikescan_state& initial = call_.args.initial_state[n];
      const int64_t slot = k > 0 ? slot_index(n, b, k - 1, channel_, d_.batch, saved_slots(chunks), d_.channels) : 0;
      for (int l = 0; l < lanes_; ++l) {
        const double first = initial.data ? initial.data[b * initial.stride_batch + channel_ + l] : 0.0f;
        const double carry = k > 0 ? saved[slot + l] : first;
        neuron_.set_carry(n, l, carry);
        entry_[n][l] = static_cast<float>(carry);
      }
    }
    const int length = chunk_steps(d_.time, k);
    neuron_.begin_chunk();
    for (int distance = 0; distance < length; distance += kSegmentSteps) {
      const int steps = length - distance < kSegmentSteps ? length - distance : kSegmentSteps;
      Segment x;
      load_segment(call_.args.x, b, k * kChunkSteps + distance, channel_, steps, lanes_, x);
      // The carry that leaves the chunk is not used: whether it would be rounded does not matter.
      neuron_.scan(x, steps, distance, length, (k + 1) % kSplitChunks == 0, states_[distance / kSegmentSteps]);
    }
  }

  void run_chunk(int64_t b, int64_t k) {
    const int length = chunk_steps(d_.time, k);
    gradient_.begin_chunk();
    for (int s = segment_count(length) - 1; s >= 0; --s) {
      const int distance = s * kSegmentSteps;
      const int steps = length - distance < kSegmentSteps ? length - distance : kSegmentSteps;
      run_segment(b, k * kChunkSteps + distance, s, steps, length - distance - steps);
    }
    gradient_.end_chunk(length, k % kSplitChunks == 0);
  }

  void run_segment(int64_t b, int64_t t, int s, int steps, int distance) {
    Segment h = {}, grad_membrane = {}, m;
    if (call_.args.grad_spikes.data) {
      load_segment(call_.args.grad_spikes, b, t, channel_, steps, lanes_, h);
      Neuron::rule_input(states_[s], steps, m);
      for (int j = 0; j < steps; ++j) {
        for (int l = 0; l < kLanes; ++l) h.at[j][l] *= rule_gradient(call_.firing, m.at[j][l]);
      }
    }
    if (call_.args.grad_membrane.data) {
      load_segment(call_.args.grad_membrane, b, t, channel_, steps, lanes_, grad_membrane);
    }
    Segment gradients[kStates];
    gradient_.scan(h, grad_membrane, states_[s][0], steps, distance, gradients);
    if (call_.args.grad_beta || call_.args.grad_alpha) add_decay_gradients(b, t, s, steps, gradients);
    if (call_.args.grad_x.data) {
      Segment& dx = gradients[Neuron::kCuba ? 1 : 0];
      if constexpr (R == SPIKESCAN_SPSN) {
        for (int j = 0; j < steps; ++j) {
          for (int l = 0; l < kLanes; ++l) dx.at[j][l] *= decays_.gain[l];
        }
      }
      store_segment(call_.args.grad_x, b, t, channel_, steps, lanes_, dx);
    }
  }

  // Sums of one segment in float32, last step first; segments and batches are then added in double.
  void add_decay_gradients(int64_t b, int64_t t, int s, int steps, const Segment (&gradients)[kStates]) {
    Segment x = {};
    if constexpr (R == SPIKESCAN_SPSN) load_segment(call_.args.x, b, t, channel_, steps, lanes_, x);
    float beta_sum[kLanes] = {}, alpha_sum[kLanes] = {};
    for (int j = steps - 1; j >= 0; --j) {
      for (int l = 0; l < kLanes; ++l) {
        const float v = previous(0, s, j, l);
        if constexpr (R == SPIKESCAN_SPSN) {
          beta_sum[l] = fused(gradients[0].at[j][l], v - x.at[j][l], beta_sum[l]);
        } else {
          beta_sum[l] = fused(gradients[0].at[j][l], v, beta_sum[l]);
        }
        if constexpr (Neuron::kPsu) beta_sum[l] = fused(gradients[1].at[j][l], previous(1, s, j, l), beta_sum[l]);
        if constexpr (Neuron::kCuba) alpha_sum[l] = fused(gradients[1].at[j][l], previous(1, s, j, l), alpha_sum[l]);
      }
    }
    for (int l = 0; l < kLanes; ++l) {
      total_[0][l] += beta_sum[l];
      total_[1][l] += alpha_sum[l];
    }
  }

  float previous(int n, int s, int j, int l) const {
    if (j > 0) return states_[s][n].at[j - 1][l];
    return s > 0 ? states_[s - 1][n].at[kSegmentSteps - 1][l] : entry_[n][l];
  }

  void clear_totals() {
    for (auto& parameter : total_) {
      for (double& t : parameter) t = 0.0;
    }
  }

  void store_totals(int64_t row) {
    auto* partials = reinterpret_cast<float*>(static_cast<char*>(call_.args.workspace) + call_.plan.partials);
    const bool wanted[2] = {call_.args.grad_beta != nullptr, call_.args.grad_alpha != nullptr};
    for (int p = 0; p < 2; ++p) {
      if (!wanted[p]) continue;
      float* out = partials + (p * call_.plan.partial_rows + row) * d_.channels + channel_;
      for (int l = 0; l < lanes_; ++l) out[l] = static_cast<float>(total_[p][l]);
    }
    clear_totals();
  }

  const BackwardCall& call_;
  const spikescan_description& d_;
  const int64_t channel_;
  const int lanes_;
  const LaneDecays decays_;
  Neuron neuron_;
  GradientLanes<R> gradient_;
  Segment states_[kTileSegments][kStates];
  float entry_[kStates][kLanes] = {};
  double total_[2][kLanes];
};

SPIKESCAN_ELEMENT_END
