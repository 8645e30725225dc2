// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// `Bus` and `Dispatcher`: what a program makes first; everything else comes from them.
///
///   ringway::Bus bus;
///   ringway::Dispatcher feed{bus, {.name = "feed", .cpu = 1}};
///   auto subscription = feed.subscribe(kTrades, [](const Trade& trade) { ... });   // live on
///                                                                                  return
///   auto trades = bus.publisher(kTrades);
///   trades.publish({.id = 1, .price = 101.25, .quantity = 100});
///
/// The try_ forms return absl::StatusOr with a message that says what to do; the short forms stop
/// the program with it.
///
/// *Order of stopping.* stop(): nothing new is bound or published; what was accepted is delivered,
/// until the deadline; the dispatchers' threads end; the report says what was left and who was in
/// the way. Handles may outlive the bus.

#include <algorithm>
#include <chrono>
#include <concepts>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "ringway/bus/byte_publisher.hpp"
#include "ringway/bus/byte_subscription.hpp"
#include "ringway/bus/dispatcher.hpp"
#include "ringway/bus/publisher.hpp"
#include "ringway/bus/requester.hpp"
#include "ringway/bus/shareable.hpp"
#include "ringway/bus/topic_subscription.hpp"

namespace ringway {

struct StopOptions {
  std::chrono::nanoseconds drain =
      std::chrono::seconds(1);  ///< how long accepted messages may take
};

struct StopReport {
  bool drained = true;  ///< every accepted message was handled
  std::uint64_t left =
      0;  ///< messages that reached no handler, of the dispatchers that ended in time
  /// Dispatchers whose thread had not ended by the deadline, and what they were doing: "alarm (in
  /// md.trades)".
  std::vector<std::string> in_the_way;
};

struct BusOptions {
  /// Told of every exception that a handler throws, and of lanes that can not be read (LaneError);
  /// one line on standard error if empty.
  ErrorHandler on_error = print_error;
};

/// Stops the program with the status's message if there is no value: for `main` and tests.
template <class T>
T value_or_stop(absl::StatusOr<T> result) {
  if (!result.ok()) stop_with_message(std::string(result.status().message()).c_str());
  return *std::move(result);
}

/// An inline subscription; see bus/inline_audience.hpp. Ends when it is destroyed.
class InlineSubscription {
 public:
  InlineSubscription(InlineSubscription&&) noexcept = default;
  InlineSubscription& operator=(InlineSubscription&&) = delete;
  ~InlineSubscription() { end(); }

  /// No handler of this subscription runs once this has returned, but for one that this is called
  /// from. Two handlers on two threads that end each other's subscriptions do not wait for each
  /// other: one of the calls returns although the other handler is still in its own end().
  void end() {
    if (remove_) std::exchange(remove_, nullptr)();
  }

 private:
  template <Home>
  friend class BasicBus;
  explicit InlineSubscription(std::function<void()> remove) : remove_(std::move(remove)) {}

  std::function<void()> remove_;
};

template <Home H>
using SubscriptionOf = SubscriptionCore<typename H::Memory>;

template <Home H>
class BasicBus {
  using Core = BusCore<H>;

 public:
  using HomeType = H;

  /// A bus between the threads of this process; stops the program if there is no memory for it.
  explicit BasicBus(BusOptions options = {}) requires std::same_as<H, HeapHome>
      : BasicBus(value_or_stop(make(value_or_stop(HeapHome::create()), std::move(options)))) {}

  /// A bus in a new home.
  [[nodiscard]] static absl::StatusOr<BasicBus> make(H home, BusOptions options = {}) {
    if (auto status = Core::DirectoryType::format(home.block()); !status.ok()) return status;
    return join(std::move(home), std::move(options));
  }
  /// A further bus object on a home's block that another one has made.
  [[nodiscard]] static absl::StatusOr<BasicBus> join(H home, BusOptions options = {}) {
    auto directory = Core::DirectoryType::join(home.block());
    if (!directory.ok()) return directory.status();
    if (!options.on_error) options.on_error = print_error;
    return BasicBus(
        std::make_shared<Core>(std::move(home), *directory, std::move(options.on_error)));
  }

  BasicBus(BasicBus&&) noexcept = default;
  BasicBus& operator=(BasicBus&&) = delete;
  ~BasicBus() = default;

