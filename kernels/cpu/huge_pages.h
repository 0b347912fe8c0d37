// Huge pages under large tensors, where the system gives them to whoever asks (Linux's `madvise`). A pass walks several
// tensors at once in rows far apart, which small pages slow down; and where an output's memory is fresh, faulting it in
// a small page at a time takes longer than the pass.
#pragma once

#include <cstddef>

#include "include/spikescan/spikescan.h"

namespace spikescan {

constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kLargeBytes = 2 * kHugePage;

// For the whole huge pages inside [memory, memory + bytes), where they are large. Advice: a refusal changes nothing.
void ask_for_huge_pages(void* memory, size_t bytes);

// The same for a [B, T, C] output that leaves no gaps: between its rows there may be memory that nobody will touch.
void ask_for_huge_pages(const spikescan_description& d, const spikescan_tensor& output);

}  // namespace spikescan
