// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The typed half of a subscription: cursors of the right kind in plain and family lanes, and the
/// call of the handler. Dispatcher's thread only, but for join() and adopt() during subscribe().
/// Not for users. What does not call the handler is in TopicLanes, which is compiled once per
/// message type; TopicSubscription is compiled once per handler.

#include <algorithm>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "ringway/bus/lane_cursors.hpp"
#include "ringway/ring/broadcast_prefix.hpp"

namespace ringway {

template <class Handler, class T>
concept MessageHandler = std::is_invocable_v<Handler&, const T&> ||
    std::is_invocable_v<Handler&, const T&, const MessageInfo&>;

/// Calls a handler that takes the message alone, or the message and what travels with it.
template <class Handler, class T>
void call_handler(Handler& handler, const T& message, const MessageInfo& info) {
  if constexpr (std::is_invocable_v<Handler&, const T&, const MessageInfo&>) {
    handler(message, info);
  } else {
    handler(message);
  }
}

/// A subscription's cursors, whatever its handler.
template <class T, Home H>
class TopicLanes : public LaneCursors<H> {
  using Base = LaneCursors<H>;
  using Base::bus_;

 public:
  bool adopt(std::uint32_t lane, std::size_t gate) override { return adopt(lane, gate, 0); }

  absl::Status join(std::uint32_t lane) override {
    auto& directory = bus_->directory();
    auto& record = directory.lane(lane);
    if (options_.lossy && record.lossy == 0) {
      return absl::FailedPreconditionError(
          absl::StrCat("\"", to_absl(directory.topic(record.topic).name.view()),
                       "\" admits no lossy subscriptions; set TopicOptions::admits_lossy on its "
                       "publisher's side, or subscribe reliably"));
    }
    std::size_t kept = 0;
    const auto reserve = [&](auto&, typename Core::Hold& hold) {
      const auto start = start_in(record);
      const auto gate =
          visit_ring(record, hold, [&](auto ring, auto) -> Result<std::size_t, SetupError> {
            if (!ring) return Failure{ring.error()};
            kept = ring->capacity();
            if constexpr (requires { ring->reserve_lossy_cursor(start); }) {
              if (options_.lossy) return ring->reserve_lossy_cursor(start);
            }
            return ring->reserve_cursor(start);
          });
      // a publisher may have found the gate where it was before it was known where it begins
      if (start != Start::kNext) record.room.notify_all();
      return gate;
    };
    return this->template join_lane<T>(lane, reserve,
                                       [&](std::size_t gate) { return adopt(lane, gate, kept); });
  }

 protected:
  using typename Base::Core;
  using typename Base::Drain;
  using typename Base::Memory;
  static constexpr bool kReadsNewerTypes =
      SafeBetweenProcesses<T> && alignof(T) <= BroadcastPrefix<std::byte, Memory>::kMostAlign;
  using Prefix = BroadcastPrefix<std::conditional_t<kReadsNewerTypes, T, std::byte>, Memory>;
  /// Calls the subscription's handler.
  using Call = void (*)(TopicLanes& subscription, const T& message, const MessageInfo& info);

  template <class E, class Cursor>
  class Reader final : public Base::template CursorReader<E, Cursor, TopicLanes> {
    using Place = typename Base::template CursorReader<E, Cursor, TopicLanes>;
    using Place::cursor_;
    using Place::owner_;
    using Place::record_;
    using Place::topic_;
    static constexpr bool kLossy = requires(const Cursor& cursor) { cursor.lost(); };
    static constexpr bool kFamily = !std::is_same_v<E, T>;
    static constexpr bool kPrefix = std::is_same_v<Cursor, typename Prefix::Cursor> ||
                                    std::is_same_v<Cursor, typename Prefix::LossyCursor>;

   public:
    /// \param late messages that may be there already: it begins in the middle of a lane, not with
    /// it
    Reader(TopicLanes* owner, std::uint32_t lane, typename Core::Hold hold, Cursor cursor,
           std::size_t late)
        : Place(owner, lane, std::move(hold), std::move(cursor), drain_of(*owner)) {
      if (kFamily && owner->options_.start == Start::kLastValue) {
        replay_end_ = cursor_->sequence() + std::min(cursor_->size_approx(), late);
        replaying_ = precedes(cursor_->sequence(), replay_end_);
      }
    }