  /// The writing end of a topic: a lane of its own. Any thread; the publisher is for one thread.
  template <class T>
  [[nodiscard]] absl::StatusOr<Publisher<T, H>> try_publisher(const Topic<T>& topic) {
    check_element<T>();
    check_shareable<T, H>();
    if (auto status = names::check(topic.name, false); !status.ok()) return status;
    auto lane = LanePublisher<T, H>::make(core_, LaneKind::kTopic, topic.name, {type_identity<T>()},
                                          topic.options);
    if (!lane.ok()) return lane.status();
    return Publisher<T, H>(*std::move(lane));
  }
  template <class T>
  [[nodiscard]] Publisher<T, H> publisher(const Topic<T>& topic) {
    return value_or_stop(try_publisher(topic));
  }

  /// The writing end of one topic of bytes.
  [[nodiscard]] absl::StatusOr<BytePublisher<H>> try_publisher(const ByteTopic& topic) {
    if (auto status = names::check(topic.name, false); !status.ok()) return status;
    if (auto status = check_byte_options(topic); !status.ok()) return status;
    auto lane = LanePublisher<Bytes, H>::make(core_, LaneKind::kTopic, topic.name,
                                              {byte_identity(topic.options.encoding)},
                                              lane_options(topic.options));
    if (!lane.ok()) return lane.status();
    std::optional<LaneKeeper<H>> keeper;
    if (topic.options.retain) {
      auto made = LaneKeeper<H>::make(*core_, lane->lane());
      if (!made) {
        return absl::ResourceExhaustedError(absl::StrCat(
            "no place in the lane of \"", to_absl(topic.name), "\" to retain messages from: ",
            describe(made.error()), " (ByteTopicOptions::max_readers)"));
      }
      keeper.emplace(*std::move(made));
    }
    return BytePublisher<H>(*std::move(lane), topic.options.largest, std::move(keeper));
  }
  [[nodiscard]] BytePublisher<H> publisher(const ByteTopic& topic) {
    return value_or_stop(try_publisher(topic));
  }

