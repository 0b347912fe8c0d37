#include "kernels/cpu/decay_gradients.h"

#include <algorithm>
#include <bit>

#include "kernels/element/recurrence.h"
#include "kernels/partial_sums.h"
#include "kernels/reduce.h"

namespace spikescan {
namespace {

// Channels summed side by side, on a vector's lanes and in whole lines of memory.
constexpr int kSideBySide = 32;

// The sums' order is the contract's (kernels/reduce.h); they are a fraction of the pass, and one thread makes them.
void sum_rows(const float* partials, int64_t rows, int64_t stride, int64_t first, int channels, double* totals) {
  // Accumulators that no row reaches would only add zeros to sums of which none is -0.
  const auto lanes =
      static_cast<int>(std::bit_ceil(static_cast<uint64_t>(std::clamp<int64_t>(rows, 1, kRowAccumulators))));
  double sums[kRowAccumulators * kSideBySide];
  std::fill_n(sums, lanes * kSideBySide, 0.0);
  for (int64_t row = 0; row < rows; ++row) {
    double* sum = sums + row % kRowAccumulators * kSideBySide;
    for (int c = 0; c < channels; ++c) sum[c] += partials[row * stride + first + c];
  }
  for (int c = 0; c < channels; ++c) {
    halving_sum(sums + c, lanes, kSideBySide);
    totals[c] = sums[c];
  }
}

void sum_decay_gradient(const BackwardCall& call, int parameter, const float* decay, float* gradient) {
  const int64_t channels = call.description.channels;
  const float* partials = partial_sums(call, parameter);
  const bool shared = call.description.shared_decay;
  double* const all_totals = channel_totals(call);
  for (int64_t first = 0; first < channels; first += kSideBySide) {
    const int count = static_cast<int>(std::min<int64_t>(channels - first, kSideBySide));
    double own_totals[kSideBySide];
    double* totals = shared ? all_totals + first : own_totals;
    sum_rows(partials, call.plan.partial_rows, channels, first, count, totals);
    for (int c = 0; !shared && c < count; ++c) gradient[first + c] = clipped_gradient(decay, first + c, totals[c]);
  }
  if (!shared) return;
  double sums[kChannelAccumulators];
  for (int lane = 0; lane < kChannelAccumulators; ++lane) {
    sums[lane] = strided_sum(channels, lane, kChannelAccumulators, [&](int64_t c) { return all_totals[c]; });
  }
  halving_sum(sums, kChannelAccumulators, 1);
  gradient[0] = clipped_gradient(decay, 0, sums[0]);
}

}  // namespace

void sum_decay_gradients(const BackwardCall& call) {
  if (call.args.grad_beta) sum_decay_gradient(call, 0, call.args.beta, call.args.grad_beta);
  if (call.args.grad_alpha) sum_decay_gradient(call, 1, call.args.alpha, call.args.grad_alpha);
}

}  // namespace spikescan
