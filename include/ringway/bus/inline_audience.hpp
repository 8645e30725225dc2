// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Subscriptions that run on the publisher's own thread, inside publish().
///
/// *What.* The fastest delivery there is: a call. Use for light work that belongs to the
/// publisher's thread anyway (a cache, a counter, a filter in front of a topic). The subscriber
/// hears the publishers of its own process alone. Do not use for work that can block, nor where the
/// publisher must not be slowed down.
///
/// *Protocol.* Each publisher has an InlineAudience: a list that is replaced as a whole, and a word
/// that says which thread is in the middle of calling. Ending a subscription replaces the list,
/// makes the subscription's entry in older lists do nothing, fences, and waits until no publisher
/// is in the middle (unless the ending happens inside such a call). So the publisher tests nothing
/// per subscriber: it goes from entry to entry and calls. Handlers on different threads that end
/// each other's subscriptions would wait in a circle: whoever would close it does not wait, and the
/// handler that it has ended may still be running, namely waiting for this very thread.
///
/// *Synchronisation.*
///   "list"     InlineAudience::replace stores the list -> call() loads it
///   "calling"  call() stores that it is done -> quiesce(), free_retired() load it: nothing of the
///              old list is touched any more
///   call() stores calling_ and then loads list_ and entries; quiesce() is preceded by stores to
///   both: light and heavy fence.
///
/// *Progress.* call(): wait-free but for the handlers. Ending: blocking while a handler runs.

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ringway/base/asymmetric_fence.hpp"
#include "ringway/base/native_memory.hpp"
#include "ringway/bus/names.hpp"
#include "ringway/bus/platform.hpp"
#include "ringway/bus/topic.hpp"

namespace ringway {

/// What travels with a message to inline subscribers.
struct InlineContext {
  std::string_view topic;
  Sequence sequence;
};

/// One inline subscription, whatever its type.
template <class Memory = NativeMemory>
class InlineSubscriber {
 public:
  /// Calls the handler behind `handler` and reports what it throws; plain arguments, so that
  /// publishing costs little more than the call.
  using Call = void (*)(void* handler, const void* message, const InlineContext& context) noexcept;

  InlineSubscriber(std::string pattern, TypeIdentity type, Call how, std::shared_ptr<void> handler)
      : pattern_(std::move(pattern)), type_(type), call_(how), handler_(std::move(handler)) {}

  [[nodiscard]] bool wants(std::string_view topic) const noexcept {
    return names::matches(pattern_, topic);
  }
  [[nodiscard]] const std::string& pattern() const noexcept { return pattern_; }
  [[nodiscard]] const TypeIdentity& type() const noexcept { return type_; }
  [[nodiscard]] Call call() const noexcept { return call_; }
  [[nodiscard]] void* handler() const noexcept { return handler_.get(); }

 private:
  std::string pattern_;
  TypeIdentity type_;
  Call call_;
  std::shared_ptr<void> handler_;
};

/// One publisher's inline subscribers.
template <class Memory = NativeMemory>
class InlineAudience {
  template <class U>
  using Atomic = typename Memory::template Atomic<U>;
  using ThreadId = typename Platform<Memory>::ThreadId;

 public:
  using Subscriber = InlineSubscriber<Memory>;
  struct List;
  /// What the publisher goes through, up to one without `call`.
  struct Entry {
    Atomic<typename Subscriber::Call> call{nullptr};  // does nothing once the subscriber has ended
    void* handler = nullptr;
    const Subscriber* subscriber = nullptr;
    const List* list = nullptr;
  };
  /// Replaced as a whole; only the `call` of an entry changes. Each list has a number of its own.
  struct List {
    std::uint64_t number = 0;
    std::vector<std::shared_ptr<Subscriber>> subscribers;
    std::unique_ptr<Entry[]> entries;  // at least one that does nothing
  };

  InlineAudience(std::string pattern, TypeIdentity type)
      : pattern_(std::move(pattern)), type_(type), fence_needed_(!heavy_fence_granted<Memory>()) {}

  [[nodiscard]] bool fence_needed() const noexcept { return fence_needed_; }

  /// The publisher: true if there is anybody to call, or a call is under way.
  [[nodiscard]] bool any() const noexcept {
    return list_.load(std::memory_order_relaxed) != nullptr;  // relaxed: call() looks again
  }
  /// The publisher: true inside call().
  [[nodiscard]] bool calling() const noexcept {
    return calling_.load(std::memory_order_relaxed) != ThreadId{};  // relaxed: own word
  }

