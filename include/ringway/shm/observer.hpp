// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// `Observer`: subscriptions to a bus between processes for those who may only read it.
///
///   auto observer = ringway::observe_shared("vessel").value();
///   auto trades = observer.subscribe(kTrades, [](const Trade& trade) { ... });
///   while (running) observer.poll_for(100ms).value();
///
/// *What.* Takes no part in the bus: read permission for its files is enough, nothing is written to
/// them, nobody knows of the observer or waits for it. Handlers run on the thread that polls.
/// Subscriptions are lossy, and can be to lanes that admit no lossy subscribers; what was
/// overwritten before it was copied is told (MessageInfo::gap, lost()). Publishers that are willing
/// wait for reliable ones, within limits (ObserveOptions::reliable). Not for latency: each look at
/// a lane is a few system calls.
///
/// *Protocol.* The bus's tables are copied every `look_every`, which finds lanes that came and
/// went; messages are copied at every poll (shm/lane_tap.hpp). A lane that is found after its
/// subscription began is read from its first message on. An observer can not ask for a signal,
/// since that writes: it waits by looking again.
///
/// *Life of the bus.* A bus that ends, and one that is made anew under its name, is noticed at the
/// next look; subscriptions go on with the new one.
///
/// *Distrust.* Whatever lies in the files gives messages of the right type or a sentence
/// (unreadable(), the status of poll()). A file that is made shorter meanwhile is one of these.
///
/// *Progress.* One thread at a time. Blocking (system calls), by the strategy chosen in poll_for().

#include <fcntl.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "ringway/shm/observed_subscription.hpp"
#include "ringway/shm/shared_bus.hpp"
#include "ringway/wait/deadline.hpp"

namespace ringway {

struct ObserverOptions {
  /// How long a lane that was made may stay unnoticed; 0: every poll looks.
  std::chrono::nanoseconds look_every = std::chrono::milliseconds(10);
  /// A bus that is not there yet is no error: poll() finds it when it is.
  bool may_be_absent = false;
  /// Accept the segment of this user, besides root's and one's own.
  std::optional<::uid_t> owner = std::nullopt;
  std::string folder = "/dev/shm";  ///< where names live
  /// What poll_for() does between two looks: spin, yield, or (kPark) sleep for `nap`.
  Idle idle = Idle::kPark;
  std::chrono::nanoseconds nap = std::chrono::milliseconds(1);
};

struct ObserveOptions {
  /// What is read of the lanes that are there already: nothing, all that they still hold, or the
  /// last message of each topic. Topics of bytes: kOldest gives all, or, once anything was
  /// overwritten, nothing; kLastValue is refused.
  Start start = Start::kNext;
  /// Have publishers wait for this observation as for a subscriber, in lanes that admit it
  /// (TopicOptions::observer_lag_limit), until it has kept a lane full for that limit. Takes a file
  /// in the bus's folder, by which publishers know of it. Until a publisher has answered, and where
  /// it refuses or has ended it, the observation is lossy: hold() tells. Not of an anonymous bus.
  bool reliable = false;
};

/// What there is of the bus, as of the last look.
enum class ObservedState : unsigned char {
  kAbsent,   ///< no bus of this name, yet
  kRunning,  ///< somebody is attached
  kIdle,     ///< nobody is attached; the last ones were killed, or it is just beginning
  kEnded,    ///< nobody is attached, and its name is gone
};

/// The handle of a subscription. Move-only; the observer's thread.
class Observation {
 public:
  explicit Observation(std::shared_ptr<ObservedSubscription> core) : core_(std::move(core)) {}
  Observation(Observation&&) noexcept = default;
  Observation& operator=(Observation&& other) noexcept {
    if (this != &other) {
      end();
      core_ = std::move(other.core_);
    }
    return *this;
  }
  ~Observation() { end(); }

  /// No handler of it is called any more. Legal in its own handler. Idempotent.
  void end() noexcept {
    if (core_ != nullptr) core_->end();
  }

