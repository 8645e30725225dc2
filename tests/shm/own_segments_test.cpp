// SPDX-License-Identifier: Apache-2.0
// labels: notsan
// Each process writes its own segment alone: who maps what, room, and what becomes of a segment
// whose owner is gone.
#include "ringway/shm/own_segments.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <list>
#include <optional>
#include <sstream>

#include "shm_support.hpp"

namespace ringway {
namespace {

using namespace std::chrono_literals;
using test::contains;
using test::eventually;
using test::message_of;
using test::Process;
using test::SegmentName;
using test::Witness;

struct Number {
  std::uint64_t value;
};
constexpr Topic<Number> kNumbers{"numbers", {.capacity = 64}};
constexpr Topic<Number> kAnswers{"answers", {.capacity = 64}};
constexpr Topic<Number> kLossy{"lossy", {.capacity = 64, .admits_lossy = true}};
constexpr Service<Number(Number)> kNext{"next", {.timeout = 20s}};

struct Signals {
  std::atomic<int> ready{0};
  std::atomic<int> go{0};
  std::atomic<int> stop{0};
  std::atomic<std::uint64_t> received{0};
};

/// The mappings of this process whose file's name has `part` in it, as /proc shows them.
std::vector<std::string> mappings_of(const std::string& part) {
  std::ifstream maps("/proc/self/maps");
  std::vector<std::string> found;
  for (std::string line; std::getline(maps, line);) {
    if (contains(line, part)) found.push_back(line);
  }
  return found;
}

// Whatever a handler does to a message of another process's, it can not change it: the kernel ends
// the process that tries.
TEST(OwnSegments, AnothersLaneIsNotWritable) {
  const SegmentName name;
  auto bus = open_shared(name.str());
  ASSERT_TRUE(bus.ok()) << bus.status();
  for (const bool lossy : {false, true}) {
    const auto& topic = lossy ? kLossy : kNumbers;
    auto publisher = bus->publisher(topic);
    Witness<Signals> signals;
    Process child([&] {
      ::signal(SIGSEGV, SIG_DFL);  // a sanitizer would report it and exit
      auto own = open_shared(name.str());
      if (!own.ok()) return 1;
      Dispatcher feed{*own};
      auto subscription = feed.subscribe(topic, [](const Number&) {});
      for (const auto& mapping : mappings_of("ringway-" + name.str() + "@")) {
        if (contains(mapping, "r--s")) ++signals->received;  // its own shows no name
        if (contains(mapping, " rw")) signals->received += 100;
      }
      ++signals->ready;
      auto& directory = own->core()->directory();
      SegmentHome::LaneHold hold;
      for (std::uint32_t i = 1; i < directory.lanes_used(); ++i) {
        const auto& lane = directory.lane(i);
        if (lane.used == 0) continue;
        auto memory = own->core()->home().segment(lane.segment, hold);
        memory[lane.segment_offset + 512] = std::byte{1};  // ends this process
        return 3;
      }
      return 2;
    });
    EXPECT_EQ(child.wait(), 1000 + SIGSEGV);
    EXPECT_EQ(signals->received, 1u) << "the publisher's, for reading";
    EXPECT_EQ(publisher.publish_for(Number{1}, 60s), PublishStatus::kPublished);
  }
}

// Unless this process asks for it; the others still map its lanes for reading alone.
TEST(OwnSegments, AnothersLaneIsMappedForWritingWhereAsked) {
  const SegmentName name;
  auto bus = open_shared(name.str());
  ASSERT_TRUE(bus.ok()) << bus.status();
  auto publisher = bus->publisher(kNumbers);
  Dispatcher dispatcher{*bus};
  std::atomic<std::uint64_t> answer{0};
  auto answers = dispatcher.subscribe(kAnswers, [&](const Number& n) { answer = n.value; });
  Witness<Signals> signals;
  Process child([&] {
    auto own = open_shared(name.str(), {.map_others_for_writing = true});
    if (!own.ok()) return 1;
    auto back = own->publisher(kAnswers);
    std::atomic<std::uint64_t> got{0};
    Dispatcher feed{*own};
    auto subscription = feed.subscribe(kNumbers, [&](const Number& n) { got = n.value; });
    for (const auto& mapping : mappings_of("ringway-" + name.str() + "@")) {
      if (contains(mapping, "rw-s")) ++signals->received;  // its own shows no name
      if (contains(mapping, "r--s")) signals->received += 100;
    }
    ++signals->ready;
    if (!eventually([&] { return got != 0; })) return 3;
    return back.publish_for(Number{got + 1}, 60s) == PublishStatus::kPublished ? 0 : 2;
  });
  ASSERT_TRUE(eventually([&] { return signals->ready != 0; }));
  EXPECT_EQ(publisher.publish_for(Number{41}, 60s), PublishStatus::kPublished);
  EXPECT_TRUE(eventually([&] { return answer == 42; }));
  for (const auto& mapping : mappings_of("ringway-" + name.str() + "@")) {
    EXPECT_FALSE(contains(mapping, "rw-s")) << mapping;
  }
  EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(signals->received, 1u) << "the publisher's, for writing";
}

// Nor can a publisher write where its readers' positions lie.
TEST(OwnSegments, AnothersPositionsAreNotWritable) {
  const SegmentName name;
  auto bus = open_shared(name.str());
  ASSERT_TRUE(bus.ok());
  Dispatcher feed{*bus};
  std::atomic<std::uint64_t> received{0};
  auto subscription = feed.subscribe(kNumbers, [&](const Number&) { ++received; });
  Process child([&] {
    ::signal(SIGSEGV, SIG_DFL);  // as above
    auto own = open_shared(name.str());
    if (!own.ok()) return 1;
    auto publisher = own->publisher(kNumbers);
    for (std::uint64_t i = 0; i < 1000; ++i) {
      if (publisher.publish_for(Number{i}, 60s) != PublishStatus::kPublished) return 2;
    }
    SegmentHome::LaneHold hold;
    auto& home = own->core()->home();
    for (std::uint32_t p = 0; p < 2; ++p) {
      if (home.segment_of(p) == home.own_segment()) continue;
      home.segment(home.segment_of(p), hold)[0] = std::byte{1};
      return 3;
    }
    return 4;
  });
  EXPECT_EQ(child.wait(), 1000 + SIGSEGV);
  EXPECT_TRUE(eventually([&] { return received == 1000; })) << received;
}

// In a busy system no position lies in the control segment: the gates' own words stand still.
TEST(OwnSegments, PositionsLieWithTheirReaders) {
  const SegmentName name;
  auto bus = open_shared(name.str());
  auto other = open_shared(name.str());
  ASSERT_TRUE(bus.ok() && other.ok());
  Dispatcher feed{*other};
  std::atomic<std::uint64_t> received{0};
  auto publisher = bus->publisher(kNumbers);
  auto subscription = feed.subscribe(kNumbers, [&](const Number&) { ++received; });
  for (std::uint64_t i = 0; i < 1000; ++i) {
    ASSERT_EQ(publisher.publish_for(Number{i}, 60s), PublishStatus::kPublished);
  }
  ASSERT_TRUE(eventually([&] { return received == 1000; }));
  auto& home = other->core()->home();
  const auto* words = reinterpret_cast<const OwnGate<SharedMemory>*>(home.own_memory().data());
  const auto at_end = [](const OwnGate<SharedMemory>& gate) { return gate.position == 1000; };
  EXPECT_TRUE(eventually([&] { return std::any_of(words, words + OwnSegments::kGates, at_end); }));
}

TEST(OwnSegments, LanesThatDoNotFitAreRefusedInWordsAndTheRestWorks) {
  const SegmentName name;
  SharedBusOptions options;
  options.lane_bytes = std::size_t{64} << 10;
  auto bus = open_shared(name.str(), options);
  ASSERT_TRUE(bus.ok()) << bus.status();
  const Topic<Number> huge{"huge", {.capacity = 1 << 20}};
  const auto refused = bus->try_publisher(huge);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(contains(message_of(refused), "lane_bytes")) << refused.status();
  std::list<Publisher<Number, SegmentHome>> publishers;
  for (int round = 0; round < 3; ++round) {  // what is given back is used again
    while (true) {
      auto publisher = bus->try_publisher(kNumbers);
      if (!publisher.ok()) break;
      publishers.push_back(*std::move(publisher));
    }
    EXPECT_GT(publishers.size(), 20u);
    EXPECT_EQ(publishers.back().publish(Number{1}), PublishStatus::kPublished);
    // another one has room of its own
    auto other = open_shared(name.str(), options);
    ASSERT_TRUE(other.ok());
    EXPECT_TRUE(other->try_publisher(kNumbers).ok());
    const auto count = publishers.size();
    for (auto at = publishers.begin(); at != publishers.end();) {
      at = publishers.erase(at);
      if (at != publishers.end()) ++at;
    }
    while (publishers.size() < count) publishers.push_back(bus->publisher(kNumbers));
    publishers.clear();
  }
}

TEST(OwnSegments, SubscriberNeedsNoRoomForLanes) {
  const SegmentName name;
  auto bus = open_shared(name.str());
  SharedBusOptions options;
  options.lane_bytes = 0;
  auto other = open_shared(name.str(), options);
  ASSERT_TRUE(bus.ok() && other.ok());
  EXPECT_EQ(name.bytes(), (std::size_t{672} << 10) + (std::size_t{1060 + 36} << 10));
  Dispatcher feed{*other};
  std::atomic<std::uint64_t> received{0};
  auto subscription = feed.subscribe(kNumbers, [&](const Number&) { ++received; });
  auto publisher = bus->publisher(kNumbers);
  for (std::uint64_t i = 0; i < 200; ++i) {
    ASSERT_EQ(publisher.publish_for(Number{i}, 60s), PublishStatus::kPublished);
  }
  EXPECT_TRUE(eventually([&] { return received == 200; })) << received;
  EXPECT_EQ(other->try_publisher(kNumbers).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST(OwnSegments, MoreReadersThanWordsHaveTheirPositionsElsewhere) {
  const SegmentName name;
  SharedBusOptions options;
  options.tables.subscriptions = 1024;
  options.tables.lanes = 64;
  auto bus = open_shared(name.str(), options);
  ASSERT_TRUE(bus.ok()) << bus.status();
  Dispatcher feed{*bus};
  std::atomic<std::uint64_t> received{0};
  std::vector<Publisher<Number, SegmentHome>> publishers;
  for (int i = 0; i < 5; ++i) {
    publishers.push_back(
        bus->publisher(Topic<Number>{"numbers", {.capacity = 4, .max_readers = 62}}));
  }
  std::vector<Subscription> subscriptions;
  for (int i = 0; i < 60; ++i) {
    subscriptions.push_back(feed.subscribe(kNumbers, [&](const Number&) { ++received; }));
  }
  for (auto& publisher : publishers) {
    for (std::uint64_t i = 0; i < 20; ++i) {
      ASSERT_EQ(publisher.publish_for(Number{i}, 60s), PublishStatus::kPublished);
    }
  }
  EXPECT_TRUE(eventually([&] { return received == 5 * 20 * 60; })) << received;
}

/// A publisher's process that publishes, and leaves by itself or is killed.
int publish_and_go(const std::string& name, Signals& signals, int count, bool dies) {
  auto bus = open_shared(name);
  if (!bus.ok()) return 1;
  auto publisher = bus->publisher(kNumbers);
  for (int i = 0; i < count; ++i) {
    if (publisher.publish(Number{static_cast<std::uint64_t>(i)}) != PublishStatus::kPublished) {
      return 2;
    }
  }
  ++signals.ready;
  if (dies) ::raise(SIGKILL);
  return 0;
}

// What was published is read to its end after the publisher is gone, and its segment goes then.
TEST(OwnSegments, SegmentLivesUntilItsLanesAreReadAndNoLonger) {
  for (const bool dies : {false, true}) {
    const SegmentName name;
    auto bus = open_shared(name.str());
    ASSERT_TRUE(bus.ok());
    Dispatcher feed{*bus};
    test::Witness<Signals> signals;
    std::atomic<std::uint64_t> received{0};
    std::atomic<bool> go{false};
    auto subscription = feed.subscribe(kNumbers, [&](const Number& number) {
      EXPECT_TRUE(eventually([&] { return go.load(); }));
      EXPECT_EQ(number.value, received++);
    });
    Process child([&] { return publish_and_go(name.str(), *signals, 64, dies); });
    EXPECT_EQ(child.wait(), dies ? 1000 + SIGKILL : 0);
    // once may be too early: the dispatcher holds the directory's lock while it picks the lane up
    EXPECT_TRUE(
        eventually([&] { return look_after_others(*bus), participants(*bus).size() == 1; }));
    EXPECT_EQ(name.files().size(), 3u) << "control, own, and that of the one who is gone";
    go = true;
    EXPECT_TRUE(eventually([&] { return received == 64; })) << received;
    EXPECT_TRUE(eventually([&] { return bus->lanes() == 0; }));
    EXPECT_TRUE(eventually([&] { return name.files().size() == 2; }));
    EXPECT_TRUE(eventually([&] {  // its reader goes a moment later than its name
      const auto gone = mappings_of("(deleted)");
      return std::none_of(gone.begin(), gone.end(),
                          [&](const auto& line) { return contains(line, name.str() + "@"); });
    }));
  }
}

// The one who drains a dead publisher's lane dies too: the rest clean up after both.
TEST(OwnSegments, NothingStaysWhenReadersOfTheDeadDieToo) {
  const SegmentName name;
  {
    auto bus = open_shared(name.str());
    ASSERT_TRUE(bus.ok());
    Witness<Signals> signals;
    Process reader([&] {
      auto own = open_shared(name.str());
      if (!own.ok()) return 1;
      Dispatcher feed{*own};
      auto subscription =
          feed.subscribe(kNumbers, [&](const Number&) { ++signals->go, ::pause(); });
      ++signals->stop;
      ::pause();
      return 0;
    });
    ASSERT_TRUE(eventually([&] { return signals->stop == 1; }));
    Process writer([&] { return publish_and_go(name.str(), *signals, 10, true); });
    EXPECT_EQ(writer.wait(), 1000 + SIGKILL);
    ASSERT_TRUE(eventually([&] { return signals->go == 1; }));
    look_after_others(*bus);
    EXPECT_EQ(name.files().size(), 4u);
    reader.kill();
    EXPECT_EQ(look_after_others(*bus), 1u);
    EXPECT_EQ(name.files().size(), 2u);
    EXPECT_EQ(bus->lanes(), 0u);
  }
  EXPECT_TRUE(name.files().empty());
}

TEST(OwnSegments, AllOfThemKilledLeaveNothingToWhoComesNext) {
  const SegmentName name;
  for (int round = 0; round < 3; ++round) {
    Witness<Signals> signals;
    std::vector<std::unique_ptr<Process>> processes;
    for (int i = 0; i < 3; ++i) {
      processes.push_back(std::make_unique<Process>([&] {
        auto bus = open_shared(name.str());
        if (!bus.ok()) return 1;
        auto publisher = bus->publisher(kNumbers);
        ++signals->ready;
        ::pause();
        return 0;
      }));
    }
    ASSERT_TRUE(eventually([&] { return signals->ready == 3; }));
    EXPECT_EQ(name.files().size(), 4u);
    for (auto& process : processes) process->kill();
    auto bus = open_shared(name.str());
    ASSERT_TRUE(bus.ok()) << bus.status();
    EXPECT_EQ(name.files().size(), 2u) << "its own two";
  }
  EXPECT_TRUE(name.files().empty());
}

// A publisher's memory that is gone (its file removed by hand) is an error for who binds, and no
// more than that.
TEST(OwnSegments, LaneOutOfReachIsAnError) {
  const SegmentName name;
  Witness<Signals> signals;
  Process child([&] {
    auto own = open_shared(name.str());
    if (!own.ok()) return 1;
    auto publisher = own->publisher(kNumbers);
    ++signals->ready;
    return eventually([&] { return signals->stop != 0; }) ? 0 : 2;
  });
  ASSERT_TRUE(eventually([&] { return signals->ready == 1; }));
  name.remove_own_segments();
  auto bus = open_shared(name.str());
  ASSERT_TRUE(bus.ok()) << bus.status();
  Dispatcher feed{*bus};
  const auto refused = feed.try_subscribe(kNumbers, [](const Number&) {});
  ASSERT_FALSE(refused.ok());
  EXPECT_TRUE(contains(message_of(refused), "can not be mapped")) << refused.status();
  signals->stop = 1;
  EXPECT_EQ(child.wait(), 0);
  EXPECT_TRUE(feed.try_subscribe(kNumbers, [](const Number&) {}).ok());
}

// The same where the lane is bound later, by a dispatcher: it says what it misses, in words of its
// own, to an error handler that may use the bus.
TEST(OwnSegments, LaneThatCanNotBeMappedLaterIsReported) {
  const SegmentName name;
  Witness<Signals> signals;
  Process child([&] {
    auto own = open_shared(name.str());
    if (!own.ok()) return 1;
    ++signals->ready;
    if (!eventually([&] { return signals->go != 0; })) return 2;
    auto publisher = own->publisher(kNumbers);
    ++signals->ready;
    return eventually([&] { return signals->stop != 0; }) ? 0 : 3;
  });
  ASSERT_TRUE(eventually([&] { return signals->ready == 1; }));
  std::optional<SharedBus> bus;
  std::atomic<int> told{0};
  SharedBusOptions options;
  options.bus.on_error = [&](std::string_view subscription, const std::exception_ptr& error) {
    try {
      std::rethrow_exception(error);
    } catch (const LaneError& trouble) {
      EXPECT_EQ(trouble.error(), SetupError::kOutOfReach);
      EXPECT_TRUE(contains(trouble.what(), "can not be mapped")) << trouble.what();
    } catch (...) {
      ADD_FAILURE() << "not a LaneError";
    }
    EXPECT_EQ(subscription, "numbers");
    EXPECT_TRUE(bus->try_publisher(kLossy).ok()) << "the directory is not locked";
    ++told;
  };
  auto opened = open_shared(name.str(), options);
  ASSERT_TRUE(opened.ok()) << opened.status();
  bus.emplace(*std::move(opened));
  const auto own = bus->core()->home().own_segment();
  name.remove_own_segments(own);
  {
    Dispatcher feed{*bus};
    std::atomic<std::uint64_t> received{0};
    auto subscription = feed.subscribe(kNumbers, [&](const Number&) { ++received; });
    signals->go = 1;
    EXPECT_TRUE(eventually([&] { return told == 1; })) << told;
    EXPECT_TRUE(eventually([&] { return signals->ready == 2; }));
    auto publisher = bus->publisher(kNumbers);  // of one within reach it hears
    EXPECT_EQ(publisher.publish(Number{1}), PublishStatus::kPublished);
    EXPECT_TRUE(eventually([&] { return received == 1; }));
    signals->stop = 1;
    EXPECT_EQ(child.wait(), 0);
    EXPECT_TRUE(eventually([&] { return bus->lanes() == 1; })) << "the given-up lane is freed";
  }
  EXPECT_EQ(told, 1);
}

// A replier that can not map a requester's lane is told to the requester as one that is gone, or,
// if it has given the lane up before the request is made, as none.
TEST(OwnSegments, RequestLaneThatCanNotBeMappedIsReportedAndAnswersNothing) {
  const SegmentName name;
  Witness<Signals> signals;
  Process child([&] {
    auto own = open_shared(name.str());
    if (!own.ok()) return 1;
    ++signals->ready;
    if (!eventually([&] { return signals->go != 0; })) return 2;
    auto next = own->requester(kNext);
    const auto answer = next.request(Number{1}, 60s);
    if (answer) return 3;
    const bool at_once = answer.error() == RequestError::kNoReplier;
    return at_once || answer.error() == RequestError::kReplierGone ? 0 : 4;
  });
  ASSERT_TRUE(eventually([&] { return signals->ready == 1; }));
  std::atomic<int> told{0};
  SharedBusOptions options;
  options.bus.on_error = [&](std::string_view subscription, const std::exception_ptr&) {
    EXPECT_EQ(subscription, "next");
    ++told;
  };
  auto bus = open_shared(name.str(), options);
  ASSERT_TRUE(bus.ok()) << bus.status();
  const auto own = bus->core()->home().own_segment();
  name.remove_own_segments(own);
  Dispatcher feed{*bus};
  auto replier = feed.reply(kNext, [](const Number& number) { return Number{number.value + 1}; });
  signals->go = 1;
  EXPECT_EQ(child.wait(), 0);
  EXPECT_TRUE(eventually([&] { return told == 1; })) << told;
}

// What nobody read yet is there for those who come later, wherever the lane lies.
TEST(OwnSegments, RetainedMessagesWaitForTheFirstReader) {
  const SegmentName name;
  auto bus = open_shared(name.str());
  auto other = open_shared(name.str());
  ASSERT_TRUE(bus.ok() && other.ok());
  const Topic<Number> retained{"numbers", {.capacity = 64, .retain = true}};
  auto publisher = bus->publisher(retained);
  for (std::uint64_t i = 0; i < 10; ++i) {
    ASSERT_EQ(publisher.publish(Number{i}), PublishStatus::kPublished);
  }
  Dispatcher feed{*other};
  std::atomic<std::uint64_t> received{0};
  auto subscription =
      feed.subscribe(retained, [&](const Number& number) { EXPECT_EQ(number.value, received++); },
                     {.start = Start::kOldest});
  EXPECT_TRUE(eventually([&] { return received == 10; })) << received;
}

TEST(OwnSegments, HaveTheModeOfTheControlSegment) {
  const SegmentName name;
  SharedBusOptions options;
  options.segment.mode = 0640;
  auto bus = open_shared(name.str(), options);
  auto other = open_shared(name.str());
  ASSERT_TRUE(bus.ok() && other.ok());
  const auto files = name.files();
  EXPECT_EQ(files.size(), 3u);
  for (const auto& file : files) {
    struct stat facts {};
    ASSERT_EQ(::stat(file.c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777U, 0640u) << file;
  }
}

// What the control segment says about where things lie is checked before it is used.
TEST(OwnSegments, PlacesThatAreNotThereAreRefused) {
  const SegmentName name;
  auto bus = open_shared(name.str());
  auto other = open_shared(name.str());
  ASSERT_TRUE(bus.ok() && other.ok());
  auto publisher = bus->publisher(kNumbers);
  Dispatcher feed{*other};
  auto& directory = bus->core()->directory();
  auto& lane = directory.lane(1);
  const auto real = SegmentPiece{lane.segment, lane.segment_offset, lane.segment_bytes};
  ASSERT_EQ(real.segment, bus->core()->home().own_segment());
  const auto set = [&lane](const SegmentPiece& piece) {
    lane.segment = piece.segment;
    lane.segment_offset = piece.offset;
    lane.segment_bytes = piece.bytes;
  };
  constexpr std::uint64_t kFar = std::uint64_t{1} << 40;
  for (const SegmentPiece& forged :
       {SegmentPiece{99, real.offset, real.bytes},
        SegmentPiece{~std::uint64_t{0}, real.offset, real.bytes},
        SegmentPiece{real.segment, kFar, real.bytes},
        SegmentPiece{real.segment, ~std::uint64_t{0}, real.bytes},
        SegmentPiece{real.segment, real.offset, kFar},
        SegmentPiece{real.segment, real.offset + 8, real.bytes},
        SegmentPiece{real.segment, real.offset, 64}, SegmentPiece{real.segment, 0, real.bytes}}) {
    set(forged);
    EXPECT_FALSE(feed.try_subscribe(kNumbers, [](const Number&) {}).ok())
        << forged.segment << ' ' << forged.offset << ' ' << forged.bytes;
  }
  set(real);
  std::atomic<std::uint64_t> received{0};
  auto subscription = feed.try_subscribe(kNumbers, [&](const Number&) { ++received; });
  ASSERT_TRUE(subscription.ok()) << subscription.status();
  auto& gate =
      std::launder(reinterpret_cast<Audience<SharedMemory>*>(directory.ring_memory(lane).data()))
          ->gate(0);
  ASSERT_TRUE(eventually([&] { return gate.place.load() != 0; }));
  const auto place = gate.place.load();
  std::uint64_t sent = 0;
  for (const std::uint64_t forged : {std::uint64_t{99} << 16, std::uint64_t{1} << 63,
                                     place | 0xFFFF, ~std::uint64_t{0}, std::uint64_t{1}}) {
    gate.place.store(forged);
    // where the word is not found the reader counts as standing where it joined
    while (publisher.try_publish(Number{sent}) == PublishStatus::kPublished && sent < 10'000) {
      ++sent;
    }
    gate.place.store(place);
    ASSERT_EQ(publisher.publish_for(Number{sent}, 60s), PublishStatus::kPublished);
    ++sent;
  }
  EXPECT_TRUE(eventually([&] { return received == sent; })) << received << " of " << sent;
}

// A file that bears its name is none of this bus's, since no number is used twice.
TEST(OwnSegments, LeftoverUnderItsNameIsReplaced) {
  const SegmentName name;
  auto bus = open_shared(name.str());
  ASSERT_TRUE(bus.ok());
  const auto number = bus->core()->home().own_segment();
  for (const auto& file : name.files()) {
    if (file == name.path()) continue;
    const auto next = file.substr(0, file.rfind('-') + 1) + std::to_string(number + 1);
    std::ofstream(next) << "from another time";
  }
  ASSERT_EQ(name.files().size(), 3u);
  auto other = open_shared(name.str());
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_EQ(other->core()->home().own_segment(), number + 1);
  EXPECT_EQ(name.files().size(), 3u);
  Dispatcher feed{*bus};
  std::atomic<std::uint64_t> received{0};
  auto subscription = feed.subscribe(kNumbers, [&](const Number&) { ++received; });
  auto publisher = other->publisher(kNumbers);
  ASSERT_EQ(publisher.publish(Number{1}), PublishStatus::kPublished);
  EXPECT_TRUE(eventually([&] { return received == 1; }));
}

TEST(OwnSegments, AnonymousBusHasNone) {
  auto bus = make_anonymous_shared();
  ASSERT_TRUE(bus.ok());
  EXPECT_EQ(bus->core()->home().own_segment(), 0u);
}

}  // namespace
}  // namespace ringway
