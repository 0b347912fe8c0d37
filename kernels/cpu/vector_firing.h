// kernels/element/firing.h for vectors: the rules and their gradients, the same operations in the same order.
#pragma once

#include <type_traits>

#include "kernels/cpu/vector_four.h"
#include "kernels/element/firing.h"

SPIKESCAN_ELEMENT_BEGIN

HWY_INLINE Floats one_where(FloatMask fires) {
  return hn::IfThenElseZero(fires, floats(1.0f));
}

// A bound on U where e serves in a sum alone that no longer sees it: e is 2^-114 there. At `highest` it is subnormal.
HWY_INLINE Floats highest_of_sum(const Steepness& k) {
  return floats(0.9f * k.highest);
}

struct SpikeExponential {
  Floats threshold, scale, lowest, highest;
  explicit SpikeExponential(const Steepness& k)
      : threshold(floats(k.threshold)), scale(floats(k.scale)), lowest(floats(k.lowest)), highest(highest_of_sum(k)) {}
  // The result e serves in the test u e + u < limit alone.
  template <class T>
  HWY_INLINE T operator()(T m) const {
#if SPIKESCAN_AVX512
    const T x = m - threshold;
    const T n = fused(scale, x, floats(kRounder)) - floats(kRounder);
    return scaled_for_sum(exp2_fraction(no_larger_than(0.5f, fused_less(scale, x, n))), n);
#else
    const T x = clamp_number(m - threshold, lowest, highest);
    const T shifted = fused(scale, x, floats(kRounder));
    return times_power(exp2_fraction(fused(scale, x, floats(kRounder) - shifted)), shifted);
#endif
  }
};

// The Bernoulli rules: the odds, which M alone decides, and the test of a uniform, of a vector or of four. They take
// the uniform times `scale`, a power of two: both sides of the test move by it exactly.
struct SigmoidRule {
  static constexpr bool kDraws = true;
  SpikeExponential exponential;
  Floats limit;
  SigmoidRule(const Firing& f, float scale) : exponential(f.steepness), limit(floats(f.max_prob * scale)) {}
  template <class T>
  HWY_INLINE T odds(T m) const {
    return exponential(m);
  }
  template <class T>
  HWY_INLINE auto spike(T e, T u) const {
    return fused(u, e, u) < limit;
  }
};

#if SPIKESCAN_AVX512
// The same bits for the generator's uniforms, an operation cheaper: none is below 0, so neither is what passes the
// test. Only U above 0 is bounded. Far below 0, where the polynomial's argument makes no sense, the power is infinite,
// and e is an infinity of either sign or NaN, none of which passes as bits.
struct DrawnSigmoidRule {
  static constexpr bool kDraws = true;
  Floats threshold, scale, highest, limit;
  DrawnSigmoidRule(const Firing& f, float by)
      : threshold(floats(f.steepness.threshold)),
        scale(floats(f.steepness.scale)),
        highest(highest_of_sum(f.steepness)),
        limit(floats(f.max_prob * by + 0.0f)) {}
  template <class T>
  HWY_INLINE T odds(T m) const {
    const T x = at_most(highest, m - threshold);
    const T n = fused(scale, x, floats(kRounder)) - floats(kRounder);
    return scaled(exp2_fraction(fused_less(scale, x, n)), n);
  }
  template <class T>
  HWY_INLINE auto spike(T e, T u) const {
    return less_in_bits(fused(u, e, u), limit);
  }
};
#else
using DrawnSigmoidRule = SigmoidRule;
#endif

struct RefractoryRule {
  static constexpr bool kDraws = true;
  template <class T>
  struct Odds {
    T e, limit;
  };
  SpikeExponential exponential;
  Floats threshold, scale;
  RefractoryRule(const Firing& f, float by)
      : exponential(f.steepness), threshold(floats(f.threshold)), scale(floats(by)) {}
  template <class T>
  HWY_INLINE Odds<T> odds(T m) const {
    return {exponential(m), cosine_turn(turns_of_product(threshold, m - threshold)) * scale};
  }
  template <class T>
  HWY_INLINE auto spike(const Odds<T>& odds, T u) const {
    return fused(u, odds.e, u) < odds.limit;
  }
};

struct HeavisideRule {
  static constexpr bool kDraws = false;
  Floats threshold;
  explicit HeavisideRule(const Firing& f) : threshold(floats(f.threshold)) {}
  HWY_INLINE FloatMask spike(Floats m) const { return threshold < m; }
};

struct NoRule {
  static constexpr bool kDraws = false;
  Floats threshold;
  explicit NoRule(const Firing& f) : threshold(floats(f.threshold)) {}
  HWY_INLINE Floats spike(Floats m) const { return m - threshold; }
};

