// The enums of the C header as numbers and names. A caller may hand over any number: it is read as an integer, since
// loading it as an enum that lacks it would be undefined.
#pragma once

#include <cstdint>
#include <cstring>

#include "include/spikescan/spikescan.h"

namespace spikescan {

template <class Enum>
int number_of(const Enum& value) {
  static_assert(sizeof(Enum) == sizeof(int));
  int number;
  std::memcpy(&number, &value, sizeof number);
  return number;
}

constexpr int kBackends = 3, kDtypes = 5, kRecurrences = 4, kRules = 4, kSurrogates = 5, kGradients = 2;

// Names as the specification spells them; "unknown" for a number that is none.
const char* backend_name(int backend);
const char* dtype_name(int dtype);
const char* recurrence_name(int recurrence);
const char* rule_name(int rule);

}  // namespace spikescan
