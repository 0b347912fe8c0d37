#include "host/names.h"

namespace spikescan {
namespace {

// kNames take their length from what is listed, so that a forgotten name is an error here, not a null pointer.
template <int kCount, int N>
const char* pick(const char* const (&names)[N], int number) {
  static_assert(N == kCount, "as many names as there are numbers (names.h)");
  return number >= 0 && number < N ? names[number] : "unknown";
}

}  // namespace

const char* backend_name(int backend) {
  static constexpr const char* kNames[] = {"auto", "cpu", "cuda"};
  return pick<kBackends>(kNames, backend);
}

const char* dtype_name(int dtype) {
  static constexpr const char* kNames[] = {"float32", "float16", "bfloat16", "uint8", "bits32"};
  return pick<kDtypes>(kNames, dtype);
}

const char* recurrence_name(int recurrence) {
  static constexpr const char* kNames[] = {"lif", "spsn", "cuba_lif", "psu_lif"};
  return pick<kRecurrences>(kNames, recurrence);
}

const char* rule_name(int rule) {
  static constexpr const char* kNames[] = {"sigmoid_bernoulli", "refractory_sigmoid_bernoulli", "heaviside", "none"};
  return pick<kRules>(kNames, rule);
}

}  // namespace spikescan
