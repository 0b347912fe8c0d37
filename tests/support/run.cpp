#include "support/run.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "support/buffers.h"
#include "support/coverage.h"

namespace spikescan::support {
namespace {

spikescan_sizes sizes_of(const spikescan_description& description) {
  spikescan_sizes sizes = {};
  sizes.struct_size = sizeof sizes;
  EXPECT_EQ(spikescan_query_sizes(&description, &sizes), SPIKESCAN_OK) << spikescan_last_error();
  return sizes;
}

spikescan_description description_for(const Target& target, const Case& c) {
  spikescan_description d = c.description;
  d.backend = target.backend;
  if (c.device_key) d.batch_origin = d.time_origin = d.channel_origin = 0;
  return d;
}

using Tensor = Buffers::Tensor;

// Scratch, and the saved states: 8 bytes past an aligned address, which is all that they are promised.
struct Raw {
  size_t offset, bytes;
  void* in(const Arena& arena) const { return bytes > 0 ? arena.device(offset) : nullptr; }
};
Raw add_scratch(Arena& arena, size_t bytes) {
  return {arena.add(bytes), bytes};
}
Raw add_saved(Arena& arena, size_t bytes) {
  return {arena.add(bytes + 8) + 8, bytes};
}

class ForwardRun {
 public:
  ForwardRun(const Target& target, const Case& c, const spikescan_sizes& sizes, uint16_t poison)
      : c_(c), name_(target.name), buffers_(target, c, poison) {
    const spikescan_device_key key = {
        c.seed, c.stream, 0, c.description.batch_origin, c.description.time_origin, c.description.channel_origin};
    if (c.device_key) buffers_.arena().put(key_.offset, &key, sizeof key);
    saved_ = add_saved(buffers_.arena(), c.wanted.saved ? sizes.saved : 0);
    workspace_ = add_scratch(buffers_.arena(), sizes.forward_workspace);
    buffers_.arena().upload();
  }

  spikescan_forward_args arguments() {
    const Arena& arena = buffers_.arena();
    spikescan_forward_args args = {};
    args.struct_size = sizeof args;
    args.x = buffers_.argument(x_);
    args.beta = buffers_.floats(beta_);
    args.alpha = buffers_.floats(alpha_);
    args.seed = c_.device_key ? ~c_.seed : c_.seed;
    args.stream = c_.device_key ? ~c_.stream : c_.stream;
    if (c_.device_key) args.device_key = static_cast<const spikescan_device_key*>(key_.in(arena));
    args.uniforms = buffers_.argument(uniforms_);
    args.spikes = buffers_.argument(spikes_);
    args.membrane = buffers_.argument(membrane_);
    for (int n = 0; n < 2; ++n) {
      args.initial_state[n] = buffers_.state_argument(initial_[n]);
      args.final_state[n] = buffers_.state_argument(final_[n]);
    }
    args.saved = saved_.in(arena);
    args.saved_bytes = saved_.bytes;
    args.workspace = workspace_.in(arena);
    args.workspace_bytes = workspace_.bytes;
    return args;
  }

  Forward collect() {
    Arena& arena = buffers_.arena();
    arena.download();
    Forward out = {buffers_.take(spikes_),
                   buffers_.take(membrane_),
                   {buffers_.take(final_[0]), buffers_.take(final_[1])},
                   arena.take(saved_.offset, saved_.bytes)};
    arena.forget(workspace_.offset, workspace_.bytes);
    EXPECT_EQ(arena.damage(), "") << "forward on " << name_;
    return out;
  }

