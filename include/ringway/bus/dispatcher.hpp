// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// `Dispatcher`: a thread that runs handlers.
///
/// *What.* Subscriptions and repliers belong to a dispatcher; it runs their handlers one after the
/// other, so handlers of one dispatcher need no locks among themselves. Use several dispatchers for
/// several processors. A handler that blocks holds up everything else of its dispatcher.
///
/// *Protocol.* The dispatcher owns an endpoint in the directory: a ready map (which lanes have
/// news) and an event count.
///   hot    cursors that it looks at in every round
///   idle   cursors that have asked their publisher for a signal; they cost nothing until it comes
/// A cursor turns hot by its lane's bit in the ready map, and idle when the dispatcher parks, or
/// when it and many others have had nothing for a while. Turning idle: ask, fence, look again; the
/// fence costs as much as hundreds of looks, so it is one for many cursors, whichever the reason.
/// Bit 0 of the ready map means: look into the inbox (new subscriptions, ended ones, stop).
///
/// *Synchronisation.*
///   "handled"  running_ after a handler -> remove() (see bus/subscription.hpp)
///   running_ and SubscriptionCore::ended are ordered by light_fence() and heavy_fence()
///   "stopping" request_stop() -> the thread, before it looks whether everything is read: it misses
///              no message that was published before the call
///   "stopped"  the thread's last store -> wait_stopped()
///
/// *Progress.* Blocking, by the wait strategy chosen.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "ringway/base/asymmetric_fence.hpp"
#include "ringway/bus/bus_core.hpp"
#include "ringway/bus/subscription.hpp"
#include "ringway/wait/wait_strategy.hpp"

namespace ringway {

/// What a dispatcher does when there is nothing to do.
enum class Idle : unsigned char {
  kSpin,   ///< spin for ever: the lowest latency, one processor burnt
  kYield,  ///< spin briefly, then yield
  kPark,   ///< spin briefly, yield a little, then sleep until there is something
};

struct DispatcherOptions {
  std::string name = "dispatcher";
  std::optional<int> cpu = std::nullopt;  ///< processor to pin the thread to
  Idle idle = Idle::kPark;
  std::size_t batch = 64;  ///< messages of one cursor before the next cursor has its turn
  unsigned pauses = 128;   ///< idle rounds that only pause, before the first that yields
  unsigned yields = 8;     ///< idle rounds that yield, before the thread parks
  /// Pauses in the first idle round, all at once: 256 suit a stream, where a dispatcher that stays
  /// a little behind makes the publisher faster; a message that comes meanwhile waits. As SlipSpin.
  unsigned slip = 1;
};

/// The thread and its cursors; shared with the subscriptions' handles.
template <Home H>
class DispatcherCore final : public DispatcherBase {
  using Core = BusCore<H>;
  using Memory = typename H::Memory;
  using Reader = LaneReader<Memory>;
  using CoreOfSubscription = SubscriptionCore<Memory>;
  using Item = std::shared_ptr<CoreOfSubscription>;

 public:
  static absl::StatusOr<std::shared_ptr<DispatcherCore>> start(std::shared_ptr<Core> bus,
                                                               DispatcherOptions options) {
    std::uint32_t endpoint = 0;
    {
      auto lock = bus->lock();
      if (auto binding = bus->check_binding(); !binding.ok()) return binding;
      auto made = bus->directory().new_endpoint(bus->participant());
      if (!made.ok()) return made.status();
      endpoint = *made;
    }
    std::shared_ptr<DispatcherCore> core(
        new DispatcherCore(std::move(bus), endpoint, std::move(options)));
    try {
      core->thread_ = typename Platform<Memory>::Thread([self = core.get()] { self->run(); });
    } catch (const std::system_error& error) {
      auto lock = core->bus_->lock();
      core->bus_->directory().free_endpoint(endpoint);
      return absl::ResourceExhaustedError(
          absl::StrCat("no thread for dispatcher \"", core->options_.name, "\": ", error.what()));
    }
    {
      const std::scoped_lock lock(core->bus_->local_lock);
      core->bus_->dispatchers.push_back(core.get());
    }
    if (core->options_.cpu && !Platform<Memory>::pin(core->thread_, *core->options_.cpu)) {
      core->shut_down();
      return absl::InvalidArgumentError(
          absl::StrCat("dispatcher \"", core->options_.name, "\" can not run on processor ",
                       *core->options_.cpu, "; see taskset -p $$ for those allowed"));
    }
    Platform<Memory>::set_name(core->thread_, core->options_.name);
    return core;
  }

