// Operands carry a leading axis of instances (what vmap maps over): N of them, or one that all N share. These give the
// C ABI's structs of one instance.
#pragma once

#include <cstdint>

#include "python/xla/call_frame.h"

namespace spikescan_xla {

// x [N, B, T, C], or [N, T, B, C].
struct Layout {
  bool time_first;
  int64_t instances, batch, time, channels;
  spikescan_dtype dtype;
  Layout(const ffi::Buffer& x, bool time_first, int64_t instances);
};

// A buffer's memory for one instance; never null, since null would mean an absent argument. Null for a null buffer.
void* instance_data(const ffi::Buffer* buffer, int64_t instance);
int64_t instances_of(const ffi::Buffer& buffer);

spikescan_tensor instance_tensor(const ffi::Buffer* buffer, const Layout& layout, int64_t instance);
spikescan_state instance_state(const ffi::Buffer* buffer, const Layout& layout, int64_t instance);
// Bytes of one instance.
size_t instance_bytes(const ffi::Buffer* buffer);

struct Scratch {
  void* data;
  size_t bytes;
};
// XLA aligns buffers to less than the library wants: the buffer holds kWorkspaceAlignment bytes more than needed.
constexpr size_t kWorkspaceAlignment = 256;
Scratch aligned_scratch(const ffi::Buffer& buffer);

}  // namespace spikescan_xla
