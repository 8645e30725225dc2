// SPDX-License-Identifier: Apache-2.0
// Blocks with random words in them: attaching, binding, repairing and cleaning up answer with an
// error or do something useless; they neither crash nor hang nor leave the block.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

#include "ringway/bus/clean_up.hpp"
#include "ringway/ring/broadcast_ring.hpp"
#include "ringway/shm/shared_bus.hpp"
#include "shm_support.hpp"

namespace ringway {
namespace {

struct Item {
  std::uint64_t number;
};

using Table = Directory<SharedMemory>;

/// A block with a few of everything in it, at the end of a mapping, so that whatever lies behind it
/// can not be touched unnoticed.
class Block {
 public:
  static constexpr DirectorySizes kSizes{
      .topics = 8, .subscriptions = 8, .endpoints = 4, .lanes = 8, .participants = 3, .types = 4};

  Block() {
    bytes_ = round_up(Table::footprint(kSizes) + (std::size_t{2} << 20), 4096);
    void* pages =
        ::mmap(nullptr, bytes_ + 2 * kGuard, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    data_ = static_cast<std::byte*>(pages) + kGuard;
    if (::mprotect(data_, bytes_, PROT_READ | PROT_WRITE) != 0) std::abort();
    fill();
    good_.assign(data_, data_ + bytes_);
  }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  ~Block() { ::munmap(data_ - kGuard, bytes_ + 2 * kGuard); }

  void restore() { std::memcpy(data_, good_.data(), good_.size()); }
  [[nodiscard]] std::span<std::byte> span() const { return {data_, bytes_}; }
  [[nodiscard]] std::size_t in_use() const { return in_use_; }

 private:
  static constexpr std::size_t kGuard = std::size_t{1} << 16;

  /// Keeps an object that is never destroyed, where a leak checker finds it.
  template <class Object>
  static void stays(Object object) {
    static auto* const kept = new std::vector<Object*>;
    kept->push_back(new Object(std::move(object)));
  }

  void fill() {
    const auto status = Table::format(span(), kSizes);
    if (!status.ok()) stop_with_message(std::string(status.message()).c_str());
    auto table = value_or_stop(Table::join(span()));
    const NameKind kind{type_identity<Item>()};
    for (std::uint32_t p = 0; p < 3; ++p) {
      const auto endpoint = *table.new_endpoint(p);
      const auto topic = *table.declare("a." + std::to_string(p), kind);
      static_cast<void>(*table.new_subscription("a.>", kind, endpoint, false));
      const auto bytes = *BroadcastRing<Item, SharedMemory>::footprint({.capacity = 16});
      const auto lane =
          *table.new_lane(p == 2 ? LaneKind::kRequest : LaneKind::kTopic, topic, false, bytes, p);
      auto ring = BroadcastRing<Item, SharedMemory>::format(table.ring_memory(table.lane(lane)),
                                                            {.capacity = 16});
      ring->hold_elements(false);
      table.hold(lane, p);
      for (std::uint32_t reader = 0; reader < 3; ++reader) {
        const auto gate = *ring->reserve_cursor();
        auto cursor = ring->adopt_cursor(gate);
        cursor.set_address(reader);
        stays(std::move(cursor));  // like a dead process's
        table.hold(lane, reader);
      }
      in_use_ =
          static_cast<std::size_t>(table.ring_memory(table.lane(lane)).data() - data_) + bytes;
    }
  }

  std::byte* data_;
  std::size_t bytes_;
  std::size_t in_use_ = 0;
  std::vector<std::byte> good_;
};

TEST(CorruptBlock, BindingRepairingAndCleaningUpStayInsideAndEnd) {
  const char* wanted = std::getenv("RINGWAY_MUTATIONS");
  const int rounds = wanted != nullptr ? std::atoi(wanted) : 3'000;
  std::random_device device;
  const auto seed = device();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  Block block;
  const NameKind kind{type_identity<Item>()};
  int refused = 0;
  for (int round = 0; round < rounds; ++round) {
    block.restore();
    auto early = Table::join(block.span());  // joined before the damage
    ASSERT_TRUE(early.ok());
    const auto words = 1 + random() % 8;
    for (std::uint64_t i = 0; i < words; ++i) {
      std::uint64_t value = random();
      if (random() % 2 == 0) value >>= random() % 64;
      const auto offset = random() % (block.in_use() / 4) * 4;
      std::memcpy(block.span().data() + offset, &value, random() % 2 == 0 ? 4 : 8);
    }
    auto late = Table::join(block.span());
    if (!late.ok()) ++refused;
    for (auto* table : {&*early, late.ok() ? &*late : nullptr}) {
      if (table == nullptr) continue;
      CleanUp<SharedMemory> clean_up(*table);
      static_cast<void>(table->declare("b." + std::to_string(round % 5), kind));
      static_cast<void>(table->new_endpoint(1));
      static_cast<void>(table->new_subscription("b.*", kind, 1, false));
      static_cast<void>(table->new_lane(LaneKind::kTopic, 0, false, 5'000, 1));
      clean_up.bury(static_cast<std::uint32_t>(random() % 4));
      clean_up.repair();
      clean_up.bury(0);
      clean_up.close();
      static_cast<void>(table->new_lane(LaneKind::kTopic, 0, false, 50'000, 1));
    }
  }
  EXPECT_GT(refused, 0) << "damage in the head of the block is seen";
}

// The same through the front door: a segment's file with random words in it.
TEST(CorruptBlock, OpeningADamagedSegmentAnswers) {
  std::random_device device;
  const auto seed = device();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  SharedBusOptions options;
  options.lane_bytes = std::size_t{1} << 20;
  options.tables = Block::kSizes;
  int refused = 0;
  for (int round = 0; round < 200; ++round) {
    const test::SegmentName name;
    auto bus = open_shared(name.str(), options);
    ASSERT_TRUE(bus.ok()) << bus.status();
    auto publisher = bus->try_publisher(Topic<Item>{"a"});
    auto& attachment = bus->core()->home().attachment();
    const auto contents = attachment.segment().contents();
    const std::vector<std::byte> good(contents.begin(), contents.end());
    for (int i = 0; i < 4; ++i) {
      const std::uint64_t value = random() >> random() % 64;
      // the segment's header, the table of participants, or the bus's own
      const auto where = random() % 3 == 0 ? random() % 8 : 512 + random() % (good.size() / 8);
      std::memcpy(contents.data() - 4096 + where * 8, &value, sizeof(value));
    }
    auto other = open_shared(name.str(), options);
    if (other.ok()) {
      static_cast<void>(other->try_publisher(Topic<Item>{"a"}));
      static_cast<void>(other->try_publisher(Topic<Item>{"b.c"}));
    } else {
      ++refused;
      EXPECT_FALSE(other.status().message().empty());
    }
    // what the first one needs to leave in order
    std::memcpy(contents.data(), good.data(), good.size());
  }
  EXPECT_GT(refused, 0);
}

}  // namespace
}  // namespace ringway
