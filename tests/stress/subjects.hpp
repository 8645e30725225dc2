// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The queues that are put under stress, made alike: how to make one with its handles, and how to
/// push and pop in every way that it offers.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "ringway/channel/channel.hpp"
#include "ringway/channel/mpmc_channel.hpp"
#include "ringway/ring/broadcast_byte_ring.hpp"
#include "ringway/ring/broadcast_ring.hpp"
#include "ringway/ring/byte_ring.hpp"
#include "ringway/ring/lock_free_mpmc_ring.hpp"
#include "ringway/ring/lossy_broadcast_ring.hpp"
#include "ringway/ring/mpmc_ring.hpp"
#include "ringway/ring/spsc_ring.hpp"
#include "tests/stress/queue_checker.hpp"
#include "tests/stress/threads.hpp"

namespace ringway::stress {

/// Eight bytes: several share a line.
struct Small {
  explicit Small(std::uint64_t value) noexcept : value_(value) {}
  [[nodiscard]] std::uint64_t value() const noexcept { return value_; }

 private:
  std::uint64_t value_;
};

/// Four words that belong together; one that does not gives a value that nobody pushed.
struct Wide {
  explicit Wide(std::uint64_t value) noexcept : words_{value, ~value, value * 3, value ^ kMark} {}
  [[nodiscard]] std::uint64_t value() const noexcept {
    const std::uint64_t value = words_[0];
    const bool whole =
        words_[1] == ~value && words_[2] == value * 3 && words_[3] == (value ^ kMark);
    return whole ? value : ~std::uint64_t{0};
  }

 private:
  static constexpr std::uint64_t kMark = 0x9e3779b97f4a7c15;
  std::uint64_t words_[4];
};

struct Shape {
  std::size_t capacity;
  Sequence start;
  std::size_t producers;
  std::size_t consumers;
};

/// Pushing into and popping from rings.
template <class Ring, class Reader>
class RingSubject {
 public:
  using Message = typename Ring::value_type;

  explicit RingSubject(Ring ring) : ring_(std::move(ring)) {}
  RingSubject(const RingSubject&) = delete;
  RingSubject& operator=(const RingSubject&) = delete;

  void push_some(typename Ring::Producer& producer, Worker& worker, std::uint64_t number,
                 std::uint64_t& sent) {
    const std::uint64_t value = value_of(number, sent);
    const auto how = worker.random()() % 8;
    worker.record([&] {
      bool done = false;
      if (how == 0) {
        const std::size_t most = 1 + worker.random()() % 4;
        std::vector<Message> batch;
        for (std::size_t i = 0; i < most; ++i) batch.emplace_back(value + i);
        const std::size_t count = producer.try_push_batch(std::span<Message>(batch));
        for (std::size_t i = 0; i < count; ++i) worker.did(Kind::kPush, value + i);
        sent += count;
        if (count == 0) worker.did(Kind::kFull);
        return;
      }
      if (how == 1) {
        if (auto claim = producer.try_claim(value)) {
          claim.commit();
          done = true;
        }
      } else if (how == 2) {
        const Message message(value);
        done = producer.try_push(message);
      } else {
        done = producer.try_emplace(value);
      }
      worker.did(done ? Kind::kPush : Kind::kFull, value);
      sent += done ? 1 : 0;
    });
  }

  std::size_t pop_some(Reader& reader, Worker& worker) {
    std::size_t count = 0;
    worker.record([&] {
      if (worker.random()() % 8 == 0) {
        const auto take = [&](const Message& message) noexcept {
          worker.did(Kind::kPop, message.value());
        };
        count = reader.drain(take, 1 + worker.random()() % 4);
      } else if (const auto message = next(reader)) {
        worker.did(Kind::kPop, message->value());
        count = 1;
      }
      if (count == 0) worker.did(Kind::kEmpty);
    });
    return count;
  }

 private:
  static auto next(Reader& reader) {
    if constexpr (requires { reader.try_pop(); }) {
      return reader.try_pop();
    } else {
      return reader.try_read();
    }
  }

 protected:
  Ring ring_;

 public:
  std::vector<typename Ring::Producer> producers;
  std::vector<Reader> consumers;
};

/// Rings whose elements are for one consumer each.
template <template <class, class> class RingTemplate, class Message>
class TakingSubject : public RingSubject<RingTemplate<Message, NativeMemory>,
                                         typename RingTemplate<Message, NativeMemory>::Consumer> {
 public:
  using Ring = RingTemplate<Message, NativeMemory>;
  using Base = RingSubject<Ring, typename Ring::Consumer>;

  explicit TakingSubject(const Shape& shape)
      : Base(Ring::create({.capacity = shape.capacity, .start = shape.start}).value()) {
    for (std::size_t i = 0; i < shape.producers; ++i) {
      this->producers.push_back(this->ring_.producer().value());
    }
    for (std::size_t i = 0; i < shape.consumers; ++i) {
      this->consumers.push_back(this->ring_.consumer().value());
    }
  }
};

/// Rings whose elements every reader sees.
template <template <class, class> class RingTemplate, class Message>
class ShowingSubject : public RingSubject<RingTemplate<Message, NativeMemory>,
                                          typename RingTemplate<Message, NativeMemory>::Cursor> {
 public:
  using Ring = RingTemplate<Message, NativeMemory>;
  using Base = RingSubject<Ring, typename Ring::Cursor>;

  explicit ShowingSubject(const Shape& shape)
      : Base(Ring::create(
                 {.capacity = shape.capacity, .max_cursors = shape.consumers, .start = shape.start})
                 .value()) {
    this->producers.push_back(this->ring_.producer().value());
    for (std::size_t i = 0; i < shape.consumers; ++i) {
      this->consumers.push_back(this->ring_.cursor().value());
    }
  }
};

/// Rings of bytes, with messages that are all of one size. \tparam Reader of the ring
template <class Ring, class Reader, class Message>
class ByteSubject {
 public:
  void push_some(typename Ring::Producer& producer, Worker& worker, std::uint64_t number,
                 std::uint64_t& sent) {
    const Message message(value_of(number, sent));
    const bool in_place = worker.random()() % 4 == 0;
    worker.record([&] {
      bool done = false;
      if (in_place) {
        if (auto claim = producer.try_claim(sizeof message)) {
          std::memcpy(claim.bytes().data(), &message, sizeof message);
          claim.commit();
          done = true;
        }
      } else {
        done = producer.try_push(std::as_bytes(std::span(&message, 1)));
      }
      worker.did(done ? Kind::kPush : Kind::kFull, message.value());
      sent += done ? 1 : 0;
    });
  }

