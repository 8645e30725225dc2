// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// `Publisher<T>` and `FamilyPublisher<T>`: the writing end of a lane.
///
/// *What.* Each publisher owns a lane, a single-writer broadcast ring; publishing writes one slot,
/// however many dispatchers read it (with inline subscribers alone: none). A family publisher
/// carries many topics of one type in one lane: one order across them, and memory that does not
/// grow with the number of names. One thread at a time per publisher; make one for each thread.
///
/// *Progress.* try_publish is wait-free but for inline handlers and for waking readers that sleep.
/// publish waits while the slowest reliable reader is `capacity` behind, until there is room, the
/// deadline passes or the bus stops.
///
/// *Synchronisation.* What the publisher did before publish happens before what a handler of the
/// message does ("published" in ring/line.hpp); "lane closed" is in bus/directory.hpp.

#include <bit>
#include <cassert>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include "absl/status/statusor.h"
#include "ringway/bus/bus_core.hpp"
#include "ringway/wait/wait_strategy.hpp"

namespace ringway {

enum class PublishStatus : unsigned char {
  kPublished,
  kFull,           ///< the slowest reliable reader is `capacity` behind
  kClosed,         ///< the bus has stopped
  kTimedOut,       ///< still full at the deadline
  kWouldDeadlock,  ///< full, and the reader that holds the lane back is the thread that publishes
  kTooLarge,       ///< byte topics: more bytes than ByteTopicOptions::largest
};

/// The writing end of one lane of elements `E` (messages, or messages with a topic number). Not for
/// users.
template <class E, Home H>
class LanePublisher {
  using Core = BusCore<H>;
  using Memory = typename H::Memory;
  using Rings = LaneRings<E, Memory>;
  using Options = typename Rings::Options;
  using ReliableProducer = typename Rings::Reliable::Producer;
  using LossyProducer = typename Rings::Lossy::Producer;

 public:
  using AnyClaim =
      std::variant<std::monostate, typename Rings::Reliable::Claim, typename Rings::Lossy::Claim>;

  /// Makes the lane and binds every earlier subscription that wants it. Takes the directory lock.
  /// \param owner of a lane of requests: the endpoint to signal about answers
  static absl::StatusOr<LanePublisher> make(std::shared_ptr<Core> core, LaneKind kind,
                                            std::string_view name, const NameKind& what,
                                            const Options& options, std::uint32_t owner = 0) {
    std::vector<std::uint32_t> bound;
    auto lock = core->lock();
    auto& directory = core->directory();
    if (auto status = core->check_binding(); !status.ok()) return status;
    auto topic = directory.bind_name(name, what);
    if (!topic.ok()) return topic.status();
    if (kind == LaneKind::kTopic) {
      if (auto status = directory.check_publisher(name, what.type); !status.ok()) return status;
    }
    auto type = directory.keep_type(what.type);
    if (!type.ok()) return type.status();
    auto made = open(std::move(core), kind, *topic, options);
    if (!made.ok()) return made;
    made->lane().type = *type;
    made->lane().owner = owner;
    directory.begin_binding(made->index_);
    for (std::uint32_t i = 0; i < directory.subscriptions_used(); ++i) {
      const auto& subscriber = directory.subscription(i);
      if (!directory.wants(subscriber, made->lane())) continue;
      auto gate = made->bind(subscriber.lossy != 0, subscriber.endpoint);
      if (!gate) {
        directory.end_binding(made->index_);
        lock.unlock();
        return absl::ResourceExhaustedError(
            absl::StrCat("\"", to_absl(name), "\" has more subscriptions than max_readers (",
                         options.max_readers, "); raise ", Rings::kMaxReadersOption));
      }
      directory.endpoint(subscriber.endpoint).reserve();
      made->lane().bound[*gate] = i + 1;
      made->lane().replier = i + 1;
      made->lane().set_served(true);
      bound.push_back(subscriber.endpoint);
    }
    directory.end_binding(made->index_);
    lock.unlock();
    for (const auto endpoint : bound) made->core_->signal(endpoint, made->index_);
    return made;
  }

