#include "reference/passes.h"

#include <cmath>
#include <cstdlib>

namespace spikescan::reference {
namespace {

double clipped(double decay) {
  return decay < 0 ? 0 : decay > 1 ? 1 : decay;
}

double decay_at(const Problem& p, const Values& decays, int64_t c) {
  return decays.empty() ? 0 : clipped(decays[static_cast<size_t>(p.shared_decay ? 0 : c)]);
}

double or_zero(const Values& values, int64_t index) {
  return values.empty() ? 0 : values[static_cast<size_t>(index)];
}

Sum sum_of_size(int64_t size) {
  return {Values(static_cast<size_t>(size)), Values(static_cast<size_t>(size))};
}

// out_t = decay out_{t-1} + gain input_t, and the same over absolute values. `input_magnitude` stands for |input|.
Sum scan(const Problem& p, const Values& decays, bool spsn, const Values& initial, const Values& input,
         const Values& input_magnitude) {
  Sum out = sum_of_size(p.batch * p.time * p.channels);
  for (int64_t b = 0; b < p.batch; ++b) {
    for (int64_t c = 0; c < p.channels; ++c) {
      const double decay = decay_at(p, decays, c);
      const double gain = spsn ? 1 - decay : 1;
      double value = or_zero(initial, b * p.channels + c), magnitude = std::fabs(value);
      for (int64_t t = 0; t < p.time; ++t) {
        const auto i = static_cast<size_t>(p.at(b, t, c));
        out.value[i] = value = decay * value + gain * input[i];
        out.magnitude[i] = magnitude = decay * magnitude + gain * input_magnitude[i];
      }
    }
  }
  return out;
}

Values absolute(const Values& values) {
  Values out(values.size());
  for (size_t i = 0; i < values.size(); ++i) out[i] = std::fabs(values[i]);
  return out;
}

// A value and the sum of its terms' absolute values, carried together through the linear steps of the backward pass.
struct Term {
  double value = 0, magnitude = 0;
};
Term exact(double value) {
  return {value, std::fabs(value)};
}
Term operator+(Term a, Term b) {
  return {a.value + b.value, a.magnitude + b.magnitude};
}
Term operator-(Term a) {
  return {-a.value, a.magnitude};
}
Term operator*(double factor, Term a) {
  return {factor * a.value, std::fabs(factor) * a.magnitude};
}
Term operator*(Term a, Term b) {
  return {a.value * b.value, a.magnitude * b.magnitude};
}

void put(Sum& sum, int64_t index, Term term) {
  sum.value[static_cast<size_t>(index)] = term.value;
  sum.magnitude[static_cast<size_t>(index)] = term.magnitude;
}

Term get(const Sum& sum, int64_t index) {
  return {sum.value[static_cast<size_t>(index)], sum.magnitude[static_cast<size_t>(index)]};
}

// The backward pass of one row, last step first.
class BackwardRow {
 public:
  BackwardRow(const Problem& p, const States& states, const Point& point, const Incoming& in, int64_t b, int64_t c)
      : p_(p), states_(states), point_(point), in_(in), b_(b), c_(c) {
    beta_ = decay_at(p, p.beta, c);
    alpha_ = decay_at(p, p.alpha, c);
    carry_[0] = exact(or_zero(in.final_state[0], b * p.channels + c));
    carry_[1] = exact(or_zero(in.final_state[1], b * p.channels + c));
  }

  void run(Gradients& out) {
    for (int64_t t = p_.time - 1; t >= 0; --t) put(out.x, p_.at(b_, t, c_), step(t));
    for (int n = 0; n < 2; ++n) {
      if (n == 0 || p_.has_second()) put(out.initial[n], b_ * p_.channels + c_, carry_[n]);
    }
  }

  Term beta_sum() const { return beta_sum_; }
  Term alpha_sum() const { return alpha_sum_; }

 private:
  Term previous(int n, int64_t t) const {
    const Sum& sum = n == 0 ? states_.membrane : states_.second;
    return t > 0 ? get(sum, p_.at(b_, t - 1, c_)) : exact(or_zero(p_.initial[n], b_ * p_.channels + c_));
  }

  Term direct(int64_t t) const {
    const int64_t i = p_.at(b_, t, c_);
    if (in_.spikes.empty()) return {};
    const double incoming = in_.spikes[static_cast<size_t>(i)];
    const double slope_here = slope(p_.rule, point_.distance[static_cast<size_t>(i)]);
    return {incoming * slope_here, std::fabs(incoming) * (std::fabs(slope_here) + or_zero(point_.slack, i))};
  }

