#include "python/xla/passes.h"

#include <algorithm>
#include <initializer_list>

#include "python/xla/instances.h"

namespace spikescan_xla {
namespace {

namespace forward_bit {
enum { kAlpha, kInitial0, kInitial1, kKey, kUniforms, kSpikes, kMembrane, kFinal0, kFinal1, kSaved };
}
namespace backward_bit {
enum {
  kAlpha,
  kInitial0,
  kInitial1,
  kSaved,
  kGradSpikes,
  kGradMembrane,
  kGradFinal0,
  kGradFinal1,
  kGradX,
  kGradBeta,
  kGradAlpha,
  kGradInitial0,
  kGradInitial1
};
}

class Present {
 public:
  explicit Present(const ffi::CallFrame& frame) : bits_(integer_attribute(frame, "present")) {}
  bool operator[](int bit) const { return bits_ >> bit & 1; }

 private:
  int32_t bits_;
};

int64_t most_instances(const ffi::CallFrame& frame) {
  int64_t most = 1;
  for (int64_t i = 0; i < frame.args.size; ++i) {
    most = std::max(most, instances_of(*static_cast<const ffi::Buffer*>(frame.args.args[i])));
  }
  return most;
}

spikescan_description describe(const ffi::CallFrame& frame, spikescan_backend backend, const Layout& layout) {
  spikescan_description d = SPIKESCAN_DESCRIPTION_INIT;
  d.backend = backend;
  d.recurrence = static_cast<spikescan_recurrence>(integer_attribute(frame, "recurrence"));
  d.rule = static_cast<spikescan_rule>(integer_attribute(frame, "rule"));
  d.surrogate = static_cast<spikescan_surrogate>(integer_attribute(frame, "surrogate"));
  d.gradient = static_cast<spikescan_gradient>(integer_attribute(frame, "gradient"));
  d.shared_decay = integer_attribute(frame, "shared_decay");
  d.threshold = real_attribute(frame, "threshold");
  d.k = real_attribute(frame, "k");
  d.max_prob = real_attribute(frame, "max_prob");
  d.batch = layout.batch;
  d.time = layout.time;
  d.channels = layout.channels;
  d.dtype = layout.dtype;
  return d;
}

bool no_instances(const ffi::CallFrame& frame) {
  for (int64_t i = 0; i < frame.args.size; ++i) {
    if (instances_of(*static_cast<const ffi::Buffer*>(frame.args.args[i])) == 0) return true;
  }
  return false;
}

}  // namespace

void forward(const ffi::CallFrame& frame, spikescan_backend backend, void* stream) {
  using namespace forward_bit;
  const Present present(frame);
  Sequence in(frame.args.args, frame.args.size, "operands");
  Sequence out(frame.rets.rets, frame.rets.size, "results");
  const ffi::Buffer& x = in.next();
  const ffi::Buffer& beta = in.next();
  const ffi::Buffer* alpha = in.next_if(present[kAlpha]);
  const ffi::Buffer* initial[2] = {in.next_if(present[kInitial0]), in.next_if(present[kInitial1])};
  const ffi::Buffer* key = in.next_if(present[kKey]);
  const ffi::Buffer* uniforms = in.next_if(present[kUniforms]);
  const ffi::Buffer* spikes = out.next_if(present[kSpikes]);
  const ffi::Buffer* membrane = out.next_if(present[kMembrane]);
  const ffi::Buffer* final_state[2] = {out.next_if(present[kFinal0]), out.next_if(present[kFinal1])};
  const ffi::Buffer* saved = out.next_if(present[kSaved]);
  const Scratch workspace = aligned_scratch(out.next());
  in.finish();
  out.finish();

  if (no_instances(frame)) return;
  const Layout layout(x, integer_attribute(frame, "time_first"), most_instances(frame));
  const spikescan_description d = describe(frame, backend, layout);
  for (int64_t i = 0; i < layout.instances; ++i) {
    spikescan_forward_args args = {};
    args.struct_size = sizeof args;
    args.x = instance_tensor(&x, layout, i);
    args.beta = static_cast<const float*>(instance_data(&beta, i));
    args.alpha = static_cast<const float*>(instance_data(alpha, i));
    args.device_key = static_cast<const spikescan_device_key*>(instance_data(key, i));
    args.uniforms = instance_tensor(uniforms, layout, i);
    args.spikes = instance_tensor(spikes, layout, i);
    args.membrane = instance_tensor(membrane, layout, i);
    for (int s = 0; s < 2; ++s) {
      args.initial_state[s] = instance_state(initial[s], layout, i);
      args.final_state[s] = instance_state(final_state[s], layout, i);
    }
    args.saved = instance_data(saved, i);
    args.saved_bytes = instance_bytes(saved);
    args.workspace = workspace.data;
    args.workspace_bytes = workspace.bytes;
    check(spikescan_forward(&d, &args, stream));
  }
}

void backward(const ffi::CallFrame& frame, spikescan_backend backend, void* stream) {
  using namespace backward_bit;
  const Present present(frame);
  Sequence in(frame.args.args, frame.args.size, "operands");
  Sequence out(frame.rets.rets, frame.rets.size, "results");
  const ffi::Buffer& x = in.next();
  const ffi::Buffer& beta = in.next();
  const ffi::Buffer* alpha = in.next_if(present[kAlpha]);
  const ffi::Buffer* initial[2] = {in.next_if(present[kInitial0]), in.next_if(present[kInitial1])};
  const ffi::Buffer* saved = in.next_if(present[kSaved]);
  const ffi::Buffer* grad_spikes = in.next_if(present[kGradSpikes]);
  const ffi::Buffer* grad_membrane = in.next_if(present[kGradMembrane]);
  const ffi::Buffer* grad_final[2] = {in.next_if(present[kGradFinal0]), in.next_if(present[kGradFinal1])};
  const ffi::Buffer* grad_x = out.next_if(present[kGradX]);
  const ffi::Buffer* grad_beta = out.next_if(present[kGradBeta]);
  const ffi::Buffer* grad_alpha = out.next_if(present[kGradAlpha]);
  const ffi::Buffer* grad_initial[2] = {out.next_if(present[kGradInitial0]), out.next_if(present[kGradInitial1])};
  const Scratch workspace = aligned_scratch(out.next());
  in.finish();
  out.finish();

  if (no_instances(frame)) return;
  const Layout layout(x, integer_attribute(frame, "time_first"), most_instances(frame));
  const spikescan_description d = describe(frame, backend, layout);
  for (int64_t i = 0; i < layout.instances; ++i) {
    spikescan_backward_args args = {};
    args.struct_size = sizeof args;
    args.x = instance_tensor(&x, layout, i);
    args.beta = static_cast<const float*>(instance_data(&beta, i));
    args.alpha = static_cast<const float*>(instance_data(alpha, i));
    args.saved = instance_data(saved, i);
    args.saved_bytes = instance_bytes(saved);
    args.grad_spikes = instance_tensor(grad_spikes, layout, i);
    args.grad_membrane = instance_tensor(grad_membrane, layout, i);
    args.grad_x = instance_tensor(grad_x, layout, i);
    args.grad_beta = static_cast<float*>(instance_data(grad_beta, i));
    args.grad_alpha = static_cast<float*>(instance_data(grad_alpha, i));
    for (int s = 0; s < 2; ++s) {
      args.initial_state[s] = instance_state(initial[s], layout, i);
      args.grad_final_state[s] = instance_state(grad_final[s], layout, i);
      args.grad_initial_state[s] = instance_state(grad_initial[s], layout, i);
    }
    args.workspace = workspace.data;
    args.workspace_bytes = workspace.bytes;
    check(spikescan_backward(&d, &args, stream));
  }
}

}  // namespace spikescan_xla
