// The forward pass of one row, or of one chunk of it (docs/model.md, sections 1 and 3), by one thread: the next
// segment of x is on its way while this one is scanned and fired.
#pragma once

#include "kernels/cuda/chunk_links.h"
#include "kernels/cuda/row_generator.h"
#include "kernels/cuda/row_neuron.h"
#include "kernels/cuda/row_ring.h"
#include "kernels/cuda/row_spikes.h"
#include "kernels/cuda/segment_firing.h"
#include "kernels/row_layout.h"
#include "kernels/saved_slots.h"

namespace spikescan {

// kPieces: a chunk in phases; compiled apart from whole rows, to whose loop questions of phases would add.
template <spikescan_recurrence R, bool kPieces>
class ForwardRow {
 public:
  using Neuron = NeuronScans<R>;
  static constexpr int kOrder = Neuron::kOrder;
  static constexpr int kStates = Neuron::kStates;
  using Tables = RowTables<kOrder, kRowThreads, true>;

  // `random` and `tables` lie in shared memory: read from the key's memory at each segment, the wait for the origin
  // would be a wait for segments of x as well. All lanes of a warp together, those past the last row as well.
  __device__ __forceinline__ ForwardRow(const ForwardCall& call, Phase phase, RowRandom& random, Tables& tables,
                                        const RowLane& lane, const ChannelDecays& decays)
      : call_(call),
        d_(call.description),
        phase_(phase),
        origin_(random.origin),
        quick_(fires_quickly(call, random.origin)),
        generator_(random, lane),
        tables_(tables),
        lane_(lane),
        neuron_(decays),
        spikes_(call.args.spikes, lane_) {}

  // `ring`: the block's memory for it.
  __device__ __forceinline__ void run(unsigned char* ring_memory) {
    start();
    if (d_.time == 0) return;
    tables_.template prepare<StateScan<kOrder>>(neuron_.scan.map(), d_.time);  // psu_lif's two scans share it
    const int full = static_cast<int>(d_.time / kSegmentSteps), rest = static_cast<int>(d_.time % kSegmentSteps);
    const int end = kPieces ? lane_.whole_end(d_.time) : full;
    const bool ends_short = kPieces ? end < lane_.end_segment : rest > 0;
    Ring ring(ring_memory, call_.args.x, end, ends_short ? rest : 0, lane_);
    const int first = kPieces ? lane_.first_segment : 0;
    // What comes once in several segments stands in the loop over groups of them, so that no segment asks for it.
    for (int group = first; group < end; group += kSavedSegments) {
      begin_group(group);
      const int group_end = group + kSavedSegments < end ? group + kSavedSegments : end;
#pragma unroll 1
      for (int segment = group; segment < group_end; ++segment) {
        run_segment(ring, segment, kSegmentSteps,
                    rest == 0 && segment + 1 == full);  // a constant: no step is asked about
      }
    }
    if (ends_short) {
      if (full % kSavedSegments == 0) begin_group(full);
      run_segment(ring, full, rest, true);
    }
    if constexpr (kPieces) {
      lane_.wait_for_longer_pieces(call_.args.x);
      if (!finishes()) keep_aggregate();
    }
  }

 private:
  static constexpr int kSlots = kForwardRingSlots;
  // psu_lif's states leave no registers for more.
  static constexpr int kDrawsTogether = Neuron::kPsu ? 1 : kSegmentSteps / kPhiloxSteps;
  using Scan = decltype(RowNeuron<R>::scan);
  using Ring = RowRing<kSlots, false>;

  __device__ __forceinline__ void store_final(int state, float value) const {
    if (float* place = lane_.place_of(call_.args.final_state[state])) *place = value;
  }

  // The segment's quarters, each from zero. Seen anew, they are not put off, so that x leaves its registers and its
  // place in the ring.
  __device__ __forceinline__ void scan_quarters(Ring& ring, int segment, typename Scan::Output& local,
                                                typename Scan::Ends& ends) const {
    ring.template await_all_but<kSlots - 1>();
    float x[kSegmentSteps];
    ring.read(0, x);
    neuron_.scale(x);
    neuron_.scan.run(x, local, ends);
    for (auto& end : ends.at) end[kOrder - 1] = seen_anew(end[kOrder - 1]);
    ring.replace_oldest(segment + kSlots);
  }

  __device__ __forceinline__ void start() {
    for (int n = 0; n < kStates; ++n) {
      if (link() > 0) {
        if (lane_.inside && has_carry(n)) neuron_.set_carry(n, handed_on(n));
        continue;
      }
      const float initial = lane_.state(call_.args.initial_state[n]);
      neuron_.set_carry(n, initial);
      if (d_.time == 0) store_final(n, initial);
    }
  }

