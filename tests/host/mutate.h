// Random changes to a call: any field, with values that tend to break things. The same seed makes the same changes.
#pragma once

#include <cstdint>
#include <random>

#include "calls.h"

namespace spikescan::test {

class Mutator {
 public:
  explicit Mutator(uint32_t seed) : generator_(seed) {}

  void change(ForwardCase& call);
  void change(BackwardCase& call);

 private:
  uint64_t below(uint64_t count) { return generator_() % count; }
  void description(spikescan_description& d);
  void tensor(spikescan_tensor& t, Arena& arena);
  void state(spikescan_state& s, Arena& arena);
  int64_t integer();
  int small_number();
  float real();
  void* pointer(const void* old, Arena& arena);
  size_t size(size_t old);
  template <class Enum>
  void enumerator(Enum& field);

  std::mt19937_64 generator_;
};

}  // namespace spikescan::test
