// The chain over the chunks of a row, which the CUDA kernel cuts into runs that all start at once
// (kernels/cuda/chunk_chain.h), held to the contract's order, link after link, bit for bit: where a carry soon counts
// for nothing and where it never does, with what is not finite, over windows, in runs of every layout.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "host/plan.h"
#include "kernels/cuda/passes.h"
#include "kernels/element/recurrence.h"
#include "kernels/link_slots.h"
#include "kernels/slot_index.h"

namespace spikescan::cross {
namespace {

constexpr int kChannels = 9, kBatch = 2;
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
// Of the channels. 1 - 2^-15: a carry counts for more than 100,000 steps, and every one is rounded in double.
const std::vector<float> kBeta = {0.0f, 0.5f, 0.99f, 0.999f, 0.9999f, 1.0f - 0x1p-15f, 1.0f, 1.5f, kNan};
const std::vector<float> kAlpha = {0.9999f, 1.0f - 0x1p-15f, 1.0f, 0.5f, 0.99f, 0.0f, 0.999f, 1.0f, 0.5f};

enum class Contents { kNumbers, kWithInfinity, kWithNan };

// One scan's chain: what the kernel is told, and what the contract makes of it.
template <class Call, class Scan>
class Chain {
 public:
  static constexpr int N = Scan::kOrder;

  Chain(spikescan_recurrence recurrence, int first_state, int64_t links, Contents contents)
      : first_state_(first_state) {
    spikescan_description& d = call_.description;
    d = SPIKESCAN_DESCRIPTION_INIT;
    d.recurrence = recurrence;
    d.batch = kBatch;
    d.time = links * kChunkSteps + 77;  // one chunk more than links, a short one
    d.channels = kChannels;
    call_.args.beta = kBeta.data();
    call_.args.alpha = kAlpha.data();
    constexpr DeviceFacts kAnyCallFillsIt = {0, 200 * 1024, 200 * 1024};
    call_.plan = Scan::kReverse ? plan_backward(d, kAnyCallFillsIt) : plan_forward(d, kAnyCallFillsIt);
    call_.plan.chunks = chunk_count(d.time);
    call_.plan.carries = 0;
    std::mt19937 random(static_cast<unsigned>(17 * links) + N);
    std::normal_distribution<float> normal;
    const auto states = static_cast<size_t>(first_state + N);
    aggregates_.resize(states * kBatch * static_cast<size_t>(links) * kChannels);
    for (double& a : aggregates_) a = normal(random) * std::exp2(static_cast<float>(random() % 40) - 20.0f);
    if (contents != Contents::kNumbers) {
      for (int i = 0; i < 5; ++i) {
        aggregates_[random() % aggregates_.size()] = contents == Contents::kWithNan && i % 2 == 0 ? kNan
                                                     : i % 4 == 1                                 ? -kInfinity
                                                                                                  : kInfinity;
      }
    }
    for (auto& state : start_) {
      state.resize(size_t{kBatch} * kChannels);
      for (float& s : state) s = normal(random);
    }
  }

  void start_from(spikescan_state* states) {
    for (int n = 0; n < 2; ++n) states[n] = {start_[n].data(), kChannels};
    starts_ = true;
  }
  Call& call() { return call_; }

  std::vector<double> by_kernel(Phase aggregates, int columns, int threads) {
    std::vector<double> words = aggregates_;
    call_.args.workspace = words.data();
    call_.plan.chain_columns = columns;
    call_.plan.chain_threads = threads;
    EXPECT_EQ(chain_chunks(call_, aggregates, nullptr).status, SPIKESCAN_OK);
    return words;
  }

  // `start[n]`: which of the call's states the scan's n-th one is.
  std::vector<double> by_contract(const std::vector<int>& start) const {
    std::vector<double> words = aggregates_;
    for (int64_t b = 0; b < kBatch; ++b) {
      for (int64_t c = 0; c < kChannels; ++c) chain_row(b, c, start, words);
    }
    return words;
  }