  /// Makes a lane that nobody reads yet. Under the directory lock.
  static absl::StatusOr<LanePublisher> open(std::shared_ptr<Core> core, LaneKind kind,
                                            std::uint32_t topic, const Options& options) {
    auto& directory = core->directory();
    const auto name = to_absl(directory.topic(topic).name.view());
    if (options.admits_lossy && !Rings::kCanBeLossy) {
      return absl::InvalidArgumentError(absl::StrCat(
          "\"", name, "\" admits lossy readers, but ",
          to_absl(directory.topic(topic).type_name.view()),
          " is not trivially copyable; set admits_lossy to false, or publish a plain struct"));
    }
    if (options.observer_lag_limit.count() < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", name, "\": a limit of ", options.observer_lag_limit.count(),
                       " ns can not be kept; 0 waits for no observer (observer_lag_limit)"));
    }
    const auto refuse = [name](SetupError error) {
      return absl::InvalidArgumentError(
          absl::StrCat("no lane for \"", name, "\": ", describe(error)));
    };
    if constexpr (OwnerHome<H>) {
      if (core->home().own_segment() != 0) {
        return open_apart(std::move(core), kind, topic, options, refuse);
      }
    }
    const auto ring_options = Rings::ring_options(options, Platform<Memory>::kLaneStart);
    auto bytes = Rings::Reliable::footprint(ring_options);
    if constexpr (Rings::kCanBeLossy) {
      if (options.admits_lossy) bytes = Rings::Lossy::footprint(ring_options);
    }
    if (!bytes) return refuse(bytes.error());
    auto index = directory.new_lane(kind, topic, options.admits_lossy, *bytes, core->participant());
    if (!index.ok()) return index.status();
    auto& lane = directory.lane(*index);
    typename LaneAccess<H>::Finder finder{};
    auto producer = format(options.admits_lossy, finder, directory.ring_memory(lane), ring_options);
    if (!producer) {
      directory.free_lane(*index);
      return refuse(producer.error());
    }
    lane.retains = options.retain ? 1 : 0;
    directory.hold(*index, core->participant());
    return LanePublisher(std::move(core), *index, std::move(finder), *std::move(producer));
  }
  /// The same with the ring in memory that this process alone writes.
  template <class Refuse>
  static absl::StatusOr<LanePublisher> open_apart(std::shared_ptr<Core> core, LaneKind kind,
                                                  std::uint32_t topic, const Options& options,
                                                  const Refuse& refuse) requires OwnerHome<H> {
    auto& directory = core->directory();
    const auto own = core->home().own_memory();
    const bool lossy = options.admits_lossy;
    const auto ring_options = Rings::ring_options(options, Platform<Memory>::kLaneStart);
    auto parts = Rings::Reliable::parts(ring_options);
    if constexpr (Rings::kCanBeLossy) {
      if (lossy) parts = Rings::Lossy::parts(ring_options);
    }
    if (!parts) return refuse(parts.error());
    const bool watched = options.observer_lag_limit.count() != 0;
    const auto ring_bytes = watched ? round_up(parts->block, kOwnerSpacing) : parts->block;
    auto piece = directory.find_room(core->home().own_segment(), own, H::kFirstLane,
                                     ring_bytes + (watched ? H::kObserverAnswers : 0));
    if (!piece.ok()) return piece.status();
    piece->watched = watched;  // observers may see the lane before it is laid out
    auto index =
        directory.new_lane(kind, topic, lossy, parts->audience, core->participant(), *piece);
    if (!index.ok()) return index.status();
    auto finder = core->home().make_finder();
    auto& lane = directory.lane(*index);
    auto producer = format(lossy, finder, own.subspan(piece->offset, ring_bytes),
                           directory.ring_memory(lane), ring_options);
    if (!producer) {
      directory.free_lane(*index);
      return refuse(producer.error());
    }
    if (watched) {
      finder->admit_observers(own.subspan(piece->offset + ring_bytes, H::kObserverAnswers), *index,
                              lane.lives, options.observer_lag_limit,
                              Rings::longest_claim(options));
    }
    lane.retains = options.retain ? 1 : 0;
    directory.hold(*index, core->participant());
    return LanePublisher(std::move(core), *index, std::move(finder), *std::move(producer));
  }

  /// A gate for a reader that will pick it up. Under the directory lock.
  Result<std::size_t, SetupError> bind(bool lossy, std::uint32_t endpoint) {
    auto& directory = core_->directory();
    const auto reader = directory.participant_of(endpoint);
    directory.hold(index_, reader);  // first: a place without a hold would be nobody's
    auto gate = reserve(lossy);
    if (!gate) {
      directory.let_go(index_, reader);
      return gate;
    }
    visit([&gate, endpoint](auto& producer) {
      // relaxed: the reader's first request for a signal publishes it
      producer.gate(*gate).address.store(endpoint, std::memory_order_relaxed);
    });
    if constexpr (OwnerHome<H>) {
      if (finder_ != nullptr) finder_->expect(*gate, core_->home().segment_of(reader));
    }
    return gate;
  }

  LanePublisher(LanePublisher&& other) noexcept
      : core_(std::move(other.core_)),
        record_(other.record_),
        index_(other.index_),
        finder_(std::move(other.finder_)),
        producer_(std::move(other.producer_)) {}
  LanePublisher& operator=(LanePublisher&&) = delete;
  /// Closes the lane; its readers still get what is in it.
  ~LanePublisher() {
    if (core_ == nullptr) return;
    producer_.template emplace<std::monostate>();  // gives the role back, saves the position
    auto& directory = core_->directory();
    auto lock = core_->lock();
    auto& lane = directory.lane(index_);
    lane.leave();
    for (std::uint32_t i = 0; i < directory.subscriptions_used(); ++i) {
      const auto& subscriber = directory.subscription(i);
      if (directory.wants(subscriber, lane)) core_->signal(subscriber.endpoint, index_);
    }
    core_->template release_lane<E>(index_, lock);
  }

  /// `push(producer)` pushes into whichever ring the lane is. One producer thread.
  template <class Push>
  [[nodiscard, gnu::always_inline]] PublishStatus try_push(Push&& push) {
    if (lane().closed()) [[unlikely]] {
      return PublishStatus::kClosed;
    }
    if (auto* reliable = std::get_if<ReliableProducer>(&producer_)) [[likely]] {
      return finish(*reliable, push(*reliable));
    }
    if constexpr (Rings::kCanBeLossy) {
      auto& lossy = std::get<LossyProducer>(producer_);
      return finish(lossy, push(lossy));
    }
    return PublishStatus::kClosed;
  }

  /// The next message takes no place in the ring. \return its sequence
  [[gnu::always_inline]] Sequence skip() noexcept { return position() + record_->skip(); }

  template <class... Args>
  [[nodiscard]] AnyClaim try_claim(Args&&... args) {
    if (lane().closed()) return {};
    AnyClaim none;
    if (auto* reliable = std::get_if<ReliableProducer>(&producer_)) {
      auto claim = reliable->try_claim(std::forward<Args>(args)...);
      return claim ? AnyClaim(std::move(claim)) : std::move(none);
    }
    if constexpr (Rings::kCanBeLossy) {
      auto claim = std::get<LossyProducer>(producer_).try_claim(std::forward<Args>(args)...);
      return claim ? AnyClaim(std::move(claim)) : std::move(none);
    }
    return none;
  }
  /// \param size of a message of bytes that came out shorter \pre the claim is not empty
  template <class... Size>
  void commit(AnyClaim& claim, Size... size) {
    std::visit(
        [size...](auto& ring_claim) {
          if constexpr (requires { ring_claim.commit(size...); }) ring_claim.commit(size...);
        },
        claim);
    visit([this](auto& producer) { this->finish(producer, true); });
  }

  /// Repeats `attempt()` while it says full, until the deadline or until waiting would be for
  /// ourselves.
  template <class Attempt>
  [[nodiscard]] PublishStatus wait_for_room(Attempt&& attempt, Deadline deadline) {
    return wait_for_room(std::forward<Attempt>(attempt), deadline, capacity());
  }
  /// \param behind so far behind is a reader that leaves no room
  template <class Attempt>
  [[nodiscard]] PublishStatus wait_for_room(Attempt&& attempt, Deadline deadline,
                                            std::size_t behind) {
    if (waits_for_this_thread(behind)) return PublishStatus::kWouldDeadlock;
    PublishStatus status = PublishStatus::kFull;
    while (true) {
      const bool answered = await<typename Platform<Memory>::Wait, Memory>(
          lane().room,
          [&] {
            status = attempt();
            return status != PublishStatus::kFull;
          },
          nap(deadline));
      if (answered) return status;
      if (deadline.passed()) return PublishStatus::kTimedOut;
      core_->look_after_others();  // the reader that holds the lane back may have died
    }
  }

  /// Of the next message.
  [[nodiscard]] Sequence sequence() const noexcept { return position() + record_->skipped(); }
  /// The element published last, if the lane holds it in place. \pre a reliable lane
  [[nodiscard]] const E& last() const noexcept {
    return std::get<ReliableProducer>(producer_).last();
  }
  [[nodiscard]] bool in_place() const noexcept {
    return std::holds_alternative<ReliableProducer>(producer_);
  }
  [[nodiscard]] std::size_t capacity() const noexcept {
    if (auto* reliable = std::get_if<ReliableProducer>(&producer_)) return reliable->capacity();
    if constexpr (Rings::kCanBeLossy) return std::get<LossyProducer>(producer_).capacity();
    return 0;
  }

  /// True if a reliable reader that is at least `behind` messages behind belongs to the dispatcher
  /// that runs on this thread.
  [[nodiscard]] bool waits_for_this_thread(std::size_t behind) {
    if (running_dispatcher.bus != core_.get()) return false;
    bool ours = false;
    visit([&ours, behind, this](auto& producer) {
      for (std::size_t i = 0; i < producer.max_cursors() && !ours; ++i) {
        auto& gate = producer.gate(i);
        // relaxed: what matters here was written by this very thread, or before it was given the
        // cursor
        ours = gate.state.load(std::memory_order_relaxed) == Gate<Memory>::kReliable &&
               gate.address.load(std::memory_order_relaxed) ==  // relaxed: likewise
                   running_dispatcher.endpoint &&
               position() - producer.reader_position(i) >= behind;
      }
    });
    return ours;
  }

  /// The ring's producer, whichever ring it is.
  template <class Visitor>
  void visit(Visitor&& visitor) {
    if (auto* reliable = std::get_if<ReliableProducer>(&producer_)) return visitor(*reliable);
    if constexpr (Rings::kCanBeLossy) visitor(std::get<LossyProducer>(producer_));
  }

  [[nodiscard]] Core& core() const noexcept { return *core_; }
  [[nodiscard]] const std::shared_ptr<Core>& shared_core() const noexcept { return core_; }
  [[nodiscard]] std::uint32_t index() const noexcept { return index_; }
  [[nodiscard]] LaneRecord<Memory>& lane() const noexcept { return *record_; }

 private:
  using AnyProducer = std::variant<std::monostate, ReliableProducer, LossyProducer>;

  /// How long to sleep until the next look for room. Observers wake nobody.
  [[nodiscard]] Deadline nap(Deadline deadline) const noexcept {
    if constexpr (OwnerHome<H>) {
      constexpr std::chrono::nanoseconds kNap = std::chrono::microseconds(500);
      const auto left_ns = deadline.left_ns();
      const bool longer = left_ns < 0 || left_ns > kNap.count();
      if (longer && finder_ != nullptr && finder_->waits_for_observers()) {
        return Deadline::after(kNap);
      }
    }
    return core_->nap(deadline);
  }
  /// Where the next message that is put into the ring will lie.
  [[nodiscard]] Sequence position() const noexcept {
    if (auto* reliable = std::get_if<ReliableProducer>(&producer_)) return reliable->sequence();
    if constexpr (Rings::kCanBeLossy) return std::get<LossyProducer>(producer_).sequence();
    return 0;
  }

  LanePublisher(std::shared_ptr<Core> core, std::uint32_t index,
                typename LaneAccess<H>::Finder finder, AnyProducer producer) noexcept
      : core_(std::move(core)),
        record_(&core_->directory().lane(index)),
        index_(index),
        finder_(std::move(finder)),
        producer_(std::move(producer)) {}

  /// \param where the ring's memory and options
  template <class... Where>
  static Result<AnyProducer, SetupError> format(bool lossy,
                                                const typename LaneAccess<H>::Finder& finder,
                                                const Where&... where) {
    if constexpr (Rings::kCanBeLossy) {
      if (lossy) return producer_of(Rings::Lossy::format(where...), finder);
    }
    static_cast<void>(lossy);
    return producer_of(Rings::Reliable::format(where...), finder);
  }
  template <class Ring>
  static Result<AnyProducer, SetupError> producer_of(Result<Ring, SetupError> ring,
                                                     const typename LaneAccess<H>::Finder& finder) {
    if (!ring) return Failure{ring.error()};
    ring->hold_elements(false);  // the last handle of the lane destroys them
    auto producer = ring->producer(finder.get());
    if (!producer) return Failure{producer.error()};
    return AnyProducer(*std::move(producer));
  }

  Result<std::size_t, SetupError> reserve(bool lossy) {
    typename Core::Hold hold{};
    if constexpr (Rings::kCanBeLossy) {
      if (lane().lossy != 0) {
        auto ring = core_->template join_ring<typename Rings::Lossy>(lane(), hold);
        if (!ring) return Failure{ring.error()};
        return lossy ? ring->reserve_lossy_cursor() : ring->reserve_cursor();
      }
    }
    static_cast<void>(lossy);  // a lane that admits no lossy readers serves them reliably
    auto ring = core_->template join_ring<typename Rings::Reliable>(lane(), hold);
    if (!ring) return Failure{ring.error()};
    return ring->reserve_cursor();
  }

  template <class Producer>
  [[gnu::always_inline]] PublishStatus finish(Producer& producer, bool pushed) {
    if (!pushed) [[unlikely]] {
      core_->look_after_others();
      return PublishStatus::kFull;
    }
    if (producer.has_signals()) [[unlikely]]
      wake(producer);
    return PublishStatus::kPublished;
  }
  template <class Producer>
  [[gnu::noinline, gnu::cold]] void wake(Producer& producer) {
    for (auto gates = producer.take_signals(); gates != 0; gates &= gates - 1) {
      const auto gate = static_cast<std::size_t>(std::countr_zero(gates));
      // relaxed: set before the request that brought us here
      const auto endpoint = producer.gate(gate).address.load(std::memory_order_relaxed);
      core_->signal(static_cast<std::uint32_t>(endpoint), index_);
    }
  }

  std::shared_ptr<Core> core_;
  LaneRecord<Memory>* record_;
  std::uint32_t index_;
  [[no_unique_address]] typename LaneAccess<H>::Finder finder_;  // of producer_
  AnyProducer producer_;
};

