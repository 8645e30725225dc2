// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What reliable observers and publishers tell each other, each in memory that it alone writes: the
/// observer's watch file, the publisher's board. Not for users.
///
/// *What.* A watch file holds a table of gates: how far its observer is in which lane. A lane's
/// board answers: which gates are honoured, and from where on. docs/design/reliable-observers.md.
///
/// *Protocol.* Both are read by copies through the kernel alone, never mapped, and believed as far
/// as the reader could be deceived harmlessly. Several words that belong together carry a sum, so
/// that a copy of what is just being written shows itself.
///
/// *Progress.* Writing is wait-free.

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "ringway/base/at_exit.hpp"
#include "ringway/base/cache_line.hpp"
#include "ringway/base/sequence.hpp"
#include "ringway/shm/file_lock.hpp"
#include "ringway/shm/shared_memory.hpp"

namespace ringway {

/// Words that one process writes and others copy through the kernel.
template <std::size_t kWords>
class SummedWords {
 public:
  using Words = std::array<std::uint64_t, kWords>;

  void write(const Words& words) noexcept {
    for (std::size_t i = 0; i < kWords; ++i) {
      words_[i].store(words[i], std::memory_order_relaxed);  // relaxed: the sum tells what is whole
    }
    words_[kWords].store(sum_of(words), std::memory_order_relaxed);  // relaxed: likewise
  }
  /// The words in a copy of this object. \return nothing if it is not whole
  [[nodiscard]] static std::optional<Words> read(std::span<const std::byte> copy) noexcept {
    std::array<std::uint64_t, kWords + 1> all;
    if (copy.size() < sizeof(all)) return std::nullopt;
    std::memcpy(all.data(), copy.data(), sizeof(all));
    Words words;
    std::memcpy(words.data(), all.data(), sizeof(words));
    if (all[kWords] != sum_of(words)) return std::nullopt;
    return words;
  }

 private:
  [[nodiscard]] static constexpr std::uint64_t sum_of(const Words& words) noexcept {
    std::uint64_t sum = 14695981039346656037ULL;  // FNV-1a, eight bytes at a time
    for (const auto word : words) sum = (sum ^ word) * 1099511628211ULL;
    return sum;
  }

  SharedMemory::Atomic<std::uint64_t> words_[kWords + 1]{};
};

/// A lane's name for those who only look.
struct LaneKey {
  std::uint64_t segment = 0;  ///< number of the segment in which it lies
  std::uint32_t number = 0;
  std::uint32_t life = 0;

  [[nodiscard]] std::uint64_t word() const noexcept { return std::uint64_t{life} << 32 | number; }
};

/// How far an observer is in a lane. Written by the observer.
struct alignas(kCacheLine) WatchGate {
  struct Told {
    std::uint64_t serial = 0;  ///< no other gate of the file had it before; 0: the gate is free
    std::uint64_t lane = 0;    ///< LaneKey::word()
    std::uint64_t segment = 0;
    Sequence position = 0;  ///< nothing before it is read any more

    [[nodiscard]] bool is_of(const LaneKey& key) const noexcept {
      return serial != 0 && lane == key.word() && segment == key.segment;
    }
  };

  void write(const Told& told) noexcept {
    words.write({told.serial, told.lane, told.segment, told.position});
  }
  [[nodiscard]] static std::optional<Told> read(std::span<const std::byte> copy) noexcept {
    const auto words = SummedWords<4>::read(copy);
    if (!words) return std::nullopt;
    return Told{(*words)[0], (*words)[1], (*words)[2], (*words)[3]};
  }
  /// Of a copy that read() makes nothing of: that is because the observer has not used it yet.
  [[nodiscard]] static bool never_written(std::span<const std::byte> copy) noexcept {
    return std::all_of(copy.begin(), copy.end(), [](std::byte one) { return one == std::byte{0}; });
  }

  SummedWords<4> words;
};

/// The contents of a watch file.
struct WatchTable {
  static constexpr std::size_t kGates = 128;

