// A unit of its own: inlined into their users, the replacements look mismatched to the compiler.
#include "failing_new.h"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {
std::atomic<bool> memory_has_run_out{false};
}  // namespace

void* operator new(size_t bytes, const std::nothrow_t&) noexcept {
  return memory_has_run_out ? nullptr : std::malloc(bytes > 0 ? bytes : 1);
}
void* operator new(size_t bytes) {
  void* memory = operator new(bytes, std::nothrow);
  if (!memory) throw std::bad_alloc();
  return memory;
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, const std::nothrow_t&) noexcept {
  std::free(memory);
}

namespace spikescan::test {

void set_memory_has_run_out(bool out) {
  memory_has_run_out = out;
}

}  // namespace spikescan::test
