// One call through the C ABI with every option that it has: host values in, host values out.
#pragma once

#include <string>
#include <vector>

#include "support/arena.h"

namespace spikescan::support {

// How a [B, T, C] tensor lies in memory.
enum class Layout {
  batch_first,
  time_first,
  padded,        // batch first with gaps between rows
  window,        // a range of the channels of a wider, time-first tensor
  repeat_batch,  // inputs only: one batch for all (stride 0)
  repeat_time,   // inputs only: one step for all
};
Placement place(Layout layout, bool misaligned, const int64_t (&shape)[3]);

// The optional outputs of both passes.
struct Wanted {
  bool spikes = true, membrane = true, final_state[2] = {true, true}, saved = true;
  bool grad_x = true, grad_beta = true, grad_alpha = true, grad_initial[2] = {true, true};
};

// Inputs hold values that their dtype can hold, in [B, T, C] or [B, C] order; empty: absent.
struct Case {
  spikescan_description description = SPIKESCAN_DESCRIPTION_INIT;
  spikescan_dtype spikes_dtype = SPIKESCAN_FLOAT32, membrane_dtype = SPIKESCAN_FLOAT32;
  spikescan_dtype grad_spikes_dtype = SPIKESCAN_FLOAT32, grad_membrane_dtype = SPIKESCAN_FLOAT32;
  Layout x_layout = Layout::batch_first, uniforms_layout = Layout::batch_first, spikes_layout = Layout::batch_first,
         membrane_layout = Layout::batch_first, grad_spikes_layout = Layout::batch_first,
         grad_membrane_layout = Layout::batch_first, grad_x_layout = Layout::batch_first;
  bool grad_x_in_place = false;  // grad_x is the memory of grad_spikes
  bool misaligned = false;       // every tensor one element past an aligned address
  int64_t state_padding = 0;     // between the rows of all [B, C] tensors
  uint64_t seed = 1;
  uint32_t stream = 0;
  bool device_key = false;  // seed, stream and origins from memory; the call's own are then wrong on purpose
  std::vector<float> x, beta, alpha, initial[2], uniforms;
  std::vector<float> grad_spikes, grad_membrane, grad_final[2];
  Wanted wanted;

  int64_t elements() const { return description.batch * description.time * description.channels; }
  int64_t rows() const { return description.batch * description.channels; }
  int64_t decays() const { return description.shared_decay ? 1 : description.channels; }
  bool has_second() const {
    return description.recurrence == SPIKESCAN_CUBA_LIF || description.recurrence == SPIKESCAN_PSU_LIF;
  }
  bool has_alpha() const { return description.recurrence == SPIKESCAN_CUBA_LIF; }
  bool is_bernoulli() const {
    return description.rule == SPIKESCAN_SIGMOID_BERNOULLI ||
           description.rule == SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI;
  }
};

// Outputs that were not asked for stay empty.
struct Forward {
  Array spikes, membrane, final_state[2];
  std::vector<unsigned char> saved;
};
struct Backward {
  Array grad_x, grad_beta, grad_alpha, grad_initial[2];
};

// A failing call, or a byte written where nothing should be, is a test failure that names `label`.
Forward forward(const Target& target, const Case& c, uint16_t poison = kPoison);
Backward backward(const Target& target, const Case& c, const std::vector<unsigned char>& saved,
                  uint16_t poison = kPoison);

// The first outputs that differ, with their names; empty where all agree.
std::string difference(const Forward& got, const Forward& want);
std::string difference(const Backward& got, const Backward& want);

}  // namespace spikescan::support