  ~DispatcherCore() override = default;

  /// Ends the thread and lets go of everything; from then on subscriptions' handles are empty
  /// shells. Not from a handler.
  void shut_down() {
    request_stop(false);
    if (thread_.joinable()) thread_.join();
    {
      const std::scoped_lock lock(bus_->local_lock);
      std::erase(bus_->dispatchers, this);
    }
    std::vector<Item> rest;
    {
      const std::scoped_lock lock(inbox_lock_);
      rest = known_;
    }
    for (const auto& subscription : rest) forget(subscription);
    subscriptions_.clear();
    auto lock = bus_->lock();
    bus_->directory().free_endpoint(endpoint_);
  }

  [[nodiscard]] const std::string& name() const noexcept override { return options_.name; }
  [[nodiscard]] std::uint32_t endpoint() const noexcept { return endpoint_; }
  [[nodiscard]] const std::shared_ptr<Core>& bus() const noexcept { return bus_; }
  [[nodiscard]] bool on_own_thread() const noexcept {
    return running_dispatcher.bus == bus_.get() && running_dispatcher.endpoint == endpoint_;
  }
  /// How often the thread really slept. Any thread.
  [[nodiscard]] std::uint64_t parks() const noexcept {
    return record_.event.parks() - parks_before_;
  }

  /// Takes over a subscription whose cursors are joined.
  void add(const Item& subscription) { post({subscription, true}); }

  void remove(const std::shared_ptr<SubscriptionBase>& base) override {
    const auto subscription = std::static_pointer_cast<CoreOfSubscription>(base);
    subscription->set_ended();
    if (!on_own_thread()) {
      if (!Memory::heavy_fence()) {
        Memory::fence(std::memory_order_seq_cst);  // seq_cst: orders ended and running_
      }
      auto* self = running_dispatcher.bus == bus_.get()
                       ? static_cast<DispatcherCore*>(running_dispatcher.core)
                       : nullptr;
      if (self == nullptr) {
        await_handler(subscription.get());
      } else if (self->begin_waiting_for(this, subscription.get())) {
        await_handler(subscription.get());
        self->end_waiting();
      }
    }
    {
      auto lock = bus_->lock();
      const std::scoped_lock inbox_lock(inbox_lock_);
      // unless it is gone with its dispatcher, and its record somebody else's
      if (std::find(known_.begin(), known_.end(), subscription) != known_.end()) {
        bus_->directory().end_subscription(subscription->record());
      }
    }
    post({subscription, false});
  }

  void request_stop(bool drain_first) override {
    // release "stopping"
    stop_.store(drain_first ? Stop::kDrain : Stop::kNow, std::memory_order_release);
    knock();
  }

  bool wait_stopped(Deadline deadline) override {
    return await<typename Platform<Memory>::Wait, Memory>(
        stopped_gate_,
        [this] { return stopped_.load(std::memory_order_acquire); },  // acquire "stopped"
        deadline);
  }

  [[nodiscard]] std::uint64_t left() const override { return left_; }

  [[nodiscard]] std::string running_handler() override {
    const auto* running = running_.load(std::memory_order_relaxed);  // relaxed: only compared
    const std::scoped_lock lock(inbox_lock_);  // an ended subscription is let go under this lock
    for (const auto& subscription : known_) {
      if (subscription.get() == running) return subscription->pattern();
    }
    return "";
  }

 private:
  template <class U>
  using Atomic = typename Memory::template Atomic<U>;

