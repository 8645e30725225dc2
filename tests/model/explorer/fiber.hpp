// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// A stack of its own for each modelled thread, and the switch between two of them.
///
/// Everything runs on one kernel thread: a fiber runs until it hands over. On x86-64 the switch is
/// a dozen instructions; elsewhere it is `swapcontext`, which also makes a system call. An
/// abandoned fiber is simply never resumed: nothing on its stack is destroyed.

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace ringway::model {

#if defined(__x86_64__)
/// Saves what the System V ABI wants preserved on the running stack, stores that stack's pointer
/// to `*save` (rdi) and goes on where `next` (rsi) left off.
[[gnu::naked, gnu::noinline]] inline void switch_stack([[maybe_unused]] void** save,
                                                       [[maybe_unused]] void* next) {
  asm("pushq %rbp\n\t"
      "pushq %rbx\n\t"
      "pushq %r12\n\t"
      "pushq %r13\n\t"
      "pushq %r14\n\t"
      "pushq %r15\n\t"
      "movq %rsp, (%rdi)\n\t"
      "movq %rsi, %rsp\n\t"
      "popq %r15\n\t"
      "popq %r14\n\t"
      "popq %r13\n\t"
      "popq %r12\n\t"
      "popq %rbx\n\t"
      "popq %rbp\n\t"
      "ret\n\t");
}

/// First return address of a fresh fiber: calls r13 with r12. The entry never returns.
[[gnu::naked, gnu::noinline]] inline void enter_fiber() {
  asm("movq %r12, %rdi\n\t"
      "callq *%r13\n\t"
      "ud2\n\t");
}
#endif

/// A stack and where its execution stands. The first fiber of a program, which stands for the
/// stack that `main` runs on, needs no `prepare`.
class Fiber {
 public:
  static constexpr std::size_t kStackBytes = 256 * 1024;
  static constexpr std::size_t kGuardBytes = 4096;

  Fiber() = default;
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;
  ~Fiber() {
    if (stack_ != nullptr) ::munmap(stack_, kStackBytes);
  }

  /// The next switch to this fiber calls `entry(argument)`, which must not return. Whatever ran
  /// here before is forgotten.
  void prepare(void (*entry)(void*), void* argument) {
    if (stack_ == nullptr) allocate();
#if defined(__x86_64__)
    auto top = reinterpret_cast<std::uintptr_t>(stack_) + kStackBytes - 16;
    auto* words = reinterpret_cast<void**>(top) - 7;
    words[0] = nullptr;                         // r15
    words[1] = nullptr;                         // r14
    words[2] = reinterpret_cast<void*>(entry);  // r13
    words[3] = argument;                        // r12
    words[4] = nullptr;                         // rbx
    words[5] = nullptr;                         // rbp
    words[6] = reinterpret_cast<void*>(&enter_fiber);
    stack_pointer_ = words;
#else
    entry_ = entry;
    argument_ = argument;
    ::getcontext(&context_);
    context_.uc_stack.ss_sp = static_cast<std::byte*>(stack_) + kGuardBytes;
    context_.uc_stack.ss_size = kStackBytes - kGuardBytes;
    context_.uc_link = nullptr;
    const auto bits = reinterpret_cast<std::uintptr_t>(this);
    ::makecontext(&context_, reinterpret_cast<void (*)()>(&Fiber::enter), 2,
                  static_cast<unsigned>(bits >> 32U), static_cast<unsigned>(bits & 0xffffffffU));
#endif
  }

  /// Leaves `from`, which is running, and goes on in `to`. Returns when something switches back.
  static void hand_over(Fiber& from, Fiber& to) {
#if defined(__x86_64__)
    switch_stack(&from.stack_pointer_, to.stack_pointer_);
#else
    ::swapcontext(&from.context_, &to.context_);
#endif
  }

 private:
  void allocate() {
    stack_ = ::mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (stack_ == MAP_FAILED || ::mprotect(stack_, kGuardBytes, PROT_NONE) != 0) {
      std::perror("model checker: no memory for a fiber's stack");
      std::abort();
    }
  }

  void* stack_ = nullptr;
#if defined(__x86_64__)
  void* stack_pointer_ = nullptr;
#else
  static void enter(unsigned high, unsigned low) {
    const auto bits = (static_cast<std::uintptr_t>(high) << 32U) | low;
    auto* self = reinterpret_cast<Fiber*>(bits);
    self->entry_(self->argument_);
  }
  void (*entry_)(void*) = nullptr;
  void* argument_ = nullptr;
  ucontext_t context_{};
#endif
};

}  // namespace ringway::model
