// The kernels with everything settled that a call settles: rule, dtypes, which outputs there are; those of rows as they
// are in the library, backward's with one of the rule's gradients in the place of two. What is left in the loops is
// what an element costs; sass_counts.py reads it from the machine code. Compiled, never linked.
#define SPIKESCAN_COUNT_USUAL_PATH
#include "kernels/cuda/backward.h"
#include "kernels/cuda/forward.h"

namespace spikescan {
namespace {

template <class Call>
__device__ __forceinline__ void settle_pass(Call& call, spikescan_recurrence recurrence, spikescan_dtype x) {
  call.description.recurrence = recurrence;
  call.description.rule = SPIKESCAN_SIGMOID_BERNOULLI;
  call.description.shared_decay = 0;
  call.firing.rule = SPIKESCAN_SIGMOID_BERNOULLI;
  call.firing.gradient = SPIKESCAN_PROBABILITY;
  call.args.x.dtype = x;
  call.plan.chunks = 1;  // no look-back
  call.plan.row_batches = 1;
  call.plan.tile_batches = 1;
}

__device__ __forceinline__ void settle_forward(ForwardCall& call, spikescan_recurrence recurrence, spikescan_dtype x,
                                               spikescan_dtype spikes) {
  settle_pass(call, recurrence, x);
  call.description.time_origin = 0;
  call.args.spikes.dtype = spikes;
  call.args.membrane.data = nullptr;
  call.args.uniforms.data = nullptr;
  call.args.device_key = nullptr;
  call.args.saved = nullptr;
}

__device__ __forceinline__ void settle_backward(BackwardCall& call, spikescan_recurrence recurrence,
                                                spikescan_dtype x) {
  settle_pass(call, recurrence, x);
  call.args.grad_spikes.dtype = x;
  call.args.grad_x.dtype = x;
  call.args.grad_membrane.data = nullptr;
}

}  // namespace

template <spikescan_recurrence R, spikescan_dtype X, spikescan_dtype S>
__global__ void __launch_bounds__(most_tile_threads(R), resident_tiles(R))
    forward_tiles(const __grid_constant__ ForwardCall given) {
  ForwardCall call = given;
  settle_forward(call, R, X, S);
  Place place(call.plan);
  const TileShared shared(dynamic_shared(), NeuronTile<R>::kOrder, kSegmentSteps, forward_columns(R));
  TileQueue queue(call.description, call.plan, call.args.workspace, Phase::kFinish, shared, false);
  for (Tile tile; queue.next(place, tile);)
    ForwardTile<R, false, kSegmentSteps>(call, Phase::kFinish, shared, place, tile).run();
}

template <spikescan_recurrence R, spikescan_dtype X>
__global__ void __launch_bounds__(most_tile_threads(R), resident_tiles(R))
    backward_tiles(const __grid_constant__ BackwardCall given) {
  BackwardCall call = given;
  settle_backward(call, R, X);
  Place place(call.plan);
  const TileShared shared(dynamic_shared(), NeuronTile<R>::kOrder, kSegmentSteps, backward_columns(R));
  TileQueue queue(call.description, call.plan, call.args.workspace, Phase::kFinish, shared, true);
  for (Tile tile; queue.next(place, tile);)
    BackwardTile<R, false, kSegmentSteps>(call, Phase::kFinish, shared, place, tile).run();
}

template <spikescan_recurrence R, spikescan_dtype X, spikescan_dtype S>
__global__ void __launch_bounds__(kMostFineThreads, resident_fine_tiles(R, false))
    forward_fine(const __grid_constant__ ForwardCall given) {
  ForwardCall call = given;
  settle_forward(call, R, X, S);
  Place place(call.plan);
  const TileShared shared(dynamic_shared(), NeuronTile<R>::kOrder, kQuarterSteps, forward_columns(R));
  for_fine_tiles(call, Phase::kFinish, false, shared, place, [&](const Tile& tile) {
    ForwardTile<R, true, kQuarterSteps>(call, Phase::kFinish, shared, place, tile).run();
  });
}

template <spikescan_recurrence R, spikescan_dtype X>
__global__ void __launch_bounds__(kMostFineThreads, resident_fine_tiles(R, true))
    backward_fine(const __grid_constant__ BackwardCall given) {
  BackwardCall call = given;
  settle_backward(call, R, X);
  Place place(call.plan);
  const TileShared shared(dynamic_shared(), NeuronTile<R>::kOrder, kQuarterSteps, backward_columns(R));
  for_fine_tiles(call, Phase::kFinish, true, shared, place, [&](const Tile& tile) {
    BackwardTile<R, true, kQuarterSteps>(call, Phase::kFinish, shared, place, tile).run();
  });
}

template <spikescan_dtype kX>
struct OneGradient : SpikesGradient<kX> {
  __device__ __forceinline__ static BackwardCall settle(const BackwardCall& given) {
    BackwardCall call = SpikesGradient<kX>::settle(given);
    call.firing.gradient = SPIKESCAN_PROBABILITY;
    return call;
  }
};

#define FORWARD(R, X, S)                                                                                         \
  template __global__ void forward_rows_kernel<R, false, DrawnSpikes<X, S>>(const __grid_constant__ ForwardCall, \
                                                                            Phase);                              \
  template __global__ void forward_tiles<R, X, S>(const __grid_constant__ ForwardCall);                          \
  template __global__ void forward_fine<R, X, S>(const __grid_constant__ ForwardCall);
#define BACKWARD(R, X)                                                                   \
  template __global__ void backward_rows_kernel<R, 32, RowWork::kWhole, OneGradient<X>>( \
      const __grid_constant__ BackwardCall, Phase);                                      \
  template __global__ void backward_tiles<R, X>(const __grid_constant__ BackwardCall);   \
  template __global__ void backward_fine<R, X>(const __grid_constant__ BackwardCall);

FORWARD(SPIKESCAN_LIF, SPIKESCAN_FLOAT32, SPIKESCAN_FLOAT32)
FORWARD(SPIKESCAN_SPSN, SPIKESCAN_FLOAT32, SPIKESCAN_FLOAT32)
FORWARD(SPIKESCAN_CUBA_LIF, SPIKESCAN_FLOAT32, SPIKESCAN_FLOAT32)
FORWARD(SPIKESCAN_PSU_LIF, SPIKESCAN_FLOAT32, SPIKESCAN_FLOAT32)
FORWARD(SPIKESCAN_LIF, SPIKESCAN_BFLOAT16, SPIKESCAN_BFLOAT16)
FORWARD(SPIKESCAN_LIF, SPIKESCAN_FLOAT32, SPIKESCAN_BITS32)
FORWARD(SPIKESCAN_LIF, SPIKESCAN_BFLOAT16, SPIKESCAN_BITS32)
BACKWARD(SPIKESCAN_LIF, SPIKESCAN_FLOAT32)
BACKWARD(SPIKESCAN_SPSN, SPIKESCAN_FLOAT32)
BACKWARD(SPIKESCAN_CUBA_LIF, SPIKESCAN_FLOAT32)
BACKWARD(SPIKESCAN_PSU_LIF, SPIKESCAN_FLOAT32)
BACKWARD(SPIKESCAN_LIF, SPIKESCAN_BFLOAT16)

}  // namespace spikescan
