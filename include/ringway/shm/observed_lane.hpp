// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What one subscription of an observer (shm/observer.hpp) makes of one lane: whether it is for it,
/// whether it can be read, and its messages with what travels with them. Not for users.
///
/// *Protocol.* A lane is that of its number and life (LaneInfo); after each copy it is asked
/// whether it still is. A lane that has been given back is read to its end if it is certain that
/// nothing else lies in its memory by now: its process has made no lane since it was last seen.
///
/// *Holding.* Of a reliable observation, the lane has a gate in the observer's watch file, which
/// the publisher may wait for; what it says to that lies behind the lane's ring (shm/watch.hpp).
///
/// *Distrust.* Everything is copied before it is looked at (shm/inspect.hpp, shm/lane_tap.hpp).

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "ringway/base/at_exit.hpp"
#include "ringway/bus/names.hpp"
#include "ringway/bus/topic.hpp"
#include "ringway/shm/inspect.hpp"
#include "ringway/shm/lane_tap.hpp"
#include "ringway/shm/own_watch.hpp"
#include "ringway/shm/watch.hpp"

namespace ringway {

/// What a subscription wants.
struct ObservedTopic {
  std::string pattern;
  TypeIdentity type;     ///< refers to constants; of typed topics alone
  std::string encoding;  ///< of topics of bytes alone
  Start start = Start::kNext;
  bool reliable = false;

  [[nodiscard]] bool of_bytes() const noexcept { return !encoding.empty(); }
  [[nodiscard]] TypeIdentity identity() const noexcept {
    return of_bytes() ? byte_identity(encoding) : type;
  }
  [[nodiscard]] bool covers(std::string_view name) const noexcept {
    return names::matches(pattern, name);
  }
};

/// Whether a publisher waits for an observer.
enum class ObservedHold : unsigned char {
  kLossy,    ///< it was not asked to
  kHeld,     ///< it does: nothing is lost
  kAsking,   ///< it has not answered yet, which it does when it next looks for room
  kEnded,    ///< it did; the observer kept the lane full for the topic's observer_lag_limit
  kRefused,  ///< it does not
};

/// A lane of an observation, and whether its publisher waits.
struct ObservedLaneHold {
  std::string topic;
  std::uint32_t lane = 0;         ///< its number, as `ringway ls` shows it
  std::uint32_t participant = 0;  ///< that writes it
  ObservedHold hold = ObservedHold::kLossy;
  std::string why;  ///< if it is refused
};

/// A lane that a subscription can not read, and why.
struct UnreadableLane {
  std::string topic;
  std::uint32_t lane = 0;         ///< its number, as `ringway ls` shows it
  std::uint32_t participant = 0;  ///< that writes it
  std::string why;
};

/// The names of a bus's topics by the numbers that messages of families carry.
class TopicNames {
 public:
  /// \return null if the bus knows no such number (any more)
  [[nodiscard]] const std::string* find(BusInspector& bus, std::uint32_t number) {
    const auto known = names_.find(number);
    if (known != names_.end()) return &known->second;
    if (std::exchange(looked_, true)) return nullptr;  // numbers that mean nothing cost one look
    auto seen = bus.snapshot();
    if (!seen.ok()) return nullptr;
    take(*seen);
    const auto now = names_.find(number);
    return now == names_.end() ? nullptr : &now->second;
  }
  void take(const BusSnapshot& seen) {
    for (const auto& topic : seen.topics) {
      if (topic.used && !topic.service) names_.try_emplace(topic.number, topic.name);
    }
  }
  /// Names that were given back, once there are many. \pre no handler is running
  void forget_old(const BusSnapshot& seen) {
    if (names_.size() <= 2 * seen.topics.size() + 64) return;
    names_.clear();
    take(seen);
  }
  /// A new copy of messages begins: one may carry a number that was made meanwhile.
  void may_look_again() noexcept { looked_ = false; }

 private:
  std::unordered_map<std::uint32_t, std::string> names_;  // a number is one name's for long
  bool looked_ = false;
};

/// A bus that is looked at, shared by what is read of it.
struct ObservedBus {
  explicit ObservedBus(BusInspector opened) : files(std::move(opened)) {}

