// Powers of a block's decays, made once for all the rows that share its channels: kernels/element/carry.h for a vector
// of channels, every power the same products as power() makes.
#pragma once

#include "kernels/cpu/lane_block.h"
#include "kernels/cpu/processor_facts.h"
#include "kernels/cpu/tiny_numbers.h"
#include "kernels/cpu/vector.h"
#include "kernels/element/recurrence.h"

SPIKESCAN_ELEMENT_BEGIN

// A map of kDoubles channels: a, or a, m, b.
template <int N>
struct VectorMap {
  static constexpr int kTerms = N == 1 ? 1 : 3;
  Doubles term[kTerms];
};

HWY_INLINE VectorMap<1> compose(const VectorMap<1>& x, const VectorMap<1>& y) {
  return {{x.term[0] * y.term[0]}};
}
HWY_INLINE VectorMap<2> compose(const VectorMap<2>& x, const VectorMap<2>& y) {
  return {{x.term[0] * y.term[0], fused(x.term[1], y.term[0], x.term[2] * y.term[1]), x.term[2] * y.term[2]}};
}

template <int N>
HWY_INLINE void set_identity(VectorMap<N>& map) {
  for (int i = 0; i < VectorMap<N>::kTerms; ++i) map.term[i] = doubles(i == 1 ? 0.0 : 1.0);
}

template <int N>
HWY_INLINE void keep_positive(VectorMap<N>& power, const VectorMap<N>& base) {
  const Doubles zero = doubles(0.0);
  for (int i = 0; i < VectorMap<N>::kTerms; ++i) {
    const Doubles p = power.term[i];
    // Not above zero and not NaN.
    const auto lost = hn::And(zero < base.term[i], p <= zero);
    power.term[i] = hn::IfThenElse(lost, doubles(kLeastDouble), p);
  }
}

template <class Scan>
class DecayTables {
 public:
  static constexpr int N = Scan::kOrder;
  static constexpr int kTerms = VectorMap<N>::kTerms;
  using VMap = VectorMap<N>;

  // first, second: the clipped decays in the scan's order (second is ignored for order 1); lanes: how many count.
  void prepare(const float* first, const float* second, int lanes, int64_t time) {
    lanes_ = lanes;
    time_ = time;
    has_distances_ = false;
    for (int l = 0; l < kLanes; ++l) {
      decay_[0][l] = l < lanes ? first[l] : 0.0f;
      decay_[N - 1][l] = l < lanes ? (N == 1 ? first[l] : second[l]) : 0.0f;
    }
    for_vectors([this](const VMap& base, int l) {
      tabulate_steps(base, l);
      put_positive(segment_map_, l, power(base, kSegmentSteps), base);
    });
  }

  // For map_over().
  void tabulate_distances() {
    if (has_distances_) return;
    const int last = time_ > 0 ? chunk_steps(time_, chunk_count(time_) - 1) : 0;
    // Backward in time a last chunk that ends inside a segment starts with that one, which shifts all distances.
    const int uneven = Scan::kReverse ? last % kSegmentSteps : 0;
    for (bool& has : has_subnormal_) has = false;
    for_vectors([&](const VMap& base, int l) {
      tabulate_segments(base, segment_count(chunk_steps(time_, 0)), l);
      for (int i = 0; uneven != 0 && uneven + i * kSegmentSteps <= last; ++i) {
        put(uneven_map_[i], l, power(base, uneven + i * kSegmentSteps));
      }
    });
    has_distances_ = true;
  }

  const float* decay(int n) const { return decay_[n]; }
  // `reached`: steps of the quarter that were taken before.
  const float* response(int term, int reached) const { return response_[term][reached]; }
  VMap map_over_segment(int lane) const { return get(segment_map_, lane); }
  // Over at most kQuarterSteps steps.
  VMap map_over_few(int steps, int lane) const { return get(step_map_[steps], lane); }
  // Over a multiple of kSegmentSteps; for gradients also over what the last chunk's distances are.
  VMap map_over(int steps, int lane) const {
    if (steps % kSegmentSteps == 0) return get(map_[steps / kSegmentSteps], lane);
    return get(uneven_map_[steps / kSegmentSteps], lane);
  }
  // Whether some of these are subnormal, where those are slow; of a multiple of kSegmentSteps.
  bool has_subnormal(int steps) const { return steps % kSegmentSteps == 0 && has_subnormal_[steps / kSegmentSteps]; }

