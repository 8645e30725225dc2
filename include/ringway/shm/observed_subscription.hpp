// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What a subscription of an observer (shm/observer.hpp) reads: a lane after the other, and the
/// call of the handler. The observer's thread only. Not for users.
///
/// A lane that turns out to be unreadable is named in `unreadable` from the next look on, as long
/// as it is there; the others go on.

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "ringway/bus/topic_subscription.hpp"
#include "ringway/shm/observed_lane.hpp"

namespace ringway {

/// One subscription of an observer, whatever its handler. Not for users.
class ObservedSubscription {
 public:
  explicit ObservedSubscription(ObservedTopic topic) : topic_(std::move(topic)) {}
  ObservedSubscription(const ObservedSubscription&) = delete;
  ObservedSubscription& operator=(const ObservedSubscription&) = delete;
  virtual ~ObservedSubscription() = default;

  [[nodiscard]] const ObservedTopic& topic() const noexcept { return topic_; }
  [[nodiscard]] bool ended() const noexcept { return ended_; }
  void end() noexcept {
    ended_ = true;
    for (auto& one : lanes_) one.lane->stop_holding();
  }

  /// Takes up the lanes of a new look, and lets go of those that it does not show.
  /// \param late the subscription had begun before the look
  void follow(const std::shared_ptr<ObservedBus>& bus, bool late) {
    unreadable.clear();
    std::vector<bool> there(lanes_.size(), false);
    for (const auto& lane : bus->seen->lanes) {
      auto verdict = ObservedLane::judge(topic_, lane, *bus->seen);
      if (verdict.fit == ObservedLane::Fit::kNotMeant) continue;
      const auto known = std::find_if(lanes_.begin(), lanes_.end(),
                                      [&](const auto& one) { return one.lane->is(*bus, lane); });
      if (known != lanes_.end()) {
        if (known->broken.ok()) known->lane->seen_again(lane);
        const auto place = static_cast<std::size_t>(known - lanes_.begin());
        if (place < there.size()) there[place] = true;
        if (known->broken.ok()) continue;
        verdict = {ObservedLane::Fit::kUnreadable, std::string(known->broken.message())};
      }
      if (verdict.fit != ObservedLane::Fit::kReadable) {
        unreadable.push_back({bus->seen->topics[lane.topic].name, lane.number, lane.participant,
                              std::move(verdict.why)});
        continue;
      }
      lanes_.push_back(
          {std::make_unique<ObservedLane>(bus, lane, topic_.start, late, topic_.reliable)});
      lanes_.back().lane->seen_again(lane);
    }
    for (std::size_t i = 0; i < there.size(); ++i) {
      if (!there[i]) lanes_[i].lane->has_gone();
    }
  }
  /// The bus is not looked at any more.
  void bus_has_gone() noexcept {
    for (auto& one : lanes_) one.lane->bus_has_gone();
  }

  /// Hands on at most `limit` messages. \return how many
  std::size_t poll(std::size_t limit) {
    std::size_t handled = 0;
    for (auto& one : lanes_) {  // what was left behind, before what came after it
      if (one.lane->ending() && handled < limit && !ended_) handled += read(one, limit - handled);
    }
    const auto count = lanes_.size();
    for (std::size_t i = 0; i < count && handled < limit && !ended_; ++i) {
      if (next_ >= lanes_.size()) next_ = 0;
      handled += read(lanes_[next_++], limit - handled);  // the next call begins with the next one
    }
    std::erase_if(lanes_, [this](const auto& one) { return lets_go(one); });
    return handled;
  }

  /// Its lanes, and whether their publishers wait.
  [[nodiscard]] std::vector<ObservedLaneHold> holds() const {
    std::vector<ObservedLaneHold> all;
    for (const auto& one : lanes_) {
      if (one.broken.ok() && !one.lane->ending()) all.push_back(one.lane->hold());
    }
    return all;
  }
  [[nodiscard]] std::uint64_t lost() const noexcept {
    auto all = lost_;
    for (const auto& one : lanes_) all += one.lane->lost();
    return all;
  }

  std::uint64_t delivered = 0;
  std::uint64_t cut_off = 0;
  std::vector<UnreadableLane> unreadable;

 private:
  struct Reading {
    std::unique_ptr<ObservedLane> lane;
    absl::Status broken = absl::OkStatus();
  };

  virtual void call(std::span<const std::byte> message, const MessageInfo& info) = 0;

  std::size_t read(Reading& one, std::size_t limit) {
    if (!one.broken.ok()) return 0;
    const auto got = one.lane->read(
        topic_, limit,
        [this](std::span<const std::byte> message, const MessageInfo& info) {
          ++delivered;
          call(message, info);
        },
        [this] { return ended_; });
    if (!got.ok()) {
      one.broken = got.status();
      return 0;
    }
    return *got;
  }
  [[nodiscard]] bool lets_go(const Reading& one) {
    const bool broken = !one.broken.ok() && one.lane->ending();
    if (!one.lane->finished() && !broken) return false;
    lost_ += one.lane->lost();
    cut_off += one.lane->cut_off() || broken ? 1 : 0;
    return true;
  }

  const ObservedTopic topic_;
  std::vector<Reading> lanes_;
  std::size_t next_ = 0;
  std::uint64_t lost_ = 0;  // in lanes that were let go
  bool ended_ = false;
};

/// With the handler.
template <class T, class Handler>
class TypedObservedSubscription final : public ObservedSubscription {
 public:
  TypedObservedSubscription(ObservedTopic topic, Handler handler)
      : ObservedSubscription(std::move(topic)), handler_(std::move(handler)) {}

 private:
  void call(std::span<const std::byte> message, const MessageInfo& info) override {
    std::array<std::byte, sizeof(T)> bytes;
    std::memcpy(bytes.data(), message.data(), sizeof(T));  // of a newer version: its first bytes
    const T copy = std::bit_cast<T>(bytes);
    call_handler(handler_, copy, info);
  }

  Handler handler_;
};

template <class Handler>
class ByteObservedSubscription final : public ObservedSubscription {
 public:
  ByteObservedSubscription(ObservedTopic topic, Handler handler)
      : ObservedSubscription(std::move(topic)), handler_(std::move(handler)) {}

 private:
  void call(std::span<const std::byte> message, const MessageInfo& info) override {
    call_handler(handler_, message, info);
  }

  Handler handler_;
};

}  // namespace ringway
