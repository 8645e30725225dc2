// SPDX-License-Identifier: Apache-2.0
#include "crew.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include "end_signals.hpp"
#include "participants.hpp"
#include "post.hpp"
#include "report.hpp"
#include "ringway/shm/shared_bus.hpp"

namespace vessel {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""us;

/// How long the listeners may take over what is left once the feed has ended, and a process to be
/// back. It finds a hang; nobody needs a fraction of it.
constexpr std::int64_t kPatienceNs = 60'000'000'000;

/// True for the parameter groups that a role listens to.
bool listens_to(Role role, std::uint32_t pgn) noexcept {
  const auto has = [pgn](const auto& all) {
    return std::find(all.begin(), all.end(), pgn) != all.end();
  };
  switch (role) {
    case Role::kNavigation: return has(kNavigationPgns);
    case Role::kAlarm: return has(kAlarmPgns);
    case Role::kRecorder: return true;
    case Role::kFeed: return true;
    case Role::kConsole: return false;
  }
  return false;
}

/// A file of this bus that is still there: the segment of all, or one of a process's own; empty if
/// there is none.
std::string left_of(const std::string& bus) {
  const auto path = ringway::Segment::path_of(bus, ringway::SegmentOptions{}.folder);
  if (!path.ok()) return {};
  std::error_code ignored;
  const std::filesystem::path control(*path);
  for (const auto& entry : std::filesystem::directory_iterator(control.parent_path(), ignored)) {
    const auto own = ringway::OwnSegments::parse(entry.path().filename());
    if (entry.path() == control || (own && own->control == control.filename())) {
      return entry.path();
    }
  }
  return {};
}

class Crew {
 public:
  Crew(const RunPlan& plan, const CrewPlan& crew, const Event& event)
      : plan_(plan),
        crew_(crew),
        event_(event),
        name_("vessel-" + std::to_string(getpid())),
        began_ns_(now_ns()) {
    for (const Role role : kRoles) posts_.emplace_back(role);
  }

  CrewResult run(const Progress& progress) {
    if (start_all()) watch(progress);
    result_.interrupted = signals_.wait_for(0us);
    if (result_.interrupted) result_.run.failure.clear();  // a terminal's Ctrl-C ends them as well
    dismiss_all();
    collect();
    if (bus_) result_.crew.cleaned_up += ringway::cleaned_up_after(*bus_);
    bus_.reset();
    const auto left = left_of(name_);
    result_.crew.left_behind = !left.empty();
    if (result_.crew.left_behind) fail(left + " was left behind");
    return std::move(result_);
  }

 private:
  Post& post(Role role) noexcept { return posts_[static_cast<std::size_t>(role)]; }
  Tally& tally(Role role) noexcept { return post(role).book().tally(); }
  RoleCount& count(Role role) noexcept {
    return result_.crew.counts[static_cast<std::size_t>(role)];
  }

  void tell(const std::string& what) const {
    event_(static_cast<double>(now_ns() - began_ns_) / 1e9, what);
  }
  /// \return false
  bool fail(const std::string& why) {
    if (result_.run.failure.empty()) result_.run.failure = why;
    return false;
  }

  bool start(Role role) {
    RolePlan plan{.role = role, .bus = name_, .run = plan_, .crew_of = getpid()};
    if (role == Role::kFeed) plan.run.feed.skip = post(role).messages();
    if (post(role).lives() > 0) plan.run.feed.report_malformed = false;
    return post(role).fill(plan) || fail(post(role).failure());
  }

  bool start_all() {
    std::string who;
    for (const Role role : crew_.order) {
      if (!start(role)) return false;
      who += (who.empty() ? "" : ", ") + std::string(name_of(role)) + ' ' +
             std::to_string(post(role).process());
    }
    tell("started: " + who);
    return true;
  }

  /// Until everything is published, and handled by whoever was there.
  void watch(const Progress& progress) {
    const auto between_looks = plan_.feed.pacing == Pacing::kFullSpeed ? 200us : 1000us;
    auto shown_ns = now_ns();
    while (!ended_early() && !signals_.wait_for(between_looks)) {
      note_beginning();
      kill_victim();
      replace_the_killed();
      note_return();
      if (all_done()) return;
      if (now_ns() - shown_ns > 100'000'000) {
        progress(post(Role::kFeed).messages());
        shown_ns = now_ns();
      }
    }
  }

  /// True, with the reason, if a process failed.
  bool ended_early() {
    for (Post& one : posts_) {
      const auto state = one.look();
      if (state == Post::State::kFailed) return !fail(one.failure());
      if (state == Post::State::kLeft && one.role() != Role::kFeed) {
        return !fail(std::string(name_of(one.role())) + " ended before it was asked to");
      }
    }
    if (waiting_since_ns_ != 0 && now_ns() - waiting_since_ns_ > kPatienceNs) {
      return !fail("not all messages were handled, or a process did not come back");
    }
    return false;
  }

