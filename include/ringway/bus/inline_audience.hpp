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
/// *Protocol.* Each publisher has an InlineAudience: a list that is replaced, never changed, and a
/// word that says whether the publisher is in the middle of calling. Ending a subscription marks
/// it, replaces the lists, fences, and waits until no publisher is in the middle (unless the ending
/// happens inside such a call).
///
/// *Synchronisation.*
///   "list"     InlineAudience::set stores the list -> call() loads it
///   "calling"  call() stores that it is done -> quiesce(), free_retired() load it: nothing of the
///              old list is touched any more
///   call() stores calling_ and then loads list_, ended; quiesce() is preceded by stores to both:
///   light and heavy fence.
///
/// *Progress.* call(): wait-free but for the handlers. Ending: blocking while a handler runs.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ringway/base/asymmetric_fence.hpp"
#include "ringway/base/at_exit.hpp"
#include "ringway/base/native_memory.hpp"
#include "ringway/bus/names.hpp"
#include "ringway/bus/platform.hpp"
#include "ringway/bus/topic.hpp"

namespace ringway {

/// One inline subscription, whatever its type.
template <class Memory = NativeMemory>
class InlineSubscriber {
 public:
  using Call = std::function<void(const void* message, const MessageInfo& info)>;

  InlineSubscriber(std::string pattern, TypeIdentity type, Call call)
      : pattern_(std::move(pattern)), type_(type), call_(std::move(call)) {}

  [[nodiscard]] bool wants(std::string_view topic) const noexcept {
    return names::matches(pattern_, topic);
  }
  [[nodiscard]] const std::string& pattern() const noexcept { return pattern_; }
  [[nodiscard]] const TypeIdentity& type() const noexcept { return type_; }

  void call(const void* message, const MessageInfo& info) const { call_(message, info); }

  void end() noexcept {
    // relaxed: the caller fences
    ended_.store(true, std::memory_order_relaxed);
  }
  [[nodiscard]] bool ended() const noexcept {
    return ended_.load(std::memory_order_relaxed);  // relaxed: ordered by the fences, see above
  }

 private:
  std::string pattern_;
  TypeIdentity type_;
  Call call_;
  typename Memory::template Atomic<bool> ended_{false};
};

/// One publisher's inline subscribers.
template <class Memory = NativeMemory>
class InlineAudience {
 public:
  using Subscriber = InlineSubscriber<Memory>;

  /// Replaced as a whole, never changed; each list has a number of its own.
  struct List {
    std::uint64_t number = 0;
    std::vector<std::shared_ptr<Subscriber>> subscribers;
  };

  InlineAudience(std::string pattern, TypeIdentity type)
      : pattern_(std::move(pattern)), type_(type), fence_needed_(!Memory::heavy_fence()) {}

  /// The publisher: true if there is anybody to call. One load.
  [[nodiscard]] bool any() const noexcept {
    return list_.load(std::memory_order_relaxed) != nullptr;  // relaxed: call() looks again
  }

  /// The publisher, after the message was accepted: calls those for whom `wanted(list, i)` is true.
  /// Exceptions of a handler go to `on_error(pattern)`.
  template <class Wanted, class OnError>
  void call(const void* message, const MessageInfo& info, Wanted&& wanted, OnError&& on_error) {
    const auto depth = calling_.load(std::memory_order_relaxed);  // relaxed: own word
    calling_.store(depth + 1, std::memory_order_relaxed);         // relaxed: fenced below
    const AtExit done([this, depth] {
      calling_.store(depth, std::memory_order_release);  // release "calling"
    });
    Memory::light_fence();
    if (fence_needed_) {
      Memory::fence(std::memory_order_seq_cst);  // seq_cst: orders calling_ and list_
    }
    const List* list = list_.load(std::memory_order_acquire);  // acquire "list"
    if (list == nullptr) return;
    Memory::before_read(list, sizeof(List));
    // a handler may replace the list; the old one is kept until nobody is in the middle
    for (std::size_t i = 0; i < list->subscribers.size(); ++i) {
      const auto& subscriber = *list->subscribers[i];
      if (subscriber.ended() || !wanted(*list, i)) continue;
      try {
        subscriber.call(message, info);
      } catch (...) {
        on_error(subscriber.pattern());
      }
    }
  }

