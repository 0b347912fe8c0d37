#include "host/error.h"

#include <cstdarg>
#include <cstdio>

namespace spikescan {

spikescan_status Sentence::refuse(spikescan_status status, const char* format, ...) {
  std::va_list values;
  va_start(values, format);
  std::vsnprintf(text_, sizeof text_, format, values);
  va_end(values);
  return status;
}

spikescan_status Sentence::invalid(const char* format, ...) {
  std::va_list values;
  va_start(values, format);
  std::vsnprintf(text_, sizeof text_, format, values);
  va_end(values);
  return SPIKESCAN_INVALID_ARGUMENT;
}

Sentence& last_error() {
  static thread_local Sentence sentence;
  return sentence;
}

spikescan_status report(const BackendResult& result, Sentence& error) {
  if (result.status == SPIKESCAN_OK) return SPIKESCAN_OK;
  const char* where = result.where ? result.where : "the backend";
  const char* name = result.error ? result.error : "no error was named";
  if (!result.text) return error.refuse(result.status, "%s failed: %s", where, name);
  return error.refuse(result.status, "%s failed: %s (%s)", where, name, result.text);
}

}  // namespace spikescan
