// SPDX-License-Identifier: Apache-2.0
// The vessel example between processes: whoever is killed, the others go on, and the counts say
// what became of every message.

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "demo.hpp"
#include "json_reader.hpp"

namespace vessel {
namespace {

constexpr double kMessages = 21595;
// of the parameter groups that they listen to
constexpr double kForNavigation = 7984;
constexpr double kForAlarm = 1604;

class Processes : public Demo {
 protected:
  /// The files of a bus: the segment that all write, and one of each process.
  static std::vector<std::filesystem::path> segments_of(const std::string& bus) {
    std::vector<std::filesystem::path> found;
    const std::string path = "/dev/shm/ringway-" + bus;
    for (const auto& entry : std::filesystem::directory_iterator("/dev/shm")) {
      const std::string file = entry.path().string();
      if (file == path || file.rfind(path + '@', 0) == 0) found.push_back(file);
    }
    return found;
  }
  /// The bus of a run with --processes.
  static std::vector<std::filesystem::path> segments_of(pid_t crew) {
    return segments_of("vessel-" + std::to_string(crew));
  }
  /// A name that no other test uses.
  static std::string own_bus() { return "vessel-test-" + std::to_string(getpid()); }
  ~Processes() override {
    for (const auto& file : segments_of(own_bus())) std::filesystem::remove(file);
  }

  static const Json& role(const Json& json, const std::string& name) {
    for (const Json& one : json["processes"]["roles"].elements) {
      if (one["role"].text == name) return one;
    }
    static const Json none;
    ADD_FAILURE() << "no role " << name;
    return none;
  }

  /// The others went on while the victim was away. Nothing is said where the feed was the victim,
  /// or had published everything before it was back: on a machine that let the crew wait so long.
  static void check_meanwhile(const Json& json, const std::string& victim) {
    const double fed = role(json, "feed")["meanwhile"].number;
    if (victim == "feed" || json["processes"]["killed_after"].number + fed >= kMessages) return;
    EXPECT_GT(fed, 0);
    for (const char* other : {"navigation", "alarm", "recorder"}) {
      if (other != victim) {
        EXPECT_GT(role(json, other)["meanwhile"].number, 0) << other;
      }
    }
  }