  /// One writing end for all topics that the topic's name, a pattern, covers.
  template <class T>
  [[nodiscard]] absl::StatusOr<FamilyPublisher<T, H>> try_family_publisher(const Topic<T>& family) {
    check_element<T>();
    check_shareable<T, H>();
    if (auto status = names::check(family.name, true); !status.ok()) return status;
    if (!names::is_pattern(family.name)) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", to_absl(family.name),
                       "\" is one topic, not a family; use publisher(), or a pattern"));
    }
    auto lane = LanePublisher<Numbered<T>, H>::make(core_, LaneKind::kFamily, family.name,
                                                    {type_identity<T>()}, family.options);
    if (!lane.ok()) return lane.status();
    return FamilyPublisher<T, H>(*std::move(lane));
  }
  template <class T>
  [[nodiscard]] FamilyPublisher<T, H> family_publisher(const Topic<T>& family) {
    return value_or_stop(try_family_publisher(family));
  }

  /// The asking end of a service.
  template <class Reply, class Request>
  [[nodiscard]] absl::StatusOr<Requester<Reply(Request), H>> try_requester(
      const Service<Reply(Request)>& service, const RequesterOptions& options = {}) {
    check_shareable<Reply, H>();
    check_shareable<Request, H>();
    auto core = RequesterCore<Reply, Request, H>::make(core_, service, options);
    if (!core.ok()) return core.status();
    return Requester<Reply(Request), H>(*std::move(core));
  }
  template <class Reply, class Request>
  [[nodiscard]] Requester<Reply(Request), H> requester(const Service<Reply(Request)>& service,
                                                       const RequesterOptions& options = {}) {
    return value_or_stop(try_requester(service, options));
  }

  /// A handler that runs on the publisher's thread, inside publish(), for publishers of this
  /// process. It begins with the next message: what was published before is not this call's.
  template <class T, MessageHandler<T> Handler>
  [[nodiscard]] absl::StatusOr<InlineSubscription> try_subscribe_inline(const Topic<T>& topic,
                                                                        Handler handler) {
    if (auto status = names::check(topic.name, true); !status.ok()) return status;
    if (!names::is_pattern(topic.name)) {
      auto lock = core_->lock();
      auto declared = core_->directory().bind_name(topic.name, {type_identity<T>()});
      if (!declared.ok()) return declared.status();
    }
    struct Target {
      Handler handler;
      std::string pattern;
      Core* core;  // whoever calls has a publisher of it
    };
    const auto call = [](void* to, const void* message, const InlineContext& context) noexcept {
      auto& target = *static_cast<Target*>(to);
      try {
        call_handler(target.handler, *static_cast<const T*>(message),
                     MessageInfo{context.topic, context.sequence, 0});
      } catch (...) {
        target.core->report_error(target.pattern, std::current_exception());
      }
    };
    auto subscriber = std::make_shared<InlineSubscriber<typename H::Memory>>(
        std::string(topic.name), type_identity<T>(), call,
        std::make_shared<Target>(Target{std::move(handler), std::string(topic.name), core_.get()}));
    core_->inlines.add(subscriber);
    return InlineSubscription(
        [core = core_, subscriber = std::move(subscriber)] { core->inlines.remove(subscriber); });
  }
  template <class T, MessageHandler<T> Handler>
  [[nodiscard]] InlineSubscription subscribe_inline(const Topic<T>& topic, Handler handler) {
    return value_or_stop(try_subscribe_inline(topic, std::move(handler)));
  }

  template <class Handler>
  InlineSubscription subscribe_inline(const ByteTopic&, Handler) {
    static_assert(sizeof(Handler) == 0,
                  "Ringway: a topic of bytes has no inline subscribers; subscribe with a "
                  "Dispatcher");
    return InlineSubscription(nullptr);
  }

  /// Ends the bus: see "Order of stopping". Returns by the deadline, plus the time of a context
  /// switch. Idempotent. \pre not called from a handler
  StopReport stop(const StopOptions& options = {}) {
    const auto deadline = Deadline::after(options.drain);
    close_lanes();
    StopReport report;
    const std::scoped_lock lock(core_->local_lock);
    for (auto* dispatcher : core_->dispatchers) dispatcher->request_stop(true);
    for (auto* dispatcher : core_->dispatchers) {
      if (dispatcher->wait_stopped(deadline)) continue;
      dispatcher->request_stop(false);
      if (dispatcher->wait_stopped(Deadline::after(std::chrono::milliseconds(10)))) continue;
      const auto handler = dispatcher->running_handler();
      report.in_the_way.push_back(dispatcher->name() +
                                  (handler.empty() ? "" : " (in " + handler + ")"));
      report.drained = false;
    }
    for (auto* dispatcher : core_->dispatchers) {
      if (dispatcher->wait_stopped(Deadline::after(std::chrono::nanoseconds(0)))) {
        report.left += dispatcher->left();
      }
    }
    report.drained = report.drained && report.left == 0;
    return report;
  }

  /// Lanes in use, for tests and tools. Takes the directory lock.
  [[nodiscard]] std::size_t lanes() {
    auto lock = core_->lock();
    std::size_t count = 0;
    for (std::uint32_t i = 0; i < core_->directory().lanes_used(); ++i) {
      count += core_->directory().lane(i).used != 0 ? 1 : 0;
    }
    return count;
  }

  [[nodiscard]] const std::shared_ptr<Core>& core() const noexcept { return core_; }

 private:
  explicit BasicBus(std::shared_ptr<Core> core) noexcept : core_(std::move(core)) {}

  void close_lanes() {
    auto lock = core_->lock();
    auto& directory = core_->directory();
    core_->set_stopping();
    for (std::uint32_t i = 0; i < directory.lanes_used(); ++i) {
      auto& lane = directory.lane(i);
      // answers still go out; nobody asks any more
      if (lane.used == 0 || lane.kind == LaneKind::kReply) continue;
      if (lane.publisher != core_->participant()) continue;  // another process's
      lane.close();
      lane.room.notify_all();
      if (lane.kind == LaneKind::kRequest) core_->signal(lane.owner, i);
    }
  }

  std::shared_ptr<Core> core_;
};

/// A thread that runs handlers; see bus/dispatcher.hpp. Its destruction ends the thread after the
/// handler that is running.
template <Home H = HeapHome>
class Dispatcher {
  using Core = DispatcherCore<H>;

 public:
  /// Stops the program with a message if the thread can not be had as asked for.
  explicit Dispatcher(BasicBus<H>& bus, DispatcherOptions options = {})
      : Dispatcher(value_or_stop(Core::start(bus.core(), std::move(options)))) {}

  [[nodiscard]] static absl::StatusOr<Dispatcher> make(BasicBus<H>& bus,
                                                       DispatcherOptions options = {}) {
    auto core = Core::start(bus.core(), std::move(options));
    if (!core.ok()) return core.status();
    return Dispatcher(*std::move(core));
  }

