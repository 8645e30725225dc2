// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// `Logbook`: what a process counts, where its killing does not take it away.
///
/// A file without a name in memory. At its front lies a tally that the process counts in; behind it
/// goes, once, what it found out in the end. It is no part of the bus: what one says can be held
/// against the other.

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <new>
#include <string_view>
#include <type_traits>

#include "histogram.hpp"
#include "tally.hpp"
#include "vessel_state.hpp"
#include "watch.hpp"

namespace vessel {

using PgnCounts = std::map<std::uint32_t, std::uint64_t>;

/// What a process found out. Each role fills in its part.
struct Findings {
  std::uint64_t passes = 0;     ///< feed
  std::uint64_t malformed = 0;  ///< feed
  char failure[256] = {};       ///< feed; "" if there was none
  VesselState state;            ///< navigation
  AlarmCount depth_alarm;       ///< alarm
  AlarmCount battery_alarm;     ///< alarm
  Histogram times;              ///< recorder: of messages; console: of questions
};
static_assert(std::is_trivially_copyable_v<Findings>);

class Logbook {
 public:
  /// The descriptor under which a process finds the logbook that it was handed.
  static constexpr int kHandedOn = 3;

  /// An empty one; null if there is no memory for it.
  [[nodiscard]] static std::unique_ptr<Logbook> make() {
    const int fd = memfd_create("logbook", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, kFindings) != 0) return close(fd), nullptr;
    auto book = open(fd);
    if (book) new (book->page_) Tally;
    return book;
  }
  /// The one behind a descriptor, which is taken over; null if there is none.
  [[nodiscard]] static std::unique_ptr<Logbook> open(int fd) {
    void* page = mmap(nullptr, kFindings, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED) return close(fd), nullptr;
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    return std::unique_ptr<Logbook>(new Logbook(fd, page));
  }
  ~Logbook() {
    munmap(page_, kFindings);
    close(fd_);
  }
  Logbook(const Logbook&) = delete;
  Logbook& operator=(const Logbook&) = delete;

  [[nodiscard]] Tally& tally() const noexcept { return *static_cast<Tally*>(page_); }
  [[nodiscard]] int fd() const noexcept { return fd_; }

  /// What was found out, and how many messages of each parameter group there were. \return false if
  /// there is no room
  [[nodiscard]] bool conclude(const Findings& findings, const PgnCounts& counts) const {
    off_t at = kCounts;
    for (const auto& [pgn, count] : counts) {
      const PgnEntry entry{pgn, count};
      if (pwrite(fd_, &entry, sizeof entry, at) != ssize_t{sizeof entry}) return false;
      at += static_cast<off_t>(sizeof entry);
    }
    return pwrite(fd_, &findings, sizeof findings, kFindings) == ssize_t{sizeof findings};
  }
  /// \return false if the process did not come so far
  [[nodiscard]] bool concluded(Findings& findings, PgnCounts& counts) const {
    if (pread(fd_, &findings, sizeof findings, kFindings) != ssize_t{sizeof findings}) return false;
    off_t at = kCounts;
    for (PgnEntry entry{}; pread(fd_, &entry, sizeof entry, at) == ssize_t{sizeof entry};
         at += static_cast<off_t>(sizeof entry)) {
      counts[static_cast<std::uint32_t>(entry.pgn)] = entry.count;
    }
    return true;
  }

 private:
  struct PgnEntry {
    std::uint64_t pgn;
    std::uint64_t count;
  };
  static constexpr off_t kFindings = 4096;
  static constexpr off_t kCounts = kFindings + off_t{sizeof(Findings)};
  static_assert(sizeof(Tally) <= kFindings);

  Logbook(int fd, void* page) noexcept : fd_(fd), page_(page) {}

  int fd_;
  void* page_;
};

}  // namespace vessel