  /// What holds whoever was killed.
  void check(const Json& json, const std::string& victim) const {
    const Json& processes = json["processes"];
    EXPECT_EQ(processes["killed"].text, victim);
    EXPECT_GE(processes["killed_after"].number, kMessages / 2 - 1);
    EXPECT_EQ(processes["cleaned_up"].number, 1);
    EXPECT_GT(processes["cleaned_up_ns"].number, 0);
    EXPECT_GE(processes["restarted_ns"].number, processes["cleaned_up_ns"].number);
    EXPECT_GT(processes["ready_ns"].number, 0);
    EXPECT_EQ(processes["left_behind"].text, "false");
    for (const Json& one : processes["roles"].elements) {
      const bool killed = one["role"].text == victim;
      EXPECT_EQ(one["lives"].number, killed ? 2 : 1) << one["role"].text;
      if (killed) {
        EXPECT_EQ(one["delivered"].number + one["missed"].number, one["published"].number);
      } else {
        EXPECT_EQ(one["missed"].number, 0) << one["role"].text;
      }
    }
    check_meanwhile(json, victim);
    EXPECT_EQ(role(json, "feed")["published"].number, kMessages);
    EXPECT_EQ(role(json, "navigation")["published"].number, kForNavigation);
    EXPECT_EQ(role(json, "alarm")["published"].number, kForAlarm);
    EXPECT_EQ(role(json, "recorder")["published"].number, kMessages);
  }
};

TEST_F(Processes, OnePassShowsTheKnownFiguresAndWhatADeathCost) {
  const Outcome outcome =
      run({"--processes", "--passes", "1", "--interval-us", "50", "--json", path("out.json")});
  ASSERT_EQ(outcome.status, 0) << outcome.err << outcome.out;
  EXPECT_TRUE(segments_of(outcome.process).empty());
  const Json json = Json::parse(read_all(path("out.json")));
  // those of the threads' demo
  EXPECT_EQ(json["published"].number, kMessages);
  EXPECT_EQ(json["delivered"].number, kMessages);
  EXPECT_EQ(json["lost"].number, 0);
  EXPECT_EQ(json["malformed"].number, 0);
  EXPECT_EQ(json["pgns"].number, 34);
  EXPECT_EQ(json["depth_min_m"].number, 10.61);
  EXPECT_EQ(json["depth_max_m"].number, 71.04);
  EXPECT_EQ(json["last_position"]["latitude"].number, 59.7073471);
  EXPECT_EQ(json["alarms"].number, 3);
  EXPECT_GT(json["request_ns"]["p50"].number, 0);

  check(json, "navigation");
  const Json& requests = json["processes"]["requests"];
  EXPECT_GE(requests["replier_gone"].number + requests["no_replier"].number +
                requests["timed_out"].number,
            1);
  EXPECT_GE(requests["answered"].number, 2);  // before and after
  EXPECT_GT(json["processes"]["told_ns"].number, 0);
  EXPECT_GT(json["processes"]["answered_ns"].number, json["processes"]["told_ns"].number);

  for (const char* part :
       {"started: ", "feed begins: ", "navigation killed (SIGKILL) after",
        "console is told: ", "navigation started again: ", "console is answered again",
        "everything is published and handled", "left in /dev/shm  nothing", "1 dead process, after",
        "published to 3 processes"}) {
    EXPECT_NE(outcome.out.find(part), std::string::npos) << part << " is missing in\n"
                                                         << outcome.out;
  }
}

TEST_F(Processes, FeedMayDieAndTheNextOneGoesOnWhereItStopped) {
  const Json json = json_of({"--processes", "--passes", "1", "--pace", "even", "--kill", "feed",
                             "--order", "feed,console,navigation,alarm,recorder"});
  check(json, "feed");
  // one may have been published and not yet been counted when the feed was killed
  EXPECT_GE(json["delivered"].number, kMessages);
  EXPECT_LE(json["delivered"].number, kMessages + 1);
}

TEST_F(Processes, AlarmMayDie) {
  const Json json = json_of({"--processes", "--passes", "1", "--pace", "even", "--kill", "alarm",
                             "--order", "console,feed,recorder,navigation,alarm"});
  check(json, "alarm");
  EXPECT_EQ(json["delivered"].number, kMessages);
}

TEST_F(Processes, RecorderMayDie) {
  const Json json = json_of({"--processes", "--passes", "1", "--pace", "even", "--kill", "recorder",
                             "--order", "recorder,alarm,navigation,feed,console"});
  check(json, "recorder");
}

TEST_F(Processes, ConsoleMayDie) {
  const Json json = json_of({"--processes", "--passes", "1", "--pace", "even", "--kill", "console",
                             "--order", "navigation,recorder,alarm,console,feed"});
  check(json, "console");
  EXPECT_EQ(json["delivered"].number, kMessages);
}

TEST_F(Processes, NobodyHasToDie) {
  const Json json = json_of({"--processes", "--passes", "2", "--pace", "even", "--kill", "none"});
  EXPECT_EQ(json["processes"]["killed"].text, "");
  EXPECT_EQ(json["delivered"].number, 2 * kMessages);
  for (const Json& one : json["processes"]["roles"].elements) {
    EXPECT_EQ(one["lives"].number, 1) << one["role"].text;
    EXPECT_EQ(one["missed"].number, 0) << one["role"].text;
  }
}

TEST_F(Processes, StrictEndsWithStatusTwo) {
  const std::string good = "2014-08-15T19:00:00.540Z,2,129025,160,255,8,0f,4f,99,23,a3,83,be,0e\n";
  const std::string file = file_with(good + "nonsense\n" + good);
  const Json json = json_of({"--processes", "--file", file, "--passes", "5", "--strict"}, 2);
  EXPECT_EQ(json["published"].number, 2);
  EXPECT_EQ(json["malformed"].number, 1);
  const std::string told = read_all(path("run.err"));
  EXPECT_EQ(told.find("missing fields"), told.rfind("missing fields")) << "told once:\n" << told;
}

TEST_F(Processes, InterruptedTheyAllEndAndLeaveNothing) {
  for (const bool at_a_terminal : {true, false}) {
    auto crew = start({"--processes", "--pace", "even", "--interval-us", "100000"},
                      at_a_terminal ? "first" : "second");
    ASSERT_TRUE(crew.says("feed begins"));
    EXPECT_FALSE(segments_of(crew.process()).empty());
    const Outcome outcome = at_a_terminal ? crew.interrupt() : crew.end_by(SIGTERM);
    EXPECT_EQ(outcome.status, 130);
    EXPECT_NE(outcome.err.find("interrupted; all processes have ended\n"), std::string::npos)
        << outcome.err;
    EXPECT_TRUE(segments_of(outcome.process).empty());
  }
}

TEST_F(Processes, EndWithWhoeverStartedThem) {
  auto crew = start({"--processes", "--pace", "even", "--interval-us", "100000"}, "crew");
  ASSERT_TRUE(crew.says("feed begins"));
  const pid_t process = crew.process();
  EXPECT_FALSE(segments_of(process).empty());
  crew.end_by(SIGKILL);
  EXPECT_TRUE(eventually([&] { return segments_of(process).empty(); }))
      << "the last one that leaves removes the names";
}

TEST_F(Processes, OneThatSomebodyElseKillsIsStartedAgain) {
  auto crew = start({"--processes", "--pace", "even", "--interval-us", "100", "--kill", "none",
                     "--json", path("out.json")},
                    "crew");
  ASSERT_TRUE(crew.says("feed begins"));
  const std::string out = crew.out();
  const auto at = out.find("recorder ", out.find("started: ")) + std::string("recorder ").size();
  ASSERT_EQ(kill(std::stoi(out.substr(at)), SIGKILL), 0);
  EXPECT_TRUE(crew.says("recorder was killed, by somebody else; started again"));
  const Outcome outcome = crew.wait();
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  const Json json = Json::parse(read_all(path("out.json")));
  const Json& recorder = role(json, "recorder");
  EXPECT_EQ(recorder["lives"].number, 2);
  EXPECT_EQ(recorder["delivered"].number + recorder["missed"].number, kMessages);
  EXPECT_EQ(role(json, "navigation")["missed"].number, 0);
}

TEST_F(Processes, StartedByHandTheyFindEachOther) {
  const std::string bus = own_bus();
  const auto one = [&](const std::string& role) {
    return start({"--role", role, "--bus", bus, "--wait", "600", "--passes", "2", "--pace", "even",
                  "--interval-us", "5"},
                 role);
  };
  auto console = one("console");
  auto feed = one("feed");
  EXPECT_TRUE(feed.says("feed: process "));
  auto recorder = one("recorder");
  auto alarm = one("alarm");
  auto navigation = one("navigation");
  const Outcome fed = feed.wait();
  EXPECT_EQ(fed.status, 0) << fed.err;
  EXPECT_NE(fed.out.find("feed: 43,190 messages published, 0 malformed lines"), std::string::npos);
  for (auto* listener : {&console, &recorder, &alarm, &navigation}) {
    const Outcome outcome = listener->end_by(SIGTERM);
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    if (listener == &recorder) {
      EXPECT_NE(outcome.out.find("recorder: 43,190 messages recorded, 0 lost"), std::string::npos)
          << outcome.out;
    }
  }
  EXPECT_TRUE(segments_of(bus).empty());
}

TEST_F(Processes, MissingPeerIsToldAndNotWaitedForForEver) {
  for (const char* role : {"feed", "console"}) {
    const Outcome outcome = run({"--role", role, "--bus", own_bus(), "--wait", "1"});
    EXPECT_EQ(outcome.status, 3);
    EXPECT_NE(outcome.err.find(std::string(role) + ": gives up: no navigation"), std::string::npos)
        << outcome.err;
    EXPECT_NE(outcome.err.find("--role navigation --bus " + own_bus()), std::string::npos)
        << outcome.err;
  }
  EXPECT_TRUE(segments_of(own_bus()).empty());
}

TEST_F(Processes, SecondOfARoleIsRefused) {
  auto first = start({"--role", "alarm", "--bus", own_bus()}, "first");
  ASSERT_TRUE(first.says("alarm: process "));
  const Outcome second = run({"--role", "alarm", "--bus", own_bus()});
  EXPECT_EQ(second.status, 1);
  EXPECT_NE(second.err.find("process " + std::to_string(first.process()) + " is the alarm of bus"),
            std::string::npos)
      << second.err;
  EXPECT_EQ(first.end_by(SIGINT).status, 0);
}

TEST_F(Processes, BusThatCanNotBeOpenedIsToldInASentence) {
  const Outcome outcome = run({"--role", "alarm", "--bus", "no/name"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_NE(outcome.err.find("vessel: alarm: \"no/name\" names no segment"), std::string::npos)
      << outcome.err;
}

}  // namespace
}  // namespace vessel