    template <class Handler>
    std::size_t drain_to(Handler& handler, std::size_t limit) {
      std::size_t taken = 0;
      find_last_values();
      if constexpr (kLossy) {
        if (owner_.options_.latest_only && !replaying_) {
          cursor_->skip_to_newest();
          limit = 1;  // by the next one there may be a newer one
        }
      }
      while (true) {
        try {
          taken += drain_each([&](const T& message,
                                  std::uint32_t topic) { return handle(handler, message, topic); },
                              limit);
          break;
        } catch (...) {
          ++taken;
          owner_.bus_->report_error(owner_.pattern(), std::current_exception());
          if (owner_.ended() || taken >= limit) break;
        }
      }
      if (taken != 0) record_.room.notify_all();
      if constexpr (kLossy) {
        owner_.lost.add(cursor_->lost() - lost_told_);
        lost_told_ = cursor_->lost();
        if (taken != 0) cursor_->show_place();
      }
      return taken;
    }
    [[nodiscard]] bool has_news() override { return cursor_->has_news(); }
    [[nodiscard]] bool finished() override { return record_.left() && !cursor_->has_news(); }
    [[nodiscard]] std::size_t backlog() override {
      if constexpr (kLossy) {
        return 0;
      } else if constexpr (!kFamily) {
        return cursor_->size_approx();
      } else {
        // reads them, to see which of the family's topics they belong to
        find_last_values();
        drain_each(
            [this](const T&, std::uint32_t topic) {
              left_ += wants(topic) ? 1 : 0;
              return true;
            },
            cursor_->size_approx());
        return left_;
      }
    }

   private:
    static Drain drain_of(const TopicLanes& owner) noexcept {
      if constexpr (kPrefix) {
        return &TopicLanes::drain_newer<Reader>;
      } else {
        return std::get<DrainOf<Reader>>(owner.drains_).drain;
      }
    }
    /// Calls `each(message, topic)` as the cursor's drain() does; the topic is the message's number
    /// in a family.
    template <class Each>
    [[gnu::always_inline]] std::size_t drain_each(Each&& each, std::size_t limit) {
      if constexpr (kPrefix) {
        return cursor_->drain(each, limit);
      } else if constexpr (kFamily) {
        return cursor_->drain(
            [&each](const E& element) {
              const auto topic = element.topic;
              return each(element.value, topic);
            },
            limit);
      } else {
        return cursor_->drain([&each](const E& element) { return each(element, 0); }, limit);
      }
    }

    /// \return false if the subscription was ended: then the cursor stops behind this message
    template <class Handler>
    bool handle(Handler& handler, const T& message, [[maybe_unused]] std::uint32_t topic) {
      std::uint64_t gap = 0;
      if constexpr (kLossy) {
        gap = cursor_->lost() - lost_seen_;
        lost_seen_ = cursor_->lost();
      }
      if constexpr (!kFamily) {
        owner_.delivered.add(1);
        call(handler, message, topic_, gap);
      } else {
        if (!wants(topic)) return !owner_.ended();
        owner_.delivered.add(1);
        const auto name = owner_.bus_->directory().topic(topic).name.view();
        call(handler, message, name, gap);
      }
      return !owner_.ended();
    }
    /// A family's lane, from which a subscription wants each topic's last value first: which of the
    /// messages that it held then these are.
    void find_last_values() {
      if constexpr (kFamily) {
        if (!replaying_) [[likely]]
          return;
        if (!precedes(cursor_->sequence(), replay_end_)) {
          replaying_ = false;
          last_.clear();
        } else if (last_.empty()) {
          if constexpr (kPrefix) {
            cursor_->look_ahead(
                [this](const T&, std::uint32_t topic, Sequence at) { last_[topic] = at; },
                replay_end_);
          } else {
            cursor_->look_ahead(
                [this](const E& element, Sequence at) { last_[element.topic] = at; }, replay_end_);
          }
        }
      }
    }
    /// \pre the topic is that of the element that the cursor has just passed
    [[nodiscard]] bool wants(std::uint32_t topic) {
      if (replaying_) [[unlikely]] {
        const auto at = cursor_->sequence() - 1;
        if (precedes(at, replay_end_)) {
          const auto last = last_.find(topic);
          if (last != last_.end() && last->second != at) return false;
        }
      }
      return owner_.wants_topic(topic);
    }
    template <class Handler>
    void call(Handler& handler, const T& message, std::string_view topic, std::uint64_t gap) {
      if constexpr (std::is_invocable_v<Handler&, const T&, const MessageInfo&>) {
        const auto sequence = cursor_->sequence() - 1 + record_.skipped();
        handler(message, MessageInfo{topic, sequence, gap});
      } else {
        handler(message);
      }
    }

