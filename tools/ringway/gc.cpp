// SPDX-License-Identifier: Apache-2.0
/// \file
/// `ringway gc`: cleans up after the dead, as any participant does that waits; and removes segments
/// in which nobody lives.
///
/// Opens a segment for writing only if there is something to do; who lives is what the kernel says.

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <string>
#include <utility>

#include "commands.hpp"
#include "output.hpp"
#include "segments.hpp"

namespace tool {
namespace {

using ringway::BusSnapshot;

/// What became of one segment.
struct Outcome {
  std::string name;
  std::string path;
  std::vector<std::string> done;  // sentences
  bool removed = false;
  std::uint64_t buried = 0;
  absl::Status status;
};

/// Somebody made a file shorter while it was mapped: there is nothing left to do here.
[[noreturn]] void on_bus_error(int) {
  constexpr std::string_view kText = "ringway: the segment was made shorter during gc\n";
  static_cast<void>(!::write(STDERR_FILENO, kText.data(), kText.size()));
  ::_exit(kRefused);
}

/// Nobody holds any lock of the file: neither a participant nor somebody who attaches.
bool nobody_attached(int fd) {
  struct flock request {};
  request.l_type = F_WRLCK;
  request.l_whence = SEEK_SET;
  request.l_start = ringway::kDirectoryByte;
  request.l_len = 0;  // and all behind it
  return ::fcntl(fd, F_OFD_GETLK, &request) == 0 && request.l_type == F_UNLCK;
}

/// Removes a file that can not be read as a segment, if it is nobody's.
void remove_broken(const std::string& path, bool dry_run, Outcome& outcome) {
  ringway::Descriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat facts {};
  if (!file || ::fstat(file.get(), &facts) != 0 || !S_ISREG(facts.st_mode)) {
    outcome.done.push_back("left alone: it is no file that can be opened for writing");
    return;
  }
  const bool locked = ringway::FileLock::try_take(file.get(), ringway::kDirectoryByte);
  if (!locked || !nobody_attached(file.get())) {
    outcome.done.push_back("left alone although it can not be read: a process is attached to it");
    return;
  }
  struct stat named {};
  const bool same = ::lstat(path.c_str(), &named) == 0 && named.st_ino == facts.st_ino;
  if (!dry_run && (!same || ::unlink(path.c_str()) != 0)) {
    outcome.done.push_back(std::string("could not be removed: ") + std::strerror(errno));
    return;
  }
  if (!dry_run) ringway::OwnSegments::remove_names_of(path, facts.st_ino);
  outcome.removed = true;
  outcome.status = absl::OkStatus();
  outcome.done.push_back(dry_run ? "would be removed: it can not be read and nobody is attached"
                                 : "removed: it could not be read and nobody was attached");
}

/// "1:feed (pid 12): 2 lanes, 1 subscription, 3 places of readers".
std::string estate_of(const BusSnapshot& bus, const ringway::ParticipantInfo& dead) {
  std::uint64_t lanes = 0;
  std::uint64_t places = 0;
  std::uint64_t subscriptions = 0;
  for (const auto& lane : bus.lanes) {
    lanes += lane.participant == dead.number && !lane.left ? 1 : 0;
    for (const auto& reader : lane.readers) {
      places += reader.participant && *reader.participant == dead.number ? 1 : 0;
    }
  }
  for (const auto& one : bus.subscriptions) {
    subscriptions += one.participant == dead.number ? 1 : 0;
  }
  return "participant " + std::to_string(dead.number) + (dead.name.empty() ? "" : ':' + dead.name) +
         " (pid " + std::to_string(dead.pid) + ") is dead: " + number_of(lanes, "lane") +
         " closed, " + number_of(subscriptions, "subscription") + " ended, " +
         number_of(places, "reader's place") + " freed";
}

/// Under the directory's lock, as every participant does it.
absl::Status bury(const SegmentFile& file, ::uid_t owner, Outcome& outcome) {
  ringway::SegmentOptions options;
  options.owner = owner;  // who asks for it by name, or owns it, knows whose it is
  const std::filesystem::path path(file.path);
  options.folder = path.has_parent_path() ? path.parent_path().string() : ".";
  auto segment = ringway::Segment::open(file.name, options, ringway::SharedBusContents::kPurpose);
  if (!segment.ok()) return segment.status();
  const auto participants = ringway::Participants::join(segment->contents());
  if (participants.most() == 0 ||
      ringway::SegmentAttachment::block_offset(participants.most()) >= segment->contents().size()) {
    return absl::DataLossError(file.path + " is corrupt: its table of participants is impossible");
  }
  ringway::SegmentAttachment visit(*std::move(segment), participants,
                                   ringway::SharedBusContents::functions());
  const double end = steady_now() + 2;
  while (!visit.lock().try_lock()) {
    if (stopped() || steady_now() > end) {
      return absl::UnavailableError(file.path +
                                    " is busy: a participant has held its directory "
                                    "for 2 s (is one stopped?); try again");
    }
    nap(0.01);
  }
  const std::lock_guard hold(visit.lock(), std::adopt_lock);
  const bool company = visit.bury_the_dead();
  outcome.buried = visit.buried();
  if (!company && visit.segment().has_name()) {
    visit.remove_names();
    outcome.removed = !visit.segment().has_name();
    if (!outcome.removed) {
      return absl::PermissionDeniedError(file.path + " could not be removed from its folder");
    }
  }
  return absl::OkStatus();
}

/// Processes' own segments without a control segment: nobody can join them any more. They go when
/// all their owners are dead; the last owner that leaves takes them with it.
Outcome clean_orphans(const Orphans& bus, bool dry_run) {
  Outcome outcome;
  outcome.name = bus.control.name;
  outcome.path = bus.control.path;
  const auto what = number_of(bus.paths.size(), "own segment") + " without a control segment";
  if (bus.alive != 0) {
    outcome.done.push_back(what + " left alone: " + number_of(bus.alive, "owner") + " alive");
    return outcome;
  }
  outcome.buried = bus.dead;
  outcome.removed = true;
  for (const auto& path : bus.paths) {
    if (dry_run || ::unlink(path.c_str()) == 0 || errno == ENOENT) continue;
    outcome.removed = false;
    outcome.status = absl::ErrnoToStatus(errno, path + " could not be removed");
  }
  if (outcome.removed) {
    outcome.done.push_back(what + (dry_run ? " would be removed" : " removed") +
                           ": their owners are dead");
  }
  return outcome;
}

void clean(const SegmentFile& file, const GcOptions& options, Outcome& outcome) {
  auto opened = open_segment(file, options.folder);
  auto bus = opened.ok() ? opened->snapshot() : absl::StatusOr<BusSnapshot>(opened.status());
  if (!bus.ok()) {
    outcome.status = bus.status();
    if (options.broken && absl::IsDataLoss(outcome.status)) {
      remove_broken(file.path, options.dry_run, outcome);
    }
    return;
  }
  const auto dead = bus->participants.size() - bus->alive();
  if (dead == 0 && bus->alive() != 0 && bus->lock_holder == 0) {
    outcome.done.push_back("nothing to do: " + number_of(bus->alive(), "participant") + " alive");
    return;
  }
  if (options.dry_run) {
    outcome.buried = dead;
    outcome.removed = bus->alive() == 0;
  } else {
    outcome.status = bury(file, bus->owner, outcome);
    if (!outcome.status.ok()) return;
  }
  for (const auto& one : bus->participants) {
    if (!one.alive) outcome.done.push_back(estate_of(*bus, one));
  }
  if (outcome.removed) {
    outcome.done.push_back("removed: nobody in it is alive");
  } else {
    outcome.done.push_back(number_of(bus->alive(), "participant") + " alive, left alone");
  }
}

}  // namespace

int gc(const GcOptions& options) {
  std::vector<SegmentFile> files;
  std::uint64_t foreign = 0;
  if (options.segments.empty()) {
    auto found = segments_in(options.folder);
    if (!found.ok()) return refuse(found.status());
    for (auto& file : *found) {
      struct stat facts {};
      if (::lstat(file.path.c_str(), &facts) == 0 && facts.st_uid == ::geteuid()) {
        files.push_back(std::move(file));
      } else {
        ++foreign;
      }
    }
  } else {
    for (const auto& word : options.segments) files.push_back(segment_of(word, options.folder));
  }
  std::vector<Orphans> orphans;
  for (auto& bus : orphans_in(options.folder)) {
    const auto named = [&bus](const SegmentFile& file) { return file.path == bus.control.path; };
    const bool wanted =
        options.segments.empty() ? !bus.others : std::any_of(files.begin(), files.end(), named);
    if (wanted) {
      orphans.push_back(std::move(bus));
    } else if (options.segments.empty()) {
      ++foreign;
    }
  }
  stop_on_signals();
  struct sigaction action {};
  action.sa_handler = on_bus_error;
  ::sigaction(SIGBUS, &action, nullptr);

  int status = kDone;
  std::string out;
  Json json;
  json.begin_object().flag("dry_run", options.dry_run).begin_array("segments");
  std::vector<Outcome> outcomes;
  for (const auto& file : files) {
    Outcome outcome;
    outcome.name = file.name;
    outcome.path = file.path;
    clean(file, options, outcome);
    bool skip = options.segments.empty();  // has just gone
    for (const auto& bus : orphans) skip = skip || bus.control.path == file.path;
    if (absl::IsNotFound(outcome.status) && skip) continue;
    outcomes.push_back(std::move(outcome));
  }
  for (const auto& bus : orphans) outcomes.push_back(clean_orphans(bus, options.dry_run));
  for (const auto& outcome : outcomes) {
    json.begin_object()
        .text("name", outcome.name)
        .text("path", outcome.path)
        .number("buried", outcome.buried)
        .flag("removed", outcome.removed);
    json.begin_array("done");
    out += printable(outcome.name) + "\n";
    for (const auto& sentence : outcome.done) {
      json.item(sentence);
      out += wrapped(printable(sentence), 2);
    }
    json.end_array();
    if (!outcome.status.ok()) {
      json.text("error", message_of(outcome.status));
      out += wrapped(printable(message_of(outcome.status)), 2);
      if (absl::IsDataLoss(outcome.status) && !options.broken) {
        out += wrapped("gc --broken removes it, if nobody is attached to it", 2);
      }
      if (status == kDone) status = exit_status_of(outcome.status);
    }
    json.end_object();
  }
  json.end_array().end_object();
  if (outcomes.empty() && files.empty())
    out += "no segments of this user's in " + printable(options.folder) + "\n";
  if (foreign != 0) {
    out += number_of(foreign, "segment") + " of other users left alone; name one to clean it up\n";
  }
  if (options.dry_run && !outcomes.empty()) out += "(dry run: nothing was done)\n";
  if (!put(options.json ? json.str() + "\n" : out)) return kFailed;
  return status;
}

}  // namespace tool