  enum class Stop : unsigned char { kNo, kDrain, kNow };
  struct Letter {
    Item subscription;
    bool add;
  };

  static constexpr unsigned kRoundsHeldUp = 64;     // rounds between looks for the directory's lock
  static constexpr unsigned kRoundsPerLook = 1024;  // idle rounds between looks after others
  static constexpr unsigned kBusyRoundsPerLook = 64;  // the same for rounds with messages

  DispatcherCore(std::shared_ptr<Core> bus, std::uint32_t endpoint, DispatcherOptions options)
      : bus_(std::move(bus)),
        endpoint_(endpoint),
        record_(bus_->directory().endpoint(endpoint)),
        options_(std::move(options)),
        parks_before_(record_.event.parks()),
        fence_needed_(!heavy_fence_granted<Memory>()) {
    if (options_.batch == 0) options_.batch = 1;
  }

  [[nodiscard]] static constexpr const Cooling& cooling() noexcept {
    return Platform<Memory>::kCooling;
  }

  void await_handler(const CoreOfSubscription* subscription) const {
    for (unsigned rounds = 0;
         running_.load(std::memory_order_acquire) == subscription;  // acquire "handled"
         ++rounds) {
      if (rounds < 1000) {
        Memory::yield();
      } else {
        std::this_thread::sleep_for(std::chrono::microseconds(50));
      }
    }
  }

  // Handlers that end each other's subscriptions would wait in a circle: whoever would close it
  // does not wait. Under the bus's wait_lock, which makes one of them the last.
  [[nodiscard]] bool begin_waiting_for(DispatcherCore* other, const CoreOfSubscription* awaited) {
    const std::scoped_lock lock(bus_->wait_lock);
    const auto* next = other;
    const auto* handler = awaited;
    // relaxed: only compared. A handler that is part of a circle ran before the heavy fence or the
    // lock; for one that has ended, await_handler() looks again.
    while (next != nullptr && next->running_.load(std::memory_order_relaxed) == handler) {
      if (next == this) return false;
      handler = next->awaited_;
      next = next->waits_for_;
    }
    waits_for_ = other;
    awaited_ = awaited;
    return true;
  }
  void end_waiting() {
    const std::scoped_lock lock(bus_->wait_lock);
    waits_for_ = nullptr;
    awaited_ = nullptr;
  }

  void post(Letter letter) {
    {
      const std::scoped_lock lock(inbox_lock_);
      if (letter.add) known_.push_back(letter.subscription);
      if (!finished_) inbox_.push_back(std::exchange(letter, {}));
    }
    if (letter.subscription == nullptr) return knock();
    // the thread has ended: the caller does its work; what stays is for shut_down()
    if (!letter.add) forget(letter.subscription);
  }
  void knock() noexcept { bus_->signal(endpoint_, Directory<Memory>::kNoLane); }

  void run() {
    running_dispatcher = {bus_.get(), endpoint_, this};
    unsigned idle_rounds = 0;
    unsigned busy_rounds = 0;
    while (true) {
      if (record_.ready.any()) {
        collect();
        ++turn_;
      }
      if constexpr (SharedHome<H>) {
        if (!held_up_.empty()) [[unlikely]]
          try_again();
      }
      const auto stop = stop_.load(std::memory_order_acquire);  // acquire "stopping"
      if (stop == Stop::kNow) break;
      if (look_at_hot() != 0) {
        idle_rounds = 0;
        if (++busy_rounds % kBusyRoundsPerLook == 0) bus_->look_after_others();
        continue;
      }
      if (stop == Stop::kDrain && !record_.ready.any() && drained()) break;
      idle(idle_rounds++);
    }
    finish();
    running_dispatcher = {};
  }

  /// Turns cursors hot whose lanes are ready, picks up new lanes, reads the inbox.
  void collect() {
    record_.ready.take([this](std::size_t bit) {
      if (bit == Directory<Memory>::kNoLane) return read_inbox();
      const auto lane = static_cast<std::uint32_t>(bit);
      if (!pick_up(lane)) hold_up(lane);
      if (lane >= by_lane_.size()) return;
      for (auto* reader : by_lane_[lane]) heat(reader);
    });
  }

