// SPDX-License-Identifier: Apache-2.0
/// \file
/// `ringway tap`: the messages of a bus, as they pass. Takes no part in it.

#include <time.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "commands.hpp"
#include "fields.hpp"
#include "output.hpp"
#include "ringway/bus/names.hpp"
#include "ringway/shm/lane_tap.hpp"
#include "ringway/shm/type_encoding.hpp"
#include "segments.hpp"

namespace tool {
namespace {

using ringway::BusSnapshot;
using ringway::LaneInfo;
using ringway::LaneTap;

constexpr double kLook_s = 0.1;   // how often new lanes are looked for
constexpr double kPoll_s = 0.01;  // how often for messages, while there are none
constexpr std::size_t kBatch = 4096;

std::string time_text(double now) {
  const auto whole = static_cast<std::time_t>(now);
  std::tm parts{};
  ::localtime_r(&whole, &parts);
  std::array<char, 16> text{};
  std::strftime(text.data(), text.size(), "%H:%M:%S", &parts);
  std::array<char, 32> all{};
  std::snprintf(all.data(), all.size(), "%s.%06ld", text.data(),
                static_cast<long>((now - static_cast<double>(whole)) * 1e6));
  return all.data();
}

/// The lanes that a pattern covers, and what was read of them.
class Taps {
 public:
  Taps(const TapOptions& options, BusSnapshot bus) : options_(options), bus_(std::move(bus)) {
    add_lanes(options.from_oldest ? LaneTap::Begin::kOldest : LaneTap::Begin::kNewest);
  }

  /// Lanes come and go.
  void look_again(BusSnapshot bus) {
    bus_ = std::move(bus);
    add_lanes(LaneTap::Begin::kOldest);  // what came since the last look is new
  }

  /// Prints what is there. \return an error, or whether there was anything
  absl::StatusOr<bool> read(ringway::BusInspector& segment) {
    bool any = false;
    for (auto& entry : lanes_) {
      auto& lane = entry.second;
      const auto before = lane.tap.lost();
      const auto got = lane.tap.read(
          segment, kBatch,
          [&, this](ringway::Sequence sequence, std::span<const std::byte> bytes) {
            show(lane, sequence, bytes);
          },
          [&, this] { return is_own(segment, lane.info); });
      if (!got.ok()) return got.status();
      lost_ += lane.tap.lost() - before;
      any = any || *got != 0;
      if (!writable_) return absl::UnavailableError("standard output can not be written to");
      if (full()) break;
    }
    return any;
  }

  [[nodiscard]] bool full() const noexcept {
    return options_.count != 0 && shown_ >= options_.count;
  }
  [[nodiscard]] bool empty() const noexcept { return lanes_.empty(); }
  [[nodiscard]] std::uint64_t shown() const noexcept { return shown_; }
  [[nodiscard]] std::uint64_t lost() const noexcept { return lost_; }
  [[nodiscard]] const BusSnapshot& bus() const noexcept { return bus_; }

 private:
  using Key = std::pair<std::uint32_t, std::uint32_t>;  // a lane's number and life
  struct Lane {
    LaneInfo info;
    LaneTap tap;
    std::optional<ringway::DecodedMessageType> type;  // if the bus keeps its description
  };

  [[nodiscard]] bool wanted(const LaneInfo& lane) const {
    if (!lane.trouble.empty() || lane.topic >= bus_.topics.size()) return false;
    const auto& name = bus_.topics[lane.topic].name;
    if (lane.kind == ringway::LaneKind::kFamily) {
      return ringway::names::overlap(options_.pattern, name);
    }
    return lane.kind == ringway::LaneKind::kTopic &&
           ringway::names::matches(options_.pattern, name);
  }

  /// Whether what has just been copied out of a lane's ring is that lane's.
  [[nodiscard]] bool is_own(ringway::BusInspector& segment, const LaneInfo& lane) const {
    if (segment.has_lane(lane.number, lane.life)) return true;
    const auto now = segment.snapshot();  // it has ended; nothing else lies there yet?
    return now.ok() && now->made_none_since(bus_, lane.ring.segment);
  }

  void add_lanes(LaneTap::Begin begin) {
    std::map<Key, Lane> now;
    for (const auto& lane : bus_.lanes) {
      if (!wanted(lane)) continue;
      const Key key{lane.number, lane.life};
      const auto known = lanes_.find(key);
      if (known != lanes_.end() && known->second.tap.ring() == lane.ring) {
        now.emplace(key, std::move(known->second));
      } else {
        now.emplace(key, Lane{lane, LaneTap(lane, begin), type_of(lane)});
      }
    }
    lanes_ = std::move(now);
  }

