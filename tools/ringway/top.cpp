// SPDX-License-Identifier: Apache-2.0
/// \file
/// `ringway top`: what moves.

#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "commands.hpp"
#include "output.hpp"
#include "ringway/shm/observer_info.hpp"
#include "segments.hpp"

namespace tool {
namespace {

using ringway::BusSnapshot;
using ringway::LaneInfo;

/// What a lane did since the last look.
struct Moves {
  const LaneInfo* lane = nullptr;
  double rate = 0;  // messages a second
  std::uint64_t depth = 0;
  std::uint64_t lost = 0;
  std::string slowest;  // who holds the lane back most
};

/// A lane as long as it is the same one.
using LaneKey = std::tuple<std::uint32_t, std::uint32_t, std::uint32_t, std::uint64_t>;
LaneKey key_of(const LaneInfo& lane) {
  return {lane.number, lane.topic, lane.participant, lane.ring.offset};
}

std::vector<Moves> moves_of(const BusSnapshot& bus, const std::map<LaneKey, std::uint64_t>& before,
                            double seconds) {
  std::vector<Moves> all;
  for (const auto& lane : bus.lanes) {
    Moves moves;
    moves.lane = &lane;
    moves.depth = lane.depth();
    const auto last = before.find(key_of(lane));
    if (last != before.end() && last->second <= lane.published && seconds > 0) {
      moves.rate = static_cast<double>(lane.published - last->second) / seconds;
    }
    for (const auto& reader : lane.readers) {
      moves.lost += reader.lost;
      if (!reader.lossy && !reader.joining && reader.behind == moves.depth && moves.depth != 0 &&
          moves.slowest.empty()) {
        moves.slowest = reader.participant ? who(bus, *reader.participant) : "?";
      }
    }
    for (const auto& one : lane.observers) {
      if (one.is_waited_for() && one.behind == moves.depth && moves.depth != 0 &&
          moves.slowest.empty()) {
        moves.slowest = who(one);
      }
    }
    all.push_back(std::move(moves));
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Moves& a, const Moves& b) { return a.rate > b.rate; });
  return all;
}

std::size_t width_of_terminal() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 40) return kColumns;
  return size.ws_col;
}

std::string clock_text() {
  const auto now = static_cast<std::time_t>(wall_now());
  std::tm parts{};
  ::localtime_r(&now, &parts);
  std::array<char, 16> text{};
  std::strftime(text.data(), text.size(), "%H:%M:%S", &parts);
  return text.data();
}

std::string percent_text(std::uint64_t depth, std::uint64_t capacity) {
  std::array<char, 16> text{};
  const auto full =
      capacity == 0 ? 0.0 : 100.0 * static_cast<double>(depth) / static_cast<double>(capacity);
  std::snprintf(text.data(), text.size(), "%.0f%%", full);
  return text.data();
}

std::string text_of(const SegmentFile& file, const BusSnapshot& bus, const std::vector<Moves>& all,
                    std::size_t width) {
  double rate = 0;
  for (const auto& moves : all) rate += moves.rate;
  std::string out = clock_text() + "  " + printable(file.name) + "  " +
                    std::to_string(bus.alive()) + " alive, " +
                    std::to_string(bus.participants.size() - bus.alive()) + " dead, " +
                    number_of(bus.lanes.size(), "lane") + ", " + count_text(rate) + " messages/s\n";
  Table table({{"TOPIC", false, true},
               {"PUBLISHER", false, true},
               {"RATE/S", true},
               {"TOTAL", true},
               {"DEPTH", true},
               {"FULL", true},
               {"LOST", true},
               {"SLOWEST", false, true}});
  for (const auto& moves : all) {
    const auto& lane = *moves.lane;
    const bool known = lane.trouble.empty();
    table.add({topic_of(bus, lane), who(bus, lane.participant),
               known ? count_text(moves.rate) : "?",
               known ? count_text(static_cast<double>(lane.published)) : "?",
               known ? amount_text(lane, moves.depth) : "?",
               known ? percent_text(moves.depth, lane.ring.capacity) : "?",
               known ? count_text(static_cast<double>(moves.lost)) : "?",
               moves.slowest.empty() ? "-" : moves.slowest});
  }
  return out + table.text(0, width);
}

std::string json_of(const SegmentFile& file, const BusSnapshot& bus, const std::vector<Moves>& all,
                    double seconds) {
  Json json;
  json.begin_object()
      .text("name", file.name)
      .number("time", static_cast<std::uint64_t>(wall_now()))
      .number("seconds", seconds)
      .number("alive", std::uint64_t{bus.alive()})
      .number("dead", std::uint64_t{bus.participants.size() - bus.alive()})
      .begin_array("lanes");
  for (const auto& moves : all) {
    const auto& lane = *moves.lane;
    json.begin_object()
        .number("lane", std::uint64_t{lane.number})
        .text("topic", lane.topic < bus.topics.size() ? bus.topics[lane.topic].name : "")
        .text("kind", kind_text(lane.kind))
        .number("publisher", std::uint64_t{lane.participant});
    if (lane.trouble.empty()) {
      json.number("rate", moves.rate)
          .number("published", lane.published)
          .number("depth", moves.depth)
          .number("capacity", lane.ring.capacity)
          .number("lost", moves.lost)
          .begin_array("readers");
      for (const auto& reader : lane.readers) {
        if (reader.joining) continue;
        json.begin_object().text("kind", reader.lossy ? "lossy" : "reliable");
        if (reader.participant) json.number("participant", std::uint64_t{*reader.participant});
        json.number("behind", reader.behind).number("lost", reader.lost).end_object();
      }
      json.end_array();
    } else {
      json.text("trouble", lane.trouble);
    }
    json.end_object();
  }
  return json.end_array().end_object().str() + "\n";
}

}  // namespace

int top(const TopOptions& options) {
  const auto file = segment_of(options.segment, options.folder);
  auto opened = open_segment(file, options.folder);
  if (!opened.ok()) return refuse(opened.status());
  stop_on_signals();
  const bool live = !options.json && ::isatty(STDOUT_FILENO) != 0;

  std::map<LaneKey, std::uint64_t> before;
  double then = 0;
  for (std::uint64_t shown = 0; options.count == 0 || shown <= options.count; ++shown) {
    if (shown != 0) nap(options.interval_s);
    if (stopped()) break;
    auto bus = opened->snapshot();
    const double now = steady_now();
    if (!bus.ok()) return refuse(bus.status());
    ringway::add_observers(*opened, *bus);
    if (shown != 0) {  // the first look is what the second one is compared with
      const auto all = moves_of(*bus, before, now - then);
      std::string text;
      if (options.json) {
        text = json_of(file, *bus, all, now - then);
      } else if (live) {
        text = "\033[H\033[2J" + text_of(file, *bus, all, width_of_terminal());
      } else {
        text = (shown == 1 ? "" : "\n") + text_of(file, *bus, all, kColumns);
      }
      if (!put(text)) return kFailed;
    }
    if (bus->alive() == 0 && !opened->has_name()) {
      complain("the bus has ended");
      break;
    }
    before.clear();
    for (const auto& lane : bus->lanes) before[key_of(lane)] = lane.published;
    then = now;
  }
  return kDone;
}

}  // namespace tool