  void note_beginning() {
    if (feeding_ || tally(Role::kFeed).ready_ns == 0) return;
    feeding_ = true;
    tell("feed begins: navigation, alarm and recorder are there");
    // not earlier: one of them has made the segment
    auto bus = ringway::open_shared(name_, {.lane_bytes = 0, .participant_name = "crew"});
    if (!bus.ok()) return static_cast<void>(fail(std::string(bus.status().message())));
    bus_.emplace(*std::move(bus));
  }

  void kill_victim() {
    if (!crew_.victim || disruption().has_value()) return;
    const auto published = post(Role::kFeed).messages();
    if (!bus_ || published < crew_.messages / 2 || published == 0) return;
    Post& victim = post(*crew_.victim);
    if (victim.state() != Post::State::kFilled) return;  // the feed, and it has ended
    disruption().emplace();
    disruption()->victim = *crew_.victim;
    disruption()->published_before = published;
    for (const Role role : kRoles) count(role).meanwhile = post(role).messages();
    count(Role::kFeed).meanwhile = published;
    failures_before_ = tally(Role::kConsole).failures();
    killed_ns_ = now_ns();
    victim.kill();
    tell(std::string(name_of(*crew_.victim)) + " killed (SIGKILL) after " +
         counted(published, "message", "messages"));
  }

  /// Starts those again that were killed, once nothing of them is left on the bus. The one that was
  /// killed on purpose stays away for a tenth of the messages, so that its absence shows.
  void replace_the_killed() {
    for (Post& dead : posts_) {
      if (dead.state() != Post::State::kKilled || !is_cleaned_up(dead)) continue;
      const bool ours = disruption() && dead.role() == disruption()->victim && dead.lives() == 1 &&
                        disruption()->restarted_ns == 0;
      if (ours && !is_noticed()) continue;
      if (ours) disruption()->restarted_ns = now_ns() - killed_ns_;
      if (!start(dead.role())) return;
      tell(std::string(name_of(dead.role())) +
           (ours ? " started again: " : " was killed, by somebody else; started again: ") +
           std::to_string(dead.process()));
    }
  }
  bool is_cleaned_up(const Post& dead) {
    if (!bus_) return true;
    for (const auto& one : ringway::participants(*bus_)) {
      if (one.pid == static_cast<std::uint32_t>(dead.process())) return false;
    }
    if (disruption() && dead.role() == disruption()->victim && disruption()->cleaned_up_ns == 0) {
      disruption()->cleaned_up_ns = now_ns() - killed_ns_;
      tell(std::string(name_of(dead.role())) + " is cleaned up after");
    }
    return true;
  }
  /// True once the others have had the time to notice that the victim is away.
  bool is_noticed() {
    Disruption& what = *disruption();
    if (what.victim == Role::kNavigation && what.told_ns == 0) {
      if (tally(Role::kConsole).failures() == failures_before_) return false;
      what.told_ns = since_kill(tally(Role::kConsole).failed_ns, killed_ns_);
      const auto why = last_error();
      tell(std::string("console is told: ") + ringway::describe(why));
    }
    if (what.victim == Role::kFeed) return true;
    if (tally(Role::kFeed).done_ns != 0) return true;
    return others_went_on() && post(Role::kFeed).messages() >= crew_.messages / 10 * 6;
  }
  /// True once everybody through whom messages pass, but for the victim, has passed on another one.
  bool others_went_on() {
    for (const Role role : {Role::kFeed, Role::kNavigation, Role::kAlarm, Role::kRecorder}) {
      if (role == disruption()->victim) continue;
      if (post(role).messages() == count(role).meanwhile) return false;
    }
    return true;
  }
  /// A moment that a process has noted, if it is not an older one; else now.
  std::int64_t since_kill(std::int64_t noted_ns, std::int64_t not_before_ns) const {
    return (noted_ns >= not_before_ns ? noted_ns : now_ns()) - killed_ns_;
  }
  /// The error that has struck the console first: a question under way, if there was one.
  ringway::RequestError last_error() {
    const auto& failed = tally(Role::kConsole).failed;
    const auto gone = ringway::RequestError::kReplierGone;
    if (failed[static_cast<std::size_t>(gone)].read() != 0) return gone;
    for (std::size_t i = 0; i < kRequestErrors; ++i) {
      if (failed[i].read() != 0) return static_cast<ringway::RequestError>(i);
    }
    return gone;
  }

  void note_return() {
    if (!disruption() || disruption()->restarted_ns == 0) return;
    Disruption& what = *disruption();
    if (what.ready_ns == 0) {
      if (tally(what.victim).ready_ns == 0) return;
      what.ready_ns = tally(what.victim).ready_ns - killed_ns_;
      answers_before_ = tally(Role::kConsole).answered.read();
      for (const Role role : kRoles) {
        count(role).meanwhile = post(role).messages() - count(role).meanwhile;
      }
      tell(std::string(name_of(what.victim)) + " is back");
    }
    if (what.victim == Role::kNavigation && what.answered_ns == 0) {
      if (tally(Role::kConsole).answered.read() == answers_before_) return;
      what.answered_ns = since_kill(tally(Role::kConsole).answered_ns, killed_ns_ + what.told_ns);
      tell("console is answered again");
    }
  }

