#include "mutate.h"

#include <cstring>
#include <iterator>
#include <limits>

namespace spikescan::test {

int64_t Mutator::integer() {
  constexpr int64_t kPool[] = {-1,
                               0,
                               1,
                               2,
                               3,
                               4,
                               5,
                               6,
                               7,
                               8,
                               15,
                               16,
                               31,
                               32,
                               33,
                               1024,
                               1025,
                               INT32_MAX,
                               int64_t{1} << 31,
                               (int64_t{1} << 32) - 1,
                               int64_t{1} << 32,
                               (int64_t{1} << 32) + 1,
                               int64_t{1} << 34,
                               (int64_t{1} << 34) + 1,
                               int64_t{1} << 61,
                               INT64_MAX / 4,
                               INT64_MAX,
                               INT64_MIN};
  if (below(3) == 0) return static_cast<int64_t>(below(40));
  return kPool[below(std::size(kPool))];
}

int Mutator::small_number() {
  constexpr int kPool[] = {-1, 0, 1, 2, 3, 4, 5, 6, 77, INT32_MAX, INT32_MIN};
  return kPool[below(std::size(kPool))];
}

float Mutator::real() {
  using Limits = std::numeric_limits<float>;
  const float pool[] = {0.0f,
                        -0.0f,
                        1.0f,
                        -1.0f,
                        0.5f,
                        1.0000001f,
                        Limits::max(),
                        Limits::lowest(),
                        Limits::min(),
                        Limits::denorm_min(),
                        Limits::infinity(),
                        -Limits::infinity(),
                        Limits::quiet_NaN()};
  return pool[below(std::size(pool))];
}

void* Mutator::pointer(const void* old, Arena& arena) {
  const auto at = reinterpret_cast<uintptr_t>(old);
  switch (below(7)) {
    case 0:
      return nullptr;
    case 1:
      return reinterpret_cast<void*>(at + (uintptr_t{1} << below(7)));
    case 2:  // the start of some argument's slot
      return arena.begin() + Arena::kSlot * below(Arena::kSlots);
    case 3:  // near the start of one
      return arena.begin() + Arena::kSlot * below(Arena::kSlots) + 4 * below(40);
    case 4:
      return reinterpret_cast<void*>(~uintptr_t{0} - 3 - 4 * below(8));
    case 5:
      return reinterpret_cast<void*>(below(9));
    default:
      return reinterpret_cast<void*>(at + 4 * below(20));
  }
}

size_t Mutator::size(size_t old) {
  const size_t pool[] = {0, 1, old - 1, old + 1, 8, 64, 95, 96, 1024, 1025, SIZE_MAX, SIZE_MAX / 2};
  return pool[below(std::size(pool))];
}

template <class Enum>
void Mutator::enumerator(Enum& field) {
  const int number = small_number();
  std::memcpy(&field, &number, sizeof number);
}

void Mutator::description(spikescan_description& d) {
  int64_t* const integers[] = {&d.batch, &d.time, &d.channels, &d.batch_origin, &d.time_origin, &d.channel_origin};
  float* const reals[] = {&d.threshold, &d.k, &d.max_prob};
  const void** const reserved[] = {&d.threshold_per_channel, &d.k_per_channel, &d.cumulative_lengths,
                                   &d.decay_per_step};
  switch (below(12)) {
    case 0:
      d.struct_size = size(d.struct_size);
      break;
    case 1:
      enumerator(d.recurrence);
      break;
    case 2:
      enumerator(d.rule);
      break;
    case 3:
      below(2) ? enumerator(d.surrogate) : enumerator(d.gradient);
      break;
    case 4:
      d.shared_decay = small_number();
      break;
    case 5:
      enumerator(d.dtype);
      break;
    case 6:
      *reals[below(std::size(reals))] = real();
      break;
    case 7:
      *reserved[below(std::size(reserved))] = &d;
      break;
    default:
      *integers[below(std::size(integers))] = integer();
      break;
  }
}

void Mutator::tensor(spikescan_tensor& t, Arena& arena) {
  switch (below(5)) {
    case 0:
      enumerator(t.dtype);
      break;
    case 1:
      t.stride_batch = integer();
      break;
    case 2:
      t.stride_time = integer();
      break;
    default:
      t.data = pointer(t.data, arena);
      break;
  }
}

void Mutator::state(spikescan_state& s, Arena& arena) {
  if (below(2)) {
    s.stride_batch = integer();
  } else {
    s.data = static_cast<float*>(pointer(s.data, arena));
  }
}

void Mutator::change(ForwardCase& call) {
  spikescan_forward_args& a = call.args;
  spikescan_tensor* const tensors[] = {&a.x, &a.uniforms, &a.spikes, &a.membrane};
  spikescan_state* const states[] = {&a.initial_state[0], &a.initial_state[1], &a.final_state[0], &a.final_state[1]};
  switch (below(16)) {
    case 0:
      a.beta = static_cast<const float*>(pointer(a.beta, call.arena));
      break;
    case 1:
      a.alpha = static_cast<const float*>(pointer(a.alpha, call.arena));
      break;
    case 2:
      a.device_key = static_cast<const spikescan_device_key*>(pointer(a.device_key, call.arena));
      break;
    case 3:
      below(2) ? a.saved = pointer(a.saved, call.arena) : a.workspace = pointer(a.workspace, call.arena);
      break;
    case 4:
      below(2) ? a.saved_bytes = size(a.saved_bytes) : a.workspace_bytes = size(a.workspace_bytes);
      break;
    case 5:
      below(2) ? a.struct_size = size(a.struct_size) : a.seed = generator_();
      break;
    case 6:
      a.spike_counts = pointer(a.spike_counts, call.arena);
      break;
    case 7:
    case 8:
    case 9:
      description(call.d);
      break;
    case 10:
    case 11:
      state(*states[below(std::size(states))], call.arena);
      break;
    default:
      tensor(*tensors[below(std::size(tensors))], call.arena);
      break;
  }
}

void Mutator::change(BackwardCase& call) {
  spikescan_backward_args& a = call.args;
  spikescan_tensor* const tensors[] = {&a.x, &a.grad_spikes, &a.grad_membrane, &a.grad_x};
  spikescan_state* const states[] = {&a.initial_state[0],    &a.initial_state[1],      &a.grad_final_state[0],
                                     &a.grad_final_state[1], &a.grad_initial_state[0], &a.grad_initial_state[1]};
  const float** const decays[] = {&a.beta, &a.alpha};
  float** const gradients[] = {&a.grad_beta, &a.grad_alpha};
  switch (below(16)) {
    case 0:
    case 1: {
      const float*& decay = *decays[below(2)];
      decay = static_cast<const float*>(pointer(decay, call.arena));
      break;
    }
    case 2: {
      float*& gradient = *gradients[below(2)];
      gradient = static_cast<float*>(pointer(gradient, call.arena));
      break;
    }
    case 3:
      below(2) ? a.saved = pointer(a.saved, call.arena) : a.workspace = pointer(a.workspace, call.arena);
      break;
    case 4:
      below(2) ? a.saved_bytes = size(a.saved_bytes) : a.workspace_bytes = size(a.workspace_bytes);
      break;
    case 5:
      a.struct_size = size(a.struct_size);
      break;
    case 6:
    case 7:
    case 8:
      description(call.d);
      break;
    case 9:
    case 10:
    case 11:
      state(*states[below(std::size(states))], call.arena);
      break;
    default:
      tensor(*tensors[below(std::size(tensors))], call.arena);
      break;
  }
}

}  // namespace spikescan::test
