// SPDX-License-Identifier: Apache-2.0
#include "segments.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <filesystem>
#include <map>
#include <system_error>
#include <utility>

#include "commands.hpp"

namespace tool {
namespace {

constexpr std::string_view kPrefix = "ringway-";

volatile ::sig_atomic_t signalled = 0;

double seconds_of(::clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

}  // namespace

SegmentFile segment_of(const std::string& word, const std::string& folder) {
  if (word.find('/') == std::string::npos) {
    return {word, folder + '/' + std::string(kPrefix) + word};
  }
  const auto base = std::filesystem::path(word).filename().string();
  const bool named = base.rfind(kPrefix, 0) == 0 && base.size() > kPrefix.size();
  return {named ? base.substr(kPrefix.size()) : word, word};
}

absl::StatusOr<std::vector<SegmentFile>> segments_in(const std::string& folder) {
  std::vector<SegmentFile> found;
  std::error_code error;
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error)) {
    const auto name = at->path().filename().string();
    if (name.rfind(kPrefix, 0) != 0 || name.size() == kPrefix.size()) continue;
    if (ringway::OwnSegments::is_name_of_one(name)) continue;  // shown with its bus
    found.push_back({name.substr(kPrefix.size()), at->path().string()});
  }
  if (error) {
    return absl::UnavailableError("can not read the folder " + folder + ": " + error.message() +
                                  "; --folder names another");
  }
  std::sort(found.begin(), found.end(),
            [](const SegmentFile& a, const SegmentFile& b) { return a.name < b.name; });
  return found;
}

std::vector<Orphans> orphans_in(const std::string& folder) {
  std::map<std::pair<std::string, std::uint64_t>, Orphans> found;
  std::error_code error;
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error)) {
    auto name = ringway::OwnSegments::parse(at->path().filename().string());
    if (const auto watch = ringway::WatchName::parse(at->path().filename().string())) {
      name = {watch->control, watch->inode, watch->id};  // an observer's
    }
    if (!name || name->control.rfind(kPrefix, 0) != 0) continue;
    const auto control = folder + '/' + name->control;
    struct stat facts {};
    if (::lstat(control.c_str(), &facts) == 0 && facts.st_ino == name->inode) continue;
    const auto path = at->path().string();
    const ringway::Descriptor file(
        ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (::lstat(path.c_str(), &facts) != 0) continue;  // it has just gone
    auto& bus = found[{name->control, name->inode}];
    bus.control = {name->control.substr(kPrefix.size()), control};
    bus.paths.push_back(path);
    bus.bytes += static_cast<std::uint64_t>(facts.st_size);
    bus.others = bus.others || facts.st_uid != ::geteuid();
    ++(!file || ringway::OwnSegments::owner_alive(file.get()) ? bus.alive : bus.dead);
  }
  std::vector<Orphans> all;
  for (auto& one : found) {
    std::sort(one.second.paths.begin(), one.second.paths.end());
    all.push_back(std::move(one.second));
  }
  return all;
}

absl::StatusOr<ringway::BusInspector> open_segment(const SegmentFile& file,
                                                   const std::string& folder) {
  auto opened = ringway::BusInspector::open(file.path);
  if (!absl::IsNotFound(opened.status())) return opened;
  std::string text = "there is no segment \"" + file.name + "\" (" + file.path + ")";
  const auto there = segments_in(folder);
  if (there.ok()) {
    text += there->empty() ? "; nor any other in " + folder : "; there are:";
    constexpr std::size_t kMostNames = 8;
    for (std::size_t i = 0; i < there->size() && i < kMostNames; ++i) {
      text += (i == 0 ? " " : ", ") + (*there)[i].name;
    }
    if (there->size() > kMostNames) text += ", ...";
  }
  return absl::NotFoundError(text);
}

int exit_status_of(const absl::Status& status) {
  if (status.ok()) return kDone;
  if (absl::IsNotFound(status)) return kNoSegment;
  if (absl::IsDataLoss(status) || absl::IsPermissionDenied(status)) return kRefused;
  return kFailed;
}

std::string message_of(const absl::Status& status) {
  return std::string(status.message().data(), status.message().size());
}
int refuse(const absl::Status& status) {
  complain(message_of(status));
  return exit_status_of(status);
}

std::string amount_text(const ringway::LaneInfo& lane, std::uint64_t amount) {
  return lane.ring.of_bytes() ? bytes_text(amount) : count_text(static_cast<double>(amount));
}
const char* kind_text(ringway::LaneKind kind) {
  switch (kind) {
    case ringway::LaneKind::kTopic: return "topic";
    case ringway::LaneKind::kFamily: return "family";
    case ringway::LaneKind::kRequest: return "requests";
    case ringway::LaneKind::kReply: return "replies";
  }
  return "?";
}

std::string topic_of(const ringway::BusSnapshot& bus, const ringway::LaneInfo& lane) {
  return lane.topic < bus.topics.size() ? printable(bus.topics[lane.topic].name) : "?";
}

std::string who(const ringway::BusSnapshot& bus, std::uint32_t participant) {
  const auto* found = bus.participant(participant);
  std::string text = std::to_string(participant);
  if (found == nullptr) return text + " (gone)";
  if (!found->name.empty()) text += ':' + printable(found->name);
  if (!found->alive) text += " (dead)";
  return text;
}

std::string who(const ringway::ObserverInfo& observer) {
  return "observer, pid " + std::to_string(observer.pid);
}

void stop_on_signals() {
  struct sigaction action {};
  action.sa_handler = [](int) { signalled = 1; };
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}
bool stopped() {
  return signalled != 0;
}

void nap(double seconds) {
  const double end = steady_now() + seconds;
  for (double left = seconds; left > 0 && !stopped(); left = end - steady_now()) {
    // in slices: a signal may come just before the sleep
    const double slice = std::min(left, 0.1);
    const timespec span{.tv_sec = static_cast<time_t>(slice),
                        .tv_nsec = static_cast<long>((slice - std::floor(slice)) * 1e9)};
    ::nanosleep(&span, nullptr);
  }
}

double steady_now() {
  return seconds_of(CLOCK_MONOTONIC);
}
double wall_now() {
  return seconds_of(CLOCK_REALTIME);
}

}  // namespace tool
