// Which copies a thread has under way (async_copies.h, block.h).
#include "simt/async_copies.h"

#include <algorithm>
#include <cstddef>
#include <string>

#include "simt/block.h"

namespace simt {
namespace detail {

void Block::issue_copy(const AsyncCopy& copy, Site site) {
  Fiber& self = *current_;
  const auto aligned = [&](const void* address) { return reinterpret_cast<std::uintptr_t>(address) % copy.bytes == 0; };
  if (!aligned(copy.to) || !aligned(copy.from)) {
    fail(FaultKind::misaligned, site, [&] {
      return describe(self) + " copies " + std::to_string(copy.bytes) + " bytes at " + to_string(site) +
             (aligned(copy.to) ? " from" : " to") + " an address that is no multiple of that";
    });
  }
  const auto overlaps = [&](const CopyUnderWay& other) {
    return copy.to < other.copy.to + other.copy.bytes && other.copy.to < copy.to + copy.bytes;
  };
  const auto oldest = self.copies.begin() + static_cast<std::ptrdiff_t>(self.first_copy);
  if (std::any_of(oldest, self.copies.end(), overlaps)) {
    fail(FaultKind::copied_twice, site, [&] {
      return describe(self) + " copies at " + to_string(site) + " to where an earlier copy of its is under way";
    });
  }
  const AsOsThread scope(*this);
  self.copies.push_back({copy, self.copy_group});
}

bool Block::take_due_copy(int pending, AsyncCopy& copy) {
  Fiber& self = *current_;
  if (self.first_copy == self.copies.size()) return false;
  const CopyUnderWay& oldest = self.copies[self.first_copy];
  if (oldest.group + static_cast<std::uint64_t>(pending) >= self.copy_group) return false;
  const AsOsThread scope(*this);
  copy = oldest.copy;
  const std::size_t taken = ++self.first_copy;
  if (taken >= self.copies.size() - taken) {
    self.copies.erase(self.copies.begin(), self.copies.begin() + static_cast<std::ptrdiff_t>(taken));
    self.first_copy = 0;
  }
  return true;
}

void issue_copy(const AsyncCopy& copy, Site site) {
  current_block().issue_copy(copy, site);
}
bool take_due_copy(int pending, AsyncCopy& copy) {
  return current_block().take_due_copy(pending, copy);
}

}  // namespace detail

void commit_copies() {
  detail::current_block().commit_copies();
}

}  // namespace simt