  void read_inbox() {
    std::vector<Letter> letters;
    {
      const std::scoped_lock lock(inbox_lock_);
      letters.swap(inbox_);
    }
    for (auto& [subscription, add] : letters) {
      if (add) {
        {
          auto lock = bus_->lock();
          adopt_bound(*subscription);  // lanes made before this letter came
        }
        report_unreadable(*subscription);
        for (const auto& reader : subscription->readers) enlist(reader.get());
        subscriptions_.push_back(std::move(subscription));
      } else {
        std::erase(subscriptions_, subscription);
        for (const auto& reader : subscription->readers) delist(reader.get());
        forget(subscription);
      }
    }
  }

  /// The lane could not be looked at because another process holds the directory's lock.
  void hold_up(std::uint32_t lane) {
    if (std::find(held_up_.begin(), held_up_.end(), lane) == held_up_.end()) {
      held_up_.push_back(lane);
    }
  }
  void try_again() {
    if (--rounds_held_up_ != 0) return;
    rounds_held_up_ = kRoundsHeldUp;
    const auto lanes = std::exchange(held_up_, {});
    for (const auto lane : lanes) {
      if (!pick_up(lane)) hold_up(lane);
    }
  }

  /// Picks up the gates that a new lane reserved for our subscriptions. Without the directory's
  /// lock if there is none: whoever stands still with that lock withholds new lanes, not news.
  /// \return false if another process holds the lock
  bool pick_up(std::uint32_t index) {
    if (!record_.has_reserved()) return true;
    std::vector<Reader*> fresh;
    {
      const auto lock = bus_->lock_unless_held_up();
      if (!lock.owns_lock()) return false;
      auto& lane = bus_->directory().lane(index);
      if (lane.used == 0) return true;
      for (std::size_t gate = 0; gate < LaneRecord<Memory>::kMostReaders; ++gate) {
        if (lane.bound[gate] == 0) continue;
        for (const auto& subscription : subscriptions_) {
          if (subscription->record() + 1 != lane.bound[gate]) continue;
          lane.bound[gate] = 0;
          record_.pick_up();
          if (subscription->adopt(index, gate)) {
            fresh.push_back(subscription->readers.back().get());
          }
          break;
        }
      }
    }
    for (auto* reader : fresh) enlist(reader);
    for (const auto& subscription : subscriptions_) report_unreadable(*subscription);
    return true;
  }

  void enlist(Reader* reader) {
    if (reader->lane() >= by_lane_.size()) by_lane_.resize(reader->lane() + 1);
    by_lane_[reader->lane()].push_back(reader);
    heat(reader);
  }
  void delist(Reader* reader) {
    if (reader->lane() < by_lane_.size()) std::erase(by_lane_[reader->lane()], reader);
    if (reader->hot) std::erase(hot_, reader);
    reader->hot = false;
  }
  void heat(Reader* reader) {
    reader->idle_rounds = 0;
    if (std::exchange(reader->hot, true)) return;
    hot_.push_back(reader);
  }

  /// One round over the hot cursors. \return messages handled
  std::size_t look_at_hot() {
    std::size_t handled = 0;
    std::size_t weary = 0;
    bool finished = false;
    for (std::size_t i = 0; i < hot_.size(); ++i) {
      auto* reader = hot_[i];
      if (reader->has_news()) {
        reader->just_came = reader->idle_rounds != 0 && reader->seen_empty == turn_;
        reader->idle_rounds = 0;
        handled += handle(reader);
      } else {
        ++reader->idle_rounds;
        reader->seen_empty = turn_;
        weary += reader->idle_rounds >= cooling().patience ? 1 : 0;
        if (reader->idle_rounds % cooling().patience == 0) finished |= reader->finished();
      }
    }
    if (finished) [[unlikely]]
      retire_finished();
    if (weary >= cooling().asked_at_once) [[unlikely]]
      cool();
    return handled;
  }

