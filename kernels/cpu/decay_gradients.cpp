#include "kernels/cpu/decay_gradients.h"

#include <algorithm>
#include <bit>

#include "kernels/element/recurrence.h"
#include "kernels/partial_sums.h"
#include "kernels/reduce.h"

namespace spikescan {
namespace {

// Channels summed side by side, on a vector's lanes and in whole lines of memory.
constexpr int kGroup = 32;

// The sums' order is the contract's (kernels/reduce.h); they are a fraction of the pass, and one thread makes them.
void sum_rows(const float* partials, int64_t rows, int64_t stride, int64_t first, int channels, double* totals) {
  // Accumulators that no row reaches would only add zeros to sums of which none is -0.
  const auto lanes =
      static_cast<int>(std::bit_ceil(static_cast<uint64_t>(std::clamp<int64_t>(rows, 1, kRowAccumulators))));
  double sums[kRowAccumulators * kGroup];
  std::fill_n(sums, lanes * kGroup, 0.0);
  for (int64_t row = 0; row < rows; ++row) {
    double* sum = sums + row % kRowAccumulators * kGroup;
    for (int c = 0; c < channels; ++c) sum[c] += partials[row * stride + first + c];
  }
  for (int c = 0; c < channels; ++c) {
    halving_sum(sums + c, lanes, kGroup);
    totals[c] = sums[c];
  }
}

void sum_decay_gradient(const BackwardCall& call, int parameter, const float* decay, float* gradient) {
  const auto passed_on = [&](int64_t c, double total) {
    return decay && decay_has_gradient(decay[c]) ? static_cast<float>(total) : 0.0f;
  };
  const int64_t channels = call.description.channels;
  const float* partials = partial_sums(call, parameter);
  const bool shared = call.description.shared_decay;
  auto* channel_totals = reinterpret_cast<double*>(static_cast<char*>(call.args.workspace) + call.plan.totals);
  for (int64_t first = 0; first < channels; first += kGroup) {
    const int count = static_cast<int>(std::min<int64_t>(channels - first, kGroup));
    double group_totals[kGroup];
    double* totals = shared ? channel_totals + first : group_totals;
    sum_rows(partials, call.plan.partial_rows, channels, first, count, totals);
    for (int c = 0; !shared && c < count; ++c) gradient[first + c] = passed_on(first + c, totals[c]);
  }
  if (!shared) return;
  double sums[kChannelAccumulators];
  for (int lane = 0; lane < kChannelAccumulators; ++lane) {
    sums[lane] = strided_sum(channels, lane, kChannelAccumulators, [&](int64_t c) { return channel_totals[c]; });
  }
  halving_sum(sums, kChannelAccumulators, 1);
  gradient[0] = passed_on(0, sums[0]);
}

}  // namespace

void sum_decay_gradients(const BackwardCall& call) {
  if (call.args.grad_beta) sum_decay_gradient(call, 0, call.args.beta, call.args.grad_beta);
  if (call.args.grad_alpha) sum_decay_gradient(call, 1, call.args.alpha, call.args.grad_alpha);
}

}  // namespace spikescan
