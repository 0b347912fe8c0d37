// Copies to shared memory that a thread does not wait for (cp.async). A device may make one at any time between its
// issue and the wait for its group, so here a copy comes as late as that: the destination holds poison from the issue
// on, and what was stored there meanwhile is overwritten. A lane that reads too early, or before its neighbours have
// waited, gets wrong bits every time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "simt/device_names.h"
#include "simt/guarded.h"

namespace simt {
namespace detail {

struct AsyncCopy {
  unsigned char* to;
  const unsigned char* from;
  std::size_t bytes;
};
// A fault where an address is not aligned to the copy's bytes, or an earlier copy to the same place is under way.
void issue_copy(const AsyncCopy& copy, Site site);
// The calling thread's oldest copy of all but its last `pending` groups; false where none is left.
bool take_due_copy(int pending, AsyncCopy& copy);

}  // namespace detail

// The bytes are written in this header and not in the harness, so that ThreadSanitizer takes them for the kernel's.
template <int kBytes>
void copy_async(void* shared, const void* global, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  static_assert(kBytes == 4 || kBytes == 8 || kBytes == 16, "the sizes that the hardware has");
  auto* to = static_cast<unsigned char*>(shared);
  detail::issue_copy({to, static_cast<const unsigned char*>(global), kBytes}, {file, line});
  for (int i = 0; i < kBytes; i += 2) std::memcpy(to + i, &kPoison, sizeof kPoison);
}

// Those before it are one group.
void commit_copies();

// Until at most the thread's last `pending` groups are under way. Copies that were not committed are in no group.
inline void await_copies(int pending) {
  for (detail::AsyncCopy copy; detail::take_due_copy(pending, copy);) std::memcpy(copy.to, copy.from, copy.bytes);
}

}  // namespace simt