  [[nodiscard]] std::string_view pattern() const noexcept { return core_->topic().pattern; }
  /// Messages handled so far.
  [[nodiscard]] std::uint64_t delivered() const noexcept { return core_->delivered; }
  /// Messages of its lanes that were overwritten before they were read, or never lay in them
  /// because only inline subscribers heard them. Of families: whichever topic they were of.
  [[nodiscard]] std::uint64_t lost() const noexcept { return core_->lost(); }
  /// Lanes that ended with messages of which nobody knows how many were missed.
  [[nodiscard]] std::uint64_t cut_off() const noexcept { return core_->cut_off; }
  /// Whether the publishers of its lanes wait for it, as of the last look: what the worst of them
  /// answers, in the order of ObservedHold; kHeld if there is none.
  [[nodiscard]] ObservedHold hold() const {
    if (!core_->topic().reliable) return ObservedHold::kLossy;
    auto worst = ObservedHold::kHeld;
    for (const auto& one : core_->holds()) worst = std::max(worst, one.hold);
    return worst;
  }
  /// The same, lane by lane.
  [[nodiscard]] std::vector<ObservedLaneHold> holds() const { return core_->holds(); }
  /// Lanes that it wants and can not read, as of the last look.
  [[nodiscard]] const std::vector<UnreadableLane>& unreadable() const noexcept {
    return core_->unreadable;
  }

 private:
  std::shared_ptr<ObservedSubscription> core_;
};

/// Move-only; one thread at a time. Its end is that of its observations.
class Observer {
 public:
  /// Handlers of `topic`'s messages, of whatever lanes there are and will be. InvalidArgument if a
  /// publisher of that very name carries what can not be read as T; of later ones, and those that a
  /// pattern covers, unreadable() tells.
  template <class T, MessageHandler<T> Handler>
  [[nodiscard]] absl::StatusOr<Observation> try_subscribe(const Topic<T>& topic, Handler handler,
                                                          const ObserveOptions& options = {}) {
    check_shareable<T, SegmentHome>();
    if (auto status = names::check(topic.name, true); !status.ok()) return status;
    return begin(std::make_shared<TypedObservedSubscription<T, Handler>>(
        ObservedTopic{std::string(topic.name), type_identity<T>(), "", options.start,
                      options.reliable},
        std::move(handler)));
  }
  template <class T, MessageHandler<T> Handler>
  [[nodiscard]] Observation subscribe(const Topic<T>& topic, Handler handler,
                                      const ObserveOptions& options = {}) {
    return value_or_stop(try_subscribe(topic, std::move(handler), options));
  }

