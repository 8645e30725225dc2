// SPDX-License-Identifier: Apache-2.0
#include "role.hpp"

#include <sys/prctl.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <future>
#include <memory>
#include <vector>

#include "end_signals.hpp"
#include "logbook.hpp"
#include "participants.hpp"
#include "report.hpp"
#include "ringway/shm/shared_bus.hpp"

namespace vessel {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using ringway::SegmentHome;

constexpr int kFailed = 1;

std::string crew_name(Role role) {
  return "crew." + std::string(name_of(role));
}

/// One role's process.
class Worker {
 public:
  explicit Worker(const RolePlan& plan) : plan_(plan), own_name_(name_of(plan.role)) {}

  int run() {
    if (!take_logbook() || !attach()) return kFailed;
    if (!wait_for_peers()) {
      return !signals_.came() ? kPeerMissing : conclude({}) ? EXIT_SUCCESS : kFailed;
    }
    switch (plan_.role) {
      case Role::kFeed: return feed();
      case Role::kNavigation: return navigate();
      case Role::kAlarm: return watch();
      case Role::kRecorder: return record();
      case Role::kConsole: return ask();
    }
    return kFailed;
  }

 private:
  [[nodiscard]] bool by_hand() const noexcept { return plan_.crew_of == 0; }
  [[nodiscard]] Tally& tally() const noexcept { return book_->tally(); }

  /// To a person who started this process.
  [[gnu::format(printf, 2, 3)]] void say(const char* format, ...) const {
    if (!by_hand()) return;
    std::printf("%s: ", own_name_.c_str());
    std::va_list arguments;
    va_start(arguments, format);
    std::vprintf(format, arguments);
    va_end(arguments);
    std::printf("\n");
    std::fflush(stdout);
  }
  void complain(const std::string& what) const {
    std::fprintf(stderr, "vessel: %s: %s\n", own_name_.c_str(), what.c_str());
  }

  /// From whoever started this process, or one that nobody else reads.
  bool take_logbook() {
    if (!by_hand()) {
      prctl(PR_SET_PDEATHSIG, SIGTERM);  // nobody is left to tell us when to end
      if (getppid() != plan_.crew_of) return false;
    }
    book_ = by_hand() ? Logbook::make() : Logbook::open(Logbook::kHandedOn);
    if (!book_) complain("no memory for a logbook");
    return book_ != nullptr;
  }

  bool attach() {
    // the feed's lane takes about 1 MiB: 4096 messages of 248 bytes
    auto bus = ringway::open_shared(
        plan_.bus, {.lane_bytes = std::size_t{2} << 20, .participant_name = own_name_});
    if (!bus.ok()) {
      complain(std::string(bus.status().message()));
      return false;
    }
    bus_.emplace(*std::move(bus));
    for (const auto& other : ringway::participants(*bus_)) {
      if (!other.alive || other.name != own_name_ || other.pid == process()) continue;
      complain("process " + std::to_string(other.pid) + " is the " + own_name_ + " of bus \"" +
               plan_.bus + "\" already");
      return false;
    }
    say("process %" PRIu32 " on bus \"%s\"", process(), plan_.bus.c_str());
    return true;
  }

  /// A roll call by requests. \return false if somebody did not come in time, or we are to end
  bool wait_for_peers() {
    struct Peer {
      Role role;
      ringway::Requester<Present(RollCall), SegmentHome> requester;
    };
    std::vector<Peer> missing;
    for (const Role role : peers_of(plan_.role)) {
      missing.push_back({role, bus_->requester(kCrew.named(crew_name(role)))});
    }
    const auto began_ns = now_ns();
    const auto absent = [&] {
      std::string names;
      for (const Peer& peer : missing) {
        names += (names.empty() ? "" : ", ") + std::string(name_of(peer.role));
      }
      return names;
    };
    bool told = plan_.wait == 0ms;
    while (true) {
      std::erase_if(missing,
                    [&](Peer& peer) { return peer.requester.request({process()}).has_value(); });
      if (missing.empty() || plan_.wait == 0ms) return true;
      const auto waited = std::chrono::nanoseconds(now_ns() - began_ns);
      if (waited > plan_.wait) {
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(plan_.wait).count();
        complain("gives up: no " + absent() + " on bus \"" + plan_.bus + "\" within " +
                 std::to_string(seconds) + " s (start it: script/demo --role " +
                 std::string(name_of(missing[0].role)) + " --bus " + plan_.bus + ")");
        return false;
      }
      if (!told && waited > 500ms) {
        complain("waits for " + absent());
        told = true;
      }
      if (signals_.wait_for(10ms)) return false;
    }
  }

