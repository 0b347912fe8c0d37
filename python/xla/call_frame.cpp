#include "python/xla/call_frame.h"

#include <cstring>

#include "python/xla/sentences.h"

namespace spikescan_xla {
namespace {

const ffi::Scalar& scalar_attribute(const ffi::CallFrame& frame, std::string_view name, ffi::DataType dtype) {
  const ffi::Attrs& attrs = frame.attrs;
  for (int64_t i = 0; i < attrs.size; ++i) {
    if (std::string_view(attrs.names[i]->ptr, attrs.names[i]->len) != name) continue;
    const auto& scalar = *static_cast<const ffi::Scalar*>(attrs.attrs[i]);
    if (attrs.types[i] != ffi::kScalar || scalar.dtype != dtype) break;
    return scalar;
  }
  throw Refusal(ffi::kInvalidArgument, "spikescan: attribute " + std::string(name) + " is missing or of another type");
}

template <class T>
T value_of(const ffi::Scalar& scalar) {
  T value;
  std::memcpy(&value, scalar.value, sizeof value);
  return value;
}

}  // namespace

void check(spikescan_status status) {
  if (status == SPIKESCAN_OK) return;
  const auto code = status == SPIKESCAN_INVALID_ARGUMENT ? ffi::kInvalidArgument
                    : status == SPIKESCAN_UNSUPPORTED    ? ffi::kUnimplemented
                    : status == SPIKESCAN_OUT_OF_MEMORY  ? ffi::kResourceExhausted
                                                         : ffi::kInternal;
  throw Refusal(code, "spikescan: " + in_python(spikescan_last_error()));
}

bool answer_metadata(ffi::CallFrame* frame, uint32_t traits) {
  for (ffi::Extension* e = frame->extension_start; e; e = e->next) {
    if (e->type != ffi::kMetadata) continue;
    ffi::Metadata& metadata = *reinterpret_cast<ffi::MetadataExtension*>(e)->metadata;
    metadata.api_version.major_version = ffi::kMajor;
    metadata.api_version.minor_version = ffi::kMinor;
    metadata.traits = traits;
    return true;
  }
  return false;
}

ffi::Error* make_error(const ffi::CallFrame& frame, ffi::ErrorCode code, const char* sentence) {
  ffi::ErrorCreateArgs args = {sizeof args, nullptr, sentence, code};
  return frame.api->error_create(&args);
}

int32_t integer_attribute(const ffi::CallFrame& frame, std::string_view name) {
  return value_of<int32_t>(scalar_attribute(frame, name, ffi::kS32));
}

float real_attribute(const ffi::CallFrame& frame, std::string_view name) {
  return value_of<float>(scalar_attribute(frame, name, ffi::kF32));
}

const ffi::Buffer& Sequence::next() {
  if (at_ >= size_) throw Refusal(ffi::kInvalidArgument, std::string("spikescan: too few ") + what_);
  return *static_cast<const ffi::Buffer*>(buffers_[at_++]);
}

void Sequence::finish() const {
  if (at_ != size_) throw Refusal(ffi::kInvalidArgument, std::string("spikescan: too many ") + what_);
}

}  // namespace spikescan_xla