  /// The same for topics of bytes: `handler(std::span<const std::byte>)`, or with a MessageInfo
  /// behind it. The bytes are a copy, which lives until the handler returns.
  // A template, so that the handlers of typed topics are not tried with bytes.
  template <std::same_as<ByteTopic> Given, class Handler>
  requires MessageHandler<Handler, std::span<const std::byte>>
  [[nodiscard]] absl::StatusOr<Observation> try_subscribe(const Given& topic, Handler handler,
                                                          const ObserveOptions& options = {}) {
    if (auto status = names::check(topic.name, true); !status.ok()) return status;
    if (auto status = check_byte_options(topic); !status.ok()) return status;
    if (options.start == Start::kLastValue) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", to_absl(topic.name),
                       "\" is a topic of bytes, in whose lanes there is no way back to the last "
                       "message (ObserveOptions::start)"));
    }
    return begin(std::make_shared<ByteObservedSubscription<Handler>>(
        ObservedTopic{std::string(topic.name),
                      {},
                      std::string(topic.options.encoding),
                      options.start,
                      options.reliable},
        std::move(handler)));
  }
  template <std::same_as<ByteTopic> Given, class Handler>
  requires MessageHandler<Handler, std::span<const std::byte>>
  [[nodiscard]] Observation subscribe(const Given& topic, Handler handler,
                                      const ObserveOptions& options = {}) {
    return value_or_stop(try_subscribe(topic, std::move(handler), options));
  }

  /// Looks for lanes if it is time to, and handles what is there, at most `limit` messages (the
  /// last ones of a family's topics, Start::kLastValue, come all at once). What a handler throws
  /// passes through; its message counts as handled. \return how many were handled, or, if none
  /// were, why the bus could not be looked at the last time: DataLoss, PermissionDenied; it is
  /// tried again. \pre not called from a handler
  absl::StatusOr<std::size_t> poll(std::size_t limit = kBatch) {
    if (polling_) return absl::FailedPreconditionError("an observer is polled by its own handler");
    const Polling polling(polling_);
    std::erase_if(subscriptions_, [](const auto& one) { return one->ended(); });
    if (!wants_watch() && bus_ != nullptr) bus_->watch.reset();
    if (const auto now = Clock::now(); !looked_ || now - *looked_ >= options_.look_every) {
      looked_ = now;
      status_ = look();
      if (status_.ok() && bus_ != nullptr) {
        bus_->names.forget_old(*bus_->seen);
        for (const auto& one : subscriptions_) one->follow(bus_, true);
        if (bus_->watch != nullptr) bus_->watch->has_looked();
      }
    }
    std::size_t handled = 0;
    for (std::size_t i = 0; i < subscriptions_.size() && handled < limit; ++i) {
      if (next_ >= subscriptions_.size()) next_ = 0;
      const auto one = subscriptions_[next_++];  // a handler may end it, or begin others
      handled += one->poll(limit - handled);
    }
    if (handled == 0 && !status_.ok()) return status_;
    return handled;
  }
  /// poll() until something was handled or the time is over.
  template <class Rep, class Period>
  absl::StatusOr<std::size_t> poll_for(std::chrono::duration<Rep, Period> timeout,
                                       std::size_t limit = kBatch) {
    const auto deadline = Deadline::after(timeout);
    while (true) {
      auto handled = poll(limit);
      if (!handled.ok() || *handled != 0 || deadline.passed()) return handled;
      wait(deadline);
    }
  }
  /// poll() until the time is over. \return how many were handled
  template <class Rep, class Period>
  absl::StatusOr<std::size_t> run_for(std::chrono::duration<Rep, Period> time) {
    const auto deadline = Deadline::after(time);
    std::size_t all = 0;
    while (true) {
      auto handled = poll();
      if (!handled.ok()) return handled;
      all += *handled;
      if (deadline.passed()) return all;
      if (*handled == 0) wait(deadline);
    }
  }

  /// What there is of the bus, as of the last look.
  [[nodiscard]] ObservedState state() const noexcept {
    if (bus_ == nullptr || bus_->seen == nullptr) return ObservedState::kAbsent;
    if (bus_->seen->alive() != 0) return ObservedState::kRunning;
    return has_name_ ? ObservedState::kIdle : ObservedState::kEnded;
  }
  /// How often a bus was found that had been made anew under the name.
  [[nodiscard]] std::uint64_t times_made_anew() const noexcept { return made_anew_; }
  /// Lanes that came and went between two looks, of whatever topic: what was in them is not known.
  /// Lanes of requests count where another one took their place.
  [[nodiscard]] std::uint64_t unseen_lanes() const noexcept { return unseen_lanes_; }

 private:
  friend absl::StatusOr<Observer> observe_shared(std::string_view, const ObserverOptions&);
  friend absl::StatusOr<Observer> observe_shared(int, const ObserverOptions&);
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kBatch = 4096;

  /// poll() is running, however it ends.
  struct Polling {
    explicit Polling(bool& flag) noexcept : running(flag) { running = true; }
    Polling(const Polling&) = delete;
    Polling& operator=(const Polling&) = delete;
    ~Polling() { running = false; }
    bool& running;
  };

  /// Their end comes with the observer's: no publisher waits any more.
  struct Subscriptions : std::vector<std::shared_ptr<ObservedSubscription>> {
    Subscriptions() = default;
    Subscriptions(Subscriptions&&) noexcept = default;
    Subscriptions& operator=(Subscriptions&& other) noexcept {
      swap(other);
      return *this;
    }
    ~Subscriptions() {
      for (const auto& one : *this) one->end();
    }
  };

  /// \param path of a named bus; of an anonymous one empty, and `bus` is given
  Observer(std::string path, ObserverOptions options, std::shared_ptr<ObservedBus> bus)
      : path_(std::move(path)), options_(std::move(options)), bus_(std::move(bus)) {}

  absl::StatusOr<Observation> begin(std::shared_ptr<ObservedSubscription> core) {
    const bool reliable = core->topic().reliable;
    if (reliable && path_.empty()) {
      return absl::InvalidArgumentError(
          "an anonymous bus has no folder in which its publishers could find an observer that they "
          "shall wait for; observe it lossily (ObserveOptions::reliable), or open a named one");
    }
    if (auto status = look(reliable); !status.ok()) return status;
    if (bus_ != nullptr) {
      if (reliable && bus_->watch == nullptr) return bus_->watch_trouble;
      const auto& topic = core->topic();
      for (const auto& lane : bus_->seen->lanes) {
        if (lane.closed || names::is_pattern(topic.pattern)) continue;
        auto verdict = ObservedLane::judge(topic, lane, *bus_->seen);
        if (verdict.fit == ObservedLane::Fit::kMismatch) {
          return absl::InvalidArgumentError(verdict.why);
        }
      }
      core->follow(bus_, false);
    }
    subscriptions_.push_back(core);
    return Observation(std::move(core));
  }

  [[nodiscard]] bool wants_watch() const noexcept {
    return std::any_of(subscriptions_.begin(), subscriptions_.end(),
                       [](const auto& one) { return one->topic().reliable; });
  }
  /// A new look at the bus, or at the one that has taken its place. \param reliable an observation
  /// begins for which publishers shall wait
  absl::Status look(bool reliable = false) {
    if (bus_ != nullptr) has_name_ = bus_->files.has_name();
    if (bus_ == nullptr || !has_name_) {
      if (auto status = find(); !status.ok()) return status;
      if (bus_ == nullptr) return absl::OkStatus();
    }
    // first, so that publishers of lanes that the look does not show find the file
    if (bus_->watch == nullptr && has_name_ && (reliable || wants_watch())) {
      auto made = OwnWatch::make(path_, bus_->files.inode());
      bus_->watch_trouble = made.status();
      if (made.ok()) bus_->watch = *std::move(made);
    }
    auto seen = bus_->files.snapshot();
    if (!seen.ok()) return seen.status();
    if (bus_->seen != nullptr) unseen_lanes_ += seen->came_and_went_since(*bus_->seen);
    bus_->names.take(*seen);
    bus_->seen = std::make_shared<const BusSnapshot>(*std::move(seen));
    return absl::OkStatus();
  }
  /// Opens the bus of the name, if there is one.
  absl::Status find() {
    auto opened = BusInspector::open(path_, O_NOFOLLOW);
    if (absl::IsNotFound(opened.status())) return absl::OkStatus();
    if (!opened.ok()) return opened.status();
    if (auto status = check_owner(*opened); !status.ok()) return status;
    if (bus_ != nullptr) {
      for (const auto& one : subscriptions_) one->bus_has_gone();
      ++made_anew_;
    }
    bus_ = std::make_shared<ObservedBus>(*std::move(opened));
    has_name_ = true;
    return absl::OkStatus();
  }
  /// Somebody else could have put it there for us to find: as in Segment.
  [[nodiscard]] absl::Status check_owner(const BusInspector& files) const {
    const auto owner = files.owner();
    if (owner == 0 || owner == ::geteuid() || options_.owner == owner) return absl::OkStatus();
    return absl::PermissionDeniedError(
        absl::StrCat(path_, " belongs to user ", owner, ", not to this one (", ::geteuid(),
                     "); if that user is trusted, name it in ObserverOptions::owner"));
  }

  void wait(Deadline deadline) const {
    switch (options_.idle) {
      case Idle::kSpin: SharedMemory::relax(); return;
      case Idle::kYield: ::sched_yield(); return;
      case Idle::kPark: break;
    }
    const auto left = deadline.left_ns();
    const auto nap = options_.nap.count();
    std::this_thread::sleep_for(std::chrono::nanoseconds(left < 0 || nap < left ? nap : left));
  }

  std::string path_;
  ObserverOptions options_;
  std::shared_ptr<ObservedBus> bus_;  // null: none was found yet
  Subscriptions subscriptions_;
  std::size_t next_ = 0;
  std::optional<Clock::time_point> looked_;
  absl::Status status_;  // of the last look
  std::uint64_t made_anew_ = 0;
  std::uint64_t unseen_lanes_ = 0;
  bool has_name_ = true;
  bool polling_ = false;
};

