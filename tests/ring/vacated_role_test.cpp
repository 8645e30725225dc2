// SPDX-License-Identifier: Apache-2.0
/// \file
/// Roles and gates whose holder is gone without a word. The holder here is a handle that is never
/// destroyed; tests/kill does the same with killed processes, at every instruction.

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>
#include <utility>

#include "tests/ring/ring_kinds.hpp"

namespace ringway::test {
namespace {

/// A handle that nobody will ever destroy.
template <class Handle>
class Forsaken {
 public:
  explicit Forsaken(Handle handle) { ::new (static_cast<void*>(bytes_)) Handle(std::move(handle)); }
  Handle* operator->() noexcept { return std::launder(reinterpret_cast<Handle*>(bytes_)); }

 private:
  alignas(Handle) std::byte bytes_[sizeof(Handle)];
};
template <class Handle>
Forsaken(Handle) -> Forsaken<Handle>;

template <class Kind>
class VacatedRole : public testing::Test {};
using Kinds = testing::Types<SpscKind, BroadcastKind, LossyBroadcastKind>;
TYPED_TEST_SUITE(VacatedRole, Kinds);

TYPED_TEST(VacatedRole, NextProducerContinuesBehindWhatWasSent) {
  using Ring = typename TypeParam::template Ring<std::uint64_t>;
  for (const Sequence start : kStarts) {
    for (const std::size_t capacity : kCapacities) {
      SCOPED_TRACE(testing::Message() << "capacity " << capacity << ", start " << start);
      Ring ring = Ring::create(options_of<Ring>(capacity, start)).value();
      auto reader = TypeParam::reader(ring).value();
      std::uint64_t sent = 0;
      std::uint64_t received = 0;
      for (std::size_t round = 0; round < 2 * capacity + 3; round += 1 + round / 3) {
        Forsaken producer(ring.producer().value());
        for (std::size_t i = 0; i < round && sent - received < capacity; ++i) {
          ASSERT_TRUE(producer->try_push(sent++));
        }
        ASSERT_EQ(ring.producer().error(), SetupError::kRoleTaken);
        ring.vacate_producer();
        ring.vacate_producer();
        auto next_producer = ring.producer().value();
        ASSERT_EQ(next_producer.sequence(), start + sent);
        while (sent - received < capacity) ASSERT_TRUE(next_producer.try_push(sent++));
        ASSERT_FALSE(next_producer.try_push(sent));
        for (std::size_t i = 0; i <= round && received < sent; ++i) {
          ASSERT_EQ(next(reader), received++);
        }
      }
    }
  }
}

TYPED_TEST(VacatedRole, NextReaderContinuesBehindWhatWasRead) {
  using Ring = typename TypeParam::template Ring<std::uint64_t>;
  for (const Sequence start : kStarts) {
    for (const std::size_t capacity : kCapacities) {
      SCOPED_TRACE(testing::Message() << "capacity " << capacity << ", start " << start);
      Ring ring = Ring::create(options_of<Ring>(capacity, start)).value();
      auto producer = ring.producer().value();
      std::uint64_t sent = 0;
      std::uint64_t received = 0;
      std::size_t gate = 0;
      if constexpr (!TypeParam::kTakes) gate = ring.reserve_cursor().value();
      const auto take_over = [&] {
        if constexpr (TypeParam::kTakes) {
          ring.vacate_consumer();
          ring.vacate_consumer();
          return ring.consumer().value();
        } else {
          return ring.adopt_cursor(gate);
        }
      };
      for (std::size_t round = 0; round < 2 * capacity + 3; round += 1 + round / 3) {
        while (sent - received < capacity) ASSERT_TRUE(producer.try_push(sent++));
        Forsaken reader(take_over());
        for (std::size_t i = 0; i < round && received < sent; ++i) {
          ASSERT_EQ(next(*reader.operator->()), received++);
        }
        Forsaken next_reader(take_over());
        ASSERT_EQ(next_reader->sequence(), start + received);
        if (received < sent) {
          ASSERT_EQ(next(*next_reader.operator->()), received++);
        }
      }
      take_over();  // and leaves as it should: the ring may go
    }
  }
}

template <class Kind>
class VacatedGate : public testing::Test {};
using BroadcastKinds = testing::Types<BroadcastKind, LossyBroadcastKind>;
TYPED_TEST_SUITE(VacatedGate, BroadcastKinds);

TYPED_TEST(VacatedGate, NoLongerHoldsTheProducerBackAndIsFreeForTheNextReader) {
  using Ring = typename TypeParam::template Ring<std::uint64_t>;
  Ring ring = Ring::create({.capacity = 3, .max_cursors = 1}).value();
  auto producer = ring.producer().value();
  std::uint64_t sent = 0;
  for (int round = 0; round < 10; ++round) {
    Forsaken reader(ring.cursor().value());
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(producer.try_push(sent++));
    ASSERT_FALSE(producer.try_push(sent));
    ASSERT_EQ(ring.cursor().error(), SetupError::kNoFreeCursor);
    ring.vacate_cursor(reader->gate());
    ASSERT_TRUE(producer.try_push(sent++));
  }
}

template <class Ring>
concept VacatesProducer = requires(Ring ring) {
  ring.vacate_producer();
};

struct NotTrivial {
  NotTrivial() noexcept = default;
  NotTrivial(NotTrivial&&) noexcept {}
  ~NotTrivial() {}
};

TEST(VacatedRoles, AreOfferedForTypesThatMayBeLeftHalfWrittenOnly) {
  EXPECT_TRUE(VacatesProducer<SpscRing<std::uint64_t>>);
  EXPECT_TRUE(VacatesProducer<BroadcastRing<std::uint64_t>>);
  EXPECT_FALSE(VacatesProducer<SpscRing<NotTrivial>>);
  EXPECT_FALSE(VacatesProducer<BroadcastRing<NotTrivial>>);
}

}  // namespace
}  // namespace ringway::test