/// What both kinds of publishers do with inline subscribers. Not for users.
template <class E, Home H>
class InlineCaller {
  using Audience = InlineAudience<typename H::Memory>;

 public:
  InlineCaller(LanePublisher<E, H>& lane, std::string_view name, const TypeIdentity& type)
      : core_(&lane.core()),
        audience_(std::make_shared<Audience>(std::string(name), type)),
        outermost_{name, 0} {
    if (audience_->fence_needed()) lane.lane().forbid_short_cut();
    core_->inlines.add_publisher(audience_);
  }
  InlineCaller(InlineCaller&&) noexcept = default;
  InlineCaller& operator=(InlineCaller&&) = delete;
  ~InlineCaller() {
    if (audience_ != nullptr) core_->inlines.remove_publisher(audience_);
  }

  /// True if there is somebody to call, or somebody in the middle of a call.
  [[nodiscard]] bool any() const noexcept { return audience_->any(); }
  /// True inside a call: a handler publishes.
  [[nodiscard]] bool calling() const noexcept { return audience_->calling(); }
  /// True while handlers hold on to an element that the next publication would overwrite.
  [[nodiscard]] bool would_overwrite(const LanePublisher<E, H>& lane) const noexcept {
    return audience_->calling() && lane.in_place() &&
           lane.sequence() - outermost_.sequence >= lane.capacity();
  }

