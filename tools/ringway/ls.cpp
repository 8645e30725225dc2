// SPDX-License-Identifier: Apache-2.0
/// \file
/// `ringway ls`: what is there.

#include <array>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>

#include "commands.hpp"
#include "output.hpp"
#include "ringway/shm/observer_info.hpp"
#include "segments.hpp"

namespace tool {
namespace {

using ringway::BusSnapshot;
using ringway::LaneInfo;
using ringway::ObserverInfo;
using ringway::ObserverState;
using ringway::ReaderInfo;

std::string mode_text(::mode_t mode) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%04o", static_cast<unsigned>(mode));
  return text.data();
}

std::string reader_kind(const ReaderInfo& reader) {
  if (reader.joining) return "joining";
  return reader.lossy ? "lossy" : "reliable";
}
const char* observer_kind(const ObserverInfo& one) {
  switch (one.state) {
    case ObserverState::kAsks: return "unanswered";
    case ObserverState::kHeld: return "reliable";
    case ObserverState::kExpected: return "expected";
    case ObserverState::kEnded: return "let go";
  }
  return "?";
}
std::string reader_who(const BusSnapshot& bus, const ReaderInfo& reader) {
  return reader.participant ? who(bus, *reader.participant) : "?";
}
std::string state_of(const LaneInfo& lane) {
  if (!lane.trouble.empty()) return "unreadable";
  if (lane.left) return "publisher left";
  if (lane.closed) return "closed";
  if (lane.waiting != 0) return "full, waits";
  return "open";
}

/// What is wrong with the segment, or soon will be, in sentences.
std::vector<std::string> remarks(const BusSnapshot& bus) {
  std::vector<std::string> found;
  const auto dead = bus.participants.size() - bus.alive();
  if (dead != 0) {
    found.push_back(number_of(dead, "dead participant") +
                    " not cleaned up after yet: whoever waits next does it, or ringway gc");
  }
  if (!bus.settled) found.push_back("it changes too fast to be copied whole; look again");
  if (bus.lock_holder != 0) {
    const auto holder = bus.lock_holder - 1;
    const auto* known = bus.participant(holder);
    found.push_back(known == nullptr || known->alive
                        ? "somebody binds or cleans up right now (participant " + who(bus, holder) +
                              ")"
                        : "participant " + who(bus, holder) +
                              " died while it bound something: the next who binds mends that");
  }
  for (const auto& lane : bus.lanes) {
    const auto name = "lane " + std::to_string(lane.number) + " (" + topic_of(bus, lane) + ")";
    if (!lane.trouble.empty()) {
      found.push_back(name + " can not be read: " + lane.trouble);
    } else if (lane.waiting != 0) {
      found.push_back(name + " is full: its publisher waits for the slowest reader");
    }
  }
  return found;
}

std::string details_text(const SegmentFile& file, const BusSnapshot& bus, std::size_t width) {
  std::string out = printable(file.name) + "\n";
  out += wrapped(printable(file.path) + ": " + bytes_text(bus.bytes) + ", lanes take " +
                     bytes_text(bus.used_bytes) + " of " + bytes_text(bus.lane_bytes) + "; mode " +
                     mode_text(bus.mode) + ", user " + std::to_string(bus.owner) + ", group " +
                     std::to_string(bus.group),
                 2);
  for (const auto& remark : remarks(bus)) out += wrapped(remark, 2);

  const double now = wall_now();
  Table participants(
      {{"PARTICIPANT", true}, {"STATE"}, {"PID", true}, {"SINCE", true}, {"NAME", false, true}});
  for (const auto& one : bus.participants) {
    participants.add({std::to_string(one.number), one.alive ? "alive" : "dead",
                      std::to_string(one.pid),
                      duration_text(now - static_cast<double>(one.since_ns) / 1e9),
                      one.name.empty() ? "-" : printable(one.name)});
  }
  if (!participants.empty()) out += '\n' + participants.text(2, width);

  Table topics({{"TOPIC", false, true}, {"KIND"}, {"BYTES", true}, {"TYPE", false, true}});
  for (const auto& topic : bus.topics) {
    if (topic.name.empty()) continue;  // given back
    topics.add({printable(topic.name), topic.service ? "service" : "topic",
                topic.type_size == 0 ? "any" : std::to_string(topic.type_size),
                printable(topic.type_name)});
  }
  if (!topics.empty()) out += '\n' + topics.text(2, width);

  Table lanes({{"LANE", true},
               {"TOPIC", false, true},
               {"KIND"},
               {"PUBLISHER", false, true},
               {"PUBLISHED", true},
               {"BEHIND", true},
               {"CAPACITY", true},
               {"STATE"}});
  Table readers({{"READER OF LANE", true},
                 {"TOPIC", false, true},
                 {"WHO", false, true},
                 {"KIND"},
                 {"BEHIND", true},
                 {"LOST", true}});
  for (const auto& lane : bus.lanes) {
    const bool known = lane.trouble.empty();
    lanes.add({std::to_string(lane.number), topic_of(bus, lane), kind_text(lane.kind),
               who(bus, lane.participant),
               known ? count_text(static_cast<double>(lane.published)) : "?",
               known ? amount_text(lane, lane.depth()) : "?",
               known ? amount_text(lane, lane.ring.capacity) : "?", state_of(lane)});
    for (const auto& reader : lane.readers) {
      readers.add({std::to_string(lane.number), topic_of(bus, lane), reader_who(bus, reader),
                   reader_kind(reader), amount_text(lane, reader.behind),
                   reader.lossy ? count_text(static_cast<double>(reader.lost)) : "-"});
    }
    for (const auto& one : lane.observers) {
      readers.add({std::to_string(lane.number), topic_of(bus, lane), who(one), observer_kind(one),
                   amount_text(lane, one.behind), "-"});
    }
  }
  if (!lanes.empty()) out += '\n' + lanes.text(2, width);
  if (!readers.empty()) out += '\n' + readers.text(2, width);

  Table subscriptions(
      {{"SUBSCRIPTION", false, true}, {"WHO", false, true}, {"KIND"}, {"TYPE", false, true}});
  for (const auto& one : bus.subscriptions) {
    const char* kind = one.service ? "replies" : (one.lossy ? "lossy" : "reliable");
    subscriptions.add(
        {printable(one.pattern), who(bus, one.participant), kind, printable(one.type_name)});
  }
  if (!subscriptions.empty()) out += '\n' + subscriptions.text(2, width);
  return out;
}

void add_lane(Json& json, const BusSnapshot& bus, const LaneInfo& lane) {
  json.begin_object()
      .number("lane", std::uint64_t{lane.number})
      .text("topic", lane.topic < bus.topics.size() ? bus.topics[lane.topic].name : "")
      .text("kind", kind_text(lane.kind))
      .number("publisher", std::uint64_t{lane.participant})
      .text("state", state_of(lane))
      .number("ring_bytes", lane.ring_bytes);
  if (!lane.trouble.empty()) {
    json.text("trouble", lane.trouble).end_object();
    return;
  }
  json.flag("admits_lossy", lane.admits_lossy)
      .text("unit", lane.ring.of_bytes() ? "byte" : "message")  // of capacity and behind
      .number("capacity", lane.ring.capacity)
      .number("element_bytes", lane.ring.element_size)
      .number("published", lane.published)
      .number("behind", lane.depth())
      .begin_array("readers");
  for (const auto& reader : lane.readers) {
    json.begin_object()
        .number("gate", std::uint64_t{reader.gate})
        .text("kind", reader_kind(reader));
    if (reader.participant) json.number("participant", std::uint64_t{*reader.participant});
    json.number("endpoint", std::uint64_t{reader.endpoint});
    json.number("behind", reader.behind).number("lost", reader.lost).end_object();
  }
  json.end_array().begin_array("observers");
  for (const auto& one : lane.observers) {
    json.begin_object()
        .text("kind", observer_kind(one))
        .number("pid", std::uint64_t{one.pid})
        .number("behind", one.behind)
        .end_object();
  }
  json.end_array().end_object();
}

void add_details(Json& json, const BusSnapshot& bus) {
  json.number("bytes", bus.bytes)
      .number("lane_bytes", bus.lane_bytes)
      .number("used_bytes", bus.used_bytes)
      .text("mode", mode_text(bus.mode))
      .number("user", std::uint64_t{bus.owner})
      .number("group", std::uint64_t{bus.group})
      .flag("settled", bus.settled)
      .number("alive", std::uint64_t{bus.alive()})
      .number("dead", std::uint64_t{bus.participants.size() - bus.alive()});
  json.begin_array("participants");
  for (const auto& one : bus.participants) {
    json.begin_object()
        .number("participant", std::uint64_t{one.number})
        .text("name", one.name)
        .number("pid", std::uint64_t{one.pid})
        .flag("alive", one.alive)
        .number("since", static_cast<std::uint64_t>(one.since_ns / 1'000'000'000))
        .end_object();
  }
  json.end_array().begin_array("topics");
  for (const auto& topic : bus.topics) {
    if (topic.name.empty()) continue;  // given back
    json.begin_object()
        .text("name", topic.name)
        .text("kind", topic.service ? "service" : "topic")
        .text("type", topic.type_name)
        .number("type_bytes", topic.type_size)
        .number("type_align", topic.type_align)
        .end_object();
  }
  json.end_array().begin_array("lanes");
  for (const auto& lane : bus.lanes) add_lane(json, bus, lane);
  json.end_array().begin_array("subscriptions");
  for (const auto& one : bus.subscriptions) {
    json.begin_object()
        .text("pattern", one.pattern)
        .text("type", one.type_name)
        .text("kind", one.service ? "replies" : (one.lossy ? "lossy" : "reliable"))
        .number("participant", std::uint64_t{one.participant})
        .number("endpoint", std::uint64_t{one.endpoint})
        .end_object();
  }
  json.end_array().begin_array("endpoints");
  for (const auto& one : bus.endpoints) {
    json.begin_object()
        .number("endpoint", std::uint64_t{one.number})
        .number("participant", std::uint64_t{one.participant})
        .flag("asleep", one.asleep)
        .number("parks", one.parks)
        .end_object();
  }
  json.end_array();
}

struct Seen {
  SegmentFile file;
  absl::StatusOr<BusSnapshot> bus;
};

Seen look_at(const SegmentFile& file, const std::string& folder) {
  auto opened = open_segment(file, folder);
  if (!opened.ok()) return {file, opened.status()};
  auto bus = opened->snapshot();
  if (bus.ok()) ringway::add_observers(*opened, *bus);
  return {file, std::move(bus)};
}

std::string overview(const std::vector<Seen>& all, const std::vector<Orphans>& orphans,
                     const std::string& folder, std::size_t width) {
  if (all.empty() && orphans.empty()) return "no segments in " + printable(folder) + "\n";
  Table table({{"SEGMENT", false, true},
               {"SIZE", true},
               {"ALIVE", true},
               {"DEAD", true},
               {"TOPICS", true},
               {"LANES", true},
               {"SUBSCRIPTIONS", true},
               {"STATE"}});
  for (const auto& seen : all) {
    if (!seen.bus.ok()) {
      table.add({printable(seen.file.name), "-", "-", "-", "-", "-", "-", "refused"});
      continue;
    }
    const auto& bus = *seen.bus;
    const char* state = "in use";
    if (bus.alive() == 0) {
      state = "abandoned";
    } else if (bus.participants.size() != bus.alive()) {
      state = "dead in it";
    }
    table.add({printable(seen.file.name), bytes_text(bus.bytes), std::to_string(bus.alive()),
               std::to_string(bus.participants.size() - bus.alive()),
               std::to_string(bus.topics_used()), std::to_string(bus.lanes.size()),
               std::to_string(bus.subscriptions.size()), state});
  }
  for (const auto& bus : orphans) {
    table.add({printable(bus.control.name), bytes_text(bus.bytes), std::to_string(bus.alive),
               std::to_string(bus.dead), "-", "-", "-", "orphaned"});
  }
  return table.text(0, width);
}

/// What is left of buses whose control segment was removed by hand.
std::string orphans_text(const std::vector<Orphans>& orphans) {
  std::string out;
  for (const auto& bus : orphans) {
    out += wrapped(printable(bus.control.name) + " has no control segment (any more), but " +
                       number_of(bus.paths.size(), "own segment") + " of its processes: " +
                       (bus.alive == 0 ? "nobody uses them; ringway gc removes them"
                                       : number_of(bus.alive, "process") +
                                             " alive; nobody else can join them"),
                   0);
  }
  return out;
}

}  // namespace

int ls(const LsOptions& options) {
  std::vector<Seen> all;
  std::vector<Orphans> orphans;
  if (options.segments.empty()) {
    const auto files = segments_in(options.folder);
    if (!files.ok()) return refuse(files.status());
    for (const auto& file : *files) {
      all.push_back(look_at(file, options.folder));
      if (absl::IsNotFound(all.back().bus.status())) all.pop_back();  // it has just gone
    }
    orphans = orphans_in(options.folder);
  } else {
    for (const auto& word : options.segments) {
      all.push_back(look_at(segment_of(word, options.folder), options.folder));
    }
  }

  int status = kDone;
  std::string out;
  const std::size_t width = options.wide ? 0 : kColumns;
  const bool details = options.details || !options.segments.empty();
  Json json;
  json.begin_object().begin_array("segments");
  if (!details) out = overview(all, orphans, options.folder, width);
  for (const auto& seen : all) {
    json.begin_object().text("name", seen.file.name).text("path", seen.file.path);
    if (seen.bus.ok()) {
      add_details(json, *seen.bus);
      if (details) out += (out.empty() ? "" : "\n") + details_text(seen.file, *seen.bus, width);
    } else {
      json.text("error", message_of(seen.bus.status()));
      if (status == kDone) status = exit_status_of(seen.bus.status());
    }
    json.end_object();
  }
  json.end_array().begin_array("orphans");
  for (const auto& bus : orphans) {
    json.begin_object()
        .text("name", bus.control.name)
        .number("bytes", bus.bytes)
        .number("alive", bus.alive)
        .number("dead", bus.dead)
        .begin_array("paths");
    for (const auto& path : bus.paths) json.item(path);
    json.end_array().end_object();
  }
  json.end_array().end_object();
  if (details && all.empty() && orphans.empty()) {
    out = "no segments in " + printable(options.folder) + "\n";
  }
  out += orphans_text(orphans);
  if (!put(options.json ? json.str() + "\n" : out)) return kFailed;
  for (const auto& seen : all) {
    if (!seen.bus.ok()) complain(message_of(seen.bus.status()));
  }
  return status;
}

}  // namespace tool
