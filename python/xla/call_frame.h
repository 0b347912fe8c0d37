// Reading a call frame: attributes by name, operands and results in order, errors and the answer to a metadata query.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include "python/xla/ffi_abi.h"
#include "spikescan/spikescan.h"

namespace spikescan_xla {

// What a handler refuses; becomes an XLA error at its border, as no exception may cross it.
struct Refusal : std::runtime_error {
  ffi::ErrorCode code;
  Refusal(ffi::ErrorCode c, const std::string& sentence) : std::runtime_error(sentence), code(c) {}
};

// Throws the library's sentence, in Python's words, where the status is not OK.
void check(spikescan_status status);

// Answers XLA's question for version and traits; false where the frame is a call.
bool answer_metadata(ffi::CallFrame* frame, uint32_t traits);

// Whether one of XLA's functions did what it was asked; its error is given back.
inline bool succeeded(const ffi::CallFrame& frame, ffi::Error* error) {
  if (!error) return true;
  ffi::ErrorDestroyArgs destroy = {sizeof destroy, nullptr, error};
  frame.api->error_destroy(&destroy);
  return false;
}

ffi::Error* make_error(const ffi::CallFrame& frame, ffi::ErrorCode code, const char* sentence);

int32_t integer_attribute(const ffi::CallFrame& frame, std::string_view name);
float real_attribute(const ffi::CallFrame& frame, std::string_view name);

// Hands out operands (or results) in order.
class Sequence {
 public:
  Sequence(void** buffers, int64_t size, const char* what) : buffers_(buffers), size_(size), what_(what) {}
  const ffi::Buffer& next();
  // The next one where `present`, else null.
  const ffi::Buffer* next_if(bool present) { return present ? &next() : nullptr; }
  void finish() const;

 private:
  void** buffers_;
  int64_t size_, at_ = 0;
  const char* what_;
};

}  // namespace spikescan_xla