  /// True if the subscriber may want something from this publisher.
  [[nodiscard]] bool concerns(const Subscriber& subscriber) const {
    return subscriber.type() == type_ && names::overlap(subscriber.pattern(), pattern_);
  }

  /// Under the registry's lock: adds or removes a subscriber.
  void set(const std::shared_ptr<Subscriber>& subscriber, bool wanted) {
    auto next = std::make_unique<List>();
    if (current_) next->subscribers = current_->subscribers;
    next->number = ++lists_;
    std::erase(next->subscribers, subscriber);
    if (wanted) next->subscribers.push_back(subscriber);
    auto old = std::exchange(current_, next->subscribers.empty() ? nullptr : std::move(next));
    if (current_) Memory::before_write(current_.get(), sizeof(List));
    list_.store(current_.get(), std::memory_order_release);  // release "list"
    retired_.push_back(std::move(old));
  }

  /// After set() and a heavy fence: waits until no call that may use an old list runs.
  void quiesce() const noexcept {
    while (calling_.load(std::memory_order_acquire) != 0) {  // acquire "calling"
      Memory::yield();
    }
  }
  /// Under the registry's lock, after a heavy fence: frees the old lists if nobody can be using
  /// them.
  void free_retired() noexcept {
    if (calling_.load(std::memory_order_acquire) == 0) retired_.clear();  // acquire "calling"
  }

  /// True if the calling thread is inside this audience's call().
  [[nodiscard]] bool is_calling_here() const noexcept {
    return calling_.load(std::memory_order_relaxed) != 0 &&  // relaxed: own thread's word, if ours
           owner_.load(std::memory_order_relaxed) ==
               Platform<Memory>::this_thread();  // relaxed: likewise
  }
  /// The publisher, before call(): whose thread it is.
  void set_owner() noexcept {
    owner_.store(Platform<Memory>::this_thread(),
                 std::memory_order_relaxed);  // relaxed: own thread's word
  }

 private:
  template <class U>
  using Atomic = typename Memory::template Atomic<U>;

  // static
  std::string pattern_;
  TypeIdentity type_;
  bool fence_needed_;
  // publisher
  Atomic<std::uint32_t> calling_{0};
  Atomic<typename Platform<Memory>::ThreadId> owner_{};
  // whoever subscribes
  Atomic<const List*> list_{nullptr};
  std::unique_ptr<List> current_;
  std::uint64_t lists_ = 0;
  std::vector<std::unique_ptr<List>> retired_;
};

/// All inline subscriptions and all publishers of one bus in this process.
template <class Memory = NativeMemory>
class InlineRegistry {
  using Audience = InlineAudience<Memory>;
  using Subscriber = InlineSubscriber<Memory>;

 public:
  void add_publisher(const std::shared_ptr<Audience>& audience) {
    const std::scoped_lock lock(lock_);
    audiences_.push_back(audience);
    for (const auto& subscriber : subscribers_) {
      if (audience->concerns(*subscriber)) audience->set(subscriber, true);
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
      if (audience->concerns(*subscriber)) audience->set(subscriber, true);
    }
  }

  /// Once this has returned, no call of the subscriber runs, but for one that this is called from.
  void remove(const std::shared_ptr<Subscriber>& subscriber) {
    subscriber->end();
    std::vector<std::shared_ptr<Audience>> concerned;
    {
      const std::scoped_lock lock(lock_);
      std::erase(subscribers_, subscriber);
      for (const auto& audience : audiences_) {
        if (!audience->concerns(*subscriber)) continue;
        audience->set(subscriber, false);
        concerned.push_back(audience);
      }
      fence();
    }
    // without the lock: a handler that is waited for may want to subscribe
    for (const auto& audience : concerned) {
      if (!audience->is_calling_here()) audience->quiesce();
    }
    const std::scoped_lock lock(lock_);
    fence();
    for (const auto& audience : concerned) audience->free_retired();
  }

 private:
  static void fence() noexcept {
    if (!Memory::heavy_fence()) {
      Memory::fence(std::memory_order_seq_cst);  // seq_cst: orders list_ and calling_
    }
  }

  typename Platform<Memory>::Mutex lock_;
  std::vector<std::shared_ptr<Audience>> audiences_;
  std::vector<std::shared_ptr<Subscriber>> subscribers_;
};

}  // namespace ringway
