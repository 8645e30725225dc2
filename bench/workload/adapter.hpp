// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What an adapter is: one queue, dressed for the driver, at most 60 lines.
///
///   template <class T>
///   class MyQueue {
///    public:
///     static constexpr AdapterInfo kInfo{.name = "my queue", .kind = Kind::kPeer};
///     explicit MyQueue(std::size_t capacity);
///     class Producer {
///      public:
///       explicit Producer(MyQueue& queue);              // on its own thread: take tokens here
///       bool try_push(const T& message);                // false: full
///       std::size_t try_push_batch(std::span<const T>); // optional; how many were taken
///     };
///     class Consumer {
///      public:
///       explicit Consumer(MyQueue& queue);
///       bool try_pop(Handler&& handler);                // handler(const T&); false: empty
///       std::size_t try_pop_batch(Handler&&, limit);    // optional; how many
///     };
///   };
///
/// Each is used the way its own documentation calls fastest; the handler form lets a queue show its
/// element in place where it can.

#include <concepts>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>

#include "driver/row.hpp"

namespace ringway::bench {

struct AdapterInfo {
  const char* name;
  Kind kind = Kind::kPeer;
  /// One producer and one consumer only.
  bool single_roles = false;
  /// try_pop waits until there is something, so a consumer must know how many to take.
  bool pop_waits = false;
  /// Keeps each producer's order. Where it does not, only count and checksum are checked.
  bool keeps_order = true;
};

/// The adapters that were added from outside, by RINGWAY_BENCH_EXTRA; CMake writes the list.
template <class... Adapters>
struct AdapterList {
  /// Calls `add.template operator()<Adapter>()` for each.
  template <class Add>
  static void for_each(Add&& add) {
    (add.template operator()<Adapters>(), ...);
  }
};

/// Gives the handler what a queue gave out, if anything. The handler sees a copy that nobody has
/// taken the address of before, so that a small message stays in a register: g++ 12 puts an
/// optional whose address is taken on the stack, and with it three more stores for each message.
template <class T, class Handler>
[[gnu::always_inline]] inline bool hand_over(std::optional<T> message, Handler&& handler) {
  if (!message) return false;
  const T taken = *std::move(message);
  handler(taken);
  return true;
}

/// Stands for a handler where a concept needs one.
template <class T>
struct AnyHandler {
  void operator()(const T&) const noexcept {}
};

template <class A, class T>
concept QueueAdapter = requires(A& queue, typename A::Producer& producer,
                                typename A::Consumer& consumer, const T& message) {
  { A::kInfo.name } -> std::convertible_to<const char*>;
  requires std::constructible_from<A, std::size_t>;
  requires std::constructible_from<typename A::Producer, A&>;
  requires std::constructible_from<typename A::Consumer, A&>;
  { producer.try_push(message) } -> std::same_as<bool>;
  { consumer.try_pop(AnyHandler<T>{}) } -> std::same_as<bool>;
};

template <class A, class T>
concept BatchAdapter = QueueAdapter<A, T> &&
    requires(typename A::Producer& producer, typename A::Consumer& consumer,
             std::span<const T> messages, std::size_t limit) {
  { producer.try_push_batch(messages) } -> std::same_as<std::size_t>;
  { consumer.try_pop_batch(AnyHandler<T>{}, limit) } -> std::same_as<std::size_t>;
};

}  // namespace ringway::bench
