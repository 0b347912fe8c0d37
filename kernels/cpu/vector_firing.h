// kernels/element/firing.h for vectors: the rules and their gradients, the same operations in the same order.
#pragma once

#include "kernels/cpu/vector_real.h"
#include "kernels/element/firing.h"

SPIKESCAN_ELEMENT_BEGIN

HWY_INLINE Floats one_where(FloatMask fires) {
  return hn::IfThenElseZero(fires, floats(1.0f));
}

#if HWY_TARGET <= HWY_AVX3 && HWY_ARCH_X86
// exp2_real() where the result e serves in the test u e + u < limit alone: AVX-512 rounds to an integer and scales by a
// power of two in one instruction each, with no bounds on z. Below 2^-126 and past 2^128 the test cannot tell the
// difference; from 127.5 on e has to be infinite, so that u = 0 gives NaN and no spike: within() looks at z for that.
HWY_INLINE Floats exp2_tested(Floats z) {
  const __m512 n = _mm512_roundscale_ps(z.raw, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  return Floats{_mm512_scalef_ps(exp2_fraction(z - Floats{n}).raw, n)};
}
HWY_INLINE FloatMask within(Floats z, Floats x, Floats limit) {
  const __mmask16 finite = _mm512_cmp_ps_mask(z.raw, floats(127.5f).raw, _CMP_LT_OQ);
  return FloatMask{_mm512_mask_cmp_ps_mask(finite, x.raw, limit.raw, _CMP_LT_OQ)};
}
#else
HWY_INLINE Floats exp2_tested(Floats z) {
  return exp2_real(z);
}
HWY_INLINE FloatMask within(Floats, Floats x, Floats limit) {
  return x < limit;
}
#endif

// The Bernoulli rules take the uniform times `scale`, a power of two: both sides of the test move by it exactly.
struct SigmoidRule {
  Floats exponent, threshold, limit;
  SigmoidRule(const Firing& f, float scale)
      : exponent(floats(f.exponent)), threshold(floats(f.threshold)), limit(floats(f.max_prob * scale)) {}
  HWY_INLINE Floats spike(Floats m, Floats u) const {
    const Floats z = exponent * (m - threshold);
    return one_where(within(z, fused(u, exp2_tested(z), u), limit));
  }
};

struct RefractoryRule {
  Floats exponent, threshold, scale;
  RefractoryRule(const Firing& f, float by)
      : exponent(floats(f.exponent)), threshold(floats(f.threshold)), scale(floats(by)) {}
  HWY_INLINE Floats spike(Floats m, Floats u) const {
    const Floats distance = m - threshold;
    const Floats z = exponent * distance, limit = cosine_turn(turns_of_product(threshold, distance)) * scale;
    return one_where(within(z, fused(u, exp2_tested(z), u), limit));
  }
};

struct HeavisideRule {
  Floats threshold;
  explicit HeavisideRule(const Firing& f) : threshold(floats(f.threshold)) {}
  HWY_INLINE Floats spike(Floats m) const { return one_where(threshold < m); }
};

struct NoRule {
  Floats threshold;
  explicit NoRule(const Firing& f) : threshold(floats(f.threshold)) {}
  HWY_INLINE Floats spike(Floats m) const { return m - threshold; }
};

struct VectorLogistic {
  Floats value, slope;
};

// The gradients of the rules; `gradient(m)` is dS/dM.
struct SigmoidProbability {
  DecayingScale k;
  Floats threshold, max_prob;
  explicit SigmoidProbability(const Firing& f) : k(f.k), threshold(floats(f.threshold)), max_prob(floats(f.max_prob)) {}
  HWY_INLINE Floats gradient(Floats m) const {
    const Floats distance = m - threshold, e = decaying_exp(k, distance);
    return max_prob * (choose(distance < floats(0.0f), e, floats(1.0f)) / (floats(1.0f) + e));
  }
};

HWY_INLINE Floats logistic_slope(const DecayingScale& k, Floats distance) {
  const Floats e = decaying_exp(k, distance), d = floats(1.0f) + e;
  return e / (d * d);
}

struct SigmoidDerivative {
  DecayingScale k;
  Floats threshold, factor;
  explicit SigmoidDerivative(const Firing& f)
      : k(f.k), threshold(floats(f.threshold)), factor(floats(f.k * f.max_prob)) {}
  HWY_INLINE Floats gradient(Floats m) const { return factor * logistic_slope(k, m - threshold); }
};

struct RefractoryGradient {
  DecayingScale scale;
  Floats threshold, k;
  bool probability;
  explicit RefractoryGradient(const Firing& f)
      : scale(f.k), threshold(floats(f.threshold)), k(floats(f.k)), probability(f.gradient == SPIKESCAN_PROBABILITY) {}
  HWY_INLINE Floats gradient(Floats m) const {
    const Floats distance = m - threshold, zero = floats(0.0f), one = floats(1.0f);
    const Floats e = decaying_exp(scale, distance), d = one + e;
    const Floats value = choose(distance < zero, e, one) / d;
    const Floats turns = turns_of_product(threshold, distance), cosine = cosine_turn(turns);
    const Floats p = cosine * value;
    Floats result = p;
    if (!probability) {
      const Floats slope = e / (d * d);
      result = fused(floats(-6.28318531f) * sine_turn(turns) * threshold, value, k * slope * cosine);
    }
    return choose(p <= zero, zero, result);
  }
};

struct SurrogateGradient {
  DecayingScale tanh_scale;
  Floats threshold, k;
  int surrogate;
  explicit SurrogateGradient(const Firing& f)
      : tanh_scale(f.k), threshold(floats(f.threshold)), k(floats(f.k)), surrogate(f.surrogate) {}
  HWY_INLINE Floats gradient(Floats m) const {
    const Floats distance = m - threshold, z = k * distance, one = floats(1.0f);
    switch (surrogate) {
      case SPIKESCAN_ARCTAN: {
        const Floats w = floats(3.14159265f) * z;
        return one / (fused(w, w, one) * floats(3.14159265f));
      }
      case SPIKESCAN_SUPERSPIKE: {
        const Floats d = one + magnitude(z);
        return one / (d * d);
      }
      case SPIKESCAN_TRIANGULAR: {
        const Floats height = one - magnitude(z);
        return choose(height < floats(0.0f), floats(0.0f), height);
      }
      case SPIKESCAN_BOXCAR:
        return hn::IfThenElseZero(magnitude(z) <= one, floats(0.5f));
      default:
        return floats(4.0f) * logistic_slope(tanh_scale, floats(2.0f) * distance);
    }
  }
};

struct NoGradient {
  HWY_INLINE Floats gradient(Floats) const { return floats(1.0f); }
};

// Calls use(rule) with the gradient of the call's rule.
template <class Use>
HWY_INLINE void with_gradient(const Firing& f, Use use) {
  switch (f.rule) {
    case SPIKESCAN_SIGMOID_BERNOULLI:
      return f.gradient == SPIKESCAN_PROBABILITY ? use(SigmoidProbability(f)) : use(SigmoidDerivative(f));
    case SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI:
      return use(RefractoryGradient(f));
    case SPIKESCAN_HEAVISIDE:
      return use(SurrogateGradient(f));
    default:
      return use(NoGradient());
  }
}

SPIKESCAN_ELEMENT_END
