// The firing rules of docs/model.md, section 1, in float64, as functions of U = M - threshold.
#pragma once

#include "spikescan/spikescan.h"

namespace spikescan::reference {

struct Rule {
  spikescan_rule rule;
  spikescan_surrogate surrogate;
  spikescan_gradient gradient;
  double threshold, k, max_prob;
};

Rule rule_of(const spikescan_description& description);

double sigmoid(double x);
bool is_bernoulli(const Rule& rule);

// The probability of a spike; of the two Bernoulli rules only. NaN where U is.
double probability(const Rule& rule, double u);

// The value written as a spike; `uniform` is read by the Bernoulli rules only.
double spike(const Rule& rule, double u, double uniform);

// dS/dM as the backward pass uses it.
double slope(const Rule& rule, double u);

}  // namespace spikescan::reference