  // ---- Between the kernels of a pass over pieces ----
  __device__ __forceinline__ bool finishes() const {
    return !kPieces || phase_ == Phase::kFinish;
  }
  __device__ __forceinline__ int link() const {
    return kPieces ? lane_.link<false>(call_.plan) : 0;
  }
  __device__ __forceinline__ ChunkLinks links() const {
    return {d_, call_.plan, call_.args.workspace};
  }
  __device__ __forceinline__ bool has_carry(int state) const {
    return finishes() || (phase_ == Phase::kSecondAggregates && state == 0);
  }
  __device__ __forceinline__ double handed_on(int state) const {
    return links().at(Neuron::kCuba ? 1 - state : state, lane_.batch, link() - 1, lane_.channel);
  }
  __device__ __forceinline__ void keep_aggregate() const {
    if (!lane_.inside) return;
    if (Neuron::kPsu && phase_ == Phase::kSecondAggregates) {
      links().keep_aggregate(neuron_.refractory, 1, lane_.batch, link(), lane_.channel);
    } else {
      links().keep_aggregate(neuron_.scan, 0, lane_.batch, link(), lane_.channel);
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

  __device__ __forceinline__ void run_segment(Ring& ring, int segment, int steps, bool last) {
    const int64_t t = int64_t{segment} * kSegmentSteps;
    const int chunk = segment / kChunkSegments, s = segment % kChunkSegments;
    keep_together(call_.args.x);
    typename Scan::Output local;
    typename Scan::Ends ends;
    scan_quarters(ring, segment, local, ends);
    if (!finishes()) return skim(chunk, s, local, ends);
    const bool full = s == kChunkSegments - 1 && steps == kSegmentSteps;
    float states[kStates][kSegmentSteps] = {};
    scan(chunk, s, full, local, ends, states);
    if (call_.args.membrane.data && lane_.inside) {
      store_steps(call_.args.membrane, lane_.batch, t, lane_.channel, steps, states[0]);
    }
    if (!usually(!last)) store_final(steps, states);
    if (call_.args.spikes.data) fire(segment, steps, last, states);
  }

  // The segments between two saved states.
  __device__ __forceinline__ void begin_group(int segment) {
    const int chunk = segment / kChunkSegments, s = segment % kChunkSegments;
    if (s == 0) neuron_.begin_chunk();
    if (!finishes()) return;
    if (call_.args.saved && segment > 0) {
      save(chunk, s, [&](int n) { return s == 0 ? neuron_.carry(n) : neuron_.chain(n); });
    }
    if (quick_) generator_.enter(segment);
  }

  // What backward may begin the segment from.
  template <class Value>
  __device__ __forceinline__ void save(int chunk, int segment, Value value) const {
    if (!lane_.inside) return;
    auto* saved = static_cast<double*>(call_.args.saved);
    for (int n = 0; n < kStates; ++n) {
      saved[saved_index(d_, n, lane_.batch, saved_slot(chunk, segment), lane_.channel)] = value(n);
    }
  }

  // For the aggregate alone, of a full chunk. `output`: the first scan's, from zero, which it is finished in.
  __device__ __forceinline__ void skim(int chunk, int s, typename Scan::Output& output,
                                       const typename Scan::Ends& ends) {
    if constexpr (Neuron::kPsu) {
      if (phase_ == Phase::kSecondAggregates) {
        neuron_.scan.finish(tables_, s, ends, output);
        if (s == kChunkSegments - 1) neuron_.scan.end_chunk(chunk, output);
        float drive[kSegmentSteps];
#pragma unroll
        for (int j = 0; j < kSegmentSteps; ++j) drive[j] = sigmoid(output[0][j]);
        neuron_.refractory.skim(tables_, drive);
        return;
      }
    }
    neuron_.scan.skim(tables_, ends);
  }

  __device__ __forceinline__ void scan(int chunk, int s, bool full, typename Scan::Output& output,
                                       const typename Scan::Ends& ends, float (&states)[kStates][kSegmentSteps]) {
    neuron_.scan.finish(tables_, s, ends, output);
    if (full) neuron_.scan.end_chunk(chunk, output);
#pragma unroll
    for (int n = 0; n < kOrder; ++n) {
#pragma unroll
      for (int j = 0; j < kSegmentSteps; ++j) states[Neuron::api_state(0, n)][j] = output[n][j];
    }
    if constexpr (Neuron::kPsu) {
      float drive[kSegmentSteps];
#pragma unroll
      for (int j = 0; j < kSegmentSteps; ++j) drive[j] = sigmoid(states[0][j]);
      typename Scan::Output refractory;
      neuron_.refractory.scan(tables_, s, drive, refractory);
      if (full) neuron_.refractory.end_chunk(chunk, refractory);
#pragma unroll
      for (int j = 0; j < kSegmentSteps; ++j) states[1][j] = refractory[0][j];
    }
  }

  __device__ __forceinline__ void fire(int segment, int steps, bool last,
                                       const float (&states)[kStates][kSegmentSteps]) {
    float m[kSegmentSteps];
#pragma unroll
    for (int j = 0; j < kSegmentSteps; ++j) m[j] = Neuron::rule_input(states, j);
    const int64_t b = lane_.batch, c = lane_.channel, t = int64_t{segment} * kSegmentSteps;
    if (call_.firing.rule == SPIKESCAN_NONE) {
      if (lane_.inside) store_distances(call_, b, t, c, steps, m);
      return;
    }
    const auto draw = [&](int first, auto& words) { generator_.draw(segment, first, words); };
    const uint32_t bits =
        lane_.inside ? spike_bits<kDrawsTogether>(call_, origin_, quick_, b, t, c, steps, m, draw) : 0u;
    spikes_.store(lane_, segment, steps, last, bits);
  }

  const ForwardCall& call_;
  const spikescan_description& d_;
  const Phase phase_;
  const RandomOrigin& origin_;
  const bool quick_;
  RowGenerator generator_;
  Tables& tables_;
  const RowLane lane_;
  RowNeuron<R> neuron_;
  RowSpikes spikes_;
};

}  // namespace spikescan
