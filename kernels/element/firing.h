// The firing rules of SPEC section 1 and their dS/dM, on one value M (V, or V - R for psu_lif); U = M - threshold.
// A Bernoulli spike is u < p with p = c / (1 + e), tested as u (1 + e) < c: no division, and one fma.
#pragma once

#include "include/spikescan/spikescan.h"
#include "kernels/element/real.h"

namespace spikescan {

struct Firing {
  int rule, surrogate, gradient;
  float threshold, k, max_prob;
  float exponent;  // -k log2(e), rounded once from double
};

}  // namespace spikescan

SPIKESCAN_ELEMENT_BEGIN

SPIKESCAN_HD bool draws_uniforms(const Firing& f) {
  return f.rule == SPIKESCAN_SIGMOID_BERNOULLI || f.rule == SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI;
}

SPIKESCAN_HD bool fires_sigmoid(const Firing& f, float m, float u) {
  const float e = exp2_real(f.exponent * (m - f.threshold));
  return fused(u, e, u) < f.max_prob;
}

SPIKESCAN_HD bool fires_refractory(const Firing& f, float m, float u) {
  const float distance = m - f.threshold;
  const float e = exp2_real(f.exponent * distance);
  return fused(u, e, u) < cosine_turn(turns_of_product(f.threshold, distance));
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

// sigmoid(k U) and its derivative by k U, both to a few ulp however far U is from 0.
struct Logistic {
  float value, slope;
};

SPIKESCAN_HD Logistic logistic(const Firing& f, float distance) {
  const float e = decaying_exp(f.k, distance);
  const float d = 1.0f + e;
  return {(distance < 0.0f ? e : 1.0f) / d, e / (d * d)};
}

SPIKESCAN_HD float sigmoid_gradient(const Firing& f, float distance) {
  const Logistic s = logistic(f, distance);
  return f.gradient == SPIKESCAN_PROBABILITY ? f.max_prob * s.value : f.k * f.max_prob * s.slope;
}

SPIKESCAN_HD float refractory_gradient(const Firing& f, float distance) {
  const Logistic s = logistic(f, distance);
  const float turns = turns_of_product(f.threshold, distance);
  const float cosine = cosine_turn(turns);
  const float p = cosine * s.value;
  // Written so that a NaN stays one.
  if (p <= 0.0f) return 0.0f;
  if (f.gradient == SPIKESCAN_PROBABILITY) return p;
  return fused(-6.28318531f * sine_turn(turns) * f.threshold, s.value, f.k * s.slope * cosine);
}

SPIKESCAN_HD float surrogate_gradient(const Firing& f, float distance) {
  const float z = f.k * distance;
  switch (f.surrogate) {
    case SPIKESCAN_ARCTAN: {
      const float w = 3.14159265f * z;
      return 1.0f / (fused(w, w, 1.0f) * 3.14159265f);
    }
    case SPIKESCAN_SUPERSPIKE: {
      const float d = 1.0f + magnitude(z);
      return 1.0f / (d * d);
    }
    case SPIKESCAN_TRIANGULAR: {
      const float height = 1.0f - magnitude(z);
      return height < 0.0f ? 0.0f : height;
    }
    case SPIKESCAN_BOXCAR:
      return magnitude(z) <= 1.0f ? 0.5f : 0.0f;
    default:
      // 1 - tanh(z)^2 = 4 s (1 - s) with s = sigmoid(2 z).
      return 4.0f * logistic(f, 2.0f * distance).slope;
  }
}

// dS/dM at M = m.
SPIKESCAN_HD float rule_gradient(const Firing& f, float m) {
  const float distance = m - f.threshold;
  switch (f.rule) {
    case SPIKESCAN_SIGMOID_BERNOULLI:
      return sigmoid_gradient(f, distance);
    case SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI:
      return refractory_gradient(f, distance);
    case SPIKESCAN_HEAVISIDE:
      return surrogate_gradient(f, distance);
    default:
      return 1.0f;
  }
}

SPIKESCAN_ELEMENT_END
