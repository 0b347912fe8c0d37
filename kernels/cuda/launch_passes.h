// The kernels of a recurrence: which one a call takes. Files that include this instantiate launch_pass for both.
#pragma once

#include "kernels/cuda/backward.h"
#include "kernels/cuda/forward.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/passes.h"

namespace spikescan {

template <class Call>
LaunchConfig config_of(const Call& call, cudaStream_t stream) {
  return {call.plan.blocks, call.plan.threads, call.plan.shared_bytes, stream, call.plan.shared_limit};
}

// use(Form{}) with the first form that fits the call.
template <class Call, class Use>
BackendResult with_form(const Call&, Use use) {
  return use(General{});
}
template <class Form, class... Others, class Call, class Use>
BackendResult with_form([[maybe_unused]] const Call& call, Use use) {
#if defined(SPIKESCAN_GENERAL_FORM_ONLY)
  return use(General{});
#else
  return Form::fits(call) ? use(Form{}) : with_form<Others...>(call, use);
#endif
}

template <spikescan_recurrence R>
BackendResult launch_phase(const char* name, const ForwardCall& call, Phase phase, cudaStream_t stream) {
  const LaunchConfig config = config_of(call, stream);
  if (is_fine(call.plan)) return launch(name, config, forward_fine_tiles_kernel<R>, call, phase);
  if (call.plan.strategy == kTiles) return launch(name, config, forward_tiles_kernel<R, false>, call, phase);
  if (call.plan.strategy == kTilesInPhases) return launch(name, config, forward_tiles_kernel<R, true>, call, phase);
  return with_form<DrawnSpikes<SPIKESCAN_FLOAT32, SPIKESCAN_FLOAT32>, DrawnSpikes<SPIKESCAN_FLOAT32, SPIKESCAN_BITS32>,
                   DrawnSpikes<SPIKESCAN_BFLOAT16, SPIKESCAN_BFLOAT16>,
                   DrawnSpikes<SPIKESCAN_BFLOAT16, SPIKESCAN_BITS32>, DrawnSpikes<SPIKESCAN_FLOAT16, SPIKESCAN_FLOAT16>,
                   DrawnSpikes<SPIKESCAN_FLOAT16, SPIKESCAN_BITS32>>(call, [&](auto form) {
    using Form = decltype(form);
    const bool pieces = call.plan.strategy == kPieces;
    return launch(name, config, pieces ? forward_rows_kernel<R, true, Form> : forward_rows_kernel<R, false, Form>, call,
                  phase);
  });
}

template <spikescan_recurrence R>
BackendResult launch_phase(const char* name, const BackwardCall& call, Phase phase, cudaStream_t stream) {
  const LaunchConfig config = config_of(call, stream);
  if (is_fine(call.plan)) return launch(name, config, backward_fine_tiles_kernel<R>, call, phase);
  if (call.plan.strategy == kTiles) return launch(name, config, backward_tiles_kernel<R, false>, call, phase);
  if (call.plan.strategy == kTilesInPhases) return launch(name, config, backward_tiles_kernel<R, true>, call, phase);
  return with_form<SpikesGradient<SPIKESCAN_FLOAT32>, SpikesGradient<SPIKESCAN_BFLOAT16>,
                   SpikesGradient<SPIKESCAN_FLOAT16>>(call, [&](auto form) {
    using Form = decltype(form);
    const auto start = [&](auto kernel) { return launch(name, config, kernel, call, phase); };
    if (phase != Phase::kFinish) return start(backward_rows_kernel<R, 32, RowWork::kAggregates, Form>);
    if (call.plan.strategy == kPieces) return start(backward_rows_kernel<R, 32, RowWork::kPiece, Form>);
    if (call.plan.row_columns < kRowThreads) return start(backward_rows_kernel<R, 32, RowWork::kWhole, Form>);
    return start(backward_rows_kernel<R, kRowThreads, RowWork::kWhole, Form>);
  });
}

// One kernel, or one for the aggregates of each scan, each followed by their chain, and at last one for the rest.
template <spikescan_recurrence R, class Call>
BackendResult launch_pass(const char* name, const Call& call, cudaStream_t stream) {
  if (takes_phases(call.plan)) {
    for (const Phase aggregates : {Phase::kFirstAggregates, Phase::kSecondAggregates}) {
      if (aggregates == Phase::kSecondAggregates && R != SPIKESCAN_PSU_LIF) continue;
      BackendResult result = launch_phase<R>(name, call, aggregates, stream);
      if (result.status == SPIKESCAN_OK) result = chain_chunks(call, aggregates, stream);
      if (result.status != SPIKESCAN_OK) return result;
    }
  }
  return launch_phase<R>(name, call, Phase::kFinish, stream);
}

}  // namespace spikescan
