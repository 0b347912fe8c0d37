#include "host/prepare.h"

#include "host/names.h"
#include "host/resolve.h"
#include "host/validate_description.h"
#include "host/validate_struct.h"

namespace spikescan {

spikescan_status prepare(const spikescan_description* given, const void* stream, Prepared* prepared, Sentence& error) {
  spikescan_description& d = prepared->description;
  if (const auto s = take_struct(given, "description", &d, error)) return s;
  if (const auto s = validate_description(d, error)) return s;
  Resolved resolved;
  if (const auto s = resolve_with_stream(built_backends(), number_of(d.backend), stream, &resolved, error)) return s;
  d.backend = resolved.id;
  prepared->backend = resolved.backend;
  return report(resolved.backend->facts(&prepared->facts), error);
}

}  // namespace spikescan
