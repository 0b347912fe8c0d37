// One problem with all its arrays: made from a number, so that two samples of the same number start out alike.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

#include "spikescan/spikescan.h"

namespace spikescan::testing {

class Sample {
 public:
  Sample(unsigned number, int64_t batch, int64_t time, int64_t channels) {
    std::mt19937 generator(number);
    const auto pick = [&](int count) { return static_cast<int>(generator() % static_cast<unsigned>(count)); };
    d.backend = SPIKESCAN_BACKEND_CPU;
    d.recurrence = static_cast<spikescan_recurrence>(number % 4);
    d.rule = static_cast<spikescan_rule>(number / 4 % 4);
    d.surrogate = static_cast<spikescan_surrogate>(pick(5));
    d.gradient = static_cast<spikescan_gradient>(pick(2));
    d.dtype = static_cast<spikescan_dtype>(pick(3));
    d.batch = batch;
    d.time = time;
    d.channels = channels;
    d.time_origin = 32 * pick(3);
    const int formats = d.rule == SPIKESCAN_NONE ? 3 : 5;
    spike_type_ = static_cast<spikescan_dtype>(pick(formats));
    time_first_ = pick(3) == 0;
    with_membrane_ = pick(2) == 0;
    std::uniform_real_distribution<float> decay(-0.1f, 1.1f);
    for (int64_t c = 0; c < channels; ++c) {
      beta_.push_back(decay(generator));
      alpha_.push_back(decay(generator));
    }
    sizes.struct_size = sizeof sizes;
    ok_ = spikescan_query_sizes(&d, &sizes) == SPIKESCAN_OK;
    const size_t elements = static_cast<size_t>(batch * time * channels);
    // Small halves and bfloat16s of either sign, and floats of the same bits' sizes.
    x_ = random(generator, elements);
    grad_spikes_ = random(generator, elements);
    spikes.assign(4 * elements + 64 * static_cast<size_t>(batch * channels), 0x5a);
    membrane.assign(4 * elements, 0x5a);
    grad_x.assign(4 * elements, 0x5a);
    for (auto* state : {&final_state[0], &final_state[1], &grad_initial[0], &grad_initial[1]}) {
      state->assign(static_cast<size_t>(batch * channels), -1.0f);
    }
    grad_beta.assign(static_cast<size_t>(channels), -1.0f);
    grad_alpha = grad_beta;
    saved_.resize(sizes.saved / 8 + 1);
    workspace_.resize((sizes.forward_workspace + sizes.backward_workspace) / 8 + 64);
  }

  bool ok() const { return ok_; }

  spikescan_forward_args forward() {
    spikescan_forward_args a = {};
    a.struct_size = sizeof a;
    a.x = tensor(x_.data(), d.dtype);
    a.beta = beta_.data();
    a.alpha = cuba() ? alpha_.data() : nullptr;
    a.seed = 7;
    a.spikes = tensor(spikes.data(), spike_type_);
    if (with_membrane_) a.membrane = tensor(membrane.data(), SPIKESCAN_FLOAT32);
    for (int n = 0; n < states(); ++n) a.final_state[n] = {final_state[n].data(), d.channels};
    a.saved = sizes.saved ? saved_.data() : nullptr;
    a.saved_bytes = sizes.saved;
    a.workspace = sizes.forward_workspace ? aligned_workspace() : nullptr;
    a.workspace_bytes = sizes.forward_workspace;
    return a;
  }

  spikescan_backward_args backward() {
    spikescan_backward_args a = {};
    a.struct_size = sizeof a;
    a.x = tensor(x_.data(), d.dtype);
    a.beta = beta_.data();
    a.alpha = cuba() ? alpha_.data() : nullptr;
    a.saved = sizes.saved ? saved_.data() : nullptr;
    a.saved_bytes = sizes.saved;
    a.grad_spikes = tensor(grad_spikes_.data(), d.dtype);
    a.grad_x = tensor(grad_x.data(), d.dtype);
    if (gradients_in_place) {
      grad_x = grad_spikes_;
      a.grad_spikes = a.grad_x;
    }
    a.grad_beta = grad_beta.data();
    a.grad_alpha = cuba() ? grad_alpha.data() : nullptr;
    for (int n = 0; n < states(); ++n) a.grad_initial_state[n] = {grad_initial[n].data(), d.channels};
    a.workspace = aligned_workspace();
    a.workspace_bytes = sizes.backward_workspace;
    return a;
  }

