// Stacks and the switch between them (context.h).
#include "simt/context.h"

#include <sys/mman.h>
#include <unistd.h>

#include <new>
#include <utility>

#include "simt/sanitizers.h"

#ifndef SIMT_UCONTEXT
// Saves what the System V ABI says a callee must keep, and changes stacks. Rounding modes stay the OS thread's.
extern "C" void simt_switch_stack(void** save_stack_pointer, void* new_stack_pointer);
asm(R"(
.pushsection .text
.p2align 4
.globl simt_switch_stack
.hidden simt_switch_stack
.type simt_switch_stack, @function
simt_switch_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  popq %rcx
  jmp *%rcx
.size simt_switch_stack, .-simt_switch_stack
.popsection
)");
#endif

namespace simt::detail {
namespace {

// Left by switch_context for whoever runs next on this OS thread: AddressSanitizer tells the old stack's bounds then.
thread_local Context* previous = nullptr;

constexpr unsigned kTsanNoSync = 1;  // a switch orders no memory: only collectives and atomics do

std::size_t page_bytes() {
  return static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace

void adopt_thread(Context& context) {
  if (thread_sanitizer()) context.tsan_fiber = __tsan_get_current_fiber();
}

void prepare(Context& context, void* stack, std::size_t bytes, void (*entry)()) {
  context.stack = stack;
  context.stack_bytes = bytes;
  context.fake_stack = nullptr;
  if (thread_sanitizer()) context.tsan_fiber = __tsan_create_fiber(0);
#ifdef SIMT_UCONTEXT
  getcontext(&context.machine);
  context.machine.uc_stack.ss_sp = stack;
  context.machine.uc_stack.ss_size = bytes;
  context.machine.uc_link = nullptr;
  makecontext(&context.machine, entry, 0);
#else
  // Six registers, the entry and a null return address, which leaves the stack as a call instruction would.
  auto top = (reinterpret_cast<std::uintptr_t>(stack) + bytes) & ~std::uintptr_t{15};
  auto* frame = reinterpret_cast<std::uintptr_t*>(top) - 8;
  for (int word = 0; word < 6; ++word) frame[word] = 0;
  frame[6] = reinterpret_cast<std::uintptr_t>(entry);
  frame[7] = 0;
  context.stack_pointer = frame;
#endif
}

void destroy(Context& context) {
  if (thread_sanitizer() && context.tsan_fiber != nullptr) __tsan_destroy_fiber(context.tsan_fiber);
  context.tsan_fiber = nullptr;
}

void switch_context(Context& from, Context& to, Leaving leaving) {
  previous = &from;
  // The frames above never return to take their own marks off, and the next thread will have this stack.
  if (leaving == Leaving::for_good) unpoison(from.stack, from.stack_bytes);
  if (__sanitizer_start_switch_fiber != nullptr) {
    __sanitizer_start_switch_fiber(leaving == Leaving::for_good ? nullptr : &from.fake_stack, to.stack, to.stack_bytes);
  }
  become(to);
#ifdef SIMT_UCONTEXT
  swapcontext(&from.machine, &to.machine);
#else
  simt_switch_stack(&from.stack_pointer, to.stack_pointer);
#endif
  finish_switch(from);
}

void become(const Context& context) {
  if (thread_sanitizer()) __tsan_switch_to_fiber(context.tsan_fiber, kTsanNoSync);
}

void finish_switch(Context& self) {
  if (__sanitizer_finish_switch_fiber == nullptr) return;
  __sanitizer_finish_switch_fiber(self.fake_stack, &previous->stack, &previous->stack_bytes);
}

Stacks::Stacks(std::size_t count, std::size_t bytes) : count_(count), bytes_(bytes) {
  const std::size_t guard = page_bytes();
  bytes_ = (bytes + guard - 1) / guard * guard;
  void* mapping = mmap(nullptr, count_ * (bytes_ + guard), PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) throw std::bad_alloc();
  mapping_ = static_cast<unsigned char*>(mapping);
  for (std::size_t index = 0; index < count_; ++index) {
    if (mprotect(mapping_ + index * (bytes_ + guard), guard, PROT_NONE) != 0) throw std::bad_alloc();
  }
}

Stacks::~Stacks() {
  if (mapping_ == nullptr) return;
  forget_contents();
  munmap(mapping_, count_ * (bytes_ + page_bytes()));
}

Stacks::Stacks(Stacks&& other) noexcept {
  *this = std::move(other);
}

Stacks& Stacks::operator=(Stacks&& other) noexcept {
  std::swap(count_, other.count_);
  std::swap(bytes_, other.bytes_);
  std::swap(mapping_, other.mapping_);
  return *this;
}

void* Stacks::stack(std::size_t index) const {
  const std::size_t guard = page_bytes();
  return mapping_ + index * (bytes_ + guard) + guard;
}

void Stacks::forget_contents() {
  unpoison(mapping_, count_ * (bytes_ + page_bytes()));
}

}  // namespace simt::detail
