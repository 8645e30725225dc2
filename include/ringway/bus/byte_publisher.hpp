// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// `BytePublisher`: the writing end of a topic of bytes.
///
///   auto frames = bus.publisher(kFrames);
///   frames.publish(std::as_bytes(std::span(image)));
///   if (auto claim = frames.try_claim(size)) {
///     encode_into(claim.bytes());
///     claim.commit();
///   }
///
/// *What.* As `Publisher` (bus/publisher.hpp), for messages of any size up to a largest one.
///
/// *Progress.* As Publisher's.

#include <chrono>
#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <variant>

#include "ringway/bus/byte_lane.hpp"
#include "ringway/bus/lane_keeper.hpp"
#include "ringway/bus/publisher.hpp"

namespace ringway {

/// The writing end of one topic of bytes. Move-only; one thread at a time.
template <Home H = HeapHome>
class BytePublisher {
  using Lane = LanePublisher<Bytes, H>;

 public:
  class Claim;

  /// Publishes a copy. \return kPublished, kFull, kClosed, kTooLarge. Wait-free.
  [[nodiscard]] PublishStatus try_publish(std::span<const std::byte> message) {
    std::size_t behind = 0;
    return attempt(message, behind);
  }
  /// Waits for room. \return kPublished, kClosed, kWouldDeadlock, kTooLarge. Blocking.
  PublishStatus publish(std::span<const std::byte> message) {
    return publish_until(message, Deadline::never());
  }
  /// publish() with a time limit, which adds kTimedOut. Blocking.
  template <class Rep, class Period>
  PublishStatus publish_for(std::span<const std::byte> message,
                            std::chrono::duration<Rep, Period> timeout) {
    return publish_until(message, Deadline::after(timeout));
  }
  PublishStatus publish_until(std::span<const std::byte> message, Deadline deadline) {
    std::size_t behind = 0;
    const auto status = attempt(message, behind);
    if (status != PublishStatus::kFull) return status;
    return lane_.wait_for_room([&] { return attempt(message, behind); }, deadline, behind);
  }

  /// Room for a message of `size` bytes, to be written in place and committed; dropping the claim
  /// takes it back. Empty if the lane is full or closed, and always if size > largest(). Wait-free.
  /// \pre no other claim of this publisher is open
  [[nodiscard]] Claim try_claim(std::size_t size) {
    if (size > largest_) return Claim(this, {});
    if (keeper_) {
      lane_.visit([&](auto& producer) { keeper_->make_room(producer, kByteMessageHeader + size); });
    }
    return Claim(this, lane_.try_claim(kByteMessageHeader + size));
  }

  [[nodiscard]] std::string_view topic() const noexcept { return topic_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return lane_.capacity(); }
  [[nodiscard]] std::size_t largest() const noexcept { return largest_; }
  /// Messages published so far, which is the sequence of the next one.
  [[nodiscard]] Sequence sequence() const noexcept { return published_; }

 private:
  template <Home>
  friend class BasicBus;

  BytePublisher(Lane lane, std::size_t largest, std::optional<LaneKeeper<H>> keeper)
      : lane_(std::move(lane)),
        topic_(lane_.core().directory().topic(lane_.lane().topic).name.view()),
        largest_(largest),
        keeper_(std::move(keeper)) {}

  /// \param behind if it is full: how far behind a reader is that leaves no room
  PublishStatus attempt(std::span<const std::byte> message, std::size_t& behind) {
    if (message.size() > largest_) return PublishStatus::kTooLarge;
    const auto size = kByteMessageHeader + message.size();
    const auto status = lane_.try_push([&](auto& producer) {
      if (keeper_) keeper_->make_room(producer, size);
      auto claim = producer.try_claim(size);
      if (!claim) {
        behind = producer.behind_if_full(size);
        return false;
      }
      write_number(claim.bytes(), published_);
      if (!message.empty()) {
        std::memcpy(claim.bytes().data() + kByteMessageHeader, message.data(), message.size());
      }
      claim.commit();
      return true;
    });
    if (status == PublishStatus::kPublished) lane_.lane().set_published(++published_);
    return status;
  }

  Lane lane_;
  std::string_view topic_;
  std::size_t largest_;
  Sequence published_ = 0;
  std::optional<LaneKeeper<H>> keeper_;  // leaves the lane before it may go
};

/// A message that is being written and not published. Lives no longer than its publisher, which
/// publishes nothing meanwhile.
template <Home H>
class BytePublisher<H>::Claim {
 public:
  /// False if the lane was full or closed, or the message too large.
  explicit operator bool() const noexcept { return claim_.index() != 0; }
  /// Where the message goes: as many bytes as were claimed, holding anything, aligned to 8.
  /// \pre not empty
  [[nodiscard]] std::span<std::byte> bytes() const noexcept {
    return frame().subspan(kByteMessageHeader);
  }

  /// Publishes the message; the claim is empty afterwards. \pre not empty
  void commit() { commit(bytes().size()); }
  /// Publishes the first `size` bytes of the message; the rest of the room stays free. \pre not
  /// empty, size <= bytes().size()
  void commit(std::size_t size) {
    write_number(frame(), publisher_->published_);
    publisher_->lane_.commit(claim_, kByteMessageHeader + size);
    claim_.template emplace<std::monostate>();
    publisher_->lane_.lane().set_published(++publisher_->published_);
  }

 private:
  friend BytePublisher;
  using AnyClaim = typename Lane::AnyClaim;
  Claim(BytePublisher* publisher, AnyClaim claim) noexcept
      : publisher_(publisher), claim_(std::move(claim)) {}

  [[nodiscard]] std::span<std::byte> frame() const noexcept { return std::get<1>(claim_).bytes(); }

  BytePublisher* publisher_;
  AnyClaim claim_;
};

}  // namespace ringway