  /// How often the observer has looked which lanes there are, and set up gates for them.
  alignas(kOwnerSpacing) SharedMemory::Atomic<std::uint64_t> looks{0};
  std::uint64_t pid = 0;  ///< as the observer knows itself; for tools
  alignas(kOwnerSpacing) WatchGate gates[kGates];

  static constexpr std::uint64_t kPurpose = 0x0001'0000'6877'7772;  // "rwwh", contents 1.0
};

/// What a lane's publisher answers. Written by the publisher.
struct alignas(kOwnerSpacing) LaneBoard {
  static constexpr std::size_t kGates = 16;    ///< the first answers: to gates
  static constexpr std::size_t kAnswers = 32;  ///< the others: to observers that have none yet
  static constexpr std::size_t kUsers = 8;
  static constexpr std::uint64_t kNoUser = ~std::uint64_t{0};
  enum State : std::uint64_t { kFree, kHeld, kEnded };

  struct Answer {
    std::uint64_t watch = 0;  ///< ID of the file
    std::uint64_t gate = 0;
    std::uint64_t serial = 0;  ///< 0: whichever gate the observer makes for the lane
    std::uint64_t state = kFree;
    Sequence from = 0;  ///< held: nothing from here on is overwritten before the gate has passed it
  };
  /// A copy of a board.
  struct Seen {
    std::array<std::uint64_t, kUsers> users{};
    std::array<Answer, kAnswers> answers;  ///< those that were not whole are kHeld, by nobody

    [[nodiscard]] bool admits(std::uint64_t user) const noexcept {
      for (const auto one : users) {
        if (one == user) return true;
      }
      return false;
    }
    [[nodiscard]] bool full() const noexcept {
      for (std::size_t i = 0; i < kGates; ++i) {
        if (answers[i].state == kFree) return false;
      }
      return true;
    }
  };

  void open(const LaneKey& key, const std::array<std::uint64_t, kUsers>& users) noexcept {
    std::array<std::uint64_t, kUsers + 1> words{key.word()};
    std::copy(users.begin(), users.end(), words.begin() + 1);
    for (auto& one : answers) one.write({});
    head.write(words);
  }
  void write(std::size_t place, const Answer& answer) noexcept {
    answers[place].write({answer.watch, answer.gate, answer.serial, answer.state, answer.from});
  }
  /// \return nothing if it is not that lane's, or not whole
  [[nodiscard]] static std::optional<Seen> read(std::span<const std::byte> copy,
                                                const LaneKey& key) noexcept {
    const auto words = SummedWords<kUsers + 1>::read(copy);
    if (!words || (*words)[0] != key.word()) return std::nullopt;
    Seen seen;
    std::copy(words->begin() + 1, words->end(), seen.users.begin());
    for (std::size_t i = 0; i < kAnswers; ++i) {
      const auto at = offsetof(LaneBoard, answers) + i * sizeof(AnswerWords);
      const auto answer = AnswerWords::read(copy.subspan(at, sizeof(AnswerWords)));
      seen.answers[i] =
          answer ? Answer{(*answer)[0], (*answer)[1], (*answer)[2], (*answer)[3], (*answer)[4]}
                 : Answer{.state = kHeld};
    }
    return seen;
  }

  struct alignas(kCacheLine) AnswerWords : SummedWords<5> {};

  SummedWords<kUsers + 1> head;  // the lane's word, then the users
  AnswerWords answers[kAnswers];
};
static_assert(std::is_standard_layout_v<LaneBoard>);

/// The files' names: ringway-NAME@INODE-watch-ID.
struct WatchName {
  /// The lock on this byte says that a file's owner lives; no data lies there.
  static constexpr ::off_t kOwnerByte = ::off_t{1} << 62;

  std::string control;  ///< name of the control segment's file
  std::uint64_t inode = 0;
  std::uint64_t id = 0;