  /// The publisher, after the message was accepted: calls those for whom `wanted(entry)` is true.
  template <class Wanted>
  void call(const void* message, const InlineContext& context, Wanted&& wanted) noexcept {
    const ThreadId outer = calling_.load(std::memory_order_relaxed);  // relaxed: own word
    calling_.store(Platform<Memory>::this_thread(),
                   std::memory_order_relaxed);  // relaxed: fenced below
    Memory::light_fence();
    if (fence_needed_) {
      Memory::fence(std::memory_order_seq_cst);  // seq_cst: orders calling_ and list_
    }
    go_through(message, context, wanted);
    calling_.store(outer, std::memory_order_release);  // release "calling"
  }
  /// The same for all of them, the short way. \pre not calling(), and no fence needed
  [[gnu::always_inline]] void call_calmly(const void* message,
                                          const InlineContext& context) noexcept {
    calling_.store(Platform<Memory>::this_thread(),
                   std::memory_order_relaxed);  // relaxed: fenced below
    Memory::light_fence();
    go_through(message, context, [](const Entry&) { return true; });
    calling_.store(ThreadId{}, std::memory_order_release);  // release "calling"
  }

  /// True if the subscriber may want something from this publisher.
  [[nodiscard]] bool concerns(const Subscriber& subscriber) const {
    return is_readable(fit_of(type_, subscriber.type())) &&
           names::overlap(subscriber.pattern(), pattern_);
  }

  /// Under the registry's lock: adds a subscriber.
  void add(const std::shared_ptr<Subscriber>& subscriber) {
    auto subscribers = current_->subscribers;
    subscribers.push_back(subscriber);
    replace(std::move(subscribers));
  }
  /// Under the registry's lock: takes a subscriber out, and out of the lists that are in use still.
  void remove(const std::shared_ptr<Subscriber>& subscriber) {
    auto subscribers = current_->subscribers;
    std::erase(subscribers, subscriber);
    replace(std::move(subscribers));
    for (const auto& list : retired_) {
      for (std::size_t i = 0; i < list->subscribers.size(); ++i) {
        if (list->subscribers[i] != subscriber) continue;
        list->entries[i].call.store(&call_nothing, std::memory_order_relaxed);  // relaxed: fenced
      }
    }
  }

  /// After remove() and a heavy fence: waits until no call that may use an old list runs.
  void quiesce() const noexcept {
    while (calling_.load(std::memory_order_acquire) != ThreadId{}) {  // acquire "calling"
      Memory::yield();
    }
  }
  /// Under the registry's lock, after a heavy fence: frees the old lists if nobody can be using
  /// them.
  void free_retired() noexcept {
    if (calling_.load(std::memory_order_acquire) != ThreadId{}) return;  // acquire "calling"
    retired_.clear();
    if (current_->subscribers.empty()) {
      list_.store(nullptr, std::memory_order_relaxed);  // relaxed: nobody is in the middle of it
    }
  }

  /// The thread that is inside this audience's call(), or none.
  [[nodiscard]] ThreadId caller() const noexcept {
    return calling_.load(std::memory_order_acquire);  // acquire "calling"
  }

 private:
  static void call_nothing(void*, const void*, const InlineContext&) noexcept {}

  template <class Wanted>
  [[gnu::always_inline]] void go_through(const void* message, const InlineContext& context,
                                         Wanted&& wanted) noexcept {
    // a handler may replace the list; the old one is kept until nobody is in the middle
    const Entry* entry = list_.load(std::memory_order_acquire);  // acquire "list"
    if (entry == nullptr) return;
    Memory::before_read(&entry->handler, sizeof(entry->handler));
    // relaxed: an ended one's was replaced by this thread, or by one that waits for this call
    auto next = entry->call.load(std::memory_order_relaxed);
    do {
      if (wanted(*entry)) next(entry->handler, message, context);
      ++entry;
      next = entry->call.load(std::memory_order_relaxed);  // relaxed: likewise
    } while (next != nullptr);
  }

  /// An empty list stays in the publisher's hands until nobody is in the middle of a call: then a
  /// handler that ended the last subscription and publishes still counts as calling.
  void replace(std::vector<std::shared_ptr<Subscriber>> subscribers) {
    auto next = std::make_unique<List>();
    next->number = ++lists_;
    next->entries = std::make_unique<Entry[]>(subscribers.size() + 2);
    next->entries[0].call.store(&call_nothing, std::memory_order_relaxed);  // relaxed: "list"
    for (std::size_t i = 0; i < subscribers.size(); ++i) {
      auto& entry = next->entries[i];
      entry.call.store(subscribers[i]->call(), std::memory_order_relaxed);  // relaxed: "list"
      entry.handler = subscribers[i]->handler();
      entry.subscriber = subscribers[i].get();
      entry.list = next.get();
    }
    Memory::before_write(&next->entries[0].handler, sizeof(next->entries[0].handler));
    next->subscribers = std::move(subscribers);
    list_.store(next->entries.get(), std::memory_order_release);  // release "list"
    retired_.push_back(std::exchange(current_, std::move(next)));
  }

