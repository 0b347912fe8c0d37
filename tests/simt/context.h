// Stacks and the switch between them, with the sanitizers told about it.
// On x86-64 the switch is ten instructions, because swapcontext makes two system calls; elsewhere it is swapcontext.
#pragma once

#include <cstddef>
#include <cstdint>

#if !defined(__x86_64__) || defined(SIMT_USE_UCONTEXT)
#define SIMT_UCONTEXT 1
#include <ucontext.h>
#endif

namespace simt::detail {

struct Context {
#ifdef SIMT_UCONTEXT
  ucontext_t machine;
#else
  void* stack_pointer = nullptr;
#endif
  const void* stack = nullptr;  // lowest address; of an OS thread's own stack known after the first switch away
  std::size_t stack_bytes = 0;
  void* fake_stack = nullptr;  // AddressSanitizer's
  void* tsan_fiber = nullptr;
};

// `context` becomes the calling OS thread's own stack.
void adopt_thread(Context& context);
// `context` will run `entry` on the given stack. entry takes over with finish_switch() and never returns.
void prepare(Context& context, void* stack, std::size_t bytes, void (*entry)());
void destroy(Context& context);

enum class Leaving { for_now, for_good };
void switch_context(Context& from, Context& to, Leaving leaving);
// Tells ThreadSanitizer alone that the calling OS thread now acts as `context`.
void become(const Context& context);
// The first thing on a new stack.
void finish_switch(Context& self);

// Equal stacks side by side, each with a guard page below it.
class Stacks {
 public:
  Stacks() = default;
  Stacks(std::size_t count, std::size_t bytes);
  ~Stacks();
  Stacks(Stacks&& other) noexcept;
  Stacks& operator=(Stacks&& other) noexcept;

  std::size_t count() const { return count_; }
  std::size_t bytes() const { return bytes_; }
  void* stack(std::size_t index) const;
  void forget_contents();  // after threads were abandoned in mid-call: AddressSanitizer's marks on their frames go

 private:
  std::size_t count_ = 0;
  std::size_t bytes_ = 0;
  unsigned char* mapping_ = nullptr;
};

}  // namespace simt::detail
