// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Channels under the explorer: sending, receiving and closing with threads that sleep at once.
///
/// Each thread owns its handles and destroys them, so the last one deletes the channel. Checked: no
/// thread sleeps for ever, each accepted message is received or left over, and the memory is given
/// back when nobody uses it any more.

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "models/model.hpp"
#include "ringway/channel/channel.hpp"
#include "ringway/channel/mpmc_channel.hpp"

namespace ringway::model {

struct ChannelShape {
  std::size_t capacity;
  Sequence start;
};

/// What became of the messages of one channel model.
struct ChannelCounts {
  ChannelTally tally;
  unsigned sent = 0;
  unsigned received = 0;

  [[nodiscard]] ChannelOptions options(const ChannelShape& shape) {
    return {.capacity = shape.capacity, .start = shape.start, .tally = &tally};
  }
  void finish(Explorer& world) {
    world.check(tally.sent == sent && tally.received == received, "the tally is right");
    world.check(sent == received + tally.left, "each accepted message is received or left over");
    world.outcome(std::to_string(sent) + std::to_string(received));
  }
};

/// One sender sends `messages` and goes; the receiver receives until the channel says closed.
inline void channel_body(Explorer& world, const ChannelShape& shape, unsigned messages) {
  ChannelCounts counts;
  auto ends = channel<Number, Park, ModelMemory>(counts.options(shape));
  world.threads(
      [&] {
        auto sender = std::move(ends.sender);
        for (unsigned i = 0; i < messages; ++i) {
          world.operation();
          world.check(sender.send(Number(i)) == SendStatus::kSent, "nobody closed");
          ++counts.sent;
        }
      },
      [&] {
        auto receiver = std::move(ends.receiver);
        while (auto message = receiver.receive()) {
          world.check(message->number() == counts.received, "in order");
          ++counts.received;
          world.operation();
        }
      });
  world.check(counts.received == messages, "everything arrived before the end");
  counts.finish(world);
}

/// One message and the close against two looks that do not wait.
template <class Ends>
void look_body(Explorer& world, ChannelCounts& counts, Ends ends) {
  std::string what;
  world.threads(
      [&] {
        world.check(ends.sender.try_send(Number(1)) == SendStatus::kSent, "there is room");
        ends.sender.close();
      },
      [&] {
        for (unsigned i = 0; i < 2; ++i) {
          world.operation();
          const auto message =
              ends.receiver.receive_until(Deadline::after(std::chrono::seconds(0)));
          const bool ended = !message && message.error() == ReceiveError::kClosed;
          world.check(!ended || counts.received == 1, "everything arrived before the end");
          counts.received += message ? 1 : 0;
          what += message ? "m" : ended ? "c" : "e";
        }
      });
  world.outcome(what);
}

inline void channel_look_body(Explorer& world, const ChannelShape& shape) {
  ChannelCounts counts;
  look_body(world, counts, channel<Number, Park, ModelMemory>(counts.options(shape)));
}

/// The receiver takes one message, closes and goes, while the sender may be asleep for room.
inline void channel_closed_by_receiver_body(Explorer& world, const ChannelShape& shape) {
  ChannelCounts counts;
  auto ends = channel<Number, Park, ModelMemory>(counts.options(shape));
  world.threads(
      [&] {
        auto sender = std::move(ends.sender);
        for (unsigned i = 0; i < shape.capacity + 2; ++i) {
          world.operation();
          if (sender.send(Number(i)) != SendStatus::kSent) break;
          ++counts.sent;
        }
      },
      [&] {
        auto receiver = std::move(ends.receiver);
        if (receiver.receive()) ++counts.received;
        world.operation();
      });
  counts.finish(world);
}

/// `senders` send `messages` each, `receivers` receive until the end.
template <class Ends>
void many_ends_body(Explorer& world, unsigned senders, unsigned receivers, unsigned messages,
                    ChannelCounts& counts, Ends ends) {
  auto other_sender = senders == 2 ? std::optional(ends.sender) : std::nullopt;
  auto other_receiver = receivers == 2 ? std::optional(ends.receiver) : std::nullopt;
  const auto send = [&](auto& from, unsigned number) {
    auto sender = std::move(from);
    for (unsigned i = 0; i < messages; ++i) {
      world.operation();
      world.check(sender.send(Number(number)) == SendStatus::kSent, "nobody closed");
      ++counts.sent;
    }
  };
  const auto receive = [&](auto& from) {
    auto receiver = std::move(from);
    while (receiver.receive()) {
      ++counts.received;
      world.operation();
    }
  };
  const auto s1 = [&] { send(ends.sender, 1); };
  const auto s2 = [&] { send(*other_sender, 2); };
  const auto r1 = [&] { receive(ends.receiver); };
  const auto r2 = [&] { receive(*other_receiver); };
  if (senders == 2 && receivers == 2) {
    world.threads(s1, s2, r1, r2);
  } else if (senders == 2) {
    world.threads(s1, s2, r1);
  } else if (receivers == 2) {
    world.threads(s1, r1, r2);
  } else {
    world.threads(s1, r1);
  }
  world.check(counts.received == senders * messages, "everything arrived before the end");
  counts.finish(world);
}

inline void mpmc_channel_body(Explorer& world, unsigned senders, unsigned receivers,
                              unsigned messages, const ChannelShape& shape) {
  ChannelCounts counts;
  many_ends_body(world, senders, receivers, messages, counts,
                 mpmc_channel<Number, Park, ModelMemory>(counts.options(shape)));
}

/// A fifth thread closes while two send and two receive.
inline void mpmc_channel_crowd_close_body(Explorer& world, const ChannelShape& shape) {
  ChannelCounts counts;
  auto ends = mpmc_channel<Number, Park, ModelMemory>(counts.options(shape));
  auto closer = ends.sender;
  auto other_sender = ends.sender;
  auto other_receiver = ends.receiver;
  const auto send = [&](auto& from) {
    auto sender = std::move(from);
    if (sender.send(Number(1)) == SendStatus::kSent) ++counts.sent;
  };
  const auto receive = [&](auto& from) {
    auto receiver = std::move(from);
    while (receiver.receive()) {
      ++counts.received;
      world.operation();
    }
  };
  world.threads([&] { send(ends.sender); }, [&] { send(other_sender); },
                [&] { receive(ends.receiver); }, [&] { receive(other_receiver); },
                [&] {
                  auto own = std::move(closer);
                  own.close();
                });
  world.check(counts.sent == counts.received, "what was accepted arrived before the end");
  counts.finish(world);
}

/// A third thread closes while one sends and one receives.
/// \param may_leave a send that is under way at that moment may succeed, and be left over
template <class Ends>
void closed_by_third_body(Explorer& world, unsigned messages, ChannelCounts& counts, Ends ends,
                          bool may_leave) {
  auto closer = ends.sender;
  bool ended = false;
  world.threads(
      [&] {
        auto sender = std::move(ends.sender);
        for (unsigned i = 0; i < messages; ++i) {
          world.operation();
          if (sender.send(Number(i)) != SendStatus::kSent) break;
          ++counts.sent;
        }
      },
      [&] {
        auto receiver = std::move(ends.receiver);
        while (auto message = receiver.receive()) {
          world.check(message->number() == counts.received, "in order");
          ++counts.received;
          world.operation();
        }
        ended = true;
      },
      [&] {
        auto own = std::move(closer);
        own.close();
        world.operation();
        world.check(own.try_send(Number(9)) == SendStatus::kClosed, "no send after the close");
      });
  world.check(ended && (may_leave || counts.sent == counts.received),
              "what was accepted arrived before the end");
  counts.finish(world);
}

inline void mpmc_channel_close_body(Explorer& world, const ChannelShape& shape, unsigned messages) {
  ChannelCounts counts;
  closed_by_third_body(world, messages, counts,
                       mpmc_channel<Number, Park, ModelMemory>(counts.options(shape)), false);
}

/// One sender gives its claim up while the other waits for room: whoever passes the hole tells it.
inline void mpmc_channel_hole_body(Explorer& world, const ChannelShape& shape) {
  ChannelCounts counts;
  auto ends = mpmc_channel<Number, Park, ModelMemory>(counts.options(shape));
  auto other = ends.sender;
  world.threads([&] { const auto dropped = ends.sender.try_claim(std::uint64_t{9}); },
                [&] { world.check(other.send(Number(1)) == SendStatus::kSent, "nobody closed"); },
                [&] {
                  const auto message = ends.receiver.receive();
                  world.check(message && message->number() == 1, "the one message");
                });
}

inline Models channel_models() {
  Models models;
  constexpr Sequence kWrap = ~Sequence{1};  // 2^64 - 2
  struct Round {
    Sequence start;
    bool refused;
  };
  for (const auto [start, refused] : {Round{0, false}, Round{kWrap, false}, Round{0, true}}) {
    const ChannelShape one{1, start};
    const ChannelShape two{2, start};
    Options complete;
    complete.heavy_refused = refused;
    const auto bounded = [&](unsigned preemptions, unsigned stale_reads = ~0U) {
      Options options = without_repetition(complete);
      options.search = Search::kBounded;
      options.preemptions = preemptions;
      options.stale_reads = stale_reads;
      return options;
    };
    const auto add = [&, start = start, refused = refused](const std::string& name,
                                                           const Options& options, Size size,
                                                           Explorer::Body body, bool tiny = false) {
      models.push_back(model_of(name + (start == 0 ? " from 0" : " from 2^64-2") +
                                    (refused ? ", heavy fence refused" : ""),
                                options, size, std::move(body), tiny && start == 0));
      if (start != 0) models.back().random_executions /= 4;
    };
    const Size middle = refused ? Size::kLarge : Size::kMiddle;
    add("channel, 1 message, then close", complete, Size::kQuick,
        [=](Explorer& world) { channel_body(world, one, 1); });
    add(
        "channel, 1 message, then close, 2 looks", without_repetition(complete), Size::kQuick,
        [=](Explorer& world) { channel_look_body(world, one); }, true);
    add("channel, 2 messages, capacity 2, then close", without_repetition(complete), Size::kLarge,
        [=](Explorer& world) { channel_body(world, two, 2); });
    add("channel, 2 messages, capacity 1, then close", without_repetition(complete), Size::kLarge,
        [=](Explorer& world) { channel_body(world, one, 2); });
    add("channel closed by its receiver", complete, middle,
        [=](Explorer& world) { channel_closed_by_receiver_body(world, one); });
    add("MPMC channel 1S1R x 1, then close", bounded(2), Size::kQuick,
        [=](Explorer& world) { mpmc_channel_body(world, 1, 1, 1, one); });
    add("MPMC channel 1S1R x 1, then close, any preemptions", without_repetition(complete),
        Size::kLarge, [=](Explorer& world) { mpmc_channel_body(world, 1, 1, 1, one); });
    add("MPMC channel 2S1R x 1, then close", bounded(1), middle,
        [=](Explorer& world) { mpmc_channel_body(world, 2, 1, 1, one); });
    add("MPMC channel 1S2R x 1, then close", bounded(1), middle,
        [=](Explorer& world) { mpmc_channel_body(world, 1, 2, 1, one); });
    for (const ChannelShape& shape : {one, two}) {
      const std::string of = shape.capacity == 1 ? "" : ", capacity 2";
      if (start == 0 && !refused && shape.capacity == 1) {  // the largest of all
        add("MPMC channel 2S2R x 1, then close" + of, bounded(2, 1), Size::kLarge,
            [=](Explorer& world) { mpmc_channel_body(world, 2, 2, 1, shape); });
      }
      add("MPMC channel 2S2R x 1, then close" + of + ", more stale reads", bounded(1, 2),
          Size::kLarge, [=](Explorer& world) { mpmc_channel_body(world, 2, 2, 1, shape); });
      add("MPMC channel 2S2R x 1, closed by a fifth" + of, bounded(1, 2), Size::kLarge,
          [=](Explorer& world) { mpmc_channel_crowd_close_body(world, shape); });
    }
    add("MPMC channel, a claim is dropped while another waits", bounded(2), Size::kLarge,
        [=](Explorer& world) { mpmc_channel_hole_body(world, one); });
    add("MPMC channel closed by a third thread", bounded(2), Size::kMiddle,
        [=](Explorer& world) { mpmc_channel_close_body(world, one, 1); });
  }
  return models;
}

}  // namespace ringway::model