 private:
  const Case& c_;
  const char* const name_;
  Buffers buffers_;
  const Tensor x_ = buffers_.input(c_.x, c_.description.dtype, c_.x_layout);
  const Tensor beta_ = buffers_.decays_input(c_.beta, true);
  const Tensor alpha_ = buffers_.decays_input(c_.alpha, c_.has_alpha());
  const Tensor initial_[2] = {buffers_.state_input(c_.initial[0]), buffers_.state_input(c_.initial[1])};
  const Tensor uniforms_ = buffers_.input(c_.uniforms, SPIKESCAN_FLOAT32, c_.uniforms_layout);
  const Tensor spikes_ = buffers_.tensor(c_.wanted.spikes, c_.spikes_dtype, c_.spikes_layout);
  const Tensor membrane_ = buffers_.tensor(c_.wanted.membrane, c_.membrane_dtype, c_.membrane_layout);
  const Tensor final_[2] = {buffers_.state(c_.wanted.final_state[0]),
                            buffers_.state(c_.wanted.final_state[1] && c_.has_second())};
  const Raw key_ = add_scratch(buffers_.arena(), sizeof(spikescan_device_key));
  Raw saved_, workspace_;
};

class BackwardRun {
 public:
  BackwardRun(const Target& target, const Case& c, const std::vector<unsigned char>& saved,
              const spikescan_sizes& sizes, uint16_t poison)
      : c_(c), name_(target.name), buffers_(target, c, poison) {
    saved_ = add_saved(buffers_.arena(), saved.size());
    buffers_.arena().put(saved_.offset, saved.data(), saved.size());
    workspace_ = add_scratch(buffers_.arena(), sizes.backward_workspace);
    buffers_.arena().upload();
  }

  spikescan_backward_args arguments() {
    const Arena& arena = buffers_.arena();
    spikescan_backward_args args = {};
    args.struct_size = sizeof args;
    args.x = buffers_.argument(x_);
    args.beta = buffers_.floats(beta_);
    args.alpha = buffers_.floats(alpha_);
    args.saved = saved_.in(arena);
    args.saved_bytes = saved_.bytes;
    args.grad_spikes = buffers_.argument(grad_spikes_);
    args.grad_membrane = buffers_.argument(grad_membrane_);
    args.grad_x = buffers_.argument(grad_x_);
    args.grad_beta = buffers_.floats(grad_beta_);
    args.grad_alpha = buffers_.floats(grad_alpha_);
    for (int n = 0; n < 2; ++n) {
      args.initial_state[n] = buffers_.state_argument(initial_[n]);
      args.grad_final_state[n] = buffers_.state_argument(grad_final_[n]);
      args.grad_initial_state[n] = buffers_.state_argument(grad_initial_[n]);
    }
    args.workspace = workspace_.in(arena);
    args.workspace_bytes = workspace_.bytes;
    return args;
  }

  Backward collect() {
    Arena& arena = buffers_.arena();
    arena.download();
    Backward out = {buffers_.take(grad_x_),
                    buffers_.take(grad_beta_),
                    buffers_.take(grad_alpha_),
                    {buffers_.take(grad_initial_[0]), buffers_.take(grad_initial_[1])}};
    arena.forget(workspace_.offset, workspace_.bytes);
    EXPECT_EQ(arena.damage(), "") << "backward on " << name_;
    return out;
  }

