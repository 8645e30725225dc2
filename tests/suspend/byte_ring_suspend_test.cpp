// SPDX-License-Identifier: Apache-2.0
// labels: nosan
/// \file
/// What ring_suspend_test.cpp does, with rings of bytes.

#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <utility>

#include "one_producer.hpp"
#include "ringway/ring/broadcast_byte_ring.hpp"
#include "ringway/ring/byte_ring.hpp"

namespace ringway::test {
namespace {

/// A ring of bytes as a ring of messages that are all of one size.
template <class R>
class OfMessages {
 public:
  struct Options {
    std::size_t capacity = 0;  // messages
    std::size_t max_cursors = 4;
    Sequence start = 0;
  };

  [[nodiscard]] static auto footprint(const Options& options) {
    return R::footprint(in_bytes(options));
  }
  [[nodiscard]] static std::optional<OfMessages> format(std::span<std::byte> memory,
                                                        const Options& options) {
    return OfMessages(R::format(memory, in_bytes(options)).value());
  }

  class Claim {
   public:
    Claim(typename R::Claim claim, const Message& message) : claim_(std::move(claim)) {
      if (claim_) std::memcpy(claim_.bytes().data(), &message, sizeof message);
    }
    explicit operator bool() const noexcept { return static_cast<bool>(claim_); }
    void commit() noexcept { claim_.commit(); }

   private:
    typename R::Claim claim_;
  };

  class Producer {
   public:
    explicit Producer(typename R::Producer producer) : producer_(std::move(producer)) {}
    [[nodiscard]] bool try_push(const Message& message) noexcept {
      return producer_.try_push(std::as_bytes(std::span(&message, 1)));
    }
    [[nodiscard]] Claim try_claim(const Message& message) noexcept {
      return Claim(producer_.try_claim(sizeof message), message);
    }

   private:
    typename R::Producer producer_;
  };

  template <class ByteReader>
  class Reader {
   public:
    explicit Reader(ByteReader reader) : reader_(std::move(reader)) {}
    [[nodiscard]] std::optional<Message> try_read() noexcept {
      std::byte buffer[sizeof(Message)];
      const auto size = reader_.try_read(buffer);
      if (!size) return std::nullopt;
      return message_in(std::span(buffer).first(*size));
    }
    template <class Handler>
    std::size_t drain(Handler&& handler, std::size_t limit) noexcept {
      return reader_.drain(
          [&](std::span<const std::byte> bytes) noexcept {
            auto message = message_in(bytes);
            handler(message);
          },
          limit);
    }

   private:
    /// One that is not whole, if the bytes are not a message's.
    [[nodiscard]] static Message message_in(std::span<const std::byte> bytes) noexcept {
      Message message{};
      if (bytes.size() == sizeof message) std::memcpy(&message, bytes.data(), sizeof message);
      return message;
    }

    ByteReader reader_;
  };

  [[nodiscard]] std::optional<Producer> producer() {
    return std::optional<Producer>(std::in_place, ring_.producer().value());
  }
  [[nodiscard]] auto reader() {
    if constexpr (requires { ring_.consumer(); }) {
      return std::optional<Reader<typename R::Consumer>>(std::in_place, ring_.consumer().value());
    } else {
      return std::optional<Reader<typename R::Cursor>>(std::in_place, ring_.cursor().value());
    }
  }

 private:
  explicit OfMessages(R ring) : ring_(std::move(ring)) {}

  [[nodiscard]] static typename R::Options in_bytes(const Options& options) {
    typename R::Options bytes;
    bytes.capacity = options.capacity * frame_bytes(sizeof(Message));
    bytes.max_frame = sizeof(Message);
    bytes.start = options.start;
    if constexpr (requires { bytes.max_cursors; }) bytes.max_cursors = options.max_cursors;
    return bytes;
  }

  R ring_;
};

struct ByteKind {
  template <class>
  using Ring = OfMessages<ByteRing>;
  static constexpr bool kTakes = true;
  static constexpr std::size_t kExtraRoom = 1;

  template <class R>
  static auto reader(R& ring) {
    return ring.reader();
  }
};
struct BroadcastByteKind {
  template <class>
  using Ring = OfMessages<BroadcastByteRing>;
  static constexpr bool kTakes = false;
  static constexpr std::size_t kExtraRoom = 1;

  template <class R>
  static auto reader(R& ring) {
    return ring.reader();
  }
};

class SuspendedByteRing : public SuspendTest {};
TEST_F(SuspendedByteRing, ProducerBlocksNobody) {
  suspend_producer<ByteKind>("ByteRing", Push{});
  suspend_producer<ByteKind>("ByteRing", ClaimAndCommit{});
}
TEST_F(SuspendedByteRing, ConsumerBlocksNobody) {
  suspend_reader<ByteKind>("ByteRing", Receive{});
  suspend_reader<ByteKind>("ByteRing", Drain{});
}

class SuspendedBroadcastByteRing : public SuspendTest {};
TEST_F(SuspendedBroadcastByteRing, ProducerBlocksNobody) {
  suspend_producer<BroadcastByteKind>("BroadcastByteRing", Push{});
  suspend_producer<BroadcastByteKind>("BroadcastByteRing", ClaimAndCommit{});
}
TEST_F(SuspendedBroadcastByteRing, ReaderWithholdsItsUnreadMessagesOnly) {
  suspend_reader<BroadcastByteKind>("BroadcastByteRing", Receive{});
  suspend_reader<BroadcastByteKind>("BroadcastByteRing", Drain{});
}

}  // namespace
}  // namespace ringway::test