  Dispatcher(Dispatcher&&) noexcept = default;
  Dispatcher& operator=(Dispatcher&&) = delete;
  /// What its subscriptions had not handled counts as undelivered. \pre not one of its handlers'
  /// threads
  ~Dispatcher() {
    if (core_ != nullptr) core_->shut_down();
  }

  /// Runs `handler(const T&)` or `handler(const T&, const MessageInfo&)` for every message of the
  /// topic, or of all topics of this type that a pattern covers. Every message whose publishing
  /// begins after this returns is handled; before them, if options.start asks for it, what the
  /// lanes still hold. Subscribers share the message: none may change it, not by a `mutable` member
  /// either. Any thread.
  template <class T, MessageHandler<T> Handler>
  [[nodiscard]] absl::StatusOr<Subscription> try_subscribe(const Topic<T>& topic, Handler handler,
                                                           const SubscribeOptions& options = {}) {
    check_shareable<T, H>();
    const auto make = [&](std::uint32_t record) {
      return std::make_shared<TopicSubscription<T, Handler, H>>(
          core_->bus(), std::string(topic.name), record, core_->endpoint(), options,
          std::move(handler));
    };
    auto core = bind(topic.name, {type_identity<T>()}, options, make);
    if (!core.ok()) return core.status();
    return Subscription(*std::move(core), core_);
  }
  template <class T, MessageHandler<T> Handler>
  [[nodiscard]] Subscription subscribe(const Topic<T>& topic, Handler handler,
                                       const SubscribeOptions& options = {}) {
    return value_or_stop(try_subscribe(topic, std::move(handler), options));
  }

  /// The same for a topic of bytes, or all topics of this encoding that a pattern covers:
  /// `handler(std::span<const std::byte>)`, or with a MessageInfo behind it. The bytes are the
  /// lane's until the handler returns; between processes they may change if their publisher is
  /// hostile: copy them before you check them.
  // A template, so that the handlers of typed topics are not tried with bytes.
  template <std::same_as<ByteTopic> Given, class Handler>
  requires MessageHandler<Handler, std::span<const std::byte>>
  [[nodiscard]] absl::StatusOr<Subscription> try_subscribe(const Given& topic, Handler handler,
                                                           const SubscribeOptions& options = {}) {
    if (auto status = check_byte_options(topic); !status.ok()) return status;
    if (auto status = check_byte_subscription(topic, options); !status.ok()) return status;
    const auto make = [&](std::uint32_t record) {
      return std::make_shared<ByteSubscription<Handler, H>>(core_->bus(), std::string(topic.name),
                                                            record, core_->endpoint(),
                                                            options.start, std::move(handler));
    };
    auto core = bind(topic.name, {byte_identity(topic.options.encoding)}, options, make);
    if (!core.ok()) return core.status();
    return Subscription(*std::move(core), core_);
  }
  template <std::same_as<ByteTopic> Given, class Handler>
  requires MessageHandler<Handler, std::span<const std::byte>>
  [[nodiscard]] Subscription subscribe(const Given& topic, Handler handler,
                                       const SubscribeOptions& options = {}) {
    return value_or_stop(try_subscribe(topic, std::move(handler), options));
  }

  /// Answers requests of a service by `Reply handler(const Request&)`. One replier serves a name.
  /// Any thread.
  template <class Reply, class Request, class Handler>
  [[nodiscard]] absl::StatusOr<Replier> try_reply(const Service<Reply(Request)>& service,
                                                  Handler handler) {
    check_shareable<Reply, H>();
    check_shareable<Request, H>();
    if (auto status = names::check(service.name, false); !status.ok()) return status;
    const auto make = [&](std::uint32_t record) {
      return std::make_shared<ReplySubscription<Reply, Request, Handler, H>>(
          core_->bus(), std::string(service.name), record, core_->endpoint(), std::move(handler));
    };
    auto core = bind(service.name, {service_identity<Reply, Request>(), true}, {}, make);
    if (!core.ok()) return core.status();
    return Replier(*std::move(core), core_);
  }
  template <class Reply, class Request, class Handler>
  [[nodiscard]] Replier reply(const Service<Reply(Request)>& service, Handler handler) {
    return value_or_stop(try_reply(service, std::move(handler)));
  }

  [[nodiscard]] const std::string& name() const noexcept { return core_->name(); }
  /// How often the thread really slept. Any thread.
  [[nodiscard]] std::uint64_t parks() const noexcept { return core_->parks(); }

