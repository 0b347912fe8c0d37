// The backward pass of one row (docs/model.md, section 2), of one chunk of it, or of the few batches whose sums form a
// row of partial sums, by one thread: back in time, from one saved state to the next. The segments between the two are
// entered one after the other; then, last first, each one's states are rebuilt, its gradients are scanned and dx is
// stored. x is fetched once, far ahead, and no thread waits for another warp's.
#pragma once

#include "kernels/cuda/chunk_links.h"
#include "kernels/cuda/row_decay_sums.h"
#include "kernels/cuda/row_gradient.h"
#include "kernels/cuda/row_ring.h"
#include "kernels/cuda/row_states.h"
#include "kernels/row_layout.h"
#include "kernels/saved_slots.h"

namespace spikescan {

// A block's shared memory.
template <spikescan_recurrence R, int kColumns>
struct BackwardRowMemory {
  static constexpr BackwardRowLayout kLayout = backward_row_layout(R, kColumns);
  using Neuron = NeuronScans<R>;
  unsigned char* ring;
  RowTables<Neuron::kOrder, kColumns, false> state_tables;
  RowTables<Neuron::kOrder, kColumns, false, true> gradient_tables;
  SegmentEntries<Neuron::kStates> entries;
  double* chains;  // [chain, carry][states][threads]: before the group that comes next, and before its chunk

  __device__ __forceinline__ explicit BackwardRowMemory(unsigned char* memory)
      : ring(memory + kLayout.ring),
        state_tables(memory + kLayout.tables),
        gradient_tables(memory + kLayout.tables),
        entries(memory + kLayout.entries),
        chains(reinterpret_cast<double*>(memory + kLayout.chains) + threadIdx.x) {}
};

// What a thread has, and what is wanted of it: compiled apart, since each alone fills the registers.
enum class RowWork { kWhole, kPiece, kAggregates };

template <spikescan_recurrence R, int kColumns, RowWork kWork>
class BackwardRow {
 public:
  using Neuron = NeuronScans<R>;
  using Steps = float[kSegmentSteps];
  static constexpr int kOrder = Neuron::kOrder;
  static constexpr int kStates = Neuron::kStates;
  static constexpr int kSlots = kBackwardRingSlots, kAhead = kSlots - kSavedSegments;
  static constexpr int kChunkGroups = kChunkSegments / kSavedSegments;
  static constexpr bool kPieces = kWork != RowWork::kWhole, kAggregates = kWork == RowWork::kAggregates;
  static constexpr bool kSparing = kColumns == kRowThreads && R != SPIKESCAN_SPSN;  // as ptxas 13.0 spills
  using Ring = RowRing<kSlots, true, kPieces>;
  using Sums = RowDecaySums<R>;

  // All lanes of a warp together, those past the last row as well: copies are shared.
  __device__ __forceinline__ BackwardRow(const BackwardCall& call, Phase phase, BackwardRowMemory<R, kColumns>& memory,
                                         int64_t batch_row, const RowLane& lane, const ChannelDecays& decays)
      : call_(call),
        d_(call.description),
        phase_(phase),
        memory_(memory),
        batch_row_(batch_row),
        lane_(lane),
        states_(memory.state_tables, decays),
        gradient_({decays.beta, Neuron::kCuba ? decays.alpha : decays.beta}),
        refractory_gradient_({decays.beta, decays.beta}) {}

  __device__ __forceinline__ void run() {
    prepare_tables();
    sums_.prepare(call_, lane_);
    if constexpr (kPieces) {
      lane_.batch = batch_row_;
      run_batch();
      return lane_.wait_for_longer_pieces(call_.args.x);
    }
    const bool inside = lane_.inside;
    for (int i = 0; i < call_.plan.row_batches; ++i) {
      lane_.batch = batch_row_ * call_.plan.row_batches + i;
      lane_.inside = inside && lane_.batch < d_.batch;
      run_batch();
    }
  }