/// Observes the bus of this name. NotFound if there is none (ObserverOptions::may_be_absent),
/// PermissionDenied, DataLoss with the reason.
[[nodiscard]] inline absl::StatusOr<Observer> observe_shared(std::string_view name,
                                                             const ObserverOptions& options = {}) {
  auto path = Segment::path_of(name, options.folder);
  if (!path.ok()) return path.status();
  Observer observer(*std::move(path), options, nullptr);
  if (auto status = observer.look(); !status.ok()) return status;
  if (observer.bus_ == nullptr && !options.may_be_absent) {
    return absl::NotFoundError(absl::StrCat("there is no segment ", observer.path_));
  }
  return observer;
}
/// Observes the bus behind a descriptor: an anonymous one, which need not be open for writing
/// (descriptor_for_reading()). The descriptor stays the caller's.
[[nodiscard]] inline absl::StatusOr<Observer> observe_shared(int fd,
                                                             const ObserverOptions& options = {}) {
  auto files = BusInspector::open(fd);
  if (!files.ok()) return files.status();
  Observer observer("", options, std::make_shared<ObservedBus>(*std::move(files)));
  if (auto status = observer.look(); !status.ok()) return status;
  return observer;
}

/// What the maker of an anonymous bus hands on to those who may only read: a descriptor of the
/// segment that is open for reading.
[[nodiscard]] inline absl::StatusOr<Descriptor> descriptor_for_reading(SharedBus& bus) {
  const auto link = absl::StrCat("/proc/self/fd/", bus.core()->home().attachment().segment().fd());
  Descriptor file(::open(link.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return absl::ErrnoToStatus(errno, "the segment can not be opened anew");
  return file;
}

}  // namespace ringway