  std::size_t handle(Reader* reader) {
    auto* subscription = reader->subscription;
    // also for whoever waits for another subscription's handler and finds this one
    running_.store(subscription, std::memory_order_release);  // release "handled"
    Memory::light_fence();
    if (fence_needed_) [[unlikely]] {
      Memory::fence(std::memory_order_seq_cst);  // seq_cst: orders running_ and ended
    }
    std::size_t handled = 0;
    if (!subscription->ended()) handled = reader->drain(options_.batch);
    ++turn_;
    running_.store(nullptr, std::memory_order_release);  // release "handled"
    return handled;
  }

  /// Lets go of cursors that are done; later, if another process holds the directory's lock.
  void retire_finished() {
    if (!bus_->lock_unless_held_up().owns_lock()) return;
    for (std::size_t i = 0; i < hot_.size();) {
      auto* reader = hot_[i];
      if (reader->idle_rounds >= cooling().patience && reader->finished()) {
        retire(reader);
      } else {
        ++i;
      }
    }
  }

  /// Asks for signals instead of looking at cursors that have had nothing for a while; leaves some.
  void cool() {
    std::vector<Reader*> asked;
    for (std::size_t i = 0; i < hot_.size() && hot_.size() > cooling().most_hot;) {
      auto* reader = hot_[i];
      if (reader->idle_rounds < cooling().patience) {
        ++i;
        continue;
      }
      hot_[i] = hot_.back();
      hot_.pop_back();
      reader->hot = false;
      reader->ask_for_signal_unfenced();
      asked.push_back(reader);
    }
    if (asked.empty()) return;
    const bool fenced = Memory::heavy_fence();
    for (auto* reader : asked) {
      if (!fenced || reader->has_news()) heat(reader);
    }
  }

  /// The reader's lane is closed and read to its end.
  void retire(Reader* reader) {
    delist(reader);
    auto& readers = reader->subscription->readers;
    std::erase_if(readers, [reader](const auto& owned) { return owned.get() == reader; });
  }

  void idle(unsigned rounds) {
    if (rounds % kRoundsPerLook == kRoundsPerLook - 1) {
      bus_->look_after_others();
      ++turn_;
    }
    if (rounds == 0 && options_.slip > 1) {
      for (unsigned i = 1; i < options_.slip; ++i) Memory::relax();
      ++turn_;
    }
    if (options_.idle == Idle::kSpin || rounds < options_.pauses) return Memory::relax();
    ++turn_;
    if (options_.idle == Idle::kYield || rounds < options_.pauses + options_.yields) {
      return Memory::yield();
    }
    park();
  }

  void park() {
    // all cursors ask; prepare() brings the one fence; then look again at every one of them
    auto asked = std::exchange(hot_, {});
    for (auto* reader : asked) {
      reader->hot = false;
      reader->ask_for_signal_unfenced();
    }
    const auto key = record_.event.prepare();
    bool news = record_.ready.any() ||
                stop_.load(std::memory_order_relaxed) == Stop::kNow;  // relaxed: knock() follows it
    for (auto* reader : asked) {
      // an ended one's news is nobody's: the letter about its end is under way
      if (reader->subscription->ended()) continue;
      if (!reader->has_news() && !reader->finished()) continue;
      news = true;
      heat(reader);
      reader->idle_rounds = cooling().patience - 1;  // if it is done, the next round lets go of it
    }
    if (news) {
      record_.event.cancel();
    } else {
      record_.event.wait(key, bus_->nap());
    }
    rounds_held_up_ = 1;  // the next round looks
    bus_->look_after_others();
  }

  [[nodiscard]] bool drained() {
    for (const auto& subscription : subscriptions_) {
      for (const auto& reader : subscription->readers) {
        if (reader->has_news()) {
          heat(reader.get());
          return false;
        }
      }
    }
    return true;
  }

