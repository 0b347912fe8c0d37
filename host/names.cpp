#include "host/names.h"

namespace spikescan {
namespace {

template <int N>
const char* pick(const char* const (&names)[N], int number) {
  return number >= 0 && number < N ? names[number] : "unknown";
}

}  // namespace

const char* backend_name(int backend) {
  static constexpr const char* kNames[kBackends] = {"auto", "cpu", "cuda"};
  return pick(kNames, backend);
}

const char* dtype_name(int dtype) {
  static constexpr const char* kNames[kDtypes] = {"float32", "float16", "bfloat16", "uint8", "bits32"};
  return pick(kNames, dtype);
}

const char* recurrence_name(int recurrence) {
  static constexpr const char* kNames[kRecurrences] = {"lif", "spsn", "cuba_lif", "psu_lif"};
  return pick(kNames, recurrence);
}

const char* rule_name(int rule) {
  static constexpr const char* kNames[kRules] = {"sigmoid_bernoulli", "refractory_sigmoid_bernoulli", "heaviside",
                                                 "none"};
  return pick(kNames, rule);
}

}  // namespace spikescan
