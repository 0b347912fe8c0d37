// The firing rules of docs/model.md, section 1, and their dS/dM, on one value M (V, or V - R for psu_lif); U = M -
// threshold. A Bernoulli spike is u < p with p = c / (1 + e), tested as u (1 + e) < c: no division, and one fma.
#pragma once

#include "include/spikescan/spikescan.h"
#include "kernels/element/real.h"

namespace spikescan {

// exp(-k U) as the kernels compute it: 2^(scale x) of x = M - threshold = U. Made once from double by
// host/firing_setup.cpp.
struct Steepness {
  float threshold;
  float scale, scale_low;  // -k log2(e), as high and low part
  // Beyond these x changes nothing any more. scale * highest is -127 or just above; scale * lowest is 128 or just
  // above; at lowest_gradient ceiling * 2^(scale x) is 2^127 or just below.
  float lowest, highest, lowest_gradient;
  float ceiling;  // d = ceiling (1 + e): 1 / max_prob where the gradient is 1 / d, else 1
};

// The sigmoid rule's test with a 2^z that is only nearly the library's own (kernels/cuda/quick_firing.h).
struct QuickTest {
  float scale, offset;  // 2 exp(-k U) is about 2^(scale M + offset)
  float limit;          // 2 max_prob 2^32: a draw is the generator's word as it is, its lowest 8 bits zero
  float unsure;         // a test |u (2 + 2 e) - limit| this close must be made exactly; infinite: all of them
};

struct Firing {
  int rule, surrogate, gradient;
  float threshold, k, max_prob;
  float arctan_scale;  // k pi sqrt(pi)
  float slope_factor;  // what s (1 - s) is multiplied by in dS/dM
  Steepness steepness;
  QuickTest quick;
};

}  // namespace spikescan

SPIKESCAN_ELEMENT_BEGIN

SPIKESCAN_HD bool draws_uniforms(const Firing& f) {
  return f.rule == SPIKESCAN_SIGMOID_BERNOULLI || f.rule == SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI;
}

// exp(-k U); infinite or NaN, so that no uniform fires, where it is 2^128 or more, and for NaN.
SPIKESCAN_HD float spike_exponential(const Steepness& k, float m) {
  const float x = clamp_number(m - k.threshold, k.lowest, k.highest);
  const float shifted = fused(k.scale, x, kRounder);
  return times_power(exp2_fraction(fused(k.scale, x, kRounder - shifted)), shifted);
}

SPIKESCAN_HD bool fires_sigmoid(const Firing& f, float m, float u) {
  const float e = spike_exponential(f.steepness, m);
  return fused(u, e, u) < f.max_prob;
}

SPIKESCAN_HD bool fires_refractory(const Firing& f, float m, float u) {
  const float e = spike_exponential(f.steepness, m);
  return fused(u, e, u) < cosine_turn(turns_of_product(f.threshold, m - f.threshold));
}

// The value written as a spike: 0 or 1, or U itself for the rule `none`. `u` is read by the Bernoulli rules only.
SPIKESCAN_HD float spike_of(const Firing& f, float m, float u) {
  switch (f.rule) {
    case SPIKESCAN_SIGMOID_BERNOULLI:
      return fires_sigmoid(f, m, u) ? 1.0f : 0.0f;
    case SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI:
      return fires_refractory(f, m, u) ? 1.0f : 0.0f;
    case SPIKESCAN_HEAVISIDE:
      return m > f.threshold ? 1.0f : 0.0f;
    default:
      return m - f.threshold;
  }
}

// ceiling * exp(-k U), good to a few ulp however far U is from 0; NaN stays NaN.
SPIKESCAN_HD Exponential gradient_exponential(const Steepness& k, float m) {
  const float x = clamp(m - k.threshold, k.lowest_gradient, k.highest);
  return exponential(k.scale, k.scale_low, x, k.ceiling);
}

SPIKESCAN_HD float sigmoid_gradient(const Firing& f, float m) {
  const Exponential e = gradient_exponential(f.steepness, m);
  if (f.gradient == SPIKESCAN_PROBABILITY) return reciprocal(fused(e.fraction, e.power, f.steepness.ceiling));
  return f.slope_factor * logistic(e).slope;
}

SPIKESCAN_HD float refractory_gradient(const Firing& f, float m) {
  const Logistic s = logistic(gradient_exponential(f.steepness, m));
  const float turns = turns_of_product(f.threshold, m - f.threshold);
  const float cosine = cosine_turn(turns);
  const float p = cosine * s.value;
  // Written so that a NaN stays one.
  if (p <= 0.0f) return 0.0f;
  if (f.gradient == SPIKESCAN_PROBABILITY) return p;
  return fused(-6.28318531f * sine_turn(turns) * f.threshold, s.value, f.slope_factor * s.slope * cosine);
}

SPIKESCAN_HD float surrogate_gradient(const Firing& f, float m) {
  const float distance = m - f.threshold, z = f.k * distance;
  switch (f.surrogate) {
    case SPIKESCAN_ARCTAN: {
      // (1 + (k pi U)^2) pi = pi + (k pi sqrt(pi) U)^2.
      const float w = f.arctan_scale * distance;
      return reciprocal_up_to_infinity(fused(w, w, 3.14159274f));
    }
    case SPIKESCAN_SUPERSPIKE: {
      const float d = 1.0f + magnitude(z);
      return reciprocal_up_to_infinity(d * d);
    }
    case SPIKESCAN_TRIANGULAR: {
      const float height = 1.0f - magnitude(z);
      return height < 0.0f ? 0.0f : height;
    }
    case SPIKESCAN_BOXCAR:
      return magnitude(z) <= 1.0f ? 0.5f : 0.0f;
    default:
      // 1 - tanh(z)^2 = 4 s (1 - s) with s = sigmoid(2 z), whose k the steepness holds.
      return f.slope_factor * logistic(gradient_exponential(f.steepness, m)).slope;
  }
}

// dS/dM at M = m.
SPIKESCAN_HD float rule_gradient(const Firing& f, float m) {
  switch (f.rule) {
    case SPIKESCAN_SIGMOID_BERNOULLI:
      return sigmoid_gradient(f, m);
    case SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI:
      return refractory_gradient(f, m);
    case SPIKESCAN_HEAVISIDE:
      return surrogate_gradient(f, m);
    default:
      return 1.0f;
  }
}

SPIKESCAN_ELEMENT_END
