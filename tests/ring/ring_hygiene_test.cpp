// SPDX-License-Identifier: Apache-2.0
/// \file
/// After set-up, a message costs neither an allocation nor a system call, in any ring.
///
/// Allocations: this executable's malloc and operator new count. System calls: a child process
/// forbids them all to itself and then carries messages; any call kills it.
// labels: nosan

#include <gtest/gtest.h>

#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "ringway/base/cpu_relax.hpp"
#include "tests/ring/byte_messages.hpp"
#include "tests/ring/elements.hpp"
#include "tests/ring/ring_kinds.hpp"
#include "tests/wait/child_process.hpp"

namespace {
std::atomic<std::uint64_t> allocations{0};
}

// glibc's own names for what is replaced below.
extern "C" void* __libc_malloc(std::size_t size);
extern "C" void* __libc_calloc(std::size_t count, std::size_t size);
extern "C" void* __libc_realloc(void* block, std::size_t size);
extern "C" void* __libc_memalign(std::size_t align, std::size_t size);

extern "C" void* malloc(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_malloc(size);
}
extern "C" void* calloc(std::size_t count, std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_calloc(count, size);
}
extern "C" void* realloc(void* block, std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_realloc(block, size);
}
extern "C" void* memalign(std::size_t align, std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_memalign(align, size);
}
extern "C" void* aligned_alloc(std::size_t align, std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_memalign(align, size);
}
extern "C" int posix_memalign(void** block, std::size_t align, std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  *block = __libc_memalign(align, size);
  return *block == nullptr ? 12 : 0;  // ENOMEM
}