 private:
  // Where warps share channels, the first one makes their tables.
  __device__ __forceinline__ void prepare_tables() const {
    if (kColumns < kRowThreads) __syncthreads();  // the rows before are done with the tables
    if (threadIdx.x < kColumns) {
      memory_.state_tables.template prepare<StateScan<kOrder>>(states_.neuron().scan.map(), d_.time);
      if constexpr (kOrder == 2) {
        memory_.gradient_tables.template prepare<GradientScan<kOrder>>(gradient_.map(), d_.time);
      }
    }
    if (kColumns < kRowThreads) __syncthreads();  // the other warps read them
  }

  // ---- Back through one batch ----
  __device__ __forceinline__ void run_batch() {
    start_gradients();
    fetch_chains(last_segment() / kSavedSegments);  // before the ring's, so that one wait serves both
    const int full = kPieces ? lane_.whole_end(d_.time) : static_cast<int>(d_.time / kSegmentSteps);
    const int rest = kPieces && full == lane_.end_segment ? 0 : static_cast<int>(d_.time % kSegmentSteps);
    Ring ring(memory_.ring, call_.args.x, full, rest, lane_);
    start_cursors();
    load_gradients(last_segment(), steps_of(last_segment()));
    sums_.begin_batch();
    for (int group = last_segment() / kSavedSegments; group >= first_group(); --group) run_group(ring, group);
  }

  __device__ __forceinline__ int last_segment() const {
    return kPieces ? lane_.end_segment - 1 : static_cast<int>((d_.time - 1) / kSegmentSteps);
  }
  __device__ __forceinline__ int first_group() const { return kPieces ? lane_.first_segment / kSavedSegments : 0; }
  __device__ __forceinline__ int steps_of(int segment) const {
    const int64_t left = d_.time - int64_t{segment} * kSegmentSteps;
    return left < kSegmentSteps ? static_cast<int>(left) : kSegmentSteps;
  }

  // The segments from one saved state to the next.
  __device__ __forceinline__ void run_group(Ring& ring, int group) {
    const int chunk = group / kChunkGroups, first = group % kChunkGroups * kSavedSegments;
    const int length = chunk_steps(d_.time, chunk), left = segment_count(length) - first;
    const int count = left < kSavedSegments ? left : kSavedSegments;
    ring.template await_all_but<kAhead>();
    if (left <= kSavedSegments) begin_chunk(chunk);
    for (int n = 0; n < kStates; ++n) states_.neuron().set_chain(n, first == 0 ? 0.0 : chain(n));
#pragma unroll 1
    for (int i = 0; i < count; ++i) {
      Steps x;
      ring.read(count - 1 - i, x);
      states_.enter(first + i, (first + i + 1) * kSegmentSteps == kChunkSteps && length == kChunkSteps, x,
                    memory_.entries, i);
    }
    complete_sums_after(count - 1);
    fetch_chains(group - 1);
#pragma unroll 1
    for (int i = count - 1; i >= 0; --i) {
      if (usually((first + i + 1) * kSegmentSteps <= length)) {
        run_segment<true>(ring, chunk, first + i, length, i, kSegmentSteps);
      } else {
        const int rest = length - (first + i) * kSegmentSteps;
        // There psu_lif has no registers for what the compiler would keep of it.
        run_segment<false>(ring, chunk, first + i, length, i, Neuron::kPsu ? seen_anew(rest) : rest);
      }
      ring.replace_oldest(chunk * kChunkSegments + first + i - kSlots);
    }
    if (first == 0) end_chunk(chunk, length);
  }

  // What forward saved before a chunk's segment.
  __device__ __forceinline__ const double* saved(int state, int chunk, int segment) const {
    return static_cast<const double*>(call_.args.saved) +
           saved_index(d_, state, lane_.batch, saved_slot(chunk, segment), lane_.channel);
  }
  __device__ __forceinline__ double& chain(int state) const {
    return memory_.chains[state * kRowThreads];
  }
  __device__ __forceinline__ double& carry(int state) const {
    return memory_.chains[(kStates + state) * kRowThreads];
  }