 private:
  const Case& c_;
  const char* const name_;
  Buffers buffers_;
  const Tensor x_ = buffers_.input(c_.x, c_.description.dtype, c_.x_layout);
  const Tensor beta_ = buffers_.decays_input(c_.beta, true);
  const Tensor alpha_ = buffers_.decays_input(c_.alpha, c_.has_alpha());
  const Tensor initial_[2] = {buffers_.state_input(c_.initial[0]), buffers_.state_input(c_.initial[1])};
  const Tensor grad_spikes_ = buffers_.input(c_.grad_spikes, c_.grad_spikes_dtype, c_.grad_spikes_layout);
  const Tensor grad_membrane_ = buffers_.input(c_.grad_membrane, c_.grad_membrane_dtype, c_.grad_membrane_layout);
  const Tensor grad_final_[2] = {buffers_.state_input(c_.grad_final[0]), buffers_.state_input(c_.grad_final[1])};
  const Tensor grad_x_ =
      c_.grad_x_in_place ? grad_spikes_ : buffers_.tensor(c_.wanted.grad_x, c_.description.dtype, c_.grad_x_layout);
  const Tensor grad_beta_ = buffers_.decays(c_.wanted.grad_beta);
  const Tensor grad_alpha_ = buffers_.decays(c_.wanted.grad_alpha && c_.has_alpha());
  const Tensor grad_initial_[2] = {buffers_.state(c_.wanted.grad_initial[0]),
                                   buffers_.state(c_.wanted.grad_initial[1] && c_.has_second())};
  Raw saved_, workspace_;
};

}  // namespace

Placement place(Layout layout, bool misaligned, const int64_t (&shape)[3]) {
  const auto [batch, time, channels] = shape;
  Placement p = {time * channels, channels, 0, 0};
  switch (layout) {
    case Layout::batch_first:
      break;
    case Layout::time_first:
      p = {channels, batch * channels, 0, 0};
      break;
    case Layout::padded:
      p.stride_time = channels + 3;
      p.stride_batch = time * p.stride_time + 5;
      break;
    case Layout::window:
      p = {channels + 7, batch * (channels + 7), 3, 0};
      break;
    case Layout::repeat_batch:
      p.stride_batch = 0;
      break;
    case Layout::repeat_time:
      p = {channels, 0, 0, 0};
      break;
  }
  p.first += misaligned ? 1 : 0;
  const bool empty = batch == 0 || time == 0 || channels == 0;
  p.elements = p.first + (empty ? 0 : (batch - 1) * p.stride_batch + (time - 1) * p.stride_time + channels);
  return p;
}

Forward forward(const Target& target, const Case& c, uint16_t poison) {
  const spikescan_description d = description_for(target, c);
  ForwardRun run(target, c, sizes_of(d), poison);
  const spikescan_forward_args args = run.arguments();
  const spikescan_status status = target.forward ? target.forward(d, args) : spikescan_forward(&d, &args, nullptr);
  EXPECT_EQ(status, SPIKESCAN_OK) << spikescan_last_error();
  if (status == SPIKESCAN_OK && c.wanted.spikes) note_run(target, c);
  return run.collect();
}

Backward backward(const Target& target, const Case& c, const std::vector<unsigned char>& saved, uint16_t poison) {
  const spikescan_description d = description_for(target, c);
  BackwardRun run(target, c, saved, sizes_of(d), poison);
  const spikescan_backward_args args = run.arguments();
  const spikescan_status status = target.backward ? target.backward(d, args) : spikescan_backward(&d, &args, nullptr);
  EXPECT_EQ(status, SPIKESCAN_OK) << spikescan_last_error();
  return run.collect();
}

namespace {

void note(std::string& text, const char* name, const Array& got, const Array& want) {
  const std::string found = difference(got, want);
  if (!found.empty()) text += std::string(name) + ": " + found + "\n";
}

// Saved states are float64; any NaN equals any other.
bool same_saved(const std::vector<unsigned char>& got, const std::vector<unsigned char>& want) {
  if (got == want) return true;
  if (got.size() != want.size() || got.size() % sizeof(double) != 0) return false;
  for (size_t i = 0; i < got.size(); i += sizeof(double)) {
    double a, b;
    std::memcpy(&a, &got[i], sizeof a);
    std::memcpy(&b, &want[i], sizeof b);
    if (std::memcmp(&a, &b, sizeof a) != 0 && !(std::isnan(a) && std::isnan(b))) return false;
  }
  return true;
}

}  // namespace

std::string difference(const Forward& got, const Forward& want) {
  std::string text;
  note(text, "spikes", got.spikes, want.spikes);
  note(text, "membrane", got.membrane, want.membrane);
  note(text, "final_state[0]", got.final_state[0], want.final_state[0]);
  note(text, "final_state[1]", got.final_state[1], want.final_state[1]);
  if (!same_saved(got.saved, want.saved)) text += "saved: the chunks' states differ\n";
  return text;
}

std::string difference(const Backward& got, const Backward& want) {
  std::string text;
  note(text, "grad_x", got.grad_x, want.grad_x);
  note(text, "grad_beta", got.grad_beta, want.grad_beta);
  note(text, "grad_alpha", got.grad_alpha, want.grad_alpha);
  note(text, "grad_initial[0]", got.grad_initial[0], want.grad_initial[0]);
  note(text, "grad_initial[1]", got.grad_initial[1], want.grad_initial[1]);
  return text;
}

}  // namespace spikescan::support
