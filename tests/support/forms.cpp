#include "support/forms.h"

#include <string>
#include <utility>
#include <vector>

namespace spikescan::support {
namespace {

Array in_dtype(const Array& array, spikescan_dtype dtype) {
  return array.dtype == dtype ? array : array_of(array.floats(), dtype);
}

Array part(const Array& whole, const int64_t (&shape)[3], const Box& box) {
  return {whole.dtype, cut(whole.bits, shape, box)};
}

// The same box of a [B, C] tensor.
Box without_time(const Box& box) {
  return {{box.first[0], 0, box.first[2]}, {box.count[0], 1, box.count[2]}};
}

}  // namespace

Case canonical(const Case& c) {
  Case out = c;
  out.description.dtype = SPIKESCAN_FLOAT32;
  out.spikes_dtype = out.membrane_dtype = out.grad_spikes_dtype = out.grad_membrane_dtype = SPIKESCAN_FLOAT32;
  out.x_layout = out.uniforms_layout = out.spikes_layout = out.membrane_layout = Layout::batch_first;
  out.grad_spikes_layout = out.grad_membrane_layout = out.grad_x_layout = Layout::batch_first;
  out.misaligned = out.device_key = false;
  out.state_padding = 0;
  out.wanted = {};
  return out;
}

Array pack(const Array& spikes, int64_t batch, int64_t time, int64_t channels) {
  const int64_t rows = (time + 31) / 32;
  Array out = {SPIKESCAN_BITS32, std::vector<uint32_t>(static_cast<size_t>(batch * rows * channels))};
  for (int64_t b = 0; b < batch; ++b) {
    for (int64_t t = 0; t < time; ++t) {
      for (int64_t c = 0; c < channels; ++c) {
        const uint32_t fired = spikes.at(static_cast<size_t>((b * time + t) * channels + c)) != 0;
        out.bits[static_cast<size_t>((b * rows + t / 32) * channels + c)] |= fired << (t % 32);
      }
    }
  }
  return out;
}

Forward in_form(const Forward& canonical, const Case& c) {
  Forward out;
  out.spikes.dtype = c.spikes_dtype;
  out.membrane.dtype = c.membrane_dtype;
  const spikescan_description& d = c.description;
  if (c.wanted.spikes) {
    out.spikes = c.spikes_dtype == SPIKESCAN_BITS32 ? pack(canonical.spikes, d.batch, d.time, d.channels)
                                                    : in_dtype(canonical.spikes, c.spikes_dtype);
  }
  if (c.wanted.membrane) out.membrane = in_dtype(canonical.membrane, c.membrane_dtype);
  for (int n = 0; n < 2; ++n) {
    if (c.wanted.final_state[n]) out.final_state[n] = canonical.final_state[n];
  }
  if (c.wanted.saved) out.saved = canonical.saved;
  return out;
}

Backward in_form(const Backward& canonical, const Case& c) {
  Backward out;
  out.grad_x.dtype = c.description.dtype;
  if (c.wanted.grad_x) out.grad_x = in_dtype(canonical.grad_x, c.description.dtype);
  if (c.wanted.grad_beta) out.grad_beta = canonical.grad_beta;
  if (c.wanted.grad_alpha) out.grad_alpha = canonical.grad_alpha;
  for (int n = 0; n < 2; ++n) {
    if (c.wanted.grad_initial[n]) out.grad_initial[n] = canonical.grad_initial[n];
  }
  return out;
}

std::string form_difference(const Target& target, const Case& c, const Forward& canonical_forward,
                            const Backward& canonical_backward) {
  return difference(forward(target, c), in_form(canonical_forward, c)) +
         difference(backward(target, c, canonical_forward.saved), in_form(canonical_backward, c));
}

Case part_of(const Case& whole, const Box& box) {
  Case out = whole;
  const spikescan_description& d = whole.description;
  const int64_t shape[3] = {d.batch, d.time, d.channels}, state_shape[3] = {d.batch, 1, d.channels};
  const Box state_box = without_time(box);
  out.description.batch = box.count[0];
  out.description.time = box.count[1];
  out.description.channels = box.count[2];
  out.description.batch_origin += box.first[0];
  out.description.time_origin += box.first[1];
  out.description.channel_origin += box.first[2];
  out.x = cut(whole.x, shape, box);
  out.uniforms = cut(whole.uniforms, shape, box);
  out.grad_spikes = cut(whole.grad_spikes, shape, box);
  out.grad_membrane = cut(whole.grad_membrane, shape, box);
  for (int n = 0; n < 2; ++n) {
    out.initial[n] = cut(whole.initial[n], state_shape, state_box);
    out.grad_final[n] = cut(whole.grad_final[n], state_shape, state_box);
  }
  if (!d.shared_decay) {
    const int64_t decay_shape[3] = {1, 1, d.channels};
    const Box decay_box = {{0, 0, box.first[2]}, {1, 1, box.count[2]}};
    out.beta = cut(whole.beta, decay_shape, decay_box);
    out.alpha = cut(whole.alpha, decay_shape, decay_box);
  }
  return out;
}

Forward part_of(const Forward& whole, const Case& c, const Box& box) {
  const spikescan_description& d = c.description;
  const int64_t shape[3] = {d.batch, d.time, d.channels}, state_shape[3] = {d.batch, 1, d.channels};
  Forward out;
  if (c.spikes_dtype == SPIKESCAN_BITS32) {
    const int64_t word_shape[3] = {d.batch, (d.time + 31) / 32, d.channels};
    const Box words = {{box.first[0], box.first[1] / 32, box.first[2]},
                       {box.count[0], (box.count[1] + 31) / 32, box.count[2]}};
    out.spikes = part(whole.spikes, word_shape, words);
  } else {
    out.spikes = part(whole.spikes, shape, box);
  }
  out.membrane = part(whole.membrane, shape, box);
  for (int n = 0; n < 2; ++n) out.final_state[n] = part(whole.final_state[n], state_shape, without_time(box));
  return out;
}

Backward part_of(const Backward& whole, const Case& c, const Box& box) {
  const spikescan_description& d = c.description;
  const int64_t shape[3] = {d.batch, d.time, d.channels}, state_shape[3] = {d.batch, 1, d.channels};
  Backward out;
  out.grad_x = part(whole.grad_x, shape, box);
  for (int n = 0; n < 2; ++n) out.grad_initial[n] = part(whole.grad_initial[n], state_shape, without_time(box));
  return out;
}

std::string part_difference(const Target& target, const Case& part, const Forward& forward, const Backward& backward) {
  Forward got = support::forward(target, part);
  const std::vector<unsigned char> saved = std::move(got.saved);
  got.saved.clear();
  const std::string differs = difference(got, forward);
  if (!differs.empty() || !part.wanted.grad_x) return differs;
  Backward gradients = support::backward(target, part, saved);
  gradients.grad_beta.bits.clear();
  gradients.grad_alpha.bits.clear();
  return difference(gradients, backward);
}

}  // namespace spikescan::support
