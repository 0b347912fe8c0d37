// The kernels of a recurrence: which one a call takes. Files that include this instantiate both functions.
#pragma once

#include "kernels/cuda/backward.h"
#include "kernels/cuda/forward.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/passes.h"

namespace spikescan {

template <class Call>
LaunchConfig config_of(const Call& call, cudaStream_t stream) {
  return {call.plan.blocks, call.plan.threads, call.plan.shared_bytes, stream};
}

// use(Form{}) with the first form that fits the call.
template <class Call, class Use>
BackendResult with_form(const Call&, Use use) {
  return use(General{});
}
template <class Form, class... Others, class Call, class Use>
BackendResult with_form(const Call& call, Use use) {
#if defined(SPIKESCAN_GENERAL_FORM_ONLY)
  return use(General{});
#else
  return Form::fits(call) ? use(Form{}) : with_form<Others...>(call, use);
#endif
}

template <spikescan_recurrence R>
BackendResult launch_forward(const char* name, const ForwardCall& call, cudaStream_t stream) {
  const LaunchConfig config = config_of(call, stream);
  if (call.plan.strategy != kRows) return launch(name, config, forward_tiles_kernel<R>, call);
  return with_form<DrawnSpikes<SPIKESCAN_FLOAT32, SPIKESCAN_FLOAT32>, DrawnSpikes<SPIKESCAN_FLOAT32, SPIKESCAN_BITS32>,
                   DrawnSpikes<SPIKESCAN_BFLOAT16, SPIKESCAN_BFLOAT16>,
                   DrawnSpikes<SPIKESCAN_BFLOAT16, SPIKESCAN_BITS32>, DrawnSpikes<SPIKESCAN_FLOAT16, SPIKESCAN_FLOAT16>,
                   DrawnSpikes<SPIKESCAN_FLOAT16, SPIKESCAN_BITS32>>(
      call, [&](auto form) { return launch(name, config, forward_rows_kernel<R, decltype(form)>, call); });
}

template <spikescan_recurrence R>
BackendResult launch_backward(const char* name, const BackwardCall& call, cudaStream_t stream) {
  const LaunchConfig config = config_of(call, stream);
  if (call.plan.strategy != kRows) return launch(name, config, backward_kernel<R>, call);
  return with_form<SpikesGradient<SPIKESCAN_FLOAT32>, SpikesGradient<SPIKESCAN_BFLOAT16>,
                   SpikesGradient<SPIKESCAN_FLOAT16>>(call, [&](auto form) {
    using Form = decltype(form);
    const bool shares = call.plan.row_columns < kRowThreads;
    return launch(name, config, shares ? backward_rows_kernel<R, 32, Form> : backward_rows_kernel<R, kRowThreads, Form>,
                  call);
  });
}

}  // namespace spikescan