  /// The short way for the publisher of one topic. \pre !calling(), and the lane is calm
  template <class T>
  [[gnu::always_inline]] void call_calmly(const T& message, Sequence sequence) {
    outermost_.sequence = sequence;
    audience_->call_calmly(&message, outermost_);
  }
  /// For the publisher of one topic: whoever is in its list wants it.
  template <class T>
  void call(const T& message, std::string_view topic, Sequence sequence) {
    const InlineContext context{topic, sequence};
    if (!calling()) outermost_ = context;
    audience_->call(&message, context, [](const typename Audience::Entry&) { return true; });
  }
  /// For the publisher of a family: whether a subscriber wants a topic is found out once.
  template <class T>
  void call(const T& message, std::string_view topic, Sequence sequence, std::uint32_t number) {
    const InlineContext context{topic, sequence};
    if (!calling()) outermost_ = context;
    const auto wanted = [&](const typename Audience::Entry& entry) {
      if (entry.subscriber == nullptr) return false;  // of an empty list
      const auto& list = *entry.list;
      if (std::exchange(known_list_, list.number) != list.number) wanted_.clear();
      const auto count = list.subscribers.size();
      // the family's lane keeps its topics: an index is one topic's as long as this lives
      const std::size_t row = BusCore<H>::DirectoryType::index_of(number);
      const auto at = row * count + static_cast<std::size_t>(&entry - list.entries.get());
      if (at >= wanted_.size()) {
        if (row >= core_->directory().sizes().topics) return false;  // corrupt
        wanted_.resize((row + 1) * count, Wanted::kUnknown);
      }
      if (wanted_[at] == Wanted::kUnknown) {
        wanted_[at] = entry.subscriber->wants(topic) ? Wanted::kYes : Wanted::kNo;
      }
      return wanted_[at] == Wanted::kYes;
    };
    audience_->call(&message, context, wanted);
  }