  int feed() {
    Feed feed(*bus_, plan_.run.feed, tally());
    tally().ready_ns = now_ns();
    auto fed = std::async(std::launch::async, [&] {
      feed.run();
      tally().done_ns = now_ns();
    });
    while (fed.wait_for(0ms) != std::future_status::ready) {
      if (!signals_.wait_for(10ms)) continue;
      feed.stop();
      bus_->stop({.drain = 0ms});  // it may wait for room
      break;
    }
    fed.get();
    Findings findings;
    findings.passes = feed.passes();
    findings.malformed = feed.malformed();
    if (!signals_.came()) {
      std::snprintf(findings.failure, sizeof findings.failure, "%s", feed.failure().c_str());
    }
    say("%s published, %s", counted(feed.published(), "message", "messages").c_str(),
        counted(feed.malformed(), "malformed line", "malformed lines").c_str());
    if (findings.failure[0] != '\0') complain(findings.failure);
    const bool concluded = conclude(findings, feed.per_pgn());
    return concluded && findings.failure[0] == '\0' ? EXIT_SUCCESS : kFailed;
  }

  int navigate() {
    Navigation navigation(*bus_, tally());
    serve(navigation.dispatcher());
    Findings findings;
    findings.state = navigation.state();
    const auto& position = findings.state.position;
    say("%s taken in, last position %s",
        counted(tally().messages.read(), "message", "messages").c_str(),
        position ? readable_position(*position).c_str() : "unknown");
    return conclude(findings) ? EXIT_SUCCESS : kFailed;
  }

  int watch() {
    AlarmPanel alarms(*bus_, plan_.run.depth_alarm_m, plan_.run.battery_alarm_v, tally());
    serve(alarms.dispatcher());
    Findings findings;
    findings.depth_alarm = alarms.depth().count();
    findings.battery_alarm = alarms.battery().count();
    say("%s watched, %s of depth, %s of the battery",
        counted(tally().messages.read(), "message", "messages").c_str(),
        counted(findings.depth_alarm.raised, "alarm", "alarms").c_str(),
        counted(findings.battery_alarm.raised, "alarm", "alarms").c_str());
    return conclude(findings) ? EXIT_SUCCESS : kFailed;
  }

  int record() {
    Recorder recorder(*bus_, tally());
    serve(recorder.dispatcher());
    Findings findings;
    findings.times = recorder.latency();
    say("%s recorded, %s lost", counted(tally().messages.read(), "message", "messages").c_str(),
        with_separators(tally().lost.read()).c_str());
    const auto& counts = recorder.per_pgn();
    return conclude(findings, {counts.begin(), counts.end()}) ? EXIT_SUCCESS : kFailed;
  }

  int ask() {
    Console console(*bus_, plan_.run.request_interval_ns, tally());
    tally().ready_ns = now_ns();
    while (!signals_.wait_for(1s)) {
    }
    console.stop();
    Findings findings;
    findings.times = console.round_trip();
    say("%s", counted(tally().answered.read(), "answer", "answers").c_str());
    for (std::size_t i = 0; i < kRequestErrors; ++i) {
      const auto count = tally().failed[i].read();
      if (count == 0) continue;
      say("%s told: %s", counted(count, "question was", "questions were").c_str(),
          ringway::describe(static_cast<ringway::RequestError>(i)));
    }
    return conclude(findings) ? EXIT_SUCCESS : kFailed;
  }

  /// Answers the roll call until it is time to end; then takes in what was published already.
  void serve(ringway::Dispatcher<SegmentHome>& dispatcher) {
    const auto present = dispatcher.reply(kCrew.named(crew_name(plan_.role)),
                                          [](const RollCall&) { return Present{process()}; });
    tally().ready_ns = now_ns();
    while (!signals_.wait_for(1s)) {
    }
    // a feed that goes on at full speed would never let us end
    bus_->stop({.drain = by_hand() ? 10s : 30s});
  }

  bool conclude(const Findings& findings, const PgnCounts& counts = {}) {
    tally().cleaned_up.add(ringway::cleaned_up_after(*bus_));
    return book_->conclude(findings, counts);
  }

  static std::uint32_t process() noexcept { return static_cast<std::uint32_t>(getpid()); }

  const RolePlan& plan_;
  std::string own_name_;
  EndSignals signals_;
  std::unique_ptr<Logbook> book_;
  std::optional<ringway::SharedBus> bus_;
};

}  // namespace

int run_role(const RolePlan& plan) {
  return Worker(plan).run();
}

}  // namespace vessel