  /// \param control path of the control segment \param inode of it
  [[nodiscard]] static std::string prefix(const std::string& control, ::ino_t inode) {
    return absl::StrCat(control, "@", inode, kInfix);
  }
  [[nodiscard]] static std::string path(const std::string& prefix, std::uint64_t id) {
    return absl::StrCat(prefix, absl::Hex(id, absl::kZeroPad16));
  }
  /// The number that ends a name behind its prefix, if it is one.
  [[nodiscard]] static std::optional<std::uint64_t> id_of(std::string_view end) {
    std::uint64_t id = 0;
    for (const char c : end) {
      const bool digit = c >= '0' && c <= '9';
      if (!digit && !(c >= 'a' && c <= 'f')) return std::nullopt;
      id = id << 4 | static_cast<std::uint64_t>(digit ? c - '0' : c - 'a' + 10);
    }
    if (end.size() != 16 || id == 0) return std::nullopt;
    return id;
  }
  [[nodiscard]] static std::optional<WatchName> parse(const std::string& file) {
    const auto infix = file.rfind(kInfix);
    const auto mark = file.rfind('@');
    if (infix == std::string::npos || mark == std::string::npos || mark > infix) {
      return std::nullopt;
    }
    const auto id = id_of(std::string_view(file).substr(infix + std::strlen(kInfix)));
    WatchName name;
    if (!id || !absl::SimpleAtoi(file.substr(mark + 1, infix - mark - 1), &name.inode)) {
      return std::nullopt;
    }
    name.control = file.substr(0, mark);
    name.id = *id;
    return name;
  }

  /// Calls `use(path, id)` for each name in the folder that begins so. \param within half of it for
  /// the listing, half for the calls; names that come later are passed over
  template <class Use>
  static void for_each(const std::string& prefix, Use&& use,
                       std::chrono::nanoseconds within = std::chrono::hours(1)) {
    using Clock = std::chrono::steady_clock;
    const auto slash = prefix.rfind('/');
    if (slash == std::string::npos) return;
    const std::string folder = prefix.substr(0, slash);
    const std::string start = prefix.substr(slash + 1);
    auto* listing = ::opendir(folder.c_str());
    if (listing == nullptr) return;
    std::optional<AtExit<Close>> close(std::in_place, Close{listing});
    std::vector<std::uint64_t> found;
    auto end = Clock::now() + within / 2;
    while (const auto* entry = ::readdir(listing)) {
      if (Clock::now() > end) break;
      const std::string_view name = entry->d_name;
      if (name.substr(0, start.size()) != start) continue;
      if (const auto id = id_of(name.substr(start.size()))) found.push_back(*id);
    }
    close.reset();
    end = Clock::now() + within / 2;
    for (const auto id : found) {
      if (Clock::now() > end) return;
      use(path(prefix, id), id);
    }
  }
  /// Removes the files of the dead, as far as that is permitted.
  static void remove_dead(const std::string& prefix) {
    for_each(prefix, [](const std::string& file, std::uint64_t) {
      const auto opened = open(file);
      if (opened && !FileLock::is_held(opened.get(), kOwnerByte)) ::unlink(file.c_str());
    });
  }
  /// Opens a file for reading; nothing else than a regular one.
  [[nodiscard]] static Descriptor open(const std::string& file) noexcept {
    struct stat facts {};
    if (::lstat(file.c_str(), &facts) != 0 || !S_ISREG(facts.st_mode)) return {};
    Descriptor opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (opened && (::fstat(opened.get(), &facts) != 0 || !S_ISREG(facts.st_mode))) opened.close();
    return opened;
  }

 private:
  struct Close {
    void operator()() const noexcept { ::closedir(listing); }
    ::DIR* listing;
  };
  static constexpr const char* kInfix = "-watch-";
};

/// Copies bytes out of a file. \return false if it is too short
[[nodiscard]] inline bool copy_from(int fd, std::uint64_t offset,
                                    std::span<std::byte> to) noexcept {
  while (!to.empty()) {
    const auto got = ::pread(fd, to.data(), to.size(), static_cast<::off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    to = to.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
  }
  return true;
}

}  // namespace ringway