 private:
  enum class Wanted : unsigned char { kUnknown, kYes, kNo };

  BusCore<H>* core_;  // kept alive by the publisher's lane
  std::shared_ptr<Audience> audience_;
  InlineContext outermost_;       // of the message that the outermost handlers look at
  std::uint64_t known_list_ = 0;  // number of the list that wanted_ is about
  std::vector<Wanted> wanted_;    // families: by topic number, then subscriber
};

/// The writing end of one topic. Move-only; one thread at a time.
template <class T, Home H = HeapHome>
class Publisher {
 public:
  class Claim;

  /// \return kPublished, kFull, kClosed. The message is untouched unless published. Wait-free.
  [[nodiscard]] PublishStatus try_publish(
      const T& message) requires std::is_copy_constructible_v<T> {
    return attempt(message);
  }
  [[nodiscard]] PublishStatus try_publish(T&& message) { return attempt(std::move(message)); }

  /// Waits for room. \return kPublished, kClosed, kWouldDeadlock. Blocking.
  [[gnu::always_inline]] PublishStatus publish(
      const T& message) requires std::is_copy_constructible_v<T> {
    return publish_until(message, Deadline::never());
  }
  [[gnu::always_inline]] PublishStatus publish(T&& message) {
    return publish_until(std::move(message), Deadline::never());
  }