  // Of the last step's spikes alone: before it the gradients of x decay to subnormal numbers.
  void keep_last_gradient() {
    const size_t item = d.dtype == SPIKESCAN_FLOAT32 ? 4 : 2;
    for (int64_t b = 0; b < d.batch; ++b) {
      for (int64_t t = 0; t + 1 < d.time; ++t) {
        const int64_t row = time_first_ ? t * d.batch + b : b * d.time + t;
        std::fill_n(grad_spikes_.begin() + row * d.channels * static_cast<int64_t>(item),
                    static_cast<size_t>(d.channels) * item, static_cast<unsigned char>(0));
      }
    }
  }

  bool same_outputs(const Sample& other) const {
    return spikes == other.spikes && membrane == other.membrane && grad_x == other.grad_x &&
           final_state[0] == other.final_state[0] && final_state[1] == other.final_state[1] &&
           grad_initial[0] == other.grad_initial[0] && grad_initial[1] == other.grad_initial[1] &&
           grad_beta == other.grad_beta && grad_alpha == other.grad_alpha && saved_ == other.saved_;
  }

  spikescan_description d = SPIKESCAN_DESCRIPTION_INIT;
  spikescan_sizes sizes = {};
  std::vector<unsigned char> spikes, membrane, grad_x;
  bool gradients_in_place = false;  // the gradient of x in the memory of that of the spikes
  std::vector<float> final_state[2], grad_initial[2], grad_beta, grad_alpha;

 private:
  bool cuba() const { return d.recurrence == SPIKESCAN_CUBA_LIF; }
  int states() const { return cuba() || d.recurrence == SPIKESCAN_PSU_LIF ? 2 : 1; }

  // Every dtype finite, of size 2^-8 to 4, a third of them negative.
  std::vector<unsigned char> random(std::mt19937& generator, size_t elements) const {
    std::vector<unsigned char> bytes(4 * elements);
    for (size_t i = 0; i < elements; ++i) {
      const uint32_t r = generator(), sign = r % 3 == 0, exponent = r / 3 % 10, rest = r >> 12;
      if (d.dtype == SPIKESCAN_FLOAT32) {
        const uint32_t bits = sign << 31 | (119 + exponent) << 23 | (rest << 3 & 0x7fffff);
        for (int k = 0; k < 4; ++k) bytes[4 * i + k] = static_cast<unsigned char>(bits >> 8 * k);
      } else {
        const uint32_t bits = d.dtype == SPIKESCAN_BFLOAT16 ? sign << 15 | (119 + exponent) << 7 | (rest & 0x7f)
                                                            : sign << 15 | (7 + exponent) << 10 | (rest & 0x3ff);
        for (int k = 0; k < 2; ++k) bytes[2 * i + k] = static_cast<unsigned char>(bits >> 8 * k);
      }
    }
    return bytes;
  }

  spikescan_tensor tensor(void* data, spikescan_dtype dtype) const {
    const int64_t rows = dtype == SPIKESCAN_BITS32 ? (d.time + 31) / 32 : d.time;
    if (time_first_) return {data, dtype, d.channels, d.batch * d.channels};
    return {data, dtype, rows * d.channels, d.channels};
  }

  void* aligned_workspace() {
    return reinterpret_cast<void*>((reinterpret_cast<uintptr_t>(workspace_.data()) + 255) / 256 * 256);
  }

  bool ok_ = false, time_first_ = false, with_membrane_ = false;
  spikescan_dtype spike_type_ = SPIKESCAN_FLOAT32;
  std::vector<float> beta_, alpha_;
  std::vector<unsigned char> x_, grad_spikes_;
  std::vector<uint64_t> saved_, workspace_;
};

// A full block and its tail; few channels with many batches; several chunks, the last one ending inside a half.
struct SampleShape {
  int64_t batch, time, channels;
};
constexpr SampleShape kSampleShapes[] = {{2, 1029, 130}, {40, 37, 3}, {1, 3085, 64}, {3, 64, 256}};

}  // namespace spikescan::testing
