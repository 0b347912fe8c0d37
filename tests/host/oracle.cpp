#include "oracle.h"

#include <algorithm>
#include <cstring>

namespace spikescan::test {
namespace {

constexpr int64_t kMostRuns = 4000;

int64_t element_bytes(int dtype) {
  return dtype == SPIKESCAN_FLOAT32 || dtype == SPIKESCAN_BITS32 ? 4 : dtype == SPIKESCAN_UINT8 ? 1 : 2;
}

class Lister {
 public:
  explicit Lister(const spikescan_description& d) : d_(d) {}

  void tensor(const spikescan_tensor& t, bool written) {
    int dtype;  // may be a number that the enum lacks
    std::memcpy(&dtype, &t.dtype, sizeof dtype);
    const int64_t steps = dtype == SPIKESCAN_BITS32 ? (d_.time + 31) / 32 : d_.time;
    const int64_t bytes = element_bytes(dtype);
    add(t.data, written, Wide{d_.channels} * bytes, d_.batch, Wide{t.stride_batch} * bytes, steps,
        Wide{t.stride_time} * bytes);
  }
  void states(const spikescan_state (&states)[2], bool written) {
    for (const spikescan_state& s : states) {
      add(s.data, written, Wide{d_.channels} * 4, d_.batch, Wide{s.stride_batch} * 4, 1, 0);
    }
  }
  void decay(const float* values, bool written) {
    add(values, written, (d_.shared_decay ? Wide{1} : Wide{d_.channels}) * 4, 1, 0, 1, 0);
  }
  void bytes(const void* pointer, size_t count, bool written) { add(pointer, written, count, 1, 0, 1, 0); }

  std::vector<Argument> arguments;

 private:
  using Wide = Argument::Wide;
  void add(const void* data, bool written, Wide run, Wide count0, Wide stride0, Wide count1, Wide stride1) {
    if (!data || run == 0 || count0 == 0 || count1 == 0) return;
    arguments.push_back({written, reinterpret_cast<uintptr_t>(data), run, {count0, count1}, {stride0, stride1}});
  }
  const spikescan_description& d_;
};

spikescan_sizes sizes_of(const spikescan_description& d) {
  spikescan_sizes sizes = {};
  sizes.struct_size = sizeof sizes;
  spikescan_query_sizes(&d, &sizes);
  return sizes;
}

// The one pair of an input and an output that may coincide. A stride counts only where there is a second element.
bool same_tensor(spikescan_tensor a, spikescan_tensor b, const spikescan_description& d) {
  if (d.batch == 1) a.stride_batch = b.stride_batch = 0;
  if (d.time == 1) a.stride_time = b.stride_time = 0;
  return a.data == b.data && std::memcmp(&a.dtype, &b.dtype, sizeof a.dtype) == 0 && a.stride_batch == b.stride_batch &&
         a.stride_time == b.stride_time;
}

struct Interval {
  uintptr_t first, last;
  bool operator<(const Interval& other) const { return first < other.first; }
};

void list_runs(const Argument& argument, std::vector<Interval>& out) {
  for (Argument::Wide u = 0; u < argument.counts[0]; ++u) {
    for (Argument::Wide v = 0; v < argument.counts[1]; ++v) {
      const Argument::Wide at = argument.first + u * argument.strides[0] + v * argument.strides[1];
      out.push_back({static_cast<uintptr_t>(at), static_cast<uintptr_t>(at + argument.run - 1)});
    }
  }
}

}  // namespace

std::vector<Argument> arguments_of(const spikescan_description& d, const spikescan_forward_args& a) {
  const spikescan_sizes sizes = sizes_of(d);
  Lister list(d);
  for (const spikescan_tensor* t : {&a.x, &a.uniforms}) list.tensor(*t, false);
  for (const spikescan_tensor* t : {&a.spikes, &a.membrane}) list.tensor(*t, true);
  list.decay(a.beta, false);
  list.decay(a.alpha, false);
  list.states(a.initial_state, false);
  list.states(a.final_state, true);
  list.bytes(a.device_key, sizeof(spikescan_device_key), false);
  list.bytes(a.saved, sizes.saved, true);
  list.bytes(a.workspace, sizes.forward_workspace, true);
  return list.arguments;
}

std::vector<Argument> arguments_of(const spikescan_description& d, const spikescan_backward_args& a) {
  const spikescan_sizes sizes = sizes_of(d);
  Lister list(d);
  for (const spikescan_tensor* t : {&a.x, &a.grad_membrane}) list.tensor(*t, false);
  if (!same_tensor(a.grad_spikes, a.grad_x, d)) list.tensor(a.grad_spikes, false);
  list.tensor(a.grad_x, true);
  list.decay(a.beta, false);
  list.decay(a.alpha, false);
  list.decay(a.grad_beta, true);
  list.decay(a.grad_alpha, true);
  list.states(a.initial_state, false);
  list.states(a.grad_final_state, false);
  list.states(a.grad_initial_state, true);
  list.bytes(a.saved, sizes.saved, false);
  list.bytes(a.workspace, sizes.backward_workspace, true);
  return list.arguments;
}

Verdict outputs_share(const std::vector<Argument>& arguments) {
  std::vector<Interval> outputs, inputs;
  for (const Argument& argument : arguments) {
    if (argument.counts[0] * argument.counts[1] > kMostRuns) return Verdict::kTooLarge;
    list_runs(argument, argument.written ? outputs : inputs);
  }
  std::sort(outputs.begin(), outputs.end());
  for (size_t i = 1; i < outputs.size(); ++i) {
    if (outputs[i].first <= outputs[i - 1].last) return Verdict::kShares;
  }
  // Outputs that are apart are sorted by their last bytes too.
  for (const Interval& input : inputs) {
    const auto next = std::lower_bound(outputs.begin(), outputs.end(), input.first,
                                       [](const Interval& o, uintptr_t first) { return o.last < first; });
    if (next != outputs.end() && next->first <= input.last) return Verdict::kShares;
  }
  return Verdict::kApart;
}

}  // namespace spikescan::test
