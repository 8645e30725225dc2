// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// unbounded_channel.hpp under the explorer: the header as it is, with a small queue in the place
/// of moodycamel::ConcurrentQueue, whose words are not the explorer's.
///
/// The small queue has what the header counts on, and no more: a sub-queue for each producer's
/// token, whose messages come in order; counters by which a look may miss a message while another
/// look is under way; a size that is read without any order. Its counters and their orders are
/// those of ConcurrentQueue's ExplicitProducer; what it leaves out is where blocks come from.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "models/channel_models.hpp"
#include "models/model.hpp"
#include "ringway/channel/unbounded_channel.hpp"

namespace ringway::model {

template <class T>
class SmallQueue {
 public:
  explicit SmallQueue(std::size_t) {}
  /// \pre nobody has used it
  SmallQueue(SmallQueue&&) noexcept {}
  SmallQueue& operator=(SmallQueue&&) = delete;
  ~SmallQueue() {
    for (Lane& lane : lanes_) {
      const auto end = lane.tail.load(std::memory_order_relaxed);
      for (auto i = lane.head.load(std::memory_order_relaxed); i != end; ++i) {
        lane.slots[i].destroy();
      }
    }
  }

  [[nodiscard]] std::size_t new_lane() noexcept { return lanes_used_++; }

  template <class Token, class U>
  [[nodiscard]] bool enqueue(const Token& token, U&& value) {
    Lane& lane = lanes_[token.lane()];
    const auto at = lane.tail.load(std::memory_order_relaxed);
    ModelMemory::before_write(&lane.slots[at], sizeof(T));
    lane.slots[at].construct(std::forward<U>(value));
    lane.tail.store(at + 1, std::memory_order_release);
    return true;
  }
  template <class U>
  [[nodiscard]] bool enqueue(U&&) {
    return false;  // the tokens are valid
  }

  template <class Token, class Target>
  [[nodiscard]] bool try_dequeue(Token& token, Target& target) {
    std::uint32_t under_way = 0;  // looks of others
    for (std::size_t i = 0; i < lanes_used_; ++i) {
      if (dequeue(lanes_[i], target, under_way)) return true;
    }
    if (std::exchange(token.under_way, under_way) == under_way && under_way != 0) {
      ModelMemory::relax();
    }
    return false;
  }

  [[nodiscard]] std::size_t size_approx() const noexcept {
    std::size_t size = 0;
    for (std::size_t i = 0; i < lanes_used_; ++i) {
      const auto tail = lanes_[i].tail.load(std::memory_order_relaxed);
      const auto head = lanes_[i].head.load(std::memory_order_relaxed);
      size += head < tail ? tail - head : 0;
    }
    return size;
  }

 private:
  using Count = ModelMemory::Atomic<std::uint32_t>;
  struct Lane {
    Count tail{0};
    Count head{0};
    Count wanted{0};  // looks that found something, of which some may have come too late:
    Count overcommit{0};
    std::array<Slot<T>, 4> slots;
  };

  template <class Target>
  static bool dequeue(Lane& lane, Target& target, std::uint32_t& under_way) {
    const auto overcommit = lane.overcommit.load(std::memory_order_relaxed);
    const auto wanted = lane.wanted.load(std::memory_order_relaxed) - overcommit;
    if (wanted >= lane.tail.load(std::memory_order_relaxed)) {
      if (wanted != 0) under_way += wanted - lane.head.load(std::memory_order_relaxed);
      return false;
    }
    ModelMemory::fence(std::memory_order_acquire);
    const auto mine = lane.wanted.fetch_add(1, std::memory_order_relaxed);
    if (mine - overcommit >= lane.tail.load(std::memory_order_acquire)) {
      lane.overcommit.fetch_add(1, std::memory_order_release);
      return false;
    }
    const auto at = lane.head.fetch_add(1, std::memory_order_acq_rel);
    ModelMemory::before_read(&lane.slots[at], sizeof(T));
    target = std::move(lane.slots[at].get());
    lane.slots[at].destroy();
    return true;
  }

  std::array<Lane, 3> lanes_;
  std::size_t lanes_used_ = 0;  // tokens are made before the threads begin
};

struct SmallQueueKind {
  template <class T>
  using Queue = SmallQueue<T>;
  static constexpr bool kTokensAtOnce = true;  // lanes are handed out before the threads begin

  class ProducerToken {
   public:
    template <class T>
    explicit ProducerToken(SmallQueue<T>& queue) : lane_(queue.new_lane()) {}
    [[nodiscard]] static constexpr bool valid() noexcept { return true; }
    [[nodiscard]] std::size_t lane() const noexcept { return lane_; }