    std::uint64_t lost_seen_ = 0;
    std::uint64_t lost_told_ = 0;
    std::size_t left_ = 0;                              // families: of what backlog() has read
    bool replaying_ = false;                            // families: last values come first
    Sequence replay_end_ = 0;                           // behind what was there at the beginning
    std::unordered_map<std::uint32_t, Sequence> last_;  // by topic number, of those
  };

  /// The function that drains readers of one type to the handler.
  template <class R>
  struct DrainOf {
    Drain drain;
  };
  template <class E>
  static auto drains_of() {
    using Rings = LaneRings<E, Memory>;
    using Reliable = DrainOf<Reader<E, typename Rings::Reliable::Cursor>>;
    if constexpr (Rings::kCanBeLossy) {
      return std::tuple<Reliable, DrainOf<Reader<E, typename Rings::Lossy::Cursor>>,
                        DrainOf<Reader<E, typename Rings::Lossy::LossyCursor>>>{};
    } else {
      return std::tuple<Reliable>{};
    }
  }
  using Drains = decltype(std::tuple_cat(drains_of<T>(), drains_of<Numbered<T>>()));

  TopicLanes(std::shared_ptr<Core> bus, std::string pattern, std::uint32_t index,
             std::uint32_t endpoint, SubscribeOptions options, const Drains& drains, Call call)
      : Base(std::move(bus), std::move(pattern), index, endpoint),
        options_(options),
        drains_(drains),
        call_(call) {}

 private:
  /// The handler, for readers of newer versions: compiled once per message type, at the price of a
  /// call through a pointer.
  struct AnyHandler {
    TopicLanes& subscription;
    void operator()(const T& message, const MessageInfo& info) const {
      subscription.call_(subscription, message, info);
    }
  };
  template <class R>
  static std::size_t drain_newer(LaneReader<Memory>& any, std::size_t limit) {
    auto& reader = static_cast<R&>(any);
    AnyHandler handler{reader.owner()};
    return reader.drain_to(handler, limit);
  }

  /// \param late as in Reader
  bool adopt(std::uint32_t lane, std::size_t gate, std::size_t late) {
    const auto& record = bus_->directory().lane(lane);
    const bool lossy = options_.lossy && record.lossy != 0;
    typename Core::Hold hold{};
    return visit_ring(record, hold, [&]<class E>(auto ring, std::type_identity<E>) {
      if (!this->template can_adopt<E>(ring, lane, gate)) return false;
      if constexpr (requires { ring->adopt_lossy_cursor(gate); }) {
        if (lossy) {
          add<E>(lane, std::move(hold), ring->adopt_lossy_cursor(gate), late);
          return true;
        }
      }
      auto cursor = bus_->adopt_cursor(*ring, gate, hold);
      add<E>(lane, std::move(hold), std::move(cursor), late);
      return true;
    });
  }
  template <class E, class Cursor>
  void add(std::uint32_t lane, typename Core::Hold hold, Cursor cursor, std::size_t late) {
    this->readers.push_back(
        std::make_unique<Reader<E, Cursor>>(this, lane, std::move(hold), std::move(cursor), late));
  }

