// SPDX-License-Identifier: Apache-2.0
/// \file
/// The bus as it is under the explorer: dispatchers that sleep at once, subscriptions that end
/// while their handler runs, inline handlers, publishers that leave, stopping, requests.
///
/// Every body makes a real bus in a block of the model (models/bus_world.hpp). Handlers announce
/// that they use an object, and whoever ends a subscription destroys it: a handler that runs after
/// end() is a data race.

#include "models/bus_models.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

#include "models/bus_world.hpp"
#include "ringway/bus/bus.hpp"

namespace ringway::model {
namespace {

constexpr Topic<Number> kTopic{"t", {.capacity = 2, .max_readers = 2}};
constexpr Topic<Number> kNarrow{"t", {.capacity = 1, .max_readers = 2}};
/// Long enough to be no limit at all.
constexpr StopOptions kForever{.drain = std::chrono::nanoseconds::max()};

/// What a handler uses, and whoever ends it destroys.
struct Used {
  int object = 0;
  void use() const { ModelMemory::before_read(&object, sizeof object); }
  void destroy() { ModelMemory::before_write(&object, sizeof object); }
};

/// A publisher publishes and then stops the bus; the dispatcher sleeps whenever it finds nothing.
/// What handlers did is there for whoever has stopped the bus.
void signal_body(Explorer& world, unsigned messages) {
  const BusWorld begin;
  auto bus = model_bus();
  ModelDispatcher dispatcher(bus, kParkAtOnce);
  Used used;
  std::uint64_t next = 0;
  auto subscription = dispatcher.subscribe(kTopic, [&](const Number& message) {
    used.use();
    world.operation();
    world.check(message.number() == next, "in order");
    ++next;
  });
  auto publisher = bus.publisher(kTopic);
  StopReport report;
  world.threads(model_thread(0), [&] {
    for (unsigned i = 0; i < messages; ++i) {
      world.operation();
      world.check(publisher.publish(Number(i)) == PublishStatus::kPublished, "accepted");
    }
    world.operation();
    report = bus.stop(kForever);
    used.destroy();
  });
  world.check(report.drained && report.left == 0, "stop() says that everything was handled");
  world.check(next == messages, "every message was handled");
  world.outcome(std::to_string(dispatcher.parks()));
}

/// A publisher waits until each of its messages is handled, before the next one and before the
/// stop: nothing but that message's signal wakes the dispatcher. `cools`: the lane asks for it
/// before the dispatcher sleeps, in the round in which it turns idle, as a dispatcher with many
/// lanes has it.
void awaited_body(Explorer& world, unsigned messages, bool cools) {
  const BusWorld begin;
  if (cools) {
    Platform<ModelMemory>::kCooling = {.most_hot = 0, .patience = 1, .asked_at_once = 1};
  }
  auto bus = model_bus();
  ModelDispatcher dispatcher(bus, kParkAtOnce);
  ModelMemory::Atomic<std::uint32_t> handled{0};
  auto subscription = dispatcher.subscribe(kTopic, [&](const Number& message) {
    world.operation();
    world.check(message.number() == handled.load(std::memory_order_relaxed), "in order");
    handled.store(static_cast<std::uint32_t>(message.number()) + 1, std::memory_order_relaxed);
  });
  auto publisher = bus.publisher(kTopic);
  world.threads(model_thread(0), [&] {
    for (unsigned i = 0; i < messages; ++i) {
      world.operation();
      world.check(publisher.publish(Number(i)) == PublishStatus::kPublished, "accepted");
      while (handled.load(std::memory_order_relaxed) == i) ModelMemory::relax();
    }
    world.operation();
    bus.stop(kForever);
  });
  world.outcome(std::to_string(dispatcher.parks()));
}

/// A subscription ends, and what its handler uses is destroyed, while messages come.
void end_body(Explorer& world, unsigned messages) {
  const BusWorld begin;
  auto bus = model_bus();
  Used used;
  std::uint64_t handled = 0;
  unsigned sent = 0;
  std::uint64_t undelivered = 0;
  {
    ModelDispatcher dispatcher(bus, kParkAtOnce);
    auto subscription = dispatcher.subscribe(kTopic, [&](const Number& message) {
      used.use();
      world.check(message.number() == handled, "in order");
      ++handled;
    });
    {
      auto publisher = bus.publisher(kTopic);
      world.threads(
          model_thread(0),
          [&] {
            for (unsigned i = 0; i < messages; ++i) {
              world.operation();
              if (publisher.try_publish(Number(i)) == PublishStatus::kPublished) ++sent;
            }
          },
          [&] {
            subscription.end();
            used.destroy();
            world.operation();
            bus.stop(kForever);
          });
    }
    undelivered = subscription.undelivered();
  }
  world.check(handled + undelivered <= sent, "nothing is invented");
  world.outcome(std::to_string(sent) + std::to_string(handled));
}

/// A subscription ends while its dispatcher goes on to another one's handler: what its own did is
/// done, whichever handler the one who ends it finds running.
void end_before_another_body(Explorer& world) {
  const BusWorld begin;
  auto bus = model_bus();
  Used used;
  unsigned others = 0;
  ModelDispatcher dispatcher(bus, kParkAtOnce);
  auto subscription = dispatcher.subscribe(kTopic, [&](const Number&) { used.use(); });
  auto other = dispatcher.subscribe(kTopic, [&](const Number&) { ++others; });
  auto publisher = bus.publisher(kTopic);
  world.check(publisher.try_publish(Number(0)) == PublishStatus::kPublished, "accepted");
  world.threads(model_thread(0), [&] {
    subscription.end();
    used.destroy();
    world.operation();
    bus.stop(kForever);
  });
  world.check(others == 1, "the other one's handler ran");
  world.outcome(std::to_string(subscription.delivered()));
}

/// The first lane of a kind.
[[nodiscard]] std::uint32_t lane_of(ModelBus& bus, LaneKind kind) {
  auto& directory = bus.core()->directory();
  std::uint32_t i = 1;
  while (directory.lane(i).used == 0 || directory.lane(i).kind != kind) ++i;
  return i;
}

/// A publisher publishes and leaves. A thread does with a subscription's reader what a dispatcher
/// does, without one: a reader that says it is finished has handled everything.
template <class Handler>
void leave_body(Explorer& world, Handler&& handler, const std::uint64_t& handled, int looks = 3) {
  const BusWorld begin;
  auto bus = model_bus();
  auto core = bus.core();
  const auto endpoint = value_or_stop(core->directory().new_endpoint());
  TopicSubscription<Number, std::decay_t<Handler>, ModelHome> subscription(
      core, "t", 0, endpoint, {}, std::forward<Handler>(handler));
  std::optional<Publisher<Number, ModelHome>> publisher(bus.publisher(kTopic));
  {
    auto lock = core->lock();
    world.check(subscription.join(lane_of(bus, LaneKind::kTopic)).ok(), "joined");
  }
  bool finished = false;
  world.threads(
      [&] {
        world.check(publisher->try_publish(Number(0)) == PublishStatus::kPublished, "accepted");
        publisher.reset();
      },
      [&] {
        auto& reader = *subscription.readers[0];
        for (int i = 0; i < looks && !finished; ++i) {
          world.operation();
          finished = reader.finished();
          if (!finished) reader.drain(1);
        }
      });
  world.check(!finished || handled == 1, "finished means that all is handled");
  world.outcome(std::to_string(finished) + std::to_string(handled));
}

/// A topic of bytes that retains: one comes late, at the oldest message, while the publisher gives
/// up what leaves no room for the next. What comes to it is whole and begins with a message that
/// had not been given up. `looks`: the one who comes reads meanwhile.
void keep_body(Explorer& world, unsigned room, unsigned messages, bool looks) {
  const BusWorld begin;
  auto bus = model_bus();
  auto core = bus.core();
  const auto endpoint = value_or_stop(core->directory().new_endpoint());
  const ByteTopic topic{"b",
                        {.capacity = room * byte_message_cost(sizeof(std::uint64_t)),
                         .largest = sizeof(std::uint64_t),
                         .max_readers = 1,
                         .retain = true}};
  std::optional<std::uint64_t> first;
  std::uint64_t next = 0;
  const auto handler = [&](std::span<const std::byte> bytes, const MessageInfo& info) {
    std::uint64_t number = 0;
    std::memcpy(&number, bytes.data(), sizeof number);
    if (!first) first = next = number;
    world.check(number == next && info.sequence == next, "in order, and what was published");
    ++next;
  };
  ByteSubscription<std::decay_t<decltype(handler)>, ModelHome> subscription(
      core, "b", 0, endpoint, Start::kOldest, handler);
  auto publisher = bus.publisher(topic);
  std::uint64_t sent = 0;
  const auto publish = [&] {
    const auto status = publisher.try_publish(std::as_bytes(std::span(&sent, 1)));
    if (status == PublishStatus::kPublished) ++sent;
    return status == PublishStatus::kPublished;
  };
  while (sent < room) world.check(publish(), "accepted");
  world.threads(
      [&] {
        for (unsigned i = 0; i < messages; ++i) {
          world.operation();
          publish();
        }
      },
      [&] {
        {
          auto lock = core->lock();
          world.check(subscription.join(lane_of(bus, LaneKind::kTopic)).ok(), "joined");
        }
        if (!looks) return;
        world.operation();
        subscription.readers[0]->drain(1);
      });
  subscription.readers[0]->drain(room + messages);
  world.check(!first || next == sent, "all from the first on");
  world.check(publish(), "the one who came holds nothing back that it has read");
  subscription.readers[0]->drain(1);
  world.check(first && next == sent, "and what comes next");
  world.outcome(std::to_string(first.value_or(9)) + std::to_string(sent));
}

/// stop() against a publisher that may wait for room: what was accepted is handled or counted.
void stop_body(Explorer& world, unsigned messages, bool waits) {
  const BusWorld begin;
  auto bus = model_bus();
  std::uint64_t handled = 0;
  unsigned accepted = 0;
  std::uint64_t undelivered = 0;
  StopReport report;
  {
    ModelDispatcher dispatcher(bus, kParkAtOnce);
    auto subscription = dispatcher.subscribe(kNarrow, [&](const Number&) { ++handled; });
    {
      auto publisher = bus.publisher(kNarrow);
      world.threads(
          model_thread(0),
          [&] {
            for (unsigned i = 0; i < messages; ++i) {
              world.operation();
              const auto status =
                  waits ? publisher.publish(Number(i)) : publisher.try_publish(Number(i));
              if (status == PublishStatus::kClosed) break;
              if (status == PublishStatus::kPublished) ++accepted;
            }
          },
          [&] { report = bus.stop(kForever); });
      world.operation();
      world.check(publisher.try_publish(Number(9)) == PublishStatus::kClosed, "closed for ever");
    }
    subscription.end();
    undelivered = subscription.undelivered();
  }
  world.check(handled + undelivered == accepted, "what was accepted is handled or counted");
  world.outcome(std::to_string(accepted) + std::to_string(handled) + std::to_string(report.left));
}

/// An inline subscription ends while its publisher publishes. `own`: a second one ends itself from
/// its handler.
void inline_end_body(Explorer& world, unsigned messages, bool own) {
  const BusWorld begin;
  auto bus = model_bus();
  Used used;
  unsigned handled = 0;
  unsigned own_handled = 0;
  auto publisher = bus.publisher(kTopic);
  std::optional<InlineSubscription> other;
  if (own) {
    other.emplace(bus.subscribe_inline(kTopic, [&](const Number&) {
      ++own_handled;
      other->end();
    }));
  }
  auto subscription = bus.subscribe_inline(kTopic, [&](const Number&) {
    used.use();
    ++handled;
  });
  world.threads(
      [&] {
        for (unsigned i = 0; i < messages; ++i) {
          world.operation();
          world.check(publisher.try_publish(Number(i)) == PublishStatus::kPublished, "accepted");
        }
      },
      [&] {
        subscription.end();
        used.destroy();
      });
  world.check(!own || own_handled == 1, "none after the handler in which it ended");
  world.outcome(std::to_string(handled));
}

/// The same without a bus around it.
void inline_audience_body(Explorer& world) {
  constexpr TypeIdentity kType{"number", 8, 8};
  InlineRegistry<ModelMemory> registry;
  const auto audience = std::make_shared<InlineAudience<ModelMemory>>("t", kType);
  struct Target {
    Used used;
    bool handled = false;
  };
  Target target;
  const auto subscriber = std::make_shared<InlineSubscriber<ModelMemory>>(
      "t", kType,
      [](void* to, const void*, const InlineContext&) noexcept {
        static_cast<Target*>(to)->used.use();
        static_cast<Target*>(to)->handled = true;
      },
      std::shared_ptr<void>(std::shared_ptr<void>(), &target));
  registry.add_publisher(audience);
  registry.add(subscriber);
  world.threads(
      [&] {
        audience->call(nullptr, InlineContext{"t", 0}, [](const auto&) { return true; });
      },
      [&] {
        registry.remove(subscriber);
        target.used.destroy();
      });
  world.outcome(target.handled ? "handled" : "not handled");
}

/// Publishers on as many threads, each with a handler that ends the next one's subscription: nobody
/// waits for ever, and no handler begins when its subscription has ended.
void inline_circle_body(Explorer& world, unsigned count) {
  constexpr TypeIdentity kType{"number", 8, 8};
  constexpr std::array<const char*, 3> kNames{"a", "b", "c"};
  struct Member {
    std::shared_ptr<InlineAudience<ModelMemory>> audience;
    std::shared_ptr<InlineSubscriber<ModelMemory>> subscriber;
    Used used;
    InlineRegistry<ModelMemory>* registry = nullptr;
    Member* next = nullptr;
    bool handled = false;

    void handle() {
      used.use();
      handled = true;
      registry->remove(next->subscriber);
      next->used.destroy();
    }
  };
  InlineRegistry<ModelMemory> registry;
  std::array<Member, 3> members;
  for (unsigned i = 0; i < count; ++i) {
    Member& member = members[i];
    member.registry = &registry;
    member.next = &members[(i + 1) % count];
    member.audience = std::make_shared<InlineAudience<ModelMemory>>(kNames[i], kType);
    member.subscriber = std::make_shared<InlineSubscriber<ModelMemory>>(
        kNames[i], kType,
        [](void* to, const void*, const InlineContext&) noexcept {
          static_cast<Member*>(to)->handle();
        },
        std::shared_ptr<void>(std::shared_ptr<void>(), &member));
    registry.add_publisher(member.audience);
    registry.add(member.subscriber);
  }
  const auto publish = [&](unsigned i) {
    return [&members, i, name = kNames[i]] {
      members[i].audience->call(nullptr, InlineContext{name, 0}, [](const auto&) { return true; });
    };
  };
  if (count == 2) {
    world.threads(publish(0), publish(1));
  } else {
    world.threads(publish(0), publish(1), publish(2));
  }
  std::string what;
  for (unsigned i = 0; i < count; ++i) what += members[i].handled ? "h" : "-";
  world.check(what.find('h') != std::string::npos, "one of them was the first");
  world.outcome(what);
}

/// Two dispatchers, each with a handler that ends the other's subscription.
void dispatcher_circle_body(Explorer& world) {
  const BusWorld begin;
  auto bus = model_bus();
  ModelDispatcher one(bus, kParkAtOnce);
  ModelDispatcher two(bus, kParkAtOnce);
  std::array<Used, 2> used;
  std::array<bool, 2> handled{};
  std::array<Subscription, 2> subscriptions;
  const auto handler = [&](unsigned own) {
    return [&, own](const Number&) {
      used[own].use();
      handled[own] = true;
      subscriptions[1 - own].end();
      used[1 - own].destroy();
    };
  };
  subscriptions[0] = one.subscribe(kTopic, handler(0));
  subscriptions[1] = two.subscribe(kTopic, handler(1));
  auto publisher = bus.publisher(kTopic);
  world.check(publisher.try_publish(Number(0)) == PublishStatus::kPublished, "accepted");
  world.threads(model_thread(0), model_thread(1), [&] { bus.stop(kForever); });
  world.check(handled[0] || handled[1], "one of them was the first");
  world.outcome(std::to_string(handled[0]) + std::to_string(handled[1]));
}

/// An inline subscription begins while its publisher publishes: it hears of what is published
/// after that.
void inline_begin_body(Explorer& world, unsigned messages) {
  const BusWorld begin;
  auto bus = model_bus();
  int data = 0;
  std::uint64_t first = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t promised = first;
  ModelMemory::Atomic<std::uint32_t> joined{0};
  auto publisher = bus.publisher(kTopic);
  std::optional<InlineSubscription> subscription;
  world.threads(
      [&] {
        for (unsigned i = 0; i < messages; ++i) {
          world.operation();
          if (promised > messages && joined.load(std::memory_order_acquire) != 0) promised = i;
          world.check(publisher.try_publish(Number(i)) == PublishStatus::kPublished, "accepted");
        }
      },
      [&] {
        ModelMemory::before_write(&data, sizeof data);
        subscription.emplace(bus.subscribe_inline(kTopic, [&](const Number& message) {
          ModelMemory::before_read(&data, sizeof data);
          first = std::min(first, message.number());
        }));
        joined.store(1, std::memory_order_release);
      });
  world.check(first <= promised, "it hears of what is published after it began");
  world.outcome(std::to_string(first < messages));
}

using NumberService = Service<std::uint64_t(std::uint64_t)>;
constexpr NumberService kService{"s", {.max_pending = 2}};
constexpr NumberService kOneByOne{"s", {.max_pending = 1}};
const RequesterOptions kAskAndPark{.pauses = 0, .yields = 0};

/// Requests one after the other; each gets its own answer.
void request_body(Explorer& world, unsigned requests) {
  const BusWorld begin;
  auto bus = model_bus();
  ModelDispatcher dispatcher(bus, kParkAtOnce);
  auto replier = dispatcher.reply(kService, [](std::uint64_t request) { return request + 10; });
  auto requester = bus.requester(kService, kAskAndPark);
  world.threads(model_thread(0), [&] {
    for (unsigned i = 0; i < requests; ++i) {
      world.operation();
      const auto answer = requester.request(i, std::chrono::nanoseconds::max());
      world.check(answer && *answer == i + 10, "its own answer");
    }
    world.operation();
    bus.stop(kForever);
  });
  world.outcome(std::to_string(requester.parks()));
}

/// A request is given up, or its time passes; the next one is not met by its answer.
void late_answer_body(Explorer& world, const NumberService& service, bool deadline) {
  const BusWorld begin;
  auto bus = model_bus();
  ModelDispatcher dispatcher(bus, kParkAtOnce);
  auto replier = dispatcher.reply(service, [](std::uint64_t request) { return request + 10; });
  auto requester = bus.requester(service, kAskAndPark);
  std::string what;
  world.threads(model_thread(0), [&] {
    if (deadline) {
      const auto answer = requester.request(1, std::chrono::seconds(1));
      world.check(answer ? *answer == 11 : answer.error() == RequestError::kTimedOut,
                  "its own answer, or too late");
      what = answer ? "in time" : "too late";
    } else {
      auto pending = requester.request_async(1, std::chrono::nanoseconds::max());
      what = pending.poll() ? "there" : "not yet";
      pending.cancel();
    }
    world.operation();
    const auto answer = requester.request(2, std::chrono::nanoseconds::max());
    world.check(answer && *answer == 12, "its own answer");
    world.check(requester.pending() == 0, "nothing is pending");
    world.operation();
    bus.stop(kForever);
  });
  world.outcome(what + std::to_string(requester.late_replies()));
}

enum class After { kNoLongerServed, kReplierGoes, kReplierIsReplaced, kBusStops };

/// A replier answers, and then something happens that ends all waiting: who notices that has the
/// answer. A thread does with the replier's reader what a dispatcher does, without one.
void answered_before_body(Explorer& world, After after) {
  const BusWorld begin;
  auto bus = model_bus();
  auto core = bus.core();
  auto& directory = core->directory();
  const auto handler = [](std::uint64_t request) { return request + 10; };
  using Service = ReplySubscription<std::uint64_t, std::uint64_t, decltype(handler), ModelHome>;
  Service first(core, "s", 0, value_or_stop(directory.new_endpoint()), handler);
  Service second(core, "s", 1, value_or_stop(directory.new_endpoint()), handler);
  auto requester = bus.requester(kService, kAskAndPark);
  const auto lane = lane_of(bus, LaneKind::kRequest);
  const auto join = [&](Service& replier) {
    auto lock = core->lock();
    world.check(replier.join(lane).ok(), "joined");
  };
  join(first);
  auto pending = requester.request_async(1, std::chrono::nanoseconds::max());
  std::string what = "not yet";
  world.threads(
      [&] {
        world.check(first.readers[0]->drain(1) == 1, "it finds the request");
        if (after == After::kBusStops) {
          bus.stop(kForever);
          return;
        }
        {
          auto lock = core->lock();
          first.on_removed();
        }
        if (after == After::kNoLongerServed) return;
        first.readers.clear();
        if (after == After::kReplierIsReplaced) join(second);
      },
      [&] {
        world.operation();
        if (!pending.poll()) return;
        const auto answer = pending.get();
        world.check(answer && *answer == 11, "the answer, since it was given before");
        what = "answered";
      });
  world.outcome(what);
}

/// The replier goes while a request is under way: an answer, or word that there will be none.
void replier_gone_body(Explorer& world) {
  const BusWorld begin;
  auto bus = model_bus();
  ModelDispatcher dispatcher(bus, kParkAtOnce);
  auto replier = dispatcher.reply(kService, [](std::uint64_t request) { return request + 10; });
  auto requester = bus.requester(kService, kAskAndPark);
  std::string what;
  world.threads(
      model_thread(0),
      [&] {
        const auto answer = requester.request(1, std::chrono::nanoseconds::max());
        world.check(answer ? *answer == 11
                           : answer.error() == RequestError::kReplierGone ||
                                 answer.error() == RequestError::kNoReplier,
                    "an answer, or none ever");
        what = answer ? "answered" : "gone";
        world.operation();
        bus.stop(kForever);
      },
      [&] { replier.end(); });
  world.outcome(what);
}

}  // namespace

Models bus_models() {
  Models models;
  constexpr Sequence kWrap = ~Sequence{1};  // 2^64 - 2
  struct Round {
    Sequence start;
    bool refused;
  };
  for (const auto [start, refused] : {Round{0, false}, Round{kWrap, false}, Round{0, true}}) {
    Options complete;
    complete.heavy_refused = refused;
    const auto bounded = [&](unsigned preemptions, unsigned stale) {
      Options options = without_repetition(complete);
      options.stale_limit = 4;  // a dispatcher goes round without a beginning of operations
      options.search = Search::kBounded;
      options.preemptions = preemptions;
      options.stale_reads = stale;
      return options;
    };
    const std::string how = refused ? ", heavy fence refused" : "";
    // of the inline side alone, which has no lanes
    const auto add_inline = [&, start = start](const std::string& name, Size size,
                                               Explorer::Body body, bool tiny = false) {
      if (start != 0) return;
      models.push_back(model_of("bus, " + name + how, complete, size, std::move(body), tiny));
    };
    const auto add = [&, start = start](const std::string& name, const Options& options, Size size,
                                        Explorer::Body body) {
      models.push_back(model_of("bus, " + name + (start == 0 ? " from 0" : " from 2^64-2") + how,
                                options, size, [start, body = std::move(body)](Explorer& world) {
                                  Platform<ModelMemory>::kLaneStart = start;
                                  body(world);
                                }));
      if (start != 0) models.back().random_executions /= 4;
    };
    add_inline(
        "a call of an inline subscriber against its end", Size::kQuick,
        [](Explorer& world) { inline_audience_body(world); }, true);
    add("inline subscription ends, 2 messages", complete, Size::kQuick,
        [](Explorer& world) { inline_end_body(world, 2, false); });
    add("inline subscription ends, another ends itself, 2 messages", complete, Size::kQuick,
        [](Explorer& world) { inline_end_body(world, 2, true); });
    add("inline subscription begins, 2 messages", complete, Size::kQuick,
        [](Explorer& world) { inline_begin_body(world, 2); });
    add_inline("inline handlers that end each other, 2 publishers", Size::kQuick,
               [](Explorer& world) { inline_circle_body(world, 2); });
    add_inline("inline handlers that end each other, 3 publishers", Size::kLarge,
               [](Explorer& world) { inline_circle_body(world, 3); });
    add("dispatchers' handlers that end each other", bounded(1, 1), Size::kLarge,
        [](Explorer& world) { dispatcher_circle_body(world); });
    add("1 message to a sleeper", bounded(1, 1), Size::kQuick,
        [](Explorer& world) { awaited_body(world, 1, false); });
    add("2 messages to a sleeper", bounded(2, 1), Size::kLarge,
        [](Explorer& world) { awaited_body(world, 2, false); });
    add("1 message to an idle lane", bounded(1, 1), Size::kQuick,
        [](Explorer& world) { awaited_body(world, 1, true); });
    add("2 messages to an idle lane", bounded(2, 1), Size::kLarge,
        [](Explorer& world) { awaited_body(world, 2, true); });
    add("dispatcher sleeps, 1 message, then stop", bounded(1, 1), Size::kQuick,
        [](Explorer& world) { signal_body(world, 1); });
    add("dispatcher sleeps, 1 message, then stop, more preemptions", bounded(2, 2), Size::kLarge,
        [](Explorer& world) { signal_body(world, 1); });
    add("dispatcher sleeps, 2 messages, then stop", bounded(2, 1), Size::kLarge,
        [](Explorer& world) { signal_body(world, 2); });
    add("subscription ends against its handler, 1 message", bounded(1, 1), Size::kQuick,
        [](Explorer& world) { end_body(world, 1); });
    add("subscription ends against its handler, 1 message, more preemptions", bounded(2, 1),
        Size::kLarge, [](Explorer& world) { end_body(world, 1); });
    add("subscription ends against its handler, 2 messages", bounded(2, 1), Size::kLarge,
        [](Explorer& world) { end_body(world, 2); });
    add("subscription ends, another's handler runs", bounded(1, 1), Size::kQuick,
        [](Explorer& world) { end_before_another_body(world); });
    add("publisher publishes and leaves", complete, Size::kQuick, [](Explorer& world) {
      std::uint64_t handled = 0;
      leave_body(
          world, [&handled](const Number&) { ++handled; }, handled);
    });
    const auto add_small = [&, start = start](const std::string& name, Explorer::Body body) {
      if (start != 0) return;
      models.push_back(model_of(
          "bus, " + name + " from 0" + how, complete, Size::kQuick,
          [body = std::move(body)](Explorer& world) {
            Platform<ModelMemory>::kLaneStart = 0;
            body(world);
          },
          true));
      models.back().tight = true;
    };
    add("bytes, one joins while 1 of 1 is given up", complete, Size::kQuick,
        [](Explorer& world) { keep_body(world, 1, 1, false); });
    add("bytes, one comes late while 1 is given up", complete, Size::kQuick,
        [](Explorer& world) { keep_body(world, 2, 1, true); });
    add("bytes, one comes late while 2 are given up", bounded(3, 2), Size::kLarge,
        [](Explorer& world) { keep_body(world, 2, 2, true); });
    add_small("publisher publishes and leaves, 1 look", [](Explorer& world) {
      std::uint64_t handled = 0;
      leave_body(
          world, [&handled](const Number&) { ++handled; }, handled, 1);
    });
    add_small("request answered, then no longer served",
              [](Explorer& world) { answered_before_body(world, After::kNoLongerServed); });
    add("request answered, then the replier goes", complete, Size::kQuick,
        [](Explorer& world) { answered_before_body(world, After::kReplierGoes); });
    add("request answered, then another replier", complete, Size::kQuick,
        [](Explorer& world) { answered_before_body(world, After::kReplierIsReplaced); });
    add("request answered, then stop", complete, Size::kQuick,
        [](Explorer& world) { answered_before_body(world, After::kBusStops); });
    add("stop against publish, 2 messages", bounded(2, 1), Size::kLarge,
        [](Explorer& world) { stop_body(world, 2, false); });
    add("stop against publish that waits, 2 messages, capacity 1", bounded(2, 1), Size::kLarge,
        [](Explorer& world) { stop_body(world, 2, true); });
    add("1 request and its answer", bounded(2, 1), Size::kLarge,
        [](Explorer& world) { request_body(world, 1); });
    add("2 requests and their answers", bounded(2, 1), Size::kLarge,
        [](Explorer& world) { request_body(world, 2); });
    add("request given up, then another", bounded(2, 1), Size::kLarge,
        [](Explorer& world) { late_answer_body(world, kService, false); });
    add("request given up, then another, 1 at a time", bounded(2, 1), Size::kLarge,
        [](Explorer& world) { late_answer_body(world, kOneByOne, false); });
    auto passing = bounded(2, 1);
    passing.time_jumps = 1;
    add("request out of time, then another", passing, Size::kLarge,
        [](Explorer& world) { late_answer_body(world, kService, true); });
    add("request out of time, then another, 1 at a time", passing, Size::kLarge,
        [](Explorer& world) { late_answer_body(world, kOneByOne, true); });
    add("replier goes while a request is under way", bounded(2, 1), Size::kLarge,
        [](Explorer& world) { replier_gone_body(world); });
  }
  return models;
}

}  // namespace ringway::model