  /// publish() with a time limit, which adds kTimedOut. Blocking.
  template <class U, class Rep, class Period>
  PublishStatus publish_for(U&& message, std::chrono::duration<Rep, Period> timeout) {
    return publish_until(std::forward<U>(message), Deadline::after(timeout));
  }
  template <class U>
  [[gnu::always_inline]] PublishStatus publish_until(U&& message, Deadline deadline) {
    const auto status = attempt(std::forward<U>(message));
    if (status != PublishStatus::kFull) [[likely]]
      return status;
    return wait_and_publish(std::forward<U>(message), deadline);
  }

  /// A message constructed in its slot, to be filled in and committed; dropping the claim takes it
  /// back. Without arguments it is default-initialised. Empty if the lane is full or closed.
  /// Wait-free. \pre no other claim of this publisher is open
  template <class... Args>
  [[nodiscard]] Claim try_claim(Args&&... args) {
    if (inline_.would_overwrite(lane_)) return Claim(this, {});
    return Claim(this, lane_.try_claim(std::forward<Args>(args)...));
  }

  [[nodiscard]] std::string_view topic() const noexcept { return topic_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return lane_.capacity(); }
  /// Messages published so far, which is the sequence of the next one.
  [[nodiscard]] Sequence sequence() const noexcept { return lane_.sequence(); }

 private:
  template <Home>
  friend class BasicBus;

  explicit Publisher(LanePublisher<T, H> lane)
      : lane_(std::move(lane)),
        topic_(lane_.core().directory().topic(lane_.lane().topic).name.view()),
        inline_(lane_, topic_, type_identity<T>()) {}

  template <class U>
  [[gnu::noinline]] PublishStatus wait_and_publish(U&& message, Deadline deadline) {
    return lane_.wait_for_room([&] { return attempt(std::forward<U>(message)); }, deadline);
  }
  template <class U>
  [[gnu::always_inline]] PublishStatus attempt(U&& message) {
    if (inline_.any()) return attempt_inline(std::forward<U>(message));
    return lane_.try_push(
        [&](auto& producer) { return producer.try_push(std::forward<U>(message)); });
  }
  void commit(typename LanePublisher<T, H>::AnyClaim& claim) {
    if (!inline_.any()) return lane_.commit(claim);
    if (lane_.in_place()) {
      lane_.commit(claim);
      return inline_.call(lane_.last(), topic_, lane_.sequence() - 1);
    }
    if constexpr (std::is_trivially_copyable_v<T>) {
      const T copy = *Claim::value_of(claim);
      lane_.commit(claim);
      inline_.call(copy, topic_, lane_.sequence() - 1);
    }
  }
  template <class U>
  [[gnu::always_inline]] PublishStatus attempt_inline(U&& message) {
    if (lane_.lane().calm() && !inline_.calling()) [[likely]] {
      inline_.call_calmly(Taken<U>(std::forward<U>(message)).message, lane_.skip());
      return PublishStatus::kPublished;
    }
    return attempt_both(std::forward<U>(message));
  }
  template <class U>
  [[gnu::noinline]] PublishStatus attempt_both(U&& message) {
    if (inline_.would_overwrite(lane_)) return PublishStatus::kWouldDeadlock;
    if (lane_.lane().unheard()) {
      if (lane_.lane().closed()) return PublishStatus::kClosed;
      inline_.call(Taken<U>(std::forward<U>(message)).message, topic_, lane_.skip());
      return PublishStatus::kPublished;
    }
    const auto status =
        lane_.try_push([&](auto& producer) { return producer.try_push(std::forward<U>(message)); });
    if (status == PublishStatus::kPublished) {
      inline_.call(lane_.in_place() ? lane_.last() : message, topic_, lane_.sequence() - 1);
    }
    return status;
  }

