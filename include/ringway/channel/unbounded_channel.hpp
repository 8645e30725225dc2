// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// `unbounded_channel<T>`: a pipe that is never full, between any number of senders and receivers.
///
/// *What.* Sending never waits: the queue grows, and allocates as it does. Messages of one sender
/// handle arrive in order; between senders there is no order at all, not even for a message that
/// was sent after another had been received elsewhere. Use where senders must not wait and bursts
/// have no bound that you know. Do not use where a slow receiver must slow the senders down, where
/// memory must not grow, or where sending must not allocate: that is nearly everywhere.
///
/// *Protocol.* A moodycamel::ConcurrentQueue with the waiting and closing of channel_core.hpp; each
/// handle has its own producer or consumer token. Closing sets a flag: a send that is under way at
/// that moment may still succeed, and is then received or counted as left over.
///
/// *Synchronisation.* "unbounded sealed": release by seal() -> acquire by drained(): what the
/// closer sent before is in the queue. The queue's own edges carry the messages.
///
/// *Progress.* Sending and looking are lock-free but for the allocator. A look may miss a message
/// while another thread's look is under way; whoever looks in vain makes good for that (case 4 in
/// channel_core.hpp).
///
/// *Source.* C. Desrochers, https://github.com/cameron314/concurrentqueue; this is the one header
/// of Ringway that includes it.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

#if __has_include(<concurrentqueue/concurrentqueue.h>)
#include <concurrentqueue/concurrentqueue.h>
#elif __has_include(<concurrentqueue/moodycamel/concurrentqueue.h>)
#include <concurrentqueue/moodycamel/concurrentqueue.h>
#else
#include <concurrentqueue.h>
#endif

#include "ringway/base/cache_line.hpp"
#include "ringway/base/slot.hpp"
#include "ringway/channel/channel.hpp"

namespace ringway {

/// The queue that carries the messages. The model checker puts another one in its place, whose
/// words are its own (tests/model/models/unbounded_models.hpp).
struct MoodycamelQueue {
  template <class T>
  using Queue = moodycamel::ConcurrentQueue<T>;
  using ProducerToken = moodycamel::ProducerToken;
  using ConsumerToken = moodycamel::ConsumerToken;
  /// Each handle gets its token when it first uses the queue, which spreads consumers over all
  /// tokens, also over those of handles that are only there to be copied.
  static constexpr bool kTokensAtOnce = false;
};

/// The queue with the manners of a ring: roles as handles, a seal, no exceptions.
template <class T, class Memory = NativeMemory, class Kind = MoodycamelQueue>
class UnboundedQueue {
  using Queue = typename Kind::template Queue<T>;
  using ProducerToken = typename Kind::ProducerToken;
  using ConsumerToken = typename Kind::ConsumerToken;

 public:
  using value_type = T;
  static constexpr bool kMayLookEmpty = true;

  class Producer {
   public:
    [[nodiscard]] bool try_push(const T& value) { return push(value); }
    /// \return false if sealed, or if there is no memory; `value` is untouched then
    [[nodiscard]] bool try_push(T&& value) { return push(std::move(value)); }

    /// All or nothing.
    template <class U>
    [[nodiscard]] std::size_t try_push_batch(std::span<U> values) {
      if (values.empty() || sealed()) {
        return 0;
      }
      const auto first = [&] {
        if constexpr (std::is_const_v<U>) {
          return values.begin();
        } else {
          return std::make_move_iterator(values.begin());
        }
      }();
      auto& own = token();
      const bool sent = own.valid() ? queue_->enqueue_bulk(own, first, values.size())
                                    : queue_->enqueue_bulk(first, values.size());
      return sent ? values.size() : 0;
    }
    [[nodiscard]] bool sealed() const noexcept { return owner_->sealed(); }

   private:
    friend UnboundedQueue;
    explicit Producer(UnboundedQueue& owner) : owner_(&owner), queue_(&owner.queue_) {
      if constexpr (Kind::kTokensAtOnce) token_.emplace(*queue_);
    }

    template <class U>
    bool push(U&& value) {
      if (sealed()) {
        return false;
      }
      // A token is not valid if there was no memory for it; the queue then finds a sub-queue.
      auto& own = token();
      return own.valid() ? queue_->enqueue(own, std::forward<U>(value))
                         : queue_->enqueue(std::forward<U>(value));
    }
    [[gnu::always_inline]] ProducerToken& token() {
      if (!token_) [[unlikely]]
        token_.emplace(*queue_);
      return *token_;
    }

    UnboundedQueue* owner_;
    Queue* queue_;
    std::optional<ProducerToken> token_;
  };