  // static
  std::string pattern_;
  TypeIdentity type_;
  bool fence_needed_;
  // whoever subscribes
  std::unique_ptr<List> current_ = std::make_unique<List>();
  std::uint64_t lists_ = 0;
  std::vector<std::unique_ptr<List>> retired_;
  Atomic<const Entry*> list_{nullptr};
  // publisher
  Atomic<ThreadId> calling_{};  // the thread inside call()
};

/// All inline subscriptions and all publishers of one bus in this process.
template <class Memory = NativeMemory>
class InlineRegistry {
  using Audience = InlineAudience<Memory>;
  using Subscriber = InlineSubscriber<Memory>;
  using ThreadId = typename Platform<Memory>::ThreadId;

 public:
  void add_publisher(const std::shared_ptr<Audience>& audience) {
    const std::scoped_lock lock(lock_);
    audiences_.push_back(audience);
    for (const auto& subscriber : subscribers_) {
      if (audience->concerns(*subscriber)) audience->add(subscriber);
    }
  }
  void remove_publisher(const std::shared_ptr<Audience>& audience) noexcept {
    const std::scoped_lock lock(lock_);
    std::erase(audiences_, audience);
  }

  void add(const std::shared_ptr<Subscriber>& subscriber) {
    const std::scoped_lock lock(lock_);
    subscribers_.push_back(subscriber);
    for (const auto& audience : audiences_) {
      if (audience->concerns(*subscriber)) audience->add(subscriber);
    }
  }

  /// Once this has returned, no call of the subscriber runs, but for one that this is called from,
  /// and one that waits for the end of a handler that this is called from.
  void remove(const std::shared_ptr<Subscriber>& subscriber) {
    std::vector<std::shared_ptr<Audience>> concerned;
    {
      const std::scoped_lock lock(lock_);
      std::erase(subscribers_, subscriber);
      for (const auto& audience : audiences_) {
        if (!audience->concerns(*subscriber)) continue;
        audience->remove(subscriber);
        concerned.push_back(audience);
      }
      fence();
    }
    // without the lock: a handler that is waited for may want to subscribe
    for (const auto& audience : concerned) {
      if (!begin_waiting_for(*audience)) continue;
      audience->quiesce();
      end_waiting();
    }
    const std::scoped_lock lock(lock_);
    fence();
    for (const auto& audience : concerned) audience->free_retired();
  }

 private:
  struct Wait {
    ThreadId thread;
    const Audience* audience;
  };

  /// \return false if there is nothing to wait for, or waiting would never end: the thread that is
  /// in the middle is this one, or waits, maybe by way of others, for this one. Under wait_lock_,
  /// which makes one of those in a circle the last.
  [[nodiscard]] bool begin_waiting_for(const Audience& audience) {
    const auto self = Platform<Memory>::this_thread();
    auto caller = audience.caller();
    if (caller == ThreadId{} || caller == self) return false;
    const std::scoped_lock lock(wait_lock_);
    for (std::size_t i = 0; i <= waits_.size() && caller != ThreadId{}; ++i) {
      const auto wait = std::find_if(waits_.begin(), waits_.end(),
                                     [caller](const Wait& each) { return each.thread == caller; });
      if (wait == waits_.end()) break;
      caller = wait->audience->caller();
      if (caller == self) return false;
    }
    waits_.push_back({self, &audience});
    return true;
  }
  void end_waiting() noexcept {
    const auto self = Platform<Memory>::this_thread();
    const std::scoped_lock lock(wait_lock_);
    std::erase_if(waits_, [self](const Wait& each) { return each.thread == self; });
  }

  static void fence() noexcept {
    if (!Memory::heavy_fence()) {
      Memory::fence(std::memory_order_seq_cst);  // seq_cst: orders list_ and calling_
    }
  }

  typename Platform<Memory>::Mutex lock_;
  std::vector<std::shared_ptr<Audience>> audiences_;
  std::vector<std::shared_ptr<Subscriber>> subscribers_;
  typename Platform<Memory>::Mutex wait_lock_;
  std::vector<Wait> waits_;
};

}  // namespace ringway