  /// Calls `use(ring, std::type_identity<E>)` with the ring that the lane is, or what is wrong with
  /// it, and its elements' type. The ring is there while `hold` lives.
  template <class Use>
  auto visit_ring(const LaneRecord<Memory>& lane, typename Core::Hold& hold, Use&& use) {
    const bool family = lane.kind == LaneKind::kFamily;
    if constexpr (kReadsNewerTypes) {
      const auto& directory = bus_->directory();
      const auto carried = copied_once(lane.type);
      if (carried != directory.subscription(this->record()).type) {
        const auto element = element_of(directory.type(carried).identity(), family);
        auto ring = bus_->template join_ring<Prefix>(lane, hold, element, lane.lossy != 0);
        return family ? use(std::move(ring), std::type_identity<Numbered<T>>{})
                      : use(std::move(ring), std::type_identity<T>{});
      }
    }
    return family ? visit_own<Numbered<T>>(lane, hold, use) : visit_own<T>(lane, hold, use);
  }
  template <class E, class Use>
  auto visit_own(const LaneRecord<Memory>& lane, typename Core::Hold& hold, Use& use) {
    using Rings = LaneRings<E, Memory>;
    constexpr std::type_identity<E> kElement{};
    if constexpr (Rings::kCanBeLossy) {
      if (lane.lossy != 0) {
        return use(bus_->template join_ring<typename Rings::Lossy>(lane, hold), kElement);
      }
    }
    return use(bus_->template join_ring<typename Rings::Reliable>(lane, hold), kElement);
  }
  /// How a newer version lies in a lane: as Numbered does, of whatever type.
  static auto element_of(const TypeIdentity& type, bool family) noexcept {
    typename Prefix::Element element{type.size, type.align, 0};
    if (!family) return element;
    constexpr auto kNumber = alignof(std::uint32_t);
    element.number_at = round_up(type.size, kNumber);
    element.align = std::max(type.align, kNumber);
    element.size = round_up(element.number_at + sizeof(std::uint32_t), element.align);
    return element;
  }

  /// Where to begin in a lane's ring.
  [[nodiscard]] Start start_in(const LaneRecord<Memory>& lane) const noexcept {
    // messages that nobody read went past the ring: what is in it is older than they are
    if (lane.skipped() != 0 && lane.retains == 0) return Start::kNext;
    const bool family = lane.kind == LaneKind::kFamily;  // its last values may be anywhere
    return family && options_.start == Start::kLastValue ? Start::kOldest : options_.start;
  }

  /// Whether the pattern covers a topic of a family; found out once per topic.
  [[nodiscard]] bool wants_topic(std::uint32_t topic) {
    const auto index = Core::DirectoryType::index_of(topic);
    if (index >= wanted_.size()) [[unlikely]] {
      if (index >= bus_->directory().sizes().topics) return false;  // corrupt
      wanted_.resize(index + 1);
    }
    auto& known = wanted_[index];
    if (!known.asked || known.topic != topic) [[unlikely]] {  // or the index is another's by now
      const auto name = bus_->directory().topic(topic).name.view();
      known = {topic, true, names::matches(this->pattern(), name)};
    }
    return known.wanted;
  }

  struct Wanted {
    std::uint32_t topic = 0;
    bool asked = false;
    bool wanted = false;
  };

  SubscribeOptions options_;
  const Drains drains_;
  const Call call_;
  std::vector<Wanted> wanted_;  // by a topic's index
};

template <class T, class Handler, Home H>
class TopicSubscription final : public TopicLanes<T, H> {
  using Lanes = TopicLanes<T, H>;
  using AnyReader = LaneReader<typename H::Memory>;

 public:
  TopicSubscription(std::shared_ptr<BusCore<H>> bus, std::string pattern, std::uint32_t index,
                    std::uint32_t endpoint, SubscribeOptions options, Handler handler)
      : Lanes(std::move(bus), std::move(pattern), index, endpoint, options, drains(), &call),
        handler_(std::move(handler)) {}

 private:
  template <class R>
  static std::size_t drain(AnyReader& any, std::size_t limit) {
    auto& reader = static_cast<R&>(any);
    return reader.drain_to(static_cast<TopicSubscription&>(reader.owner()).handler_, limit);
  }
  static void call(Lanes& subscription, const T& message, const MessageInfo& info) {
    call_handler(static_cast<TopicSubscription&>(subscription).handler_, message, info);
  }
  static typename Lanes::Drains drains() {
    typename Lanes::Drains all;
    std::apply([](auto&... each) { (set(each), ...); }, all);
    return all;
  }
  template <class R>
  static void set(typename Lanes::template DrainOf<R>& drain_of) {
    drain_of.drain = &TopicSubscription::drain<R>;
  }

  Handler handler_;
};

}  // namespace ringway
