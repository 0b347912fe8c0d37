// What every C function that returns a status is wrapped in: the last error starts empty, and no exception leaves.
#pragma once

#include <exception>
#include <new>

#include "host/error.h"

namespace spikescan {

template <class Body>
spikescan_status guarded(Body body) noexcept {
  Sentence& error = last_error();
  error.clear();
  try {
    return body(error);
  } catch (const std::bad_alloc&) {
    return error.refuse(SPIKESCAN_OUT_OF_MEMORY, "the host's memory ran out");
  } catch (const std::exception& exception) {
    return error.refuse(SPIKESCAN_INTERNAL_ERROR, "a defect of the library: %s", exception.what());
  } catch (...) {
    return error.refuse(SPIKESCAN_INTERNAL_ERROR, "a defect of the library: an exception without a text");
  }
}

}  // namespace spikescan