struct GradientExponential {
  Floats threshold, scale, scale_low, lowest, highest, sum_highest, ceiling;
  explicit GradientExponential(const Steepness& k)
      : threshold(floats(k.threshold)),
        scale(floats(k.scale)),
        scale_low(floats(k.scale_low)),
        lowest(floats(k.lowest_gradient)),
        highest(floats(k.highest)),
        sum_highest(highest_of_sum(k)),
        ceiling(floats(k.ceiling)) {}
  HWY_INLINE Exponentials operator()(Floats m) const { return up_to(highest, m); }
  // ceiling + the exponential, as far as its reciprocal sees it.
  HWY_INLINE Floats sum(Floats m) const {
#if SPIKESCAN_AVX512
    const Floats x = m - threshold;
    const Floats n = fused(scale, x, floats(kRounder)) - floats(kRounder);
    const Floats f = no_larger_than(1.0f, fused(scale_low, x, fused_less(scale, x, n)));
    return fused(exp2_fraction(f), scaled_for_sum(ceiling, n), ceiling);
#else
    const Exponentials e = up_to(sum_highest, m);
    return fused(e.fraction, e.power, ceiling);
#endif
  }

 private:
  HWY_INLINE Exponentials up_to(Floats bound, Floats m) const {
    return exponential(scale, scale_low, clamp(m - threshold, lowest, bound), ceiling);
  }
};

// The gradients of the rules: end(begin(m)) is dS/dM.
struct SigmoidProbability {
  GradientExponential exponential;
  explicit SigmoidProbability(const Firing& f) : exponential(f.steepness) {}
  HWY_INLINE Floats begin(Floats m) const { return exponential.sum(m); }
  HWY_INLINE Floats end(Floats sum) const { return reciprocal(sum); }
};

struct SigmoidDerivative {
  GradientExponential exponential;
  Floats factor;
  explicit SigmoidDerivative(const Firing& f) : exponential(f.steepness), factor(floats(f.slope_factor)) {}
  HWY_INLINE Floats begin(Floats m) const { return factor * logistic(exponential(m)).slope; }
  HWY_INLINE Floats end(Floats gradient) const { return gradient; }
};

struct RefractoryGradient {
  GradientExponential exponential;
  Floats threshold, factor;
  bool probability;
  explicit RefractoryGradient(const Firing& f)
      : exponential(f.steepness),
        threshold(floats(f.threshold)),
        factor(floats(f.slope_factor)),
        probability(f.gradient == SPIKESCAN_PROBABILITY) {}
  HWY_INLINE Floats begin(Floats m) const {
    const Floats zero = floats(0.0f);
    const Logistics s = logistic(exponential(m));
    const Floats turns = turns_of_product(threshold, m - threshold), cosine = cosine_turn(turns);
    const Floats p = cosine * s.value;
    Floats result = p;
    if (!probability) {
      result = fused(floats(-6.28318531f) * sine_turn(turns) * threshold, s.value, factor * s.slope * cosine);
    }
    return choose(p <= zero, zero, result);
  }
  HWY_INLINE Floats end(Floats gradient) const { return gradient; }
};

struct SurrogateGradient {
  GradientExponential tanh;
  Floats threshold, k, arctan_scale, tanh_factor;
  int surrogate;
  explicit SurrogateGradient(const Firing& f)
      : tanh(f.steepness),
        threshold(floats(f.threshold)),
        k(floats(f.k)),
        arctan_scale(floats(f.arctan_scale)),
        tanh_factor(floats(f.slope_factor)),
        surrogate(f.surrogate) {}
  HWY_INLINE Floats begin(Floats m) const {
    const Floats distance = m - threshold, z = k * distance, one = floats(1.0f);
    switch (surrogate) {
      case SPIKESCAN_ARCTAN: {
        const Floats w = arctan_scale * distance;
        return reciprocal(fused(w, w, floats(3.14159274f)));
      }
      case SPIKESCAN_SUPERSPIKE: {
        const Floats d = one + magnitude(z);
        return reciprocal(d * d);
      }
      case SPIKESCAN_TRIANGULAR: {
        const Floats height = one - magnitude(z);
        return choose(height < floats(0.0f), floats(0.0f), height);
      }
      case SPIKESCAN_BOXCAR:
        return hn::IfThenElseZero(magnitude(z) <= one, floats(0.5f));
      default:
        return tanh_factor * logistic(tanh(m)).slope;
    }
  }
  HWY_INLINE Floats end(Floats gradient) const { return gradient; }
};

struct NoGradient {
  explicit NoGradient(const Firing&) {}
  HWY_INLINE Floats begin(Floats) const { return floats(1.0f); }
  HWY_INLINE Floats end(Floats gradient) const { return gradient; }
};

// The type of a rule that is not there yet.
template <class Rule>
using TypeOf = std::type_identity<Rule>;

// Calls use(TypeOf<Rule>()) with the gradient of the call's rule. Who makes it of f where it is used has its numbers in
// registers; a copy of it goes through memory in parts of vectors, and loads of whole ones wait for them.
template <class Use>
HWY_INLINE void with_gradient(const Firing& f, Use use) {
  switch (f.rule) {
    case SPIKESCAN_SIGMOID_BERNOULLI:
      return f.gradient == SPIKESCAN_PROBABILITY ? use(TypeOf<SigmoidProbability>()) : use(TypeOf<SigmoidDerivative>());
    case SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI:
      return use(TypeOf<RefractoryGradient>());
    case SPIKESCAN_HEAVISIDE:
      return use(TypeOf<SurrogateGradient>());
    default:
      return use(TypeOf<NoGradient>());
  }
}

SPIKESCAN_ELEMENT_END
