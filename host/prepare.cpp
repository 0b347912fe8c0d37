#include "host/prepare.h"

#include "host/resolve.h"
#include "host/validate_description.h"
#include "host/validate_struct.h"

namespace spikescan {

spikescan_status prepare(const spikescan_description* given, Prepared* prepared, Sentence& error) {
  spikescan_description& d = prepared->description;
  if (const auto s = take_struct(given, "description", &d, error)) return s;
  if (const auto s = validate_description(d, error)) return s;
  Resolved resolved;
  if (const auto s = resolve(built_backends(), number_of(d.backend), &resolved, error)) return s;
  d.backend = resolved.id;
  const Route& route = find_route(dispatch_table(), d);
  if (!route.runs) {
    return error.refuse(SPIKESCAN_UNSUPPORTED, "recurrence %s with rule %s and dtype %s on %s: %s",
                        recurrence_name(d.recurrence), rule_name(d.rule), dtype_name(d.dtype), backend_name(d.backend),
                        route.reason);
  }
  prepared->backend = route.runs;
  return report(route.runs->facts(&prepared->facts), error);
}

}  // namespace spikescan
