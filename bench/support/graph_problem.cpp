// Buffers, calls and the comparison of a problem that is captured in CUDA graphs.
#include "graph_problem.h"

#include <algorithm>
#include <cstddef>

#include "inputs.h"

namespace spikescan::bench {
namespace {

constexpr spikescan_backend kCuda = SPIKESCAN_BACKEND_CUDA;
// What the bytes of outputs are before an eager call and before a replay: different, so that an output which neither
// writes is no agreement.
constexpr int kBeforeEager = 0xff, kBeforeReplay = 0xfe;

Memory uploaded(const std::vector<float>& values, void* stream) {
  Memory memory(kCuda, values.size() * sizeof(float));
  memory.upload(values.data(), stream);
  return memory;
}

}  // namespace

GraphProblem::GraphProblem(const Shape& shape, size_t sets, uint64_t seed) : seed_(seed) {
  description_.backend = kCuda;
  description_.batch = shape.batch;
  description_.time = shape.time;
  description_.channels = shape.channels;
  sizes_.struct_size = sizeof sizes_;
  check(spikescan_query_sizes(&description_, &sizes_), "spikescan_query_sizes");
  beta_ = uploaded(values_in(1, shape.channels, 0.5f, 0.95f), stream());
  forward_workspace_ = Memory(kCuda, sizes_.forward_workspace);
  backward_workspace_ = Memory(kCuda, sizes_.backward_workspace);
  const Range range = driving_range(description_.recurrence);
  const std::vector<float> x = values_in(3, shape.elements(), range.low, range.high),
                           grad_spikes = values_in(4, shape.elements(), -1.0f, 1.0f);
  for (size_t i = 0; i < sets; ++i) {
    sets_.push_back(make_set(x, grad_spikes));
    overwrite_outputs(sets_.back(), kBeforeEager);
    enqueue(Pass::kForwardBackward, i);  // backward alone reads what forward saved
  }
  const Set& first = sets_.front();
  eager_ = {first.spikes.download(stream()), first.grad_x.download(stream()), first.grad_beta.download(stream())};
}

GraphProblem::Set GraphProblem::make_set(const std::vector<float>& x, const std::vector<float>& grad_spikes) const {
  Set set;
  set.x = uploaded(x, stream());
  set.spikes = Memory(kCuda, set.x.bytes());
  set.saved = Memory(kCuda, sizes_.saved);
  set.grad_spikes = uploaded(grad_spikes, stream());
  set.grad_x = Memory(kCuda, set.x.bytes());
  set.grad_beta = Memory(kCuda, beta_.bytes());
  return set;
}

void GraphProblem::enqueue(Pass pass, size_t set) const {
  if (pass != Pass::kBackward) forward(sets_[set]);
  if (pass != Pass::kForward) backward(sets_[set]);
}

void GraphProblem::forward(const Set& set) const {
  const Shape shape = {description_.batch, description_.time, description_.channels};
  spikescan_forward_args args = {};
  args.struct_size = sizeof args;
  args.x = contiguous(set.x.data(), SPIKESCAN_FLOAT32, shape);
  args.beta = beta_.floats();
  args.seed = seed_;
  args.spikes = contiguous(set.spikes.data(), SPIKESCAN_FLOAT32, shape);
  args.saved = set.saved.data();
  args.saved_bytes = set.saved.bytes();
  args.workspace = forward_workspace_.data();
  args.workspace_bytes = forward_workspace_.bytes();
  check(spikescan_forward(&description_, &args, stream()), "spikescan_forward");
}

void GraphProblem::backward(const Set& set) const {
  const Shape shape = {description_.batch, description_.time, description_.channels};
  spikescan_backward_args args = {};
  args.struct_size = sizeof args;
  args.x = contiguous(set.x.data(), SPIKESCAN_FLOAT32, shape);
  args.beta = beta_.floats();
  args.saved = set.saved.data();
  args.saved_bytes = set.saved.bytes();
  args.grad_spikes = contiguous(set.grad_spikes.data(), SPIKESCAN_FLOAT32, shape);
  args.grad_x = contiguous(set.grad_x.data(), SPIKESCAN_FLOAT32, shape);
  args.grad_beta = set.grad_beta.floats();
  args.workspace = backward_workspace_.data();
  args.workspace_bytes = backward_workspace_.bytes();
  check(spikescan_backward(&description_, &args, stream()), "spikescan_backward");
}

void GraphProblem::overwrite_outputs(const Set& set, int byte) const {
  for (const Memory* memory : {&set.spikes, &set.grad_x, &set.grad_beta}) memory->fill(byte, stream());
}

bool GraphProblem::holds_the_eager_bits(Pass pass, const Set& set) const {
  const auto same = [&](const Memory& memory, const Bytes& eager) { return memory.download(stream()) == eager; };
  if (pass != Pass::kBackward && !same(set.spikes, eager_.spikes)) return false;
  if (pass == Pass::kForward) return true;
  return same(set.grad_x, eager_.grad_x) && same(set.grad_beta, eager_.grad_beta);
}

bool GraphProblem::replays_the_eager_bits(const CudaGraph& graph, Pass pass, size_t sets) const {
  for (const Set& set : sets_) overwrite_outputs(set, kBeforeReplay);
  graph.replay(stream());
  return std::all_of(sets_.begin(), sets_.begin() + static_cast<std::ptrdiff_t>(sets),
                     [&](const Set& set) { return holds_the_eager_bits(pass, set); });
}

}  // namespace spikescan::bench