 private:
  explicit Dispatcher(std::shared_ptr<Core> core) noexcept : core_(std::move(core)) {}

  /// A record in the directory, cursors in all lanes that are there, and the dispatcher told of it.
  /// \param make of the record's index
  absl::StatusOr<std::shared_ptr<SubscriptionOf<H>>> bind(
      std::string_view name, const NameKind& kind, const SubscribeOptions& options,
      absl::FunctionRef<std::shared_ptr<SubscriptionOf<H>>(std::uint32_t)> make) {
    if (auto status = names::check(name, true); !status.ok()) return status;
    auto& bus = *core_->bus();
    auto& directory = bus.directory();
    std::shared_ptr<SubscriptionOf<H>> core;
    absl::Status status;
    {
      auto lock = bus.lock();
      if (auto binding = bus.check_binding(); !binding.ok()) return binding;
      if (!names::is_pattern(name)) {
        auto declared = directory.bind_name(name, kind);
        if (!declared.ok()) return declared.status();
        if (!kind.service) status = directory.check_subscriber(name, kind.type);
        if (!status.ok()) return status;
      }
      if (kind.service && served(name)) {
        return absl::AlreadyExistsError(
            absl::StrCat("\"", to_absl(name), "\" has a replier already; end that one first"));
      }
      auto record = directory.new_subscription(name, kind, core_->endpoint(), options.lossy);
      if (!record.ok()) return record.status();
      core = make(*record);
      const auto deadline = Deadline::after(kPatience);
      for (std::uint32_t i = 1; i < directory.lanes_used() && status.ok();) {
        const auto& subscription = directory.subscription(*record);
        status = absl::OkStatus();
        if (directory.wants(subscription, directory.lane(i)) && offers(i, options.start) &&
            !is_bound(directory.lane(i), *record)) {
          status = core->join(i);
        }
        if (absl::IsResourceExhausted(status) && others_leave(subscription) && !deadline.passed()) {
          lock.unlock();
          H::Memory::yield();
          lock.lock();
          status = absl::OkStatus();
        } else {
          ++i;
        }
      }
    }
    core_->add(core);
    if (!status.ok()) {
      core_->remove(core);
      return status;
    }
    return core;
  }
  /// True if the lane may have something for a subscription that begins there. One that is closed
  /// has its past, until it is given back.
  [[nodiscard]] bool offers(std::uint32_t lane, Start start) const {
    const auto& directory = core_->bus()->directory();
    return start == Start::kNext ? !directory.lane(lane).closed() : directory.is_held(lane);
  }
  /// True if the lane, made a moment ago, has reserved a reader's place for the subscription.
  [[nodiscard]] static bool is_bound(const LaneRecord<typename H::Memory>& lane,
                                     std::uint32_t record) noexcept {
    const auto& bound = lane.bound;
    return std::find(std::begin(bound), std::end(bound), record + 1) != std::end(bound);
  }
  /// True if ended subscriptions of such names still have places, which their dispatchers will give
  /// back shortly. Under the directory lock.
  [[nodiscard]] bool others_leave(const SubscriptionRecord& subscription) const {
    auto& directory = core_->bus()->directory();
    for (std::uint32_t i = 0; i < directory.subscriptions_used(); ++i) {
      const auto& other = directory.subscription(i);
      if (other.used == 0 || other.ended == 0 || other.service != subscription.service) continue;
      const bool ours = running_dispatcher.bus == core_->bus().get() &&
                        running_dispatcher.endpoint == other.endpoint;  // waits for this very call
      if (!ours && names::overlap(other.pattern.view(), subscription.pattern.view())) return true;
    }
    return false;
  }
  [[nodiscard]] bool served(std::string_view name) const {
    auto& directory = core_->bus()->directory();
    for (std::uint32_t i = 0; i < directory.subscriptions_used(); ++i) {
      const auto& other = directory.subscription(i);
      if (other.used == 0 || other.ended != 0 || other.service == 0) continue;
      if (other.pattern.view() == name) return true;
    }
    return false;
  }

  /// How long subscribing waits for places that ended subscriptions still hold.
  static constexpr std::chrono::milliseconds kPatience{1000};

  std::shared_ptr<Core> core_;
};

template <Home H>
Dispatcher(BasicBus<H>&, DispatcherOptions) -> Dispatcher<H>;
template <Home H>
Dispatcher(BasicBus<H>&) -> Dispatcher<H>;

/// The bus between threads of one process.
using Bus = BasicBus<HeapHome>;

}  // namespace ringway