 private:
  void chain_row(int64_t b, int64_t c, const std::vector<int>& start, std::vector<double>& words) const {
    const int64_t chunks = call_.plan.chunks;
    const float beta = clip_decay(kBeta[c]), alpha = clip_decay(kAlpha[c]);
    const Decays<N> decays = N == 1 || Scan::kReverse ? Decays<N>{beta, alpha} : Decays<N>{alpha, beta};
    double carry[N];
    for (int n = 0; n < N; ++n) carry[n] = starts_ ? start_[start[n]][b * kChannels + c] : 0.0;
    for (int64_t link = 0; link + 1 < chunks; ++link) {
      const int64_t chunk = Scan::kReverse ? chunks - 1 - link : link;
      float aggregate[N];
      const auto word = [&](int n) -> double& {
        return words[slot_index(first_state_ + n, b, link, c, kBatch, link_slots(chunks), kChannels)];
      };
      for (int n = 0; n < N; ++n) aggregate[n] = static_cast<float>(word(n));
      advance_chunk(power(Scan::map(decays), chunk_steps(call_.description.time, chunk)), carry, aggregate,
                    Scan::leaves_split(chunk));
      for (int n = 0; n < N; ++n) word(n) = carry[n];
    }
  }

  Call call_ = {};
  const int first_state_;
  bool starts_ = false;
  std::vector<double> aggregates_;  // [states][batch][links][channels]
  std::vector<float> start_[2];
};

// Bits, except which NaN a NaN is.
size_t first_difference(const std::vector<double>& a, const std::vector<double>& b) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) && std::isnan(b[i])) continue;
    if (std::memcmp(&a[i], &b[i], sizeof a[i]) != 0) return i;
  }
  return a.size();
}

// 1 ... 17: fewer and more than a run; 300 and 600: a carry that is rounded, in several windows of the fewer threads.
constexpr int64_t kLinks[] = {1, 7, 8, 9, 17, 300, 600};
struct Layout {
  int columns, threads;
};
constexpr Layout kLayouts[] = {{1, 32}, {1, 512}, {4, 32}, {4, 160}, {16, 32}, {32, 64}};

template <class Call, class Scan>
void expect_chains(spikescan_recurrence recurrence, int first_state, Phase aggregates, const std::vector<int>& start) {
  for (const int64_t links : kLinks) {
    for (const Contents contents : {Contents::kNumbers, Contents::kWithInfinity, Contents::kWithNan}) {
      for (const bool starts : {false, true}) {
        Chain<Call, Scan> chain(recurrence, first_state, links, contents);
        if constexpr (Scan::kReverse) {
          if (starts) chain.start_from(chain.call().args.grad_final_state);
        } else {
          if (starts) chain.start_from(chain.call().args.initial_state);
        }
        const std::vector<double> want = chain.by_contract(start);
        for (const Layout& layout : kLayouts) {
          const std::vector<double> got = chain.by_kernel(aggregates, layout.columns, layout.threads);
          EXPECT_EQ(first_difference(got, want), want.size())
              << links << " links, contents " << static_cast<int>(contents) << ", start " << starts << ", "
              << layout.columns << " columns, " << layout.threads << " threads";
        }
      }
    }
  }
}

TEST(ChunkChain, OfOneState) {
  expect_chains<ForwardCall, StateScan<1>>(SPIKESCAN_LIF, 0, Phase::kFirstAggregates, {0});
  expect_chains<BackwardCall, GradientScan<1>>(SPIKESCAN_SPSN, 0, Phase::kFirstAggregates, {0});
}
TEST(ChunkChain, OfTheSecondScan) {
  expect_chains<ForwardCall, StateScan<1>>(SPIKESCAN_PSU_LIF, 1, Phase::kSecondAggregates, {1});
  expect_chains<BackwardCall, GradientScan<1>>(SPIKESCAN_PSU_LIF, 1, Phase::kFirstAggregates, {1});
}
TEST(ChunkChain, OfTwoStates) {
  expect_chains<ForwardCall, StateScan<2>>(SPIKESCAN_CUBA_LIF, 0, Phase::kFirstAggregates, {1, 0});
  expect_chains<BackwardCall, GradientScan<2>>(SPIKESCAN_CUBA_LIF, 0, Phase::kFirstAggregates, {0, 1});
}

}  // namespace
}  // namespace spikescan::cross