  /// The thread's last act: from here on callers of add() and remove() do the work themselves.
  void finish() {
    while (true) {
      read_inbox();
      left_ = 0;
      for (const auto& subscription : subscriptions_) {
        {
          auto lock = bus_->lock();
          adopt_bound(*subscription);
        }
        report_unreadable(*subscription);
        for (const auto& reader : subscription->readers) left_ += reader->backlog();
      }
      const std::scoped_lock lock(inbox_lock_);
      if (!inbox_.empty()) continue;
      finished_ = true;
      break;
    }
    stopped_.store(true, std::memory_order_release);  // release "stopped"
    stopped_gate_.notify_all();
  }

  /// Picks up every gate that lanes have reserved for the subscription. Under the directory lock.
  void adopt_bound(CoreOfSubscription& subscription) {
    auto& directory = bus_->directory();
    for (std::uint32_t i = 0; i < directory.lanes_used(); ++i) {
      auto& lane = directory.lane(i);
      if (lane.used == 0) continue;
      for (std::size_t gate = 0; gate < LaneRecord<Memory>::kMostReaders; ++gate) {
        if (lane.bound[gate] != subscription.record() + 1) continue;
        lane.bound[gate] = 0;
        record_.pick_up();
        subscription.adopt(i, gate);
      }
    }
  }

  /// Tells of a lane that the subscription could not adopt, if there was one. Without the directory
  /// lock: the error handler may use the bus.
  void report_unreadable(CoreOfSubscription& subscription) noexcept {
    const auto error = std::exchange(subscription.unreadable, std::nullopt);
    if (!error) return;
    bus_->report_error(subscription.pattern(), std::make_exception_ptr(LaneError(*error)));
  }

  /// Takes an ended subscription out of the directory and destroys its cursors. Dispatcher's
  /// thread, or after it. Idempotent.
  void forget(const Item& subscription) {
    {
      const std::scoped_lock lock(inbox_lock_);
      if (std::erase(known_, subscription) == 0) return;
    }
    {
      auto lock = bus_->lock();
      bus_->directory().end_subscription(subscription->record());  // nobody binds it any more
      adopt_bound(*subscription);  // so that those gates are left like any other
      subscription->on_removed();
    }
    for (const auto& reader : subscription->readers) {
      subscription->undelivered.add(reader->backlog());
    }
    subscription->readers.clear();
    // The record goes last: as long as it is there, whoever finds a lane full of readers knows that
    // a place is about to come free.
    auto lock = bus_->lock();
    bus_->directory().free_subscription(subscription->record());
  }

  // static
  std::shared_ptr<Core> bus_;
  std::uint32_t endpoint_;
  EndpointRecord<Memory>& record_;
  DispatcherOptions options_;
  std::uint64_t parks_before_;  // of the endpoint's earlier owners
  bool fence_needed_;
  typename Platform<Memory>::Thread thread_;

  // dispatcher's thread
  alignas(kOwnerSpacing) Atomic<CoreOfSubscription*> running_{nullptr};
  std::vector<Item> subscriptions_;
  std::vector<Reader*> hot_;
  std::vector<std::vector<Reader*>> by_lane_;
  std::vector<std::uint32_t> held_up_;  // lanes to pick up when the directory's lock is free
  unsigned rounds_held_up_ = kRoundsHeldUp;
  std::uint32_t turn_ = 0;  // another one after whatever takes time
  std::uint64_t left_ = 0;
  DispatcherCore* waits_for_ = nullptr;          // under the bus's wait_lock
  const CoreOfSubscription* awaited_ = nullptr;  // likewise
  Atomic<bool> stopped_{false};

  // any thread
  alignas(kOwnerSpacing) Atomic<Stop> stop_{Stop::kNo};
  EventCount<Memory> stopped_gate_;
  typename Platform<Memory>::Mutex inbox_lock_;
  std::vector<Letter> inbox_;
  std::vector<Item> known_;
  bool finished_ = false;
};

}  // namespace ringway
