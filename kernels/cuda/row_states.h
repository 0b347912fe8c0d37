// A row's states again, for backward: first along a few segments, keeping what enters each; then segment by segment
// from that, in any order. States in the API's order: [0] V, [1] I or R.
#pragma once

#include "kernels/cuda/row_neuron.h"

namespace spikescan {

// What a segment's states are rebuilt from: the states carried into its quarters, and those after its last step. In a
// thread's column of shared memory, since a register is dear.
template <int kStates>
class SegmentEntries {
 public:
  __device__ __forceinline__ explicit SegmentEntries(unsigned char* memory)
      : words_(reinterpret_cast<float*>(memory) + threadIdx.x) {}
  __device__ __forceinline__ float& quarter(int segment, int q, int state) const {
    return words_[((segment * kStates + state) * kEntryWords + q) * kRowThreads];
  }
  __device__ __forceinline__ float& last(int segment, int state) const {
    return quarter(segment, kSegmentQuarters, state);
  }

 private:
  float* words_;
};

template <spikescan_recurrence R, int kColumns>
class RowStates {
 public:
  using Neuron = NeuronScans<R>;
  static constexpr int kOrder = Neuron::kOrder;
  static constexpr int kStates = Neuron::kStates;
  using Steps = float[kSegmentSteps];
  using Entries = SegmentEntries<kStates>;

  __device__ __forceinline__ RowStates(const RowTables<kOrder, kColumns, false>& tables, const ChannelDecays& decays)
      : tables_(tables), neuron_(decays) {}

  // Its scans, with the carry and the chain of each state.
  __device__ __forceinline__ RowNeuron<R>& neuron() { return neuron_; }
  __device__ __forceinline__ const RowNeuron<R>& neuron() const { return neuron_; }

  // Segment `s` of the chunk, whose entries become the i-th. `ends`: it is the last of a full chunk.
  __device__ __forceinline__ void enter(int s, bool ends, Steps& x, const Entries& entries, int i) {
    neuron_.scale(x);
    enter_scan(neuron_.scan, 0, s, ends, Neuron::kPsu, x, entries, i);
    if constexpr (Neuron::kPsu) {
#pragma unroll
      for (int j = 0; j < kSegmentSteps; ++j) x[j] = sigmoid(x[j]);
      enter_scan(neuron_.refractory, 1, s, ends, false, x, entries, i);
    }
  }

  // All states of the segment whose entries are the i-th. psu_lif leaves how steep R's input is in V at each step,
  // which one exponential gives together with that input, in `slopes`, 32 floats apart.
  __device__ __forceinline__ void rebuild(Steps& x, const Entries& entries, int i, Steps (&states)[kStates],
                                          float* slopes) const {
    neuron_.scale(x);
    rebuild_scan(neuron_.scan, 0, x, entries, i, states);
    if constexpr (Neuron::kPsu) {
#pragma unroll
      for (int j = 0; j < kSegmentSteps; ++j) {
        const Logistic drive = sigmoid_with_slope(states[0][j]);
        x[j] = drive.value;
        if (slopes) slopes[j * 32] = drive.slope;
      }
      rebuild_scan(neuron_.refractory, 1, x, entries, i, states);
    }
  }

 private:
  // With `all`, x becomes the scan's outputs: V, from which the next scan's input follows.
  template <class S>
  __device__ __forceinline__ void enter_scan(RowScan<S>& scan, int first_state, int s, bool ends, bool all, Steps& x,
                                             const Entries& entries, int i) {
    constexpr int kLast = kSegmentSteps - 1;
    typename RowScan<S>::Output output;
    typename RowScan<S>::Ends ends_of_quarters;
    typename RowScan<S>::Entries entered;
    scan.run(x, output, ends_of_quarters);
    scan.enter(tables_, s, ends_of_quarters, entered);
    if (all) {
      scan.respond(tables_, entered, output);
    } else {
      scan.respond_at(tables_.response(S::response_exponent(kQuarterSteps - 1)), entered, kLast, output);
    }
    float last[S::kOrder];
    for (int n = 0; n < S::kOrder; ++n) last[n] = output[n][kLast];
    if (!usually(!ends)) scan.chunk_end(last);
    for (int n = 0; n < S::kOrder; ++n) {
      const int state = Neuron::api_state(first_state, n);
      for (int q = 0; q < kSegmentQuarters; ++q) entries.quarter(i, q, state) = entered.at[q][n];
      entries.last(i, state) = last[n];
    }
    if (!all) return;
#pragma unroll
    for (int j = 0; j < kLast; ++j) x[j] = output[0][j];
    x[kLast] = last[0];
  }

  template <class S>
  __device__ __forceinline__ void rebuild_scan(const RowScan<S>& scan, int first_state, const Steps& x,
                                               const Entries& entries, int i, Steps (&states)[kStates]) const {
    typename RowScan<S>::Output output;
    typename RowScan<S>::Ends ends_of_quarters;
    typename RowScan<S>::Entries entered;
    scan.run(x, output, ends_of_quarters);
    for (int n = 0; n < S::kOrder; ++n) {
      for (int q = 0; q < kSegmentQuarters; ++q) {
        entered.at[q][n] = entries.quarter(i, q, Neuron::api_state(first_state, n));
      }
    }
    scan.respond(tables_, entered, output);
    for (int n = 0; n < S::kOrder; ++n) {
      const int state = Neuron::api_state(first_state, n);
#pragma unroll
      for (int j = 0; j < kSegmentSteps - 1; ++j) states[state][j] = output[n][j];
      states[state][kSegmentSteps - 1] = entries.last(i, state);
    }
  }

  const RowTables<kOrder, kColumns, false>& tables_;
  RowNeuron<R> neuron_;
};

}  // namespace spikescan