  BusInspector files;
  std::shared_ptr<const BusSnapshot> seen;  ///< the last look
  TopicNames names;
  std::shared_ptr<OwnWatch> watch;  ///< of reliable observations
  absl::Status watch_trouble;       ///< why there is none
};

class ObservedLane {
 public:
  /// Whether a lane is for a subscription, and why it can not be read, if so.
  enum class Fit : unsigned char { kNotMeant, kReadable, kMismatch, kUnreadable };
  struct Verdict {
    Fit fit = Fit::kNotMeant;
    std::string why = {};
  };

  [[nodiscard]] static Verdict judge(const ObservedTopic& wanted, const LaneInfo& lane,
                                     const BusSnapshot& seen) {
    const bool family = lane.kind == LaneKind::kFamily;
    if ((!family && lane.kind != LaneKind::kTopic) || lane.topic >= seen.topics.size()) return {};
    const auto& name = seen.topics[lane.topic].name;
    if (!(family ? names::overlap(wanted.pattern, name) : wanted.covers(name))) return {};
    if (!lane.type) return {Fit::kUnreadable, "the bus does not know its type"};
    const auto carried = lane.type->identity();
    const auto type_fit = fit_of(carried, wanted.identity());
    // patterns select by type, as everywhere
    const bool exact = !family && !names::is_pattern(wanted.pattern);
    if (type_fit == TypeFit::kOtherName && !exact) return {};
    if (!is_readable(type_fit)) {
      return {Fit::kMismatch,
              describe_mismatch(name, carried.described(), wanted.identity().described())};
    }
    if (!lane.trouble.empty()) return {Fit::kUnreadable, lane.trouble};
    if (lane.ring.of_bytes() != wanted.of_bytes() || carried.size > lane.ring.element_size ||
        (!wanted.of_bytes() && lane.ring.element_size != element_size(carried, family))) {
      return {Fit::kUnreadable, "its ring does not hold what its type says"};
    }
    if (!wanted.of_bytes() && lane.ring.slots() == 1) {
      return {Fit::kUnreadable,
              "its ring has a single place, which its publisher may be writing at any time: give "
              "the topic a larger capacity"};
    }
    return {Fit::kReadable};
  }

  /// \pre judge() found it readable
  /// \param late it was made since the subscription began: all of it is for it
  ObservedLane(std::shared_ptr<ObservedBus> bus, const LaneInfo& lane, Start start, bool late,
               bool reliable = false)
      : bus_(std::move(bus)),
        lane_(lane),
        name_(bus_->seen->topics[lane.topic].name),
        tap_(lane, begin_of(lane, start, late)),
        lasts_only_(!late && lane.kind == LaneKind::kFamily && start == Start::kLastValue),
        lost_told_(late ? 0 : tap_.lost()) {
    bus_->files.keep(lane_.ring.segment);
    if (reliable) ask_to_wait(late);
  }
  ObservedLane(const ObservedLane&) = delete;
  ObservedLane& operator=(const ObservedLane&) = delete;
  ~ObservedLane() { bus_->files.let_go(lane_.ring.segment); }