  /// A message that nobody reads from the ring: the caller's own, or, if it is given away, moved
  /// from there, as if it lay in the ring.
  template <class U>
  struct Taken {
    static constexpr bool kMoves =
        !std::is_lvalue_reference_v<U> && !std::is_trivially_copyable_v<T>;
    explicit Taken(U&& from) : message(static_cast<U&&>(from)) {}
    std::conditional_t<kMoves, const T, const T&> message;
  };

  LanePublisher<T, H> lane_;
  std::string_view topic_;
  InlineCaller<T, H> inline_;
};

/// A message that is constructed but not published. Lives no longer than its publisher, which
/// publishes nothing meanwhile.
template <class T, Home H>
class Publisher<T, H>::Claim {
 public:
  /// False if the lane was full or closed.
  explicit operator bool() const noexcept { return claim_.index() != 0; }
  T& operator*() noexcept { return *value_of(claim_); }
  T* operator->() noexcept { return value_of(claim_); }

  /// Publishes the message; the claim is empty afterwards. \pre not empty
  void commit() {
    publisher_->commit(claim_);
    claim_.template emplace<std::monostate>();
  }

 private:
  friend Publisher;
  Claim(Publisher* publisher, typename LanePublisher<T, H>::AnyClaim claim) noexcept
      : publisher_(publisher), claim_(std::move(claim)) {}

  static T* value_of(typename LanePublisher<T, H>::AnyClaim& any) noexcept {
    return std::visit(
        [](auto& claim) -> T* {
          if constexpr (requires { *claim; }) {
            return &*claim;
          } else {
            return nullptr;
          }
        },
        any);
  }

  Publisher* publisher_;
  typename LanePublisher<T, H>::AnyClaim claim_;
};

/// A topic within a family, as the family's publisher knows it.
class TopicNumber {
 public:
  [[nodiscard]] std::uint32_t value() const noexcept { return value_; }

 private:
  template <class, Home>
  friend class FamilyPublisher;
  explicit TopicNumber(std::uint32_t value) noexcept : value_(value) {}
  std::uint32_t value_;
};

/// One writing end for all topics that a pattern covers: one order across them. Move-only; one
/// thread at a time.
template <class T, Home H = HeapHome>
class FamilyPublisher {
  using Element = Numbered<T>;

 public:
  class Claim;