  std::size_t pop_some(Reader& reader, Worker& worker) {
    std::size_t count = 0;
    worker.record([&] {
      const auto take = [&](std::span<const std::byte> bytes) noexcept {
        Message message(~std::uint64_t{0});  // that nobody pushed
        if (bytes.size() == sizeof message) std::memcpy(&message, bytes.data(), sizeof message);
        worker.did(Kind::kPop, message.value());
      };
      if (worker.random()() % 4 == 0) {
        count = reader.drain(take, 1 + worker.random()() % 4);
      } else {
        std::byte buffer[sizeof(Message)];
        if (const auto size = reader.try_read(buffer)) {
          take(std::span(buffer).first(*size));
          count = 1;
        }
      }
      if (count == 0) worker.did(Kind::kEmpty);
    });
    return count;
  }

 protected:
  explicit ByteSubject(Ring ring) : ring_(std::move(ring)) {
    producers.push_back(ring_.producer().value());
  }
  [[nodiscard]] static typename Ring::Options options(const Shape& shape) {
    typename Ring::Options options;
    options.capacity = shape.capacity * frame_bytes(sizeof(Message));
    options.max_frame = sizeof(Message);
    options.start = shape.start;
    return options;
  }

  Ring ring_;

 public:
  std::vector<typename Ring::Producer> producers;
  std::vector<Reader> consumers;
};

template <class Message>
class TakingByteSubject : public ByteSubject<ByteRing, ByteRing::Consumer, Message> {
  using Base = ByteSubject<ByteRing, ByteRing::Consumer, Message>;

 public:
  explicit TakingByteSubject(const Shape& shape)
      : Base(ByteRing::create(Base::options(shape)).value()) {
    this->consumers.push_back(this->ring_.consumer().value());
  }
};

template <class Message>
class ShowingByteSubject
    : public ByteSubject<BroadcastByteRing, BroadcastByteRing::Cursor, Message> {
  using Base = ByteSubject<BroadcastByteRing, BroadcastByteRing::Cursor, Message>;

 public:
  explicit ShowingByteSubject(const Shape& shape)
      : Base(BroadcastByteRing::create(options(shape)).value()) {
    for (std::size_t i = 0; i < shape.consumers; ++i) {
      this->consumers.push_back(this->ring_.cursor().value());
    }
  }

 private:
  [[nodiscard]] static BroadcastByteRing::Options options(const Shape& shape) {
    auto options = Base::options(shape);
    options.max_cursors = shape.consumers;
    return options;
  }
};

/// Channels: half of the operations wait.
template <class Ends>
class ChannelSubject {
 public:
  using Sender = decltype(std::declval<Ends&>().sender);
  using Receiver = decltype(std::declval<Ends&>().receiver);
  using Message = typename Sender::value_type;

  ChannelSubject(Ends ends, const Shape& shape) {
    for (std::size_t i = 1; i < shape.producers; ++i) producers.push_back(copy(ends.sender));
    producers.push_back(std::move(ends.sender));
    for (std::size_t i = 1; i < shape.consumers; ++i) consumers.push_back(copy(ends.receiver));
    consumers.push_back(std::move(ends.receiver));
  }

  void push_some(Sender& sender, Worker& worker, std::uint64_t number, std::uint64_t& sent) {
    const std::uint64_t value = value_of(number, sent);
    const auto how = worker.random()() % 8;
    worker.record([&] {
      const SendStatus status =
          how < 4 ? sender.send(Message(value)) : sender.try_send(Message(value));
      worker.did(status == SendStatus::kSent ? Kind::kPush : Kind::kFull, value);
      sent += status == SendStatus::kSent ? 1 : 0;
    });
  }

  std::size_t pop_some(Receiver& receiver, Worker& worker) {
    std::size_t count = 0;
    const auto how = worker.random()() % 8;
    worker.record([&] {
      if (how == 0) {
        const auto take = [&](const Message& message) noexcept {
          worker.did(Kind::kPop, message.value());
        };
        count = receiver.drain(take, 1 + worker.random()() % 4);
      } else if (how < 4) {
        if (const auto message = receiver.try_receive()) {
          worker.did(Kind::kPop, message->value());
          count = 1;
        }
      } else if (const auto message = receiver.receive()) {
        worker.did(Kind::kPop, message->value());
        count = 1;
      }
      if (count == 0) worker.did(Kind::kEmpty);
    });
    return count;
  }

  std::vector<Sender> producers;
  std::vector<Receiver> consumers;

 private:
  template <class Handle>
  static Handle copy(const Handle& handle) {
    if constexpr (std::is_copy_constructible_v<Handle>) {
      return handle;
    } else {
      std::abort();  // one of each
    }
  }
};

}  // namespace ringway::stress