namespace ringway::test {
namespace {

struct LossyReaderKind : LossyBroadcastKind {
  template <class R>
  static auto reader(R& ring) noexcept {
    return ring.lossy_cursor();
  }
};

/// Runs every operation of both ends for many laps, full and empty included. \return false if a
/// message went astray. No allocation, no system call, no test macro: those may do both.
template <class E>
[[nodiscard]] bool run_every_operation(E& ends, std::uint64_t rounds) noexcept {
  using T = typename decltype(ends.ring)::value_type;
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  bool right = true;
  const auto check = [&](const T& e) noexcept { right = right && e.is_numbered(received++); };
  for (std::uint64_t round = 0; round < rounds; ++round) {
    sent += ends.producer.try_push(T::numbered(sent));
    const T copied = T::numbered(sent);
    sent += ends.producer.try_push(copied);
    sent += ends.producer.try_emplace(T::numbered(sent));
    if (auto claim = ends.producer.try_claim()) {
      *claim = T::numbered(sent++);
      claim.commit();
    }
    { [[maybe_unused]] const auto abandoned = ends.producer.try_claim(T::numbered(0)); }
    std::array<T, 5> batch;
    for (std::size_t i = 0; i < batch.size(); ++i) batch[i] = T::numbered(sent + i);
    sent += ends.producer.try_push_batch(std::span<T>(batch));
    if (const auto e = next(ends.reader)) check(*e);
    ends.reader.drain(check, 3);
    ends.reader.drain([&](const T& e) { check(e); }, round % 8);
    right = right && ends.producer.capacity() == ends.ring.capacity();
    right = right && ends.reader.size_approx() <= 64;
  }
  ends.reader.drain(check, kNoLimit);
  return right && received == sent && sent >= rounds;
}

/// From one thread to another, both busy. \return false if a message went astray.
template <class E>
[[nodiscard]] bool carry_across(E& ends, bool producing, std::uint64_t count) noexcept {
  using T = typename decltype(ends.ring)::value_type;
  bool right = true;
  if (producing) {
    for (std::uint64_t i = 0; i < count; ++i) {
      while (!ends.producer.try_push(T::numbered(i))) cpu_relax();
    }
  } else {
    std::uint64_t received = 0;
    const auto check = [&](const T& e) noexcept { right = right && e.is_numbered(received++); };
    while (received < count) {
      if (ends.reader.drain(check, 5) == 0) cpu_relax();
    }
  }
  return right;
}

template <class Kind>
class RingHygiene : public testing::Test {};
using Kinds = testing::Types<SpscKind, MpmcKind, LockFreeMpmcKind, BroadcastKind,
                             LossyBroadcastKind, LossyReaderKind>;
TYPED_TEST_SUITE(RingHygiene, Kinds);

TEST(RingHygieneControl, CountersCount) {
  // Plain calls: the compiler may leave out a new-expression, these it may not.
  const std::uint64_t before = allocations.load();
  void* block = ::operator new(100);
  const std::uint64_t after_one = allocations.load();
  void* aligned = ::operator new (256, std::align_val_t{128}, std::nothrow);
  const std::uint64_t after_two = allocations.load();
  ::operator delete (aligned, std::align_val_t{128});
  ::operator delete(block);
  EXPECT_EQ(after_one, before + 1);
  EXPECT_EQ(after_two, before + 2);
}

TEST(RingHygieneControl, ForbiddenSystemCallKills) {
  EXPECT_EQ(in_child([] { return forbid_system_calls() ? 0 : 1; }), 0);
  EXPECT_EQ(in_child([] {
              if (!forbid_system_calls()) return 1;
              ::syscall(SYS_getppid);
              return 2;
            }),
            1000 + SIGSYS);
  EXPECT_EQ(in_child([] {
              if (!forbid_system_calls()) return 1;
              std::this_thread::yield();
              return 2;
            }),
            1000 + SIGSYS);
}

TYPED_TEST(RingHygiene, MakingAHeapRingAllocatesOnceAndAMessageNever) {
  for (const std::size_t capacity : {1u, 3u, 10u, 64u}) {
    const std::uint64_t before = allocations.load();
    Ends<TypeParam, Bytes<24>> ends(capacity);
    EXPECT_EQ(allocations.load(), before + 1) << "the block alone";
    bool right = true;
    if constexpr (std::is_same_v<TypeParam, LossyReaderKind>) {
      right = ends.producer.try_push(Bytes<24>::numbered(0)) && next(ends.reader).has_value();
    } else {
      right = run_every_operation(ends, 2000);
    }
    EXPECT_EQ(allocations.load(), before + 1);
    EXPECT_TRUE(right);
  }
}

TYPED_TEST(RingHygiene, RefusalsAllocateNothing) {
  using Ring = RingOf<TypeParam, Bytes<24>>;
  std::array<std::byte, 64> small{};
  const std::uint64_t before = allocations.load();
  EXPECT_FALSE(Ring::create(options_of<Ring>(0)).has_value());
  EXPECT_FALSE(Ring::create(options_of<Ring>(kNoLimit)).has_value());
  EXPECT_FALSE(Ring::format(small, options_of<Ring>(10)).has_value());
  EXPECT_FALSE(Ring::join(small).has_value());
  EXPECT_EQ(allocations.load(), before);
}

TYPED_TEST(RingHygiene, MessageMakesNoSystemCall) {
  for (const std::size_t capacity : {1u, 10u, 64u}) {
    Ends<TypeParam, Bytes<24>> ends(capacity);
    const int status = in_child([&] {
      if (!forbid_system_calls()) return 1;
      if constexpr (std::is_same_v<TypeParam, LossyReaderKind>) {
        for (std::uint64_t i = 0; i < 10'000; ++i) {
          if (!ends.producer.try_push(Bytes<24>::numbered(i))) return 2;
          if (i % 3 == 0) ends.reader.drain([](const auto&) noexcept {}, 2);
        }
        return 0;
      } else {
        return run_every_operation(ends, 10'000) ? 0 : 2;
      }
    });
    EXPECT_EQ(status, 0) << "capacity " << capacity;
  }
}

TYPED_TEST(RingHygiene, MessageBetweenThreadsMakesNoSystemCall) {
  if constexpr (!std::is_same_v<TypeParam, LossyReaderKind>) {
    Ends<TypeParam, Bytes<24>> ends(64);
    const int status = in_child([&] {
      constexpr std::uint64_t kCount = 20'000;
      std::atomic<int> ready{0};
      std::atomic<int> verdict{-1};
      std::thread consumer([&] {
        const bool forbidden = forbid_system_calls();
        ready.fetch_add(1);
        const bool right = forbidden && carry_across(ends, false, kCount);
        verdict.store(right ? 0 : 2);
        for (;;) cpu_relax();  // ending a thread takes system calls; exit_group ends this one
      });
      while (ready.load() == 0) cpu_relax();
      if (!forbid_system_calls()) ::_exit(1);
      if (!carry_across(ends, true, kCount)) ::_exit(3);
      while (verdict.load() < 0) cpu_relax();
      ::_exit(verdict.load());
      return 4;  // not reached
    });
    EXPECT_EQ(status, 0);
  }
}

template <class Kind>
class ByteRingHygiene : public testing::Test {};
using ByteKinds = testing::Types<ByteKind, BroadcastByteKind>;
TYPED_TEST_SUITE(ByteRingHygiene, ByteKinds);

TYPED_TEST(ByteRingHygiene, MessageMakesNoAllocationAndNoSystemCall) {
  const std::uint64_t before = allocations.load();
  ByteEnds<TypeParam> ends({.capacity = 500, .max_frame = 100});
  EXPECT_EQ(allocations.load(), before + 1) << "the block alone";
  const auto run = [&]() noexcept {
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    bool right = true;
    std::array<std::byte, 100> copy;
    const auto see = [&](std::span<const std::byte> bytes) noexcept {
      right = right && is_message(received, size_of_message(received, 100), bytes);
      ++received;
    };
    while (sent < 10'000) {
      while (send_message(ends.producer, sent, 100)) ++sent;
      { auto abandoned = ends.producer.try_claim(1); }
      ends.reader.drain(see, 1 + sent % 3);
      if (const auto size = ends.reader.try_read(copy)) see(std::span(copy).first(*size));
    }
    ends.reader.drain(see, kNoLimit);
    return right && received == sent;
  };
  const int status = in_child([&] {
    if (!forbid_system_calls()) return 1;
    return run() ? 0 : 2;
  });
  EXPECT_EQ(status, 0);
  const std::uint64_t made = allocations.load();
  const bool right = run();
  EXPECT_EQ(allocations.load(), made);
  EXPECT_TRUE(right);
}

}  // namespace
}  // namespace ringway::test