   private:
    std::size_t lane_;
  };
  struct ConsumerToken {
    template <class T>
    explicit ConsumerToken(SmallQueue<T>&) {}
    std::uint32_t under_way = 0;  // at this consumer's last look, in vain
  };
};

/// The queue by itself: what its sealer sent before the seal is received before drained() says
/// true, and what else it did is seen then.
inline void unbounded_seal_body(Explorer& world, unsigned messages) {
  UnboundedQueue<Number, ModelMemory, SmallQueueKind> queue;
  auto producer = queue.producer().value();
  auto consumer = queue.consumer().value();
  ModelMemory::Atomic<int> before{0};  // what the sealer did before the seal
  unsigned received = 0;
  bool drained = false;
  world.threads(
      [&] {
        for (unsigned i = 0; i < messages; ++i) {
          world.operation();
          world.check(producer.try_push(Number(i)), "never full");
        }
        before.store(1, std::memory_order_relaxed);
        queue.seal();
        world.operation();
        world.check(!producer.try_push(Number(9)), "no push after the seal");
      },
      [&] {
        for (unsigned i = 0; i < 2; ++i) {
          world.operation();
          drained = drained || queue.drained();
          if (drained) {
            world.check(before.load(std::memory_order_relaxed) == 1, "drained: seen");
            world.check(received == messages, "drained: all of it was received");
          }
          if (const auto element = consumer.try_pop()) {
            world.check(element->number() == received, "in order");
            ++received;
          }
        }
      });
  world.outcome(std::to_string(received) + std::to_string(drained));
  while (consumer.try_pop()) ++received;
  world.check(received == messages && queue.drained(), "everything is received in the end");
}

[[nodiscard]] inline auto unbounded_ends(ChannelCounts& counts) {
  return unbounded_channel<Number, Park, ModelMemory, SmallQueueKind>({.tally = &counts.tally});
}
inline void unbounded_body(Explorer& world, unsigned senders, unsigned receivers,
                           unsigned messages) {
  ChannelCounts counts;
  many_ends_body(world, senders, receivers, messages, counts, unbounded_ends(counts));
}
inline void unbounded_close_body(Explorer& world) {
  ChannelCounts counts;
  closed_by_third_body(world, 1, counts, unbounded_ends(counts), true);
}

/// One message and the close against two looks that do not wait.
inline void unbounded_look_body(Explorer& world) {
  ChannelCounts counts;
  look_body(world, counts, unbounded_ends(counts));
}

inline Models unbounded_models() {
  Models models;
  for (const unsigned messages : {1U, 2U}) {
    models.push_back(model_of(
        "unbounded queue, " + std::to_string(messages) +
            (messages == 1 ? " message" : " messages") + ", then seal",
        {}, Size::kQuick, [=](Explorer& world) { unbounded_seal_body(world, messages); },
        messages == 1));
  }
  for (const bool refused : {false, true}) {
    Options complete;
    complete.heavy_refused = refused;
    const auto bounded = [&](unsigned preemptions, unsigned stale_reads = ~0U) {
      Options options = without_repetition(complete);
      options.search = Search::kBounded;
      options.preemptions = preemptions;
      options.stale_reads = stale_reads;
      return options;
    };
    const auto add = [&](const std::string& name, const Options& options, Size size,
                         Explorer::Body body, bool tiny = false) {
      models.push_back(
          model_of("unbounded channel" + name + (refused ? ", heavy fence refused" : ""), options,
                   size, std::move(body), tiny));
    };
    add(", 1 message, then close, 2 looks", without_repetition(complete), Size::kQuick,
        [](Explorer& world) { unbounded_look_body(world); });
    add(" 1S1R x 1, then close", bounded(2), Size::kQuick,
        [](Explorer& world) { unbounded_body(world, 1, 1, 1); });
    add(" 1S1R x 1, then close, any preemptions", without_repetition(complete), Size::kLarge,
        [](Explorer& world) { unbounded_body(world, 1, 1, 1); });
    add(" 1S1R x 2, then close", bounded(2), Size::kLarge,
        [](Explorer& world) { unbounded_body(world, 1, 1, 2); });
    add(" 2S1R x 1, then close", bounded(1), Size::kLarge,
        [](Explorer& world) { unbounded_body(world, 2, 1, 1); });
    add(" 1S2R x 1, then close", bounded(1), Size::kLarge,
        [](Explorer& world) { unbounded_body(world, 1, 2, 1); });
    add(" 1S2R x 2, then close", bounded(1, refused ? 2 : ~0U), Size::kLarge,
        [](Explorer& world) { unbounded_body(world, 1, 2, 2); });
    add(" 2S2R x 1, then close", bounded(1, 2), Size::kLarge,
        [](Explorer& world) { unbounded_body(world, 2, 2, 1); });
    add(" closed by a third thread", bounded(2), Size::kLarge,
        [](Explorer& world) { unbounded_close_body(world); });
  }
  return models;
}

}  // namespace ringway::model
