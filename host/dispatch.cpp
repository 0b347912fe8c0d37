#include "host/dispatch.h"

namespace spikescan {
namespace {

constexpr size_t route_index(int recurrence, int rule, int dtype, int backend) {
  return ((static_cast<size_t>(recurrence) * kRules + rule) * kFloatDtypes + dtype) * kRealBackends +
         (backend - SPIKESCAN_BACKEND_CPU);
}

// Both backends run every neuron and dtype: what is missing is a whole backend.
Route make_route(const Backends& backends, int recurrence, int rule, int dtype, int backend) {
  const bool cuda = backend == SPIKESCAN_BACKEND_CUDA;
  const Backend* runs = cuda ? backends.cuda : backends.cpu;
  const char* reason = runs ? nullptr : cuda ? "CUDA is not built into this library" : "there is no CPU backend";
  return {static_cast<spikescan_recurrence>(recurrence),
          static_cast<spikescan_rule>(rule),
          static_cast<spikescan_dtype>(dtype),
          static_cast<spikescan_backend>(backend),
          runs,
          reason};
}

}  // namespace

Backends built_backends() {
  return {cpu_backend(), cuda_backend()};
}

DispatchTable make_dispatch_table(const Backends& backends) {
  DispatchTable table = {};
  for (int recurrence = 0; recurrence < kRecurrences; ++recurrence) {
    for (int rule = 0; rule < kRules; ++rule) {
      for (int dtype = 0; dtype < kFloatDtypes; ++dtype) {
        for (int backend : {SPIKESCAN_BACKEND_CPU, SPIKESCAN_BACKEND_CUDA}) {
          table[route_index(recurrence, rule, dtype, backend)] = make_route(backends, recurrence, rule, dtype, backend);
        }
      }
    }
  }
  return table;
}

const DispatchTable& dispatch_table() {
  static const DispatchTable table = make_dispatch_table(built_backends());
  return table;
}

const Route& find_route(const DispatchTable& table, const spikescan_description& d) {
  return table[route_index(d.recurrence, d.rule, d.dtype, d.backend)];
}

}  // namespace spikescan
