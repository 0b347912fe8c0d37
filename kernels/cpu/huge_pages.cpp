#include "kernels/cpu/huge_pages.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstdint>

#include "kernels/element/convert.h"
#include "kernels/packed_spikes.h"

namespace spikescan {

void ask_for_huge_pages([[maybe_unused]] void* memory, [[maybe_unused]] size_t bytes) {
#if defined(MADV_HUGEPAGE)
  if (bytes < kLargeBytes) return;
  const auto start = reinterpret_cast<uintptr_t>(memory), end = (start + bytes) / kHugePage * kHugePage;
  const uintptr_t first = (start + kHugePage - 1) / kHugePage * kHugePage;
  const int error = errno;
  if (first < end) madvise(reinterpret_cast<void*>(first), end - first, MADV_HUGEPAGE);
  errno = error;
#endif
}

void ask_for_huge_pages(const spikescan_description& d, const spikescan_tensor& output) {
  if (!output.data) return;
  const int64_t steps = elements_in_time(output.dtype, d.time);
  const int64_t elements = d.batch * steps * d.channels;
  const size_t bytes = static_cast<size_t>(elements) * dtype_bytes(output.dtype);
  if (bytes < kLargeBytes) return;
  // Elements of an output never coincide: a span of their number has no gaps.
  const int64_t span = (d.batch - 1) * output.stride_batch + (steps - 1) * output.stride_time + d.channels;
  if (span == elements) ask_for_huge_pages(output.data, bytes);
}

}  // namespace spikescan