  // What a group of segments starts from: the chain, which is zero at a chunk's start; and for a chunk's last group,
  // which is the first to be worked on, the carry into the chunk. By copies: a load to a register would be waited for
  // together with the gradients that are under way.
  __device__ __forceinline__ void fetch_chains(int group) const {
    const int chunk = group / kChunkGroups, first = group % kChunkGroups * kSavedSegments;
    const bool begins = first + kSavedSegments == kChunkSegments || group == last_segment() / kSavedSegments;
    const int states = lane_.inside && group >= first_group() ? kStates : 0;
#pragma unroll
    for (int n = 0; n < kStates; ++n) {
      if (n >= states) continue;
      if (first > 0) copy_async<sizeof(double)>(&chain(n), saved(n, chunk, first));
      if (!begins) continue;
      if (chunk > 0) {
        copy_async<sizeof(double)>(&carry(n), saved(n, chunk, 0));
      } else if (const float* initial = lane_.place_of(call_.args.initial_state[n])) {
        copy_async<sizeof(float)>(&carry(n), initial);
      }
    }
    commit_copies();
  }

  __device__ __forceinline__ void begin_chunk(int chunk) {
#pragma unroll
    for (int n = 0; n < kStates; ++n) {
      const bool absent = !lane_.inside || (chunk == 0 && !call_.args.initial_state[n].data);
      const double value = chunk > 0 ? carry(n) : reinterpret_cast<const float&>(carry(n));
      states_.neuron().set_carry(n, absent ? 0.0 : value);
    }
    gradient_.begin_chunk();
    if constexpr (Neuron::kPsu) refractory_gradient_.begin_chunk();
  }

  // ---- The gradients of the states ----
  __device__ __forceinline__ void start_gradients() {
    for (int n = 0; n < kOrder; ++n) gradient_.set_carry(n, gradient_of_state(n));
    if constexpr (Neuron::kPsu) refractory_gradient_.set_carry(0, gradient_of_state(1));
  }

  // As it comes from the end of the row, or from the pieces after this one.
  __device__ __forceinline__ double gradient_of_state(int state) const {
    if (!kPieces || link() == 0) return lane_.state(call_.args.grad_final_state[state]);
    if (!lane_.inside || !has_carry(state)) return 0.0;
    return links().at(state, lane_.batch, link() - 1, lane_.channel);
  }

  // ---- Between the kernels of a pass over pieces ----
  __device__ __forceinline__ int link() const {
    return lane_.link<true>(call_.plan);
  }
  __device__ __forceinline__ ChunkLinks links() const {
    return {d_, call_.plan, call_.args.workspace};
  }
  __device__ __forceinline__ bool has_carry(int state) const {
    return !kAggregates || (phase_ == Phase::kSecondAggregates && state == 1);
  }
  __device__ __forceinline__ void keep_aggregate() const {
    if (!lane_.inside) return;
    if (Neuron::kPsu && phase_ == Phase::kFirstAggregates) {
      links().keep_aggregate(refractory_gradient_, 1, lane_.batch, link(), lane_.channel);
    } else {
      links().keep_aggregate(gradient_, 0, lane_.batch, link(), lane_.channel);
    }
  }

  __device__ __forceinline__ void end_chunk(int chunk, int length) {
    if constexpr (kAggregates) return keep_aggregate();
    gradient_.end_chunk(chunk, length);
    if constexpr (Neuron::kPsu) refractory_gradient_.end_chunk(chunk, length);
    if (chunk == 0) {
      for (int n = 0; n < kOrder; ++n) store_state(call_.args.grad_initial_state[n], gradient_.carry(n));
      if constexpr (Neuron::kPsu) store_state(call_.args.grad_initial_state[1], refractory_gradient_.carry(0));
    }
    // The last of the batches that share a row of sums stores it; where there are several, there is one chunk.
    const bool last = lane_.batch + 1 == d_.batch || (lane_.batch + 1) % call_.plan.row_batches == 0;
    if (!lane_.inside || !last) return;
    sums_.store(call_, batch_row_, chunk, lane_.channel);
  }
  __device__ __forceinline__ void store_state(const spikescan_state& state, double value) const {
    if (float* place = lane_.place_of(state)) *place = static_cast<float>(value);
  }

