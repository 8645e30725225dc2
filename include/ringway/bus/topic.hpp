// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Topics and services: the typed constants that both sides of a contract share.
///
///   inline constexpr ringway::Topic<Trade> kTrades{"md.trades", {.capacity = 4096}};
///   inline constexpr ringway::Service<PriceReply(PriceRequest)> kPricing{"pricing", {.timeout =
///   5ms}};
///   inline constexpr ringway::ByteTopic kFrames{"camera.front", {.encoding = "jpeg/1"}};
///
/// They are plain values without behaviour: a bus turns them into publishers, subscriptions,
/// requesters and repliers.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "ringway/base/sequence.hpp"
#include "ringway/base/slot.hpp"
#include "ringway/bus/topic_type.hpp"

namespace ringway {

struct TopicOptions {
  /// Messages that a publisher may be ahead of its slowest reliable reader; exact.
  std::size_t capacity = 1024;
  /// Readers of one lane at a time, at most 62.
  std::size_t max_readers = 16;
  /// Admit subscriptions that rather lose messages than hold publishers back; the message type must
  /// be trivially copyable.
  bool admits_lossy = false;
  /// Always keep the newest `capacity` messages in the lane for subscribers who come later
  /// (SubscribeOptions::start), whoever has read them. Without it some of them may be missing.
  bool retain = false;
  /// Between processes: wait for reliable observers (shm/observer.hpp) as for subscribers, but let
  /// go of one that has kept the lane full for so long without reading on. 0: wait for none.
  std::chrono::nanoseconds observer_lag_limit{0};
};

/// A named stream of `T`. A name with wildcards is a family: many topics of one type that a
/// publisher may keep in one order. The name must outlive the constant; string literals do.
template <class T>
struct Topic {
  using Message = T;

  std::string_view name;
  TopicOptions options{};

  /// The same contract under a name known only at run time.
  [[nodiscard]] constexpr Topic named(std::string_view other) const noexcept {
    return {other, options};
  }
  /// The same contract for all names that the pattern covers: `*` one token, a final `>` the rest.
  [[nodiscard]] constexpr Topic matching(std::string_view pattern) const noexcept {
    return {pattern, options};
  }
};

struct ByteTopicOptions {
  /// Bytes that a publisher may be ahead of its slowest reader: messages whose byte_message_cost()
  /// add up to it always fit.
  std::size_t capacity = std::size_t{1} << 16;
  /// Bytes of the largest message.
  std::size_t largest = 4096;
  /// What the bytes mean, in the words of those who encode them: 1 to 120 printable characters.
  /// Publishers and subscribers of a name must agree on it.
  std::string_view encoding = "bytes";
  /// Readers of one lane at a time, at most 62; at most 61 if it retains.
  std::size_t max_readers = 16;
  /// Keep the newest messages in the lane for subscribers who come later (SubscribeOptions::start),
  /// whoever has read them, and as long as the publisher is there: all that leave room for the next
  /// one. Without it every subscription begins with the next message.
  bool retain = false;
  /// As in TopicOptions.
  std::chrono::nanoseconds observer_lag_limit{0};
};

/// A named stream of messages of any size, in whatever encoding: bytes that are written in place
/// and read in place. Its subscriptions are reliable. Name and encoding must outlive the constant.
struct ByteTopic {
  std::string_view name;
  ByteTopicOptions options{};

  /// The same contract under a name known only at run time.
  [[nodiscard]] constexpr ByteTopic named(std::string_view other) const noexcept {
    return {other, options};
  }
  /// The same contract for all names of this encoding that the pattern covers.
  [[nodiscard]] constexpr ByteTopic matching(std::string_view pattern) const noexcept {
    return {pattern, options};
  }
};

struct ServiceOptions {
  /// How long a request may take when the call names no other limit.
  std::chrono::nanoseconds timeout = std::chrono::seconds(1);
  /// Requests that one requester may have under way at a time.
  std::size_t max_pending = 64;
};

template <class Signature>
struct Service;

/// A named question and answer.
template <class Reply, class Request>
struct Service<Reply(Request)> {
  using RequestType = Request;
  using ReplyType = Reply;

  std::string_view name;
  ServiceOptions options{};

  [[nodiscard]] constexpr Service named(std::string_view other) const noexcept {
    return {other, options};
  }
};

/// What travels with a message. Valid during the handler's call.
struct MessageInfo {
  std::string_view topic;
  Sequence sequence;  ///< of the lane that carried it: one publisher, counted from 0
  std::uint64_t gap;  ///< messages lost just before this one; always 0 for a reliable subscription
};

}  // namespace ringway