  class Consumer {
   public:
    [[nodiscard, gnu::always_inline]] std::optional<T> try_pop() noexcept {
      Slot<T> slot;
      Landing landing{slot};
      if (!token_) [[unlikely]]
        token_.emplace(*queue_);
      if (!queue_->try_dequeue(*token_, landing)) return std::nullopt;
      T value = std::move(slot.get());  // not an optional yet: docs/design/spsc-ring.md
      slot.destroy();
      return value;
    }
    /// One by one: the queue's bulk call takes all of a run before its first message is handled, so
    /// that a handler which receives meets later messages, or none.
    template <class Handler>
    std::size_t drain(Handler&& handler,
                      std::size_t limit) noexcept(std::is_nothrow_invocable_v<Handler&, T&>) {
      std::size_t count = 0;
      while (count < limit) {
        auto value = try_pop();
        if (!value) {
          break;
        }
        ++count;
        handler(*value);
      }
      return count;
    }

   private:
    friend UnboundedQueue;
    explicit Consumer(UnboundedQueue& owner) : queue_(&owner.queue_) {
      if constexpr (Kind::kTokensAtOnce) token_.emplace(*queue_);
    }

    // What the queue assigns to, so that T needs no default constructor.
    struct Landing {
      Slot<T>& slot;
      Landing& operator=(T&& from) noexcept {
        slot.construct(std::move(from));
        return *this;
      }
    };

    Queue* queue_;
    std::optional<ConsumerToken> token_;
  };

  UnboundedQueue() : queue_(kFirstBlock) { check_element<T>(); }
  /// \pre it has given out no handle yet
  UnboundedQueue(UnboundedQueue&& other) noexcept : queue_(std::move(other.queue_)) {}
  UnboundedQueue& operator=(UnboundedQueue&&) = delete;

  [[nodiscard]] Result<Producer, SetupError> producer() { return Producer(*this); }
  [[nodiscard]] Result<Consumer, SetupError> consumer() { return Consumer(*this); }

  void seal() noexcept {
    sealed_.store(1, std::memory_order_release);  // release "unbounded sealed"
  }
  [[nodiscard]] bool sealed() const noexcept {
    return sealed_.load(std::memory_order_relaxed) != 0;  // relaxed: only refuses
  }
  [[nodiscard]] bool drained() const noexcept {
    const auto sealed = sealed_.load(std::memory_order_acquire);  // acquire "unbounded sealed"
    return sealed != 0 && queue_.size_approx() == 0;
  }
  [[nodiscard]] std::size_t capacity() const noexcept {
    return std::numeric_limits<std::size_t>::max();
  }
  [[nodiscard]] std::size_t size_approx() const noexcept { return queue_.size_approx(); }

 private:
  static constexpr std::size_t kFirstBlock = 1024;

  // written once; read at each push, so away from what consumers write
  alignas(kOwnerSpacing) typename Memory::template Atomic<std::uint32_t> sealed_{0};
  // producers and consumers
  alignas(kOwnerSpacing) Queue queue_;
};

template <class T, class Wait = SpinPark, class Memory = NativeMemory, class Kind = MoodycamelQueue>
using UnboundedSender = ChannelSender<UnboundedQueue<T, Memory, Kind>, Wait, Memory>;

template <class T, class Wait = SpinPark, class Memory = NativeMemory, class Kind = MoodycamelQueue>
using UnboundedReceiver = ChannelReceiver<UnboundedQueue<T, Memory, Kind>, Wait, Memory>;

struct UnboundedOptions {
  ChannelTally* tally = nullptr;  ///< where to add up what happened, if anybody wants to know
};

/// A channel that is never full, or why there is none. send() says kSent, kClosed, or kFull if
/// there is no memory. Any thread.
template <class T, class Wait = SpinPark, class Memory = NativeMemory, class Kind = MoodycamelQueue>
[[nodiscard]] Result<ChannelEnds<UnboundedQueue<T, Memory, Kind>, Wait, Memory>, SetupError>
make_unbounded_channel(const UnboundedOptions& options = {}) {
  using Ring = UnboundedQueue<T, Memory, Kind>;
  return ChannelEnds<Ring, Wait, Memory>::around(
      Ring(), {.overflow = Overflow::kFail, .tally = options.tally});
}

/// The same; stops the program with the error's sentence if there is none.
template <class T, class Wait = SpinPark, class Memory = NativeMemory, class Kind = MoodycamelQueue>
[[nodiscard]] auto unbounded_channel(const UnboundedOptions& options = {}) {
  return make_unbounded_channel<T, Wait, Memory, Kind>(options).value();
}

}  // namespace ringway