  /// The topic of this name, made known to the bus at the first call. Takes the directory lock:
  /// keep the number.
  [[nodiscard]] absl::StatusOr<TopicNumber> try_topic(std::string_view name) {
    if (auto status = names::check(name, false); !status.ok()) return status;
    if (!names::matches(pattern_, name)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "\"", to_absl(name), "\" does not belong to the family \"", to_absl(pattern_), "\""));
    }
    auto lock = lane_.core().lock();
    auto& directory = lane_.core().directory();
    auto index = directory.bind_name(name, {type_identity<T>()});
    if (!index.ok()) return index.status();
    auto status = directory.check_publisher(name, type_identity<T>());
    if (!status.ok()) return status;
    return TopicNumber(directory.number_of(*index));
  }
  /// The same for `main` and tests: stops the program with the message if there is an error.
  [[nodiscard]] TopicNumber topic(std::string_view name) {
    auto number = try_topic(name);
    if (!number.ok()) stop_with_message(std::string(number.status().message()).c_str());
    return *number;
  }

  /// As in Publisher.
  [[nodiscard]] PublishStatus try_publish(TopicNumber topic, T message) {
    Element element{std::move(message), topic.value()};
    return attempt(element);
  }
  PublishStatus publish(TopicNumber topic, T message) {
    return publish_until(topic, std::move(message), Deadline::never());
  }
  template <class Rep, class Period>
  PublishStatus publish_for(TopicNumber topic, T message,
                            std::chrono::duration<Rep, Period> timeout) {
    return publish_until(topic, std::move(message), Deadline::after(timeout));
  }
  PublishStatus publish_until(TopicNumber topic, T message, Deadline deadline) {
    Element element{std::move(message), topic.value()};
    const auto status = attempt(element);
    if (status != PublishStatus::kFull) [[likely]]
      return status;
    return lane_.wait_for_room([&] { return attempt(element); }, deadline);
  }

  /// As in Publisher: constructed in its slot without arguments, moved there with arguments.
  template <class... Args>
  [[nodiscard]] Claim try_claim(TopicNumber topic, Args&&... args) {
    assert(belongs(topic.value()) && "a TopicNumber of another family");
    if (inline_.would_overwrite(lane_)) return Claim(this, {});
    if constexpr (sizeof...(Args) == 0) {
      Claim claim(this, lane_.try_claim());
      if (claim) Claim::element_of(claim.claim_)->topic = topic.value();
      return claim;
    } else {
      return Claim(this, lane_.try_claim(Element{T(std::forward<Args>(args)...), topic.value()}));
    }
  }

  [[nodiscard]] std::string_view pattern() const noexcept { return pattern_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return lane_.capacity(); }
  [[nodiscard]] Sequence sequence() const noexcept { return lane_.sequence(); }

 private:
  template <Home>
  friend class BasicBus;

  explicit FamilyPublisher(LanePublisher<Element, H> lane)
      : lane_(std::move(lane)),
        pattern_(lane_.core().directory().topic(lane_.lane().topic).name.view()),
        inline_(lane_, pattern_, type_identity<T>()) {}

  void commit(typename LanePublisher<Element, H>::AnyClaim& claim) {
    if (!inline_.any()) return lane_.commit(claim);
    if (lane_.in_place()) {
      lane_.commit(claim);
      return call(lane_.last());
    }
    if constexpr (std::is_trivially_copyable_v<Element>) {
      const Element copy = *Claim::element_of(claim);
      lane_.commit(claim);
      call(copy);
    }
  }
  void call(const Element& element) {
    inline_.call(element.value, name_of(element.topic), lane_.sequence() - 1, element.topic);
  }

  PublishStatus attempt(Element& element) {
    assert(belongs(element.topic) && "a TopicNumber of another family");
    const auto topic = element.topic;
    if (inline_.any()) {
      if (inline_.would_overwrite(lane_)) return PublishStatus::kWouldDeadlock;
      if (lane_.lane().unheard()) {  // as in Publisher
        if (lane_.lane().closed()) return PublishStatus::kClosed;
        const Element taken(std::move(element));
        inline_.call(taken.value, name_of(topic), lane_.skip(), topic);
        return PublishStatus::kPublished;
      }
    }
    const auto status =
        lane_.try_push([&](auto& producer) { return producer.try_push(std::move(element)); });
    if (status == PublishStatus::kPublished && inline_.any()) [[unlikely]] {
      inline_.call(lane_.in_place() ? lane_.last().value : element.value, name_of(topic),
                   lane_.sequence() - 1, topic);
    }
    return status;
  }
  [[nodiscard]] std::string_view name_of(std::uint32_t topic) const noexcept {
    return lane_.core().directory().topic(topic).name.view();
  }

  /// For assertions on what the caller does; not where others may write the record.
  [[nodiscard]] bool belongs(std::uint32_t topic) const {
    if constexpr (SharedHome<H>) return true;
    auto& directory = lane_.core().directory();
    const auto& record = directory.topic(topic);
    return are_related(directory.type(record.type).identity(), type_identity<T>()) &&
           names::matches(pattern_, record.name.view());
  }

  LanePublisher<Element, H> lane_;
  std::string_view pattern_;
  InlineCaller<Element, H> inline_;
};

/// A message of a family that is constructed but not published; see Publisher::Claim.
template <class T, Home H>
class FamilyPublisher<T, H>::Claim {
 public:
  /// False if the lane was full or closed.
  explicit operator bool() const noexcept { return claim_.index() != 0; }
  T& operator*() noexcept { return element_of(claim_)->value; }
  T* operator->() noexcept { return &element_of(claim_)->value; }

  /// Publishes the message; the claim is empty afterwards. \pre not empty
  void commit() {
    publisher_->commit(claim_);
    claim_.template emplace<std::monostate>();
  }

 private:
  friend FamilyPublisher;
  using AnyClaim = typename LanePublisher<Element, H>::AnyClaim;
  Claim(FamilyPublisher* publisher, AnyClaim claim) noexcept
      : publisher_(publisher), claim_(std::move(claim)) {}

  static Element* element_of(AnyClaim& any) noexcept {
    return std::visit(
        [](auto& claim) -> Element* {
          if constexpr (requires { *claim; }) {
            return &*claim;
          } else {
            return nullptr;
          }
        },
        any);
  }

  FamilyPublisher* publisher_;
  AnyClaim claim_;
};

}  // namespace ringway