  // carry_[n]: the gradient with respect to state n before the steps done so far. Returns dx.
  Term step(int64_t t) {
    const Term h = direct(t);
    const Term from_membrane = exact(or_zero(in_.membrane, p_.at(b_, t, c_)));
    if (p_.recurrence == SPIKESCAN_PSU_LIF) return step_psu(t, h, from_membrane);
    const Term g = h + from_membrane + carry_[0];
    carry_[0] = beta_ * g;
    if (p_.recurrence == SPIKESCAN_SPSN) {
      const Term minus_x = -exact(p_.x[static_cast<size_t>(p_.at(b_, t, c_))]);
      beta_sum_ = beta_sum_ + g * (previous(0, t) + minus_x);
      return (1 - beta_) * g;
    }
    beta_sum_ = beta_sum_ + g * previous(0, t);
    if (p_.recurrence == SPIKESCAN_LIF) return g;
    const Term q = g + carry_[1];
    alpha_sum_ = alpha_sum_ + q * previous(1, t);
    carry_[1] = alpha_ * q;
    return q;
  }

  Term step_psu(int64_t t, Term h, Term from_membrane) {
    const double v = point_.membrane[static_cast<size_t>(p_.at(b_, t, c_))];
    const Term a = -h + carry_[1];
    const Term g = h + from_membrane + (sigmoid(v) * sigmoid(-v)) * a + carry_[0];
    beta_sum_ = beta_sum_ + g * previous(0, t) + a * previous(1, t);
    carry_[0] = beta_ * g;
    carry_[1] = beta_ * a;
    return g;
  }

  const Problem& p_;
  const States& states_;
  const Point& point_;
  const Incoming& in_;
  const int64_t b_, c_;
  double beta_, alpha_;
  Term carry_[2], beta_sum_, alpha_sum_;
};

void add_decay_gradient(const Problem& p, Sum& gradient, const Values& decays, int64_t c, Term sum) {
  const int64_t i = p.shared_decay ? 0 : c;
  const double raw = decays[static_cast<size_t>(i)];
  if (raw < 0 || raw > 1) return;
  put(gradient, i, get(gradient, i) + sum);
}

}  // namespace

Sum refractory_of(const Problem& p, const Values& membrane) {
  Values input(membrane.size()), magnitude(membrane.size());
  for (size_t i = 0; i < input.size(); ++i) {
    const double v = membrane[i];
    input[i] = sigmoid(v);
    magnitude[i] = input[i] + std::fabs(v) * input[i] * sigmoid(-v);
    if (std::isinf(v)) magnitude[i] = input[i];
  }
  return scan(p, p.beta, false, p.initial[1], input, magnitude);
}

States states_of(const Problem& p) {
  const bool spsn = p.recurrence == SPIKESCAN_SPSN;
  States states;
  if (p.recurrence == SPIKESCAN_CUBA_LIF) {
    states.second = scan(p, p.alpha, false, p.initial[1], p.x, absolute(p.x));
    states.membrane = scan(p, p.beta, false, p.initial[0], states.second.value, states.second.magnitude);
  } else {
    states.membrane = scan(p, p.beta, spsn, p.initial[0], p.x, absolute(p.x));
    if (p.recurrence == SPIKESCAN_PSU_LIF) states.second = refractory_of(p, states.membrane.value);
  }
  return states;
}

Sum final_state(const Problem& p, const States& states, int which) {
  Sum out = sum_of_size(p.batch * p.channels);
  const Sum& sum = which == 0 ? states.membrane : states.second;
  for (int64_t b = 0; b < p.batch; ++b) {
    for (int64_t c = 0; c < p.channels; ++c) {
      const int64_t i = b * p.channels + c;
      put(out, i, p.time > 0 ? get(sum, p.at(b, p.time - 1, c)) : exact(or_zero(p.initial[which], i)));
    }
  }
  return out;
}

Values distance_of(const Problem& p, const States& states) {
  Values out = states.membrane.value;
  for (size_t i = 0; i < out.size(); ++i) {
    if (p.recurrence == SPIKESCAN_PSU_LIF) out[i] -= states.second.value[i];
    out[i] -= p.rule.threshold;
  }
  return out;
}

Gradients gradients_of(const Problem& p, const States& states, const Point& point, const Incoming& in) {
  const int64_t decays = p.shared_decay ? 1 : p.channels;
  Gradients out;
  out.x = sum_of_size(p.batch * p.time * p.channels);
  out.beta = sum_of_size(decays);
  if (p.recurrence == SPIKESCAN_CUBA_LIF) out.alpha = sum_of_size(decays);
  out.initial[0] = sum_of_size(p.batch * p.channels);
  if (p.has_second()) out.initial[1] = sum_of_size(p.batch * p.channels);
  for (int64_t b = 0; b < p.batch; ++b) {
    for (int64_t c = 0; c < p.channels; ++c) {
      BackwardRow row(p, states, point, in, b, c);
      row.run(out);
      add_decay_gradient(p, out.beta, p.beta, c, row.beta_sum());
      if (!out.alpha.value.empty()) add_decay_gradient(p, out.alpha, p.alpha, c, row.alpha_sum());
    }
  }
  return out;
}

}  // namespace spikescan::reference
