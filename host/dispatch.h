// Who runs what: every (recurrence, rule, dtype, backend) with its backend, or with the reason why there is none.
// A table, so that a test can list what really runs.
#pragma once

#include <array>

#include "host/names.h"
#include "kernels/backend.h"

namespace spikescan {

struct Backends {
  const Backend* cpu;
  const Backend* cuda;  // null where it is not built
};

// Those of this library.
Backends built_backends();

struct Route {
  spikescan_recurrence recurrence;
  spikescan_rule rule;
  spikescan_dtype dtype;
  spikescan_backend backend;
  const Backend* runs;  // null: a hole
  const char* reason;   // why it is one; null where it runs
};

constexpr int kFloatDtypes = 3;
constexpr int kRealBackends = 2;  // without AUTO
using DispatchTable = std::array<Route, kRecurrences * kRules * kFloatDtypes * kRealBackends>;

DispatchTable make_dispatch_table(const Backends& backends);
// Made once, of built_backends().
const DispatchTable& dispatch_table();
// All four are checked numbers; `backend` is not AUTO.
const Route& find_route(const DispatchTable& table, const spikescan_description& description);

}  // namespace spikescan