  [[nodiscard]] bool is(const ObservedBus& bus, const LaneInfo& lane) const noexcept {
    return &bus == bus_.get() && lane.number == lane_.number && lane.life == lane_.life &&
           lane.ring == lane_.ring;
  }
  [[nodiscard]] const LaneInfo& info() const noexcept { return lane_; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

  /// It is in a new look at its bus.
  void seen_again(const LaneInfo& lane) noexcept {
    seen_ = bus_->seen;
    tap_.note_skipped(lane.skipped);
    if (gate_) static_cast<void>(held_from());
  }
  /// It is not in a new look at its bus any more.
  void has_gone() noexcept { gone_ = true; }
  /// Nobody looks at its bus any more.
  void bus_has_gone() noexcept { last_ = true; }

  /// Calls `take(span of the message, MessageInfo)` for at most `limit` messages that `wanted`
  /// wants; `stop()` ends it early. \return how many were taken
  template <class Take, class Stop>
  absl::StatusOr<std::size_t> read(const ObservedTopic& wanted, std::size_t limit, Take&& take,
                                   Stop&& stop) {
    std::size_t taken = 0;
    const auto visit = [&](Sequence sequence, std::span<const std::byte> element) {
      if (stop()) return;
      let_overwrite();  // before the handler, which may take long
      const auto message = open(element);
      const auto* topic = topic_of(element);
      if (topic == nullptr || (topic != &name_ && !wanted.covers(*topic))) return;
      const auto gap = std::exchange(lost_told_, tap_.lost());
      ++taken;
      take(message, MessageInfo{*topic, sequence, tap_.lost() - gap});
    };
    const AtExit at_exit([this] { let_overwrite(); });
    bus_->names.may_look_again();
    drained_ = false;  // also if a handler throws
    const auto got = std::exchange(lasts_only_, false) ? read_lasts(visit) : copy(limit, visit);
    if (!got.ok()) return got.status();
    drained_ = *got == 0;
    // that there is nothing more may be another lane's word
    cut_off_ = tap_.ended() || (drained_ && ending() && !is_own());
    return taken;
  }

  /// True if nobody writes it any more, as far as this is known.
  [[nodiscard]] bool ending() const noexcept { return gone_ || last_; }
  /// True if nothing comes any more.
  [[nodiscard]] bool finished() const noexcept { return cut_off_ || (drained_ && ending()); }
  /// \pre finished(). True if its last messages could not be told from another lane's any more.
  [[nodiscard]] bool cut_off() const noexcept { return cut_off_; }
  [[nodiscard]] std::uint64_t lost() const noexcept { return tap_.lost(); }
  /// Its publisher waits no more for what has not been read.
  void stop_holding() noexcept { gate_ = {}; }
  /// Whether its publisher waits, as of the last look.
  [[nodiscard]] ObservedLaneHold hold() const {
    return {name_, lane_.number, lane_.participant, hold_,
            hold_ == ObservedHold::kRefused ? refused_ : ""};
  }

 private:
  /// Sets up a gate where the reading begins.
  void ask_to_wait(bool late) {
    if (lane_.board == 0) {
      return refuse(
          "its publisher waits for no observers; set TopicOptions::observer_lag_limit there");
    }
    if (bus_->watch == nullptr) return refuse(std::string(bus_->watch_trouble.message()));
    const auto first = lane_.ring.start;
    gate_ = OwnWatch::take(bus_->watch, key(), late ? first : tap_.position());
    if (!gate_) {
      return refuse(
          absl::StrCat("this observer has ", WatchTable::kGates, " gates in use already"));
    }
    hold_ = ObservedHold::kAsking;
    if (late && held_from() == first) tap_.begin_with_first();
  }
  /// What was copied need not stay in the ring.
  void let_overwrite() noexcept {
    if (gate_) gate_.move(tap_.position());
  }
  void refuse(std::string why) {
    hold_ = ObservedHold::kRefused;
    refused_ = std::move(why);
  }
  [[nodiscard]] LaneKey key() const noexcept {
    return {lane_.ring.segment, lane_.number, lane_.life};
  }
  [[nodiscard]] std::optional<LaneBoard::Seen> read_board() const {
    std::array<std::byte, sizeof(LaneBoard)> copy;
    if (!bus_->files.copy_out(lane_.ring.segment, lane_.board, copy)) return std::nullopt;
    return LaneBoard::read(copy, key());
  }
  /// From which position on the publisher waits. \return nothing if it does not
  [[nodiscard]] std::optional<Sequence> held_from() {
    if (!gate_) return std::nullopt;
    if (gate_.watch().forked()) {
      refuse("this process was forked from the observer's");
      return std::nullopt;
    }
    auto board = read_board();
    auto answer = board ? gate_.answer_in(*board) : std::nullopt;
    if (!answer) {  // it may have moved from one place to another while it was copied
      board = read_board();
      answer = board ? gate_.answer_in(*board) : std::nullopt;
    }
    if (!board) {  // being written, or there is another lane by now
      hold_ = ObservedHold::kAsking;
      return std::nullopt;
    }
    if (answer && answer->state == LaneBoard::kHeld) {
      hold_ = ObservedHold::kHeld;
      return answer->from;
    }
    if (answer) {
      hold_ = ObservedHold::kEnded;
    } else if (!board->admits(::geteuid())) {
      refuse(absl::StrCat("its publisher's process waits for observers of some users, not of ",
                          ::geteuid(), "; name this one in SharedBusOptions::observer_users"));
    } else if (board->full()) {
      refuse(absl::StrCat("its publisher waits for ", LaneBoard::kGates, " others already"));
    } else {
      hold_ = ObservedHold::kAsking;
    }
    return std::nullopt;
  }

  [[nodiscard]] static LaneTap::Begin begin_of(const LaneInfo& lane, Start start,
                                               bool late) noexcept {
    if (late) return LaneTap::Begin::kFirst;
    // messages that nobody read went past the ring: what is in it is older than they are
    if (lane.skipped != 0 && !lane.retains) return LaneTap::Begin::kNewest;
    switch (start) {
      case Start::kOldest: return LaneTap::Begin::kOldest;
      case Start::kLastValue:
        return lane.kind == LaneKind::kFamily ? LaneTap::Begin::kOldest : LaneTap::Begin::kLast;
      case Start::kNext: break;
    }
    return LaneTap::Begin::kNewest;
  }

  /// A family's element is the message, and behind it the number of its topic.
  [[nodiscard]] static std::size_t number_at(std::size_t size) noexcept {
    return round_up(size, alignof(std::uint32_t));
  }
  [[nodiscard]] static std::size_t element_size(const TypeIdentity& type, bool family) noexcept {
    if (!family) return type.size;
    return round_up(number_at(type.size) + sizeof(std::uint32_t),
                    std::max(type.align, alignof(std::uint32_t)));
  }
  [[nodiscard]] std::span<const std::byte> open(std::span<const std::byte> element) const noexcept {
    return lane_.ring.of_bytes() ? element : element.first(lane_.type->size);
  }
  /// \return null if nobody knows the number that an element carries
  [[nodiscard]] const std::string* topic_of(std::span<const std::byte> element) {
    if (lane_.kind != LaneKind::kFamily) return &name_;
    std::uint32_t number = 0;
    std::memcpy(&number, element.data() + number_at(lane_.type->size), sizeof(number));
    return bus_->names.find(bus_->files, number);
  }

  /// \return how many elements were copied, whether or not somebody wants them
  template <class Visit>
  absl::StatusOr<std::size_t> copy(std::size_t limit, Visit&& visit) {
    return tap_.read(
        bus_->files, limit, visit, [this] { return is_own(); }, [this] { return held_from(); });
  }
  /// Whether what has just been copied is this lane's.
  [[nodiscard]] bool is_own() {
    if (untouched_) return true;
    if (!gone_ && bus_->files.has_lane(lane_.number, lane_.life)) return true;
    gone_ = true;
    const auto segment = lane_.ring.segment;
    const auto now = bus_->files.snapshot();
    if (!now.ok() || !now->made_none_since(*seen_, segment)) return false;
    untouched_ = segment != 0 && !now->has_owner_of(segment);
    return true;
  }

  /// A family's lane, of which each topic's last message comes first.
  template <class Visit>
  absl::StatusOr<std::size_t> read_lasts(Visit& visit) {
    struct Last {
      Sequence sequence;
      std::vector<std::byte> element;
    };
    std::map<std::uint32_t, Last> by_topic;
    const auto got = copy(lane_.ring.slots(), [&](Sequence sequence, auto element) {
      std::uint32_t number = 0;
      std::memcpy(&number, element.data() + number_at(lane_.type->size), sizeof(number));
      by_topic[number] = {sequence, {element.begin(), element.end()}};
    });
    if (!got.ok()) return got;
    std::vector<const Last*> lasts;
    for (const auto& entry : by_topic) lasts.push_back(&entry.second);
    std::sort(lasts.begin(), lasts.end(),
              [](const Last* a, const Last* b) { return precedes(a->sequence, b->sequence); });
    for (const auto* last : lasts) visit(last->sequence, std::span(last->element));
    return got;
  }

  std::shared_ptr<ObservedBus> bus_;
  LaneInfo lane_;  // as it was when it was found
  std::string name_;
  LaneTap tap_;
  OwnWatch::Gate gate_;  // of a reliable observation, unless it is refused
  ObservedHold hold_ = ObservedHold::kLossy;
  std::string refused_;
  bool lasts_only_;
  std::uint64_t lost_told_;
  std::shared_ptr<const BusSnapshot> seen_;  // the last one that shows it
  bool gone_ = false;                        // its record is free, or another lane's
  bool untouched_ = false;                   // and nobody is left who could write its memory
  bool last_ = false;                        // its bus is not looked at any more
  bool cut_off_ = false;
  bool drained_ = false;  // the last read() found nothing
};

}  // namespace ringway