  [[nodiscard]] static std::optional<ringway::DecodedMessageType> type_of(const LaneInfo& lane) {
    if (lane.description.empty()) return std::nullopt;
    auto type = ringway::decode_message_type(lane.description);
    if (!type || type->type().members.empty()) return std::nullopt;
    return *std::move(type);
  }

  void show(const Lane& lane, ringway::Sequence sequence, std::span<const std::byte> element) {
    if (full() || !writable_) return;
    const auto& declared = bus_.topics[lane.info.topic];
    auto message = element;
    std::string name = declared.name;
    if (lane.info.kind == ringway::LaneKind::kFamily) {
      // a family's element: the message, and behind it the number of its topic
      const auto size = lane.info.type_size;
      const auto at = ringway::round_up(size, sizeof(std::uint32_t));
      std::uint32_t number = 0;
      if (size != 0 && at <= element.size() && sizeof(number) <= element.size() - at) {
        std::memcpy(&number, element.data() + at, sizeof(number));
        message = element.first(size);
        const auto index = ringway::BusInspector::Table::index_of(number);
        const bool known = index < bus_.topics.size() && bus_.topics[index].number == number;
        name = known ? bus_.topics[index].name : "topic " + std::to_string(index);
        if (known && !ringway::names::matches(options_.pattern, name)) return;
      }
    }
    ++shown_;
    writable_ = put(options_.json ? json_of(lane, name, sequence, message)
                                  : text_of(lane, name, sequence, message));
  }

  [[nodiscard]] std::string text_of(const Lane& lane, const std::string& name,
                                    ringway::Sequence sequence,
                                    std::span<const std::byte> message) const {
    std::string out = time_text(wall_now()) + "  " + printable(name) + "  #" +
                      std::to_string(sequence) + "  lane " + std::to_string(lane.info.number) +
                      "  " + number_of(message.size(), "byte") + "\n";
    if (lane.type && !options_.hex)
      return out + wrapped(fields_text(lane.type->type(), message), 2);
    return out + hex_lines(message, options_.bytes);
  }
  [[nodiscard]] std::string json_of(const Lane& lane, const std::string& name,
                                    ringway::Sequence sequence,
                                    std::span<const std::byte> message) const {
    Json json;
    json.begin_object()
        .text("time", std::to_string(wall_now()))
        .text("topic", name)
        .text("type", bus_.topics[lane.info.topic].type_name)
        .number("lane", std::uint64_t{lane.info.number})
        .number("publisher", std::uint64_t{lane.info.participant})
        .number("sequence", std::uint64_t{sequence})
        .text("hex", hex_digits(message));
    if (lane.type) add_fields(json, "fields", lane.type->type(), message);
    return json.end_object().str() + "\n";
  }

  const TapOptions& options_;
  BusSnapshot bus_;
  std::map<Key, Lane> lanes_;
  std::uint64_t shown_ = 0;
  std::uint64_t lost_ = 0;
  bool writable_ = true;
};

/// For a pattern that nothing matches: what there is.
void tell_topics(const std::string& pattern, const BusSnapshot& bus) {
  std::string text = "nobody publishes \"" + pattern + "\" yet";
  std::size_t told = 0;
  for (const auto& topic : bus.topics) {
    if (topic.service || !topic.used || told == 8) continue;
    text += (told++ == 0 ? "; the bus knows " : ", ") + topic.name;
  }
  complain(text + "; waiting");
}

}  // namespace

int tap(const TapOptions& options) {
  const auto fine = ringway::names::check(options.pattern, true);
  if (!fine.ok()) {
    complain(message_of(fine));
    return kMistake;
  }
  auto opened = open_segment(segment_of(options.segment, options.folder), options.folder);
  if (!opened.ok()) return refuse(opened.status());
  auto bus = opened->snapshot();
  if (!bus.ok()) return refuse(bus.status());
  stop_on_signals();

  Taps taps(options, *std::move(bus));
  if (taps.empty()) tell_topics(options.pattern, taps.bus());
  const double begin = steady_now();
  double looked = begin;
  int status = kDone;
  while (!stopped() && !taps.full()) {
    const auto any = taps.read(*opened);
    if (!any.ok()) {
      status = refuse(any.status());
      break;
    }
    const double now = steady_now();
    if (options.for_s > 0 && now - begin >= options.for_s) break;
    if (now - looked >= kLook_s) {
      const bool ended = taps.bus().alive() == 0 && !opened->has_name();
      if (ended && !*any) {
        complain("the bus has ended");
        break;
      }
      bus = opened->snapshot();
      if (!bus.ok()) {
        status = refuse(bus.status());
        break;
      }
      taps.look_again(*std::move(bus));
      looked = now;
    }
    if (!*any) nap(kPoll_s);
  }
  complain(number_of(taps.shown(), "message") + ", " + std::to_string(taps.lost()) +
           " overwritten before they were read");
  return status;
}

}  // namespace tool
