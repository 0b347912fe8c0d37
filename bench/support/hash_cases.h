// Fixed configurations whose every output bit is pinned by a hash (docs/reproducibility.md): all pairs of recurrence
// and rule at every shape, the other choices drawn from the case's number. Changing this list changes the recorded
// hashes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "names.h"

namespace spikescan::bench {

struct HashCase {
  int number;
  spikescan_description description;  // backend left open
  Shape shape;
  spikescan_dtype spikes, membrane;
  bool time_first, initial_state, own_uniforms, device_key, grad_membrane, grad_final_state;
  float lowest_decay, highest_decay;
  std::string name;
};

std::vector<HashCase> hash_cases();

struct OutputHash {
  std::string output;
  uint64_t hash;
  bool operator==(const OutputHash&) const = default;
};

// Runs forward, then backward, and hashes the bytes of every output. Outputs are filled with `poison` first, so an
// element that a backend leaves unwritten differs from the other backend's. `busy` keeps a second stream at work.
std::vector<OutputHash> run_hash_case(const HashCase& hash_case, spikescan_backend backend, int poison, bool busy);

}  // namespace spikescan::bench
