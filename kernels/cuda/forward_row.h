// The forward pass of one row (SPEC sections 1 and 3), by one thread: the next segment of x is on its way while this
// one is scanned and fired.
#pragma once

#include "kernels/cuda/neuron_tile.h"
#include "kernels/cuda/row_scan.h"
#include "kernels/cuda/segment_firing.h"

namespace spikescan {

template <spikescan_recurrence R>
class ForwardRow {
 public:
  using Neuron = NeuronTile<R>;
  static constexpr int kOrder = Neuron::kOrder;
  static constexpr int kStates = Neuron::kStates;

  // `origin` lies in shared memory: read from the key's memory at each segment, the wait for it would be a wait for the
  // next segment of x as well.
  __device__ __forceinline__ ForwardRow(const ForwardCall& call, const RandomOrigin& origin, RowTables<kOrder>& tables,
                                        int64_t batch, int64_t channel, const ChannelDecays& decays)
      : call_(call),
        d_(call.description),
        origin_(origin),
        tables_(tables),
        batch_(batch),
        channel_(channel),
        gain_(decays.gain),
        scan_({Neuron::kCuba ? decays.alpha : decays.beta, decays.beta}),
        refractory_({decays.beta, decays.beta}) {}

  __device__ __forceinline__ void run() {
    RawSegment next;
    load_next(0, next);
    tables_.template prepare<StateScan<kOrder>>(scan_.map(), d_.time);  // psu_lif's two scans share it
    start();
    const char* ahead = sectors_ahead();
    int64_t t = 0;
    for (; t + kSegmentSteps <= d_.time; t += kSegmentSteps) {
      fetch_ahead(ahead, t);
      float x[kSegmentSteps];
      decode(next, call_.args.x.dtype, x);
      load_next(t + kSegmentSteps, next);
      run_segment(t, kSegmentSteps, x);  // a constant: nothing is left to ask step by step
    }
    if (t < d_.time) {
      float x[kSegmentSteps];
      decode(next, call_.args.x.dtype, x);
      run_segment(t, static_cast<int>(d_.time - t), x);
    }
  }

 private:
  __device__ __forceinline__ void store_final(int state, float value) const {
    const spikescan_state& out = call_.args.final_state[state];
    if (out.data) out.data[batch_ * out.stride_batch + channel_] = value;
  }

  __device__ __forceinline__ void load_next(int64_t t, RawSegment& next) const {
    if (usually(t + kSegmentSteps <= d_.time)) {
      load_raw(call_.args.x, batch_, t, channel_, kSegmentSteps, next);
    } else if (t < d_.time) {
      load_raw(call_.args.x, batch_, t, channel_, static_cast<int>(d_.time - t), next);
    }
  }

  // ---- 16-bit rows: one segment in registers would be half of what memory needs to be asked for ----
  // The lanes ask for the warp's sectors of a later segment, 16 channels and one step each; where a lane starts.
  __device__ __forceinline__ const char* sectors_ahead() const {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    const int64_t wanted = batch_ * d_.channels + channel_ - lane + (lane & 16), last = d_.batch * d_.channels - 1;
    const int64_t row = wanted < last ? wanted : last;
    const int64_t batch = row / d_.channels;
    const int64_t element = element_at(call_.args.x, batch, lane & 15, row - batch * d_.channels);
    return static_cast<const char*>(call_.args.x.data) + element * int64_t{sizeof(uint16_t)};
  }
  __device__ __forceinline__ void fetch_ahead(const char* first, int64_t t) const {
    constexpr int kAhead = 2 * kSegmentSteps;
    if (call_.args.x.dtype == SPIKESCAN_FLOAT32 || t + kAhead + kSegmentSteps > d_.time) return;
    prefetch_sector(first + (t + kAhead) * call_.args.x.stride_time * int64_t{sizeof(uint16_t)});
  }

  __device__ __forceinline__ void start() {
    for (int n = 0; n < kStates; ++n) {
      const spikescan_state& in = call_.args.initial_state[n];
      const float initial = in.data ? in.data[batch_ * in.stride_batch + channel_] : 0.0f;
      set_carry(n, initial);
      if (d_.time == 0) store_final(n, initial);
    }
  }

  __device__ __forceinline__ void store_final(int steps, const float (&states)[kStates][kSegmentSteps]) const {
    for (int n = 0; n < kStates; ++n) {
      float last = 0.0f;
#pragma unroll
      for (int j = 0; j < kSegmentSteps; ++j) last = j < steps ? states[n][j] : last;
      store_final(n, last);
    }
  }