  // ---- One segment ----
  // A constant number of steps leaves nothing to ask step by step.
  template <bool kFull>
  __device__ __forceinline__ void run_segment(const Ring& ring, int chunk, int s, int length, int i, int steps) {
    keep_together(call_.args.x);
    const int segment = chunk * kChunkSegments + s;
    const int distance = length - s * kSegmentSteps - steps;
    Steps x, h, states[kStates];
    ring.read(0, x);
    // A partial segment makes them anew: their address would be a register too many.
    constexpr bool kKeepsSlopes = Neuron::kPsu && kFull;
    if constexpr (kKeepsSlopes) ring.give_up_oldest();
    states_.rebuild(x, memory_.entries, i, states, kKeepsSlopes ? ring.in_oldest() : nullptr);
    take_gradients(segment, states, h);
    float output[kOrder][kSegmentSteps], sums[Sums::kParameters] = {};
    Steps refractory = {};
    if constexpr (Neuron::kPsu) {
      if (!scan_refractory(distance, steps, h, refractory)) return;
    }
    add_grad_membrane(segment, steps, h);
    if constexpr (Neuron::kPsu) {
      const float* slopes = ring.in_oldest();
#pragma unroll
      for (int j = 0; j < kSegmentSteps; ++j) {
        h[j] = fused(kKeepsSlopes ? slopes[j * 32] : sigmoid_with_slope(states[0][j]).slope, refractory[j], h[j]);
      }
    }
    if constexpr (kAggregates) return gradient_.skim(memory_.gradient_tables, steps, h);
    gradient_.scan(memory_.gradient_tables, distance, steps, h, output);
    if constexpr (R == SPIKESCAN_SPSN) ring.read(0, x);
    for_steps<true, kSegmentSteps, 1>(steps, [&](int j, bool) {
      float before[kStates];
      for (int n = 0; n < kStates; ++n) before[n] = states[n][j - 1];
      Sums::add_products(output, j, before, refractory[j], x[j], sums);
    });
    if constexpr (kLateLoads) load_gradients(segment - 1, kSegmentSteps);
    sums_.end_segment(output, refractory[0], x[0], sums);
    complete_sums(s, i);
    store(steps, output[kOrder - 1]);
  }

  // The sum of segment s of the chunk, the group's i-th, waits for the states before its first step. They are those
  // after the group's segment before it; at the chunk's start the carry; else they come with the next group.
  __device__ __forceinline__ void complete_sums(int s, int i) {
    if (i > 0) {
      complete_sums_after(i - 1);
    } else if (s == 0) {
      float before[kStates];
      for (int n = 0; n < kStates; ++n) before[n] = static_cast<float>(states_.neuron().carry(n));
      sums_.complete(before);
    }
  }
  __device__ __forceinline__ void complete_sums_after(int i) {
    if (!sums_.waits()) return;
    float before[kStates];
    for (int n = 0; n < kStates; ++n) before[n] = memory_.entries.last(i, n);
    sums_.complete(before);
  }

  // psu_lif: A, from h. False where its aggregate is all that is wanted.
  __device__ __forceinline__ bool scan_refractory(int distance, int steps, const Steps& h, Steps& refractory) {
    Steps negative;
#pragma unroll
    for (int j = 0; j < kSegmentSteps; ++j) negative[j] = -h[j];
    if (kAggregates && phase_ == Phase::kFirstAggregates) {
      refractory_gradient_.skim(memory_.gradient_tables, steps, negative);
      return false;
    }
    float output[1][kSegmentSteps] = {};
    refractory_gradient_.scan(memory_.gradient_tables, distance, steps, negative, output);
#pragma unroll
    for (int j = 0; j < kSegmentSteps; ++j) refractory[j] = output[0][j];
    return true;
  }