 private:
  using Entry = double[kTerms][kLanes];
  static constexpr int kUneven = Scan::kReverse ? kChunkSegments : 1;

  // Calls use(base, lane) for the vectors that have lanes in use.
  template <class Use>
  void for_vectors(Use use) const {
    const int vectors = (lanes_ + kFloats - 1) / kFloats;
    for (int l = 0; l < vectors * kFloats; l += kDoubles) use(base_map(l), l);
  }

  VMap base_map(int lane) const {
    alignas(64) double terms[kTerms][kDoubles];
    for (int i = 0; i < kDoubles; ++i) {
      Decays<N> decays = {decay_[0][lane + i], decay_[N - 1][lane + i]};
      const Map<N> map = Scan::map(decays);
      terms[0][i] = map.a;
      if constexpr (N == 2) {
        terms[1][i] = map.m;
        terms[2][i] = map.b;
      }
    }
    VMap out;
    for (int i = 0; i < kTerms; ++i) out.term[i] = load(terms[i]);
    return out;
  }

  static void put(Entry& entry, int lane, const VMap& map) {
    for (int i = 0; i < kTerms; ++i) store(map.term[i], entry[i] + lane);
  }
  static void put_positive(Entry& entry, int lane, VMap power, const VMap& base) {
    keep_positive(power, base);
    put(entry, lane, power);
  }
  static HWY_INLINE bool is_subnormal(const VMap& power) {
    for (const Doubles& term : power.term) {
      if (any_subnormal(term)) return true;
    }
    return false;
  }
  static HWY_INLINE VMap get(const Entry& entry, int lane) {
    VMap out;
    for (int i = 0; i < kTerms; ++i) out.term[i] = load(entry[i] + lane);
    return out;
  }
  void tabulate_steps(const VMap& base, int lane) {
    for (int steps = 0; steps <= kQuarterSteps; ++steps) {
      put(step_map_[steps], lane, power(base, steps));
    }
    for (int reached = 0; reached < kQuarterSteps; ++reached) {
      const VMap map = get(step_map_[Scan::response_exponent(reached)], lane);
      for (int i = 0; i < kTerms; ++i) {
        // gradient_response() of order 2 answers with a + m in the place of m.
        const Doubles p = N == 2 && Scan::kReverse && i == 1 ? map.term[0] + map.term[1] : map.term[i];
        store_rounded_power(p, response_[i][reached] + lane);
      }
    }
  }

  // In float32 a positive power stays positive.
  static void store_rounded_power(Doubles power, float* to) {
    const Doubles zero = doubles(0.0), rounded = hn::PromoteTo(DoubleTag(), hn::DemoteTo(HalfFloatTag(), power));
    const auto lost = hn::And(zero < power, rounded == zero);
    store_narrow(hn::IfThenElse(lost, doubles(1.4012984643248171e-45), power), to);
  }

  // power(base, 16 s) from the power before s's highest bit: power()'s own products, bare, since a power is kept from
  // vanishing at its end, not on the way.
  void tabulate_segments(const VMap& base, int segments, int lane) {
    VMap exact[kChunkSegments + 1];
    set_identity(exact[0]);
    exact[1] = base;
    for (int steps = 1; steps < kSegmentSteps; steps *= 2) exact[1] = compose(exact[1], exact[1]);
    put(map_[0], lane, exact[0]);
    put_positive(map_[1], lane, exact[1], base);
    for (int s = 2, high = 2; s <= segments; ++s) {
      if (s == 2 * high) high = s;
      exact[s] = s == high ? compose(exact[high / 2], exact[high / 2]) : compose(exact[high], exact[s - high]);
      put_positive(map_[s], lane, exact[s], base);
    }
    if (!kWatchesTiny || !subnormals_are_slow) return;
    for (int s = segments; s > 0 && is_subnormal(get(map_[s], lane)); --s) has_subnormal_[s] = true;  // powers fall
  }

  int lanes_;
  int64_t time_;
  bool has_distances_;
  bool has_subnormal_[kChunkSegments + 1];
  alignas(64) float decay_[N][kLanes];
  alignas(64) float response_[kTerms][kQuarterSteps][kLanes];
  alignas(64) Entry step_map_[kQuarterSteps + 1];
  alignas(64) Entry segment_map_;              // always there
  alignas(64) Entry map_[kChunkSegments + 1];  // after tabulate_distances()
  alignas(64) Entry uneven_map_[kUneven];
};

SPIKESCAN_ELEMENT_END