  __device__ __forceinline__ void set_carry(int state, double value) {
    if constexpr (Neuron::kCuba) {
      scan_.set_carry(1 - state, value);
    } else if (state == 0) {
      scan_.set_carry(0, value);
    } else {
      refractory_.set_carry(0, value);
    }
  }
  __device__ __forceinline__ double carry(int state) const {
    if constexpr (Neuron::kCuba) return scan_.carry(1 - state);
    return state == 0 ? scan_.carry(0) : refractory_.carry(0);
  }

  __device__ __forceinline__ double chain(int state) const {
    if constexpr (Neuron::kCuba) return scan_.chain(1 - state);
    return state == 0 ? scan_.chain(0) : refractory_.chain(0);
  }

  __device__ __forceinline__ void run_segment(int64_t t, int steps, float (&x)[kSegmentSteps]) {
    const int64_t chunk = t / kChunkSteps;
    const int s = static_cast<int>(t % kChunkSteps) / kSegmentSteps;
    if (s == 0) begin_chunk(chunk);
    if (call_.args.saved && saves_chain(s)) save(chunk, s, [&](int n) { return chain(n); });
    const bool full = s == kChunkSegments - 1 && steps == kSegmentSteps;
    float states[kStates][kSegmentSteps] = {};
    scan(chunk, s, full, x, states);
    if (call_.args.membrane.data) store_segment(call_.args.membrane, batch_, t, channel_, steps, states[0]);
    if (!usually(t + steps < d_.time)) store_final(steps, states);
    if (call_.args.spikes.data) fire(t, steps, states);
  }

  __device__ __forceinline__ void begin_chunk(int64_t chunk) {
    scan_.begin_chunk();
    if constexpr (Neuron::kPsu) refractory_.begin_chunk();
    if (call_.args.saved && chunk > 0) save(chunk, 0, [&](int n) { return carry(n); });
  }

  // What backward may begin the segment from.
  template <class Value>
  __device__ __forceinline__ void save(int64_t chunk, int segment, Value value) const {
    auto* saved = static_cast<double*>(call_.args.saved);
    for (int n = 0; n < kStates; ++n) {
      saved[slot_index(n, batch_, saved_slot(chunk, segment), channel_, d_.batch, saved_slots(d_.time), d_.channels)] =
          value(n);
    }
  }

  // x is scaled in place.
  __device__ __forceinline__ void scan(int64_t chunk, int s, bool full, float (&x)[kSegmentSteps],
                                       float (&states)[kStates][kSegmentSteps]) {
    if constexpr (R == SPIKESCAN_SPSN) {
#pragma unroll
      for (int j = 0; j < kSegmentSteps; ++j) x[j] *= gain_;
    }
    float output[kOrder][kSegmentSteps];
    scan_.scan(tables_, s, x, output);
    if (full) scan_.end_chunk(chunk, output);
#pragma unroll
    for (int n = 0; n < kOrder; ++n) {
#pragma unroll
      for (int j = 0; j < kSegmentSteps; ++j) states[Neuron::api_state(0, n)][j] = output[n][j];
    }
    if constexpr (Neuron::kPsu) {
      float drive[kSegmentSteps];
#pragma unroll
      for (int j = 0; j < kSegmentSteps; ++j) drive[j] = sigmoid(states[0][j]);
      refractory_.scan(tables_, s, drive, output);
      if (full) refractory_.end_chunk(chunk, output);
#pragma unroll
      for (int j = 0; j < kSegmentSteps; ++j) states[1][j] = output[0][j];
    }
  }

  __device__ __forceinline__ void fire(int64_t t, int steps, const float (&states)[kStates][kSegmentSteps]) {
    float m[kSegmentSteps];
#pragma unroll
    for (int j = 0; j < kSegmentSteps; ++j) m[j] = Neuron::rule_input(states, j);
    if (call_.firing.rule == SPIKESCAN_NONE) return store_distances(call_, batch_, t, channel_, steps, m);
    const uint32_t bits = spike_bits(call_, origin_, batch_, t, channel_, steps, m);
    if (call_.args.spikes.dtype != SPIKESCAN_BITS32) {
      return store_spikes(call_.args.spikes, batch_, t, channel_, steps, bits);
    }
    // A word is two segments.
    const bool second = t % 32 != 0;
    word_ = second ? word_ | bits << kSegmentSteps : bits;
    if (second || t + steps == d_.time) store_word(call_, batch_, t, channel_, word_);
  }

  const ForwardCall& call_;
  const spikescan_description& d_;
  const RandomOrigin& origin_;
  RowTables<kOrder>& tables_;
  const int64_t batch_, channel_;
  const float gain_;
  RowScan<StateScan<kOrder>> scan_;
  RowScan<StateScan<1>> refractory_;  // psu_lif's R
  uint32_t word_ = 0;
};

}  // namespace spikescan
