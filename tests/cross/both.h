// A case on the CPU and on the backend under test.
#pragma once

#include "ops/target.h"
#include "support/run.h"

namespace spikescan::cross {

inline const support::Target& cpu() {
  static const support::Target target = {"cpu", SPIKESCAN_BACKEND_CPU, true, true};
  return target;
}

struct Outputs {
  support::Forward forward;
  support::Backward backward;
};

inline Outputs run(const support::Target& target, const support::Case& c, uint16_t poison = support::kPoison) {
  const support::Forward forward = support::forward(target, c, poison);
  return {forward, support::backward(target, c, forward.saved, poison)};
}

// Memory is poisoned in another way, so that an output left unwritten is a difference as well.
inline std::string difference(const support::Target& target, const support::Case& c, const Outputs& want) {
  const Outputs got = run(target, c, support::kOtherPoison);
  return support::difference(got.forward, want.forward) + support::difference(got.backward, want.backward);
}

}  // namespace spikescan::cross