  // ---- The gradients of the outputs ----
  // Two places go back in time with the row, a segment at a time.
  __device__ __forceinline__ void start_cursors() {
    const int64_t t = int64_t{last_segment()} * kSegmentSteps;
    gradients_from_ = address_at(call_.args.grad_spikes, lane_.batch, t, lane_.channel);
    grad_x_to_ = address_at(call_.args.grad_x, lane_.batch, t, lane_.channel);
  }
  __device__ __forceinline__ static void go_back(const spikescan_tensor& tensor, char*& place) {
    place -= kSegmentSteps * tensor.stride_time * float_bytes(tensor);
  }

  // Those of the spikes are on their way from the end of one segment's rule, or its scans where there are two states,
  // to the start of the next one's: asked for sooner, they would need registers of their own.
  static constexpr bool kLateLoads = kStates == 2 && !kAggregates;
  __device__ __forceinline__ void load_gradients(int segment, int steps) {
    const spikescan_tensor& from = call_.args.grad_spikes;
    if (!from.data || segment < (kPieces ? lane_.first_segment : 0)) return;
    if (usually(lane_.inside)) load_raw(from, gradients_from_, steps, next_);
    go_back(from, gradients_from_);
  }
  // h, the rule's share of V's gradient.
  __device__ __forceinline__ void take_gradients(int segment, const Steps (&states)[kStates], Steps& h) {
    if (usually(call_.args.grad_spikes.data != nullptr)) {
      decode(next_, call_.args.grad_spikes.dtype, h);
      scale_by_rule(states, h);
      if constexpr (!kLateLoads) load_gradients(segment - 1, kSegmentSteps);
    } else {
#pragma unroll
      for (int j = 0; j < kSegmentSteps; ++j) h[j] = 0.0f;
    }
  }

  // The usual rule's two forms are settled outside the loop: assigned what it is, a member is a constant to the
  // compiler.
  __device__ __forceinline__ void scale_by_rule(const Steps (&states)[kStates], Steps& h) const {
    if (call_.firing.rule != SPIKESCAN_SIGMOID_BERNOULLI) return scale_by_rule(call_.firing, states, h);
    Firing firing = call_.firing;
    firing.rule = SPIKESCAN_SIGMOID_BERNOULLI;
    if (firing.gradient == SPIKESCAN_PROBABILITY) {
      firing.gradient = SPIKESCAN_PROBABILITY;
      scale_by_rule(firing, states, h);
    } else {
      scale_by_rule(firing, states, h);
    }
  }
  __device__ __forceinline__ static void scale_by_rule(const Firing& firing, const Steps (&states)[kStates], Steps& h) {
#pragma unroll
    for (int j = 0; j < kSegmentSteps; ++j) h[j] *= rule_gradient(firing, Neuron::rule_input(states, j));
  }

  __device__ __forceinline__ void add_grad_membrane(int segment, int steps, Steps& h) const {
    if (!call_.args.grad_membrane.data) return;
    Steps grad_membrane;
    load_steps(call_.args.grad_membrane, lane_.batch, int64_t{segment} * kSegmentSteps, lane_.channel,
               lane_.inside ? steps : 0, grad_membrane);
#pragma unroll
    for (int j = 0; j < kSegmentSteps; ++j) h[j] += grad_membrane[j];
  }

  __device__ __forceinline__ void store(int steps, Steps& dx) {
    if (!call_.args.grad_x.data) return;
    if constexpr (R == SPIKESCAN_SPSN) {
      const float gain = states_.neuron().gain();
#pragma unroll
      for (int j = 0; j < kSegmentSteps; ++j) dx[j] *= gain;
    }
    if (usually(lane_.inside)) store_steps(call_.args.grad_x, grad_x_to_, steps, dx);
    go_back(call_.args.grad_x, grad_x_to_);
  }

  const BackwardCall& call_;
  const spikescan_description& d_;
  const Phase phase_;
  BackwardRowMemory<R, kColumns>& memory_;
  const int64_t batch_row_;
  RowLane lane_;
  RowStates<R, kColumns> states_;
  RowGradient<kOrder, kSparing> gradient_;        // on V and then I
  RowGradient<1, kSparing> refractory_gradient_;  // psu_lif: on R
  RawSegment next_ = {};
  char *gradients_from_, *grad_x_to_;
  Sums sums_;
};

}  // namespace spikescan
