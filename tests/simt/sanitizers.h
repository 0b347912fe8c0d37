// The sanitizers' entry points, weak: null unless the program was linked with that sanitizer.
// So one harness library, itself never compiled with -fsanitize=thread, serves every build: ThreadSanitizer sees the
// kernels' accesses and the order that collectives make, and nothing of the harness's own bookkeeping.
#pragma once

#include <cstddef>

extern "C" {
[[gnu::weak]] void __sanitizer_start_switch_fiber(void** fake_stack_save, const void* bottom, std::size_t size);
[[gnu::weak]] void __sanitizer_finish_switch_fiber(void* fake_stack_save, const void** bottom_old,
                                                   std::size_t* size_old);
[[gnu::weak]] void __asan_poison_memory_region(const volatile void* address, std::size_t size);
[[gnu::weak]] void __asan_unpoison_memory_region(const volatile void* address, std::size_t size);
[[gnu::weak]] void* __tsan_get_current_fiber();
[[gnu::weak]] void* __tsan_create_fiber(unsigned flags);
[[gnu::weak]] void __tsan_destroy_fiber(void* fiber);
[[gnu::weak]] void __tsan_switch_to_fiber(void* fiber, unsigned flags);
[[gnu::weak]] void __tsan_acquire(void* address);
[[gnu::weak]] void __tsan_release(void* address);
}

namespace simt::detail {

inline bool address_sanitizer() {
  return __asan_poison_memory_region != nullptr;
}
inline bool thread_sanitizer() {
  return __tsan_switch_to_fiber != nullptr;
}

inline void poison(const void* address, std::size_t size) {
  if (address_sanitizer()) __asan_poison_memory_region(address, size);
}
inline void unpoison(const void* address, std::size_t size) {
  if (address_sanitizer()) __asan_unpoison_memory_region(address, size);
}
inline void acquire(void* token) {
  if (thread_sanitizer()) __tsan_acquire(token);
}
inline void release(void* token) {
  if (thread_sanitizer()) __tsan_release(token);
}

}  // namespace simt::detail