  bool all_done() {
    if (tally(Role::kFeed).done_ns == 0) return false;
    if (waiting_since_ns_ == 0) waiting_since_ns_ = now_ns();
    for (const Post& one : posts_) {
      if (one.state() == Post::State::kKilled || one.book().tally().ready_ns == 0) return false;
    }
    if (tally(Role::kConsole).answered.read() == 0) return false;
    if (disruption()) {
      if (disruption()->ready_ns == 0) return false;
      if (disruption()->victim == Role::kNavigation && disruption()->answered_ns == 0) return false;
    }
    // a recorder that was killed has missed some, and nobody knows how many will still come
    if (post(Role::kRecorder).lives() == 1 &&
        tally(Role::kRecorder).accounted_for() < post(Role::kFeed).messages()) {
      return false;
    }
    result_.run.seconds = static_cast<double>(now_ns() - tally(Role::kFeed).ready_ns) / 1e9;
    tell("everything is published and handled");
    return true;
  }

  /// First those who ask, then those who answer. What is published is handled before they leave.
  void dismiss_all() {
    for (const Role role :
         {Role::kConsole, Role::kFeed, Role::kNavigation, Role::kAlarm, Role::kRecorder}) {
      if (post(role).state() == Post::State::kVacant) continue;
      if (!post(role).dismiss()) fail(post(role).failure());
    }
  }

  /// What they found out, once all have ended.
  void collect() {
    RunResult& run = result_.run;
    for (const Post& one : posts_) {
      if (one.lives() == 0) return;
      Findings found;
      PgnCounts counts;
      if (!one.book().concluded(found, counts)) {
        if (!result_.interrupted) fail(std::string(name_of(one.role())) + " told no result");
        continue;
      }
      switch (one.role()) {
        case Role::kFeed:
          run.passes = found.passes;
          run.malformed = found.malformed;
          run.published_per_pgn = counts;
          if (found.failure[0] != '\0') fail(found.failure);
          break;
        case Role::kNavigation: run.state = found.state; break;
        case Role::kAlarm:
          run.depth_alarm = found.depth_alarm;
          run.battery_alarm = found.battery_alarm;
          break;
        case Role::kRecorder:
          run.delivered_per_pgn = counts;
          run.latency = found.times;
          break;
        case Role::kConsole: run.round_trip = found.times; break;
      }
    }
    count_up();
    const bool all_along = post(Role::kFeed).lives() == 1 && post(Role::kRecorder).lives() == 1;
    if (all_along && !result_.interrupted && run.published != run.delivered + run.lost) {
      fail("published is not delivered plus lost");
    }
  }
  /// By the logbooks of all processes, the killed ones' too.
  void count_up() {
    RunResult& run = result_.run;
    for (const Post& one : posts_) {
      RoleCount& sum = count(one.role());
      sum.lives = one.lives();
      sum.delivered = one.messages();
      for (const auto& [pgn, published] : run.published_per_pgn) {
        if (listens_to(one.role(), pgn)) sum.published += published;
      }
      for (const auto& book : one.books()) {
        const Tally& tally = book->tally();
        result_.crew.cleaned_up += tally.cleaned_up.read();
        result_.crew.answered += tally.answered.read();
        for (std::size_t i = 0; i < kRequestErrors; ++i) {
          result_.crew.failed[i] += tally.failed[i].read();
        }
        if (one.role() == Role::kRecorder) run.lost += tally.lost.read();
      }
    }
    run.published = post(Role::kFeed).messages();
    run.delivered = post(Role::kRecorder).messages();
    run.requests_answered = result_.crew.answered;
    for (const auto failed : result_.crew.failed) run.requests_failed += failed;
    result_.crew.order = crew_.order;
  }

  std::optional<Disruption>& disruption() noexcept { return result_.crew.disruption; }

  const RunPlan& plan_;
  const CrewPlan& crew_;
  const Event& event_;
  std::string name_;
  EndSignals signals_;
  std::vector<Post> posts_;  // by Role
  std::optional<ringway::SharedBus> bus_;
  CrewResult result_;
  std::int64_t began_ns_;
  std::int64_t killed_ns_ = 0;
  std::uint64_t failures_before_ = 0;  // the console's, at the kill
  std::uint64_t answers_before_ = 0;   // the console's, when the victim was back
  std::int64_t waiting_since_ns_ = 0;
  bool feeding_ = false;
};

}  // namespace

CrewResult run_in_processes(const RunPlan& plan, const CrewPlan& crew, const Progress& progress,
                            const Event& event) {
  return Crew(plan, crew, event).run(progress);
}

}  // namespace vessel
