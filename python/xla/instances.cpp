#include "python/xla/instances.h"

namespace spikescan_xla {
namespace {

alignas(kWorkspaceAlignment) char no_elements[kWorkspaceAlignment];

spikescan_dtype dtype_of(ffi::DataType dtype) {
  switch (dtype) {
    case ffi::kF32:
      return SPIKESCAN_FLOAT32;
    case ffi::kF16:
      return SPIKESCAN_FLOAT16;
    case ffi::kBF16:
      return SPIKESCAN_BFLOAT16;
    case ffi::kU8:
      return SPIKESCAN_UINT8;
    case ffi::kU32:
      return SPIKESCAN_BITS32;
    default:
      throw Refusal(ffi::kInvalidArgument, "spikescan: a buffer has a dtype that no argument takes");
  }
}

size_t item_bytes(ffi::DataType dtype) {
  switch (dtype) {
    case ffi::kU8:
      return 1;
    case ffi::kF16:
    case ffi::kBF16:
      return 2;
    default:
      return 4;
  }
}

int64_t elements_of_instance(const ffi::Buffer& buffer) {
  int64_t count = 1;
  for (int64_t axis = 1; axis < buffer.rank; ++axis) count *= buffer.dims[axis];
  return count;
}

}  // namespace

Layout::Layout(const ffi::Buffer& x, bool first, int64_t count) : time_first(first), instances(count) {
  if (x.rank != 4)
    throw Refusal(ffi::kInvalidArgument, "spikescan: x must have the axes [instance, batch, time, channel]");
  batch = x.dims[time_first ? 2 : 1];
  time = x.dims[time_first ? 1 : 2];
  channels = x.dims[3];
  dtype = dtype_of(x.dtype);
}

int64_t instances_of(const ffi::Buffer& buffer) {
  return buffer.rank > 0 ? buffer.dims[0] : 1;
}

size_t instance_bytes(const ffi::Buffer* buffer) {
  return buffer ? static_cast<size_t>(elements_of_instance(*buffer)) * item_bytes(buffer->dtype) : 0;
}

void* instance_data(const ffi::Buffer* buffer, int64_t instance) {
  if (!buffer) return nullptr;
  if (!buffer->data) return no_elements;
  if (instances_of(*buffer) == 1) return buffer->data;
  return static_cast<char*>(buffer->data) + static_cast<size_t>(instance) * instance_bytes(buffer);
}

spikescan_tensor instance_tensor(const ffi::Buffer* buffer, const Layout& layout, int64_t instance) {
  spikescan_tensor tensor = SPIKESCAN_TENSOR_INIT;
  if (!buffer) return tensor;
  const int64_t rows = buffer->dims[layout.time_first ? 1 : 2];  // time steps, or words of 32 of them
  tensor.data = instance_data(buffer, instance);
  tensor.dtype = dtype_of(buffer->dtype);
  tensor.stride_batch = layout.time_first ? layout.channels : rows * layout.channels;
  tensor.stride_time = layout.time_first ? layout.batch * layout.channels : layout.channels;
  return tensor;
}

spikescan_state instance_state(const ffi::Buffer* buffer, const Layout& layout, int64_t instance) {
  return {static_cast<float*>(instance_data(buffer, instance)), buffer ? layout.channels : 0};
}

Scratch aligned_scratch(const ffi::Buffer& buffer) {
  const size_t bytes = static_cast<size_t>(buffer.dims[buffer.rank - 1]);
  if (bytes <= kWorkspaceAlignment) return {nullptr, 0};
  const auto start = reinterpret_cast<uintptr_t>(buffer.data);
  const uintptr_t aligned = (start + kWorkspaceAlignment - 1) / kWorkspaceAlignment * kWorkspaceAlignment;
  return {reinterpret_cast<void*>(aligned), bytes - kWorkspaceAlignment};
}

}  // namespace spikescan_xla
