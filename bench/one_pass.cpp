// One forward or backward call on the CPU, for instruction_counts.py to count.
// usage: one_pass forward|backward RECURRENCE DTYPE SPIKES BxTxC, all by name, as in a case of spikescan-bench
#include "support/c_api.h"
#include "support/inputs.h"
#include "support/words.h"

namespace spikescan::bench {
namespace {

void run(bool backward, spikescan_description d, spikescan_dtype spike_type) {
  const spikescan_backend cpu = d.backend;
  const Shape shape = {d.batch, d.time, d.channels};
  const auto upload = [&](const auto& values) {
    Memory memory(cpu, values.size() * sizeof values[0]);
    memory.upload(values.data(), nullptr);
    return memory;
  };
  const Range range = driving_range(d.recurrence);
  const Memory x = upload(encode(values_in(3, shape.elements(), range.low, range.high), d.dtype));
  const Memory beta = upload(values_in(1, d.channels, 0.5f, 0.95f)),
               alpha = upload(values_in(2, d.channels, 0.5f, 0.95f));
  spikescan_sizes sizes = {};
  sizes.struct_size = sizeof sizes;
  check(spikescan_query_sizes(&d, &sizes), "spikescan_query_sizes");
  const Memory spikes(cpu, tensor_bytes(spike_type, shape)), saved(cpu, sizes.saved),
      workspace(cpu, sizes.backward_workspace);
  const bool cuba = d.recurrence == SPIKESCAN_CUBA_LIF;

  spikescan_forward_args f = {};
  f.struct_size = sizeof f;
  f.x = contiguous(x.data(), d.dtype, shape);
  f.beta = beta.floats();
  f.alpha = cuba ? alpha.floats() : nullptr;
  f.seed = 2026;
  f.spikes = contiguous(spikes.data(), spike_type, shape);
  f.saved = saved.data();
  f.saved_bytes = saved.bytes();
  check(spikescan_forward(&d, &f, nullptr), "spikescan_forward");
  if (!backward) return;

  const Memory grad_x(cpu, tensor_bytes(d.dtype, shape)), grad_beta(cpu, beta.bytes()), grad_alpha(cpu, beta.bytes());
  spikescan_backward_args b = {};
  b.struct_size = sizeof b;
  b.x = b.grad_spikes = f.x;
  b.beta = f.beta;
  b.alpha = f.alpha;
  b.saved = f.saved;
  b.saved_bytes = f.saved_bytes;
  b.grad_x = contiguous(grad_x.data(), d.dtype, shape);
  b.grad_beta = grad_beta.floats();
  b.grad_alpha = cuba ? grad_alpha.floats() : nullptr;
  b.workspace = workspace.data();
  b.workspace_bytes = workspace.bytes();
  check(spikescan_backward(&d, &b, nullptr), "spikescan_backward");
}

}  // namespace
}  // namespace spikescan::bench

int main(int argc, char** argv) {
  using namespace spikescan::bench;
  if (argc != 6) {
    std::fprintf(stderr, "usage: one_pass forward|backward RECURRENCE DTYPE SPIKES BxTxC\n");
    return 2;
  }
  spikescan_description d = SPIKESCAN_DESCRIPTION_INIT;
  d.backend = SPIKESCAN_BACKEND_CPU;
  d.recurrence = static_cast<spikescan_recurrence>(index_of(kRecurrences, argv[2]));
  d.dtype = static_cast<spikescan_dtype>(index_of(kDtypes, argv[3]));
  const Shape shape = shape_of(argv[5]);
  d.batch = shape.batch;
  d.time = shape.time;
  d.channels = shape.channels;
  run(index_of(kDirections, argv[1]) == 1, d, static_cast<spikescan_dtype>(index_of(kDtypes, argv[4])));
}
