// SPDX-License-Identifier: Apache-2.0
/// \file
/// Words that different owners write lie at least kOwnerSpacing apart, and none lies beside the
/// static header. Found out by watching: a memory policy notes who writes where.

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "ringway/base/cache_line.hpp"
#include "tests/ring/byte_messages.hpp"
#include "tests/ring/guarded_memory.hpp"
#include "tests/ring/ring_kinds.hpp"

namespace ringway::test {
namespace {

/// Who wrote which address; for one thread.
class Log {
 public:
  /// The name under which writes are noted from now on; empty: not at all.
  void act_as(std::string actor) { actor_ = std::move(actor); }
  void note(const void* address) {
    if (!actor_.empty()) writers_[reinterpret_cast<std::uintptr_t>(address)].insert(actor_);
  }
  [[nodiscard]] const std::map<std::uintptr_t, std::set<std::string>>& writers() const noexcept {
    return writers_;
  }

 private:
  std::string actor_;
  std::map<std::uintptr_t, std::set<std::string>> writers_;
};

Log* current_log = nullptr;

void note(const void* address) {
  if (current_log != nullptr) current_log->note(address);
}

/// NativeMemory that notes writes in current_log.
struct WatchedMemory : NativeMemory {
  template <class U>
  class Atomic {
   public:
    Atomic() noexcept = default;
    explicit(false) Atomic(U value) noexcept : value_(value) {}

    U load(std::memory_order order) const noexcept { return value_.load(order); }
    void store(U value, std::memory_order order) noexcept {
      note(this);
      value_.store(value, order);
    }
    U exchange(U value, std::memory_order order) noexcept {
      note(this);
      return value_.exchange(value, order);
    }
    U fetch_add(U amount, std::memory_order order) noexcept {
      note(this);
      return value_.fetch_add(amount, order);
    }
    U fetch_or(U bits, std::memory_order order) noexcept {
      note(this);
      return value_.fetch_or(bits, order);
    }
    U fetch_and(U bits, std::memory_order order) noexcept {
      note(this);
      return value_.fetch_and(bits, order);
    }
    bool compare_exchange_weak(U& expected, U value, std::memory_order success,
                               std::memory_order failure) noexcept {
      note(this);
      return value_.compare_exchange_weak(expected, value, success, failure);
    }
    bool compare_exchange_strong(U& expected, U value, std::memory_order success,
                                 std::memory_order failure) noexcept {
      note(this);
      return value_.compare_exchange_strong(expected, value, success, failure);
    }

   private:
    std::atomic<U> value_;
  };

  static void before_write(const void* address, std::size_t) { note(address); }
};

/// What the producer and each reader wrote lies far apart, and nothing beside the header.
void expect_owners_apart(const Log& log, GuardedMemory& memory, std::size_t readers) {
  const auto base = reinterpret_cast<std::uintptr_t>(memory.span().data());
  std::map<std::string, int> words_of;
  for (const auto& [address, writers] : log.writers()) {
    EXPECT_GE(address, base + kOwnerSpacing) << *writers.begin() << " writes beside the header";
    for (const auto& [other_address, other_writers] : log.writers()) {
      if (address >= other_address || writers.size() > 1 || other_writers.size() > 1) continue;
      if (writers == other_writers) continue;
      EXPECT_GE(other_address - address, kOwnerSpacing)
          << *writers.begin() << " and " << *other_writers.begin();
    }
    if (writers.size() == 1) ++words_of[*writers.begin()];
  }
  for (std::size_t i = 0; i < readers; ++i) {
    EXPECT_GE(words_of["reader " + std::to_string(i)], 1) << "the watch has seen nothing";
  }
  EXPECT_GE(words_of["producer"], 1) << "the watch has seen nothing";
}

template <class Kind>
class RingLayout : public testing::Test {};
using Kinds =
    testing::Types<SpscKind, MpmcKind, LockFreeMpmcKind, BroadcastKind, LossyBroadcastKind>;
TYPED_TEST_SUITE(RingLayout, Kinds);

TYPED_TEST(RingLayout, OwnersWriteFarFromEachOtherAndFromTheHeader) {
  using Ring = typename TypeParam::template RingOn<std::uint64_t, WatchedMemory>;
  for (const std::size_t capacity : {1u, 3u, 16u}) {
    const auto options = options_of<Ring>(capacity);
    GuardedMemory memory(Ring::footprint(options).value());
    Ring ring = Ring::format(memory.span(), options).value();
    auto producer = ring.producer().value();
    std::vector<decltype(TypeParam::reader(ring).value())> readers;
    readers.push_back(TypeParam::reader(ring).value());
    if constexpr (!TypeParam::kTakes) {
      for (int i = 0; i < 3; ++i) readers.push_back(TypeParam::reader(ring).value());
    }

    Log log;
    current_log = &log;
    for (std::uint64_t round = 0; round < 100; ++round) {
      log.act_as("producer");
      while (producer.try_push(round)) {
      }
      for (std::size_t i = 0; i < readers.size(); ++i) {
        log.act_as("reader " + std::to_string(i));
        readers[i].drain([](auto&) noexcept {}, 1 + round % 4);
      }
    }
    current_log = nullptr;

    expect_owners_apart(log, memory, readers.size());
  }
}

TYPED_TEST(RingLayout, BlockAsksForNoLessThanOwnerSpacing) {
  using Ring = RingOf<TypeParam, std::uint64_t>;
  EXPECT_GE(Ring::kAlign, kOwnerSpacing);
  EXPECT_EQ(Ring::kAlign % kOwnerSpacing, 0u);
}

template <class Kind>
class ByteRingLayout : public testing::Test {};
using ByteKinds = testing::Types<ByteKind, BroadcastByteKind>;
TYPED_TEST_SUITE(ByteRingLayout, ByteKinds);

TYPED_TEST(ByteRingLayout, OwnersWriteFarFromEachOtherAndFromTheHeader) {
  using Ring = typename TypeParam::template RingOn<WatchedMemory>;
  const typename Ring::Options options{.capacity = 200, .max_frame = 40};
  GuardedMemory memory(Ring::footprint(options).value());
  Ring ring = Ring::format(memory.span(), options).value();
  auto producer = ring.producer().value();
  std::vector<decltype(TypeParam::reader(ring).value())> readers;
  readers.push_back(TypeParam::reader(ring).value());
  if constexpr (!TypeParam::kExclusiveReader) {
    for (int i = 0; i < 3; ++i) readers.push_back(TypeParam::reader(ring).value());
  }
  Log log;
  current_log = &log;
  std::uint64_t sent = 0;
  for (std::uint64_t round = 0; round < 100; ++round) {
    log.act_as("producer");
    while (send_message(producer, sent, 40)) ++sent;
    for (std::size_t i = 0; i < readers.size(); ++i) {
      log.act_as("reader " + std::to_string(i));
      readers[i].drain([](std::span<const std::byte>) {}, 1 + round % 4);
    }
  }
  current_log = nullptr;
  expect_owners_apart(log, memory, readers.size());
}

}  // namespace

}  // namespace ringway::test
