// One problem with all its arrays: made from a number, so that two samples of the same number start out alike.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
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

  void put_nan() {
    const size_t bytes = d.dtype == SPIKESCAN_FLOAT32 ? 4 : 2;
    std::fill_n(x_.begin(), bytes, static_cast<unsigned char>(0xff));
    x_[bytes - 1] = 0x7f;
  }

  // Of the last step's spikes alone: before it the gradients of x decay to subnormal numbers.
  void keep_last_gradient() {
    for (int64_t b = 0; b < d.batch; ++b) {
      for (int64_t t = 0; t + 1 < d.time; ++t) clear_row(grad_spikes_, b, t);
    }
  }

  // Inputs for the first `active` of every `period` steps alone: after them states decay to subnormal numbers.
  void fall_silent(int64_t period, int64_t active) {
    for (int64_t b = 0; b < d.batch; ++b) {
      for (int64_t t = 0; t < d.time; ++t) {
        if (t % period >= active) clear_row(x_, b, t);
      }
    }
  }

  // Bit for bit, but that a NaN may be another NaN.
  bool same_outputs(const Sample& other) const {
    const auto states = [](const std::vector<float>& a, const std::vector<float>& b) {
      return same_numbers<uint32_t>(a, b, 0x7f800000u);
    };
    return same_tensor(spikes, other.spikes, spike_type_) && same_tensor(membrane, other.membrane, SPIKESCAN_FLOAT32) &&
           same_tensor(grad_x, other.grad_x, d.dtype) && states(final_state[0], other.final_state[0]) &&
           states(final_state[1], other.final_state[1]) && states(grad_initial[0], other.grad_initial[0]) &&
           states(grad_initial[1], other.grad_initial[1]) && states(grad_beta, other.grad_beta) &&
           states(grad_alpha, other.grad_alpha) && same_numbers<uint64_t>(saved_, other.saved_, 0x7ff0000000000000u);
  }

  // Of x, where they are float32.
  int64_t subnormal_gradients() const {
    std::vector<float> values(static_cast<size_t>(d.batch * d.time * d.channels));
    std::memcpy(values.data(), grad_x.data(), values.size() * sizeof(float));
    return std::count_if(values.begin(), values.end(), [](float v) { return std::fpclassify(v) == FP_SUBNORMAL; });
  }

  spikescan_description d = SPIKESCAN_DESCRIPTION_INIT;
  spikescan_sizes sizes = {};
  std::vector<unsigned char> spikes, membrane, grad_x;
  bool gradients_in_place = false;  // the gradient of x in the memory of that of the spikes
  std::vector<float> final_state[2], grad_initial[2], grad_beta, grad_alpha;

 private:
  bool cuba() const { return d.recurrence == SPIKESCAN_CUBA_LIF; }
  int states() const { return cuba() || d.recurrence == SPIKESCAN_PSU_LIF ? 2 : 1; }

  // Of a format whose positive infinity has the bits `infinity`.
  template <class Bits, class Number>
  static bool same_numbers(const std::vector<Number>& a, const std::vector<Number>& b, Bits infinity) {
    std::vector<Bits> x(a.size() * sizeof(Number) / sizeof(Bits)), y(x.size());
    std::memcpy(x.data(), a.data(), x.size() * sizeof(Bits));
    std::memcpy(y.data(), b.data(), y.size() * sizeof(Bits));
    const Bits sign = static_cast<Bits>(Bits{1} << (8 * sizeof(Bits) - 1));
    return std::equal(x.begin(), x.end(), y.begin(), [&](Bits p, Bits q) {
      return p == q || (static_cast<Bits>(p & ~sign) > infinity && static_cast<Bits>(q & ~sign) > infinity);
    });
  }
  static bool same_tensor(const std::vector<unsigned char>& a, const std::vector<unsigned char>& b,
                          spikescan_dtype dtype) {
    switch (dtype) {
      case SPIKESCAN_FLOAT32:
        return same_numbers<uint32_t>(a, b, 0x7f800000u);
      case SPIKESCAN_FLOAT16:
        return same_numbers<uint16_t>(a, b, 0x7c00u);
      case SPIKESCAN_BFLOAT16:
        return same_numbers<uint16_t>(a, b, 0x7f80u);
      default:
        return a == b;
    }
  }

  void clear_row(std::vector<unsigned char>& tensor, int64_t b, int64_t t) const {
    const int64_t bytes = d.channels * (d.dtype == SPIKESCAN_FLOAT32 ? 4 : 2);
    const int64_t row = time_first_ ? t * d.batch + b : b * d.time + t;
    std::fill_n(tensor.begin() + row * bytes, bytes, static_cast<unsigned char>(0));
  }

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
