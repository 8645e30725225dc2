// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// A publisher's side of reliable observers: whose watch files this process looks at, and the gates
/// in them that hold one lane back. Not for users.
///
/// *Protocol.* docs/design/reliable-observers.md. Files are looked for, and gates that are new,
/// every 10 ms at most, and only where the lane's known room is used up. A gate is honoured from
/// the position on that it names if that is within a lap, else from where the publisher is:
/// both are whole at that moment, since nothing is being written.
///
/// *Distrust.* Files of users who are not admitted are not opened. What lies in the others is
/// copied through the kernel, checked, and believed to move one way only; a file that is cut short,
/// or a gate that is free or another's, holds nobody back.
///
/// *Progress.* Blocking (system calls), where the ring is full as far as is known.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ringway/shm/segment.hpp"
#include "ringway/shm/shared_memory.hpp"
#include "ringway/shm/watch.hpp"

namespace ringway {

/// The watch files of a bus that belong to living observers of trusted users. Any thread.
class WatchFiles {
 public:
  using Clock = std::chrono::steady_clock;
  using Users = std::array<std::uint64_t, LaneBoard::kUsers>;

  struct File {
    Descriptor descriptor;
    std::uint64_t id = 0;

    /// Copies bytes of its table. \return false if it has become too short
    [[nodiscard]] bool copy(std::size_t offset, std::span<std::byte> to) const noexcept {
      return copy_from(descriptor.get(), Segment::kContents + offset, to);
    }
  };
  using List = std::vector<std::shared_ptr<const File>>;

  static constexpr std::chrono::milliseconds kLookEvery{10};
  static constexpr std::size_t kMostFiles = 16;
  /// A look takes no longer; in a folder of so many names that it would, files may stay unfound.
  static constexpr std::chrono::milliseconds kLongestLook{20};

  WatchFiles(std::string prefix, const Users& users) : prefix_(std::move(prefix)), users_(users) {}

  [[nodiscard]] const Users& users() const noexcept { return users_; }
  /// What the files' names begin with.
  [[nodiscard]] const std::string& prefix() const noexcept { return prefix_; }

  /// Those that there are, looked for anew if the last look was a while ago, or at once.
  [[nodiscard]] std::shared_ptr<const List> list(bool at_once) noexcept {
    const std::scoped_lock lock(lock_);
    const auto begin = Clock::now();
    if (at_once || begin >= next_look_) {
      try {
        look();
      } catch (const std::bad_alloc&) {  // those that are known are still there
      }
      constexpr int kShare = 20;  // of the time at most, however many names there are
      const auto end = Clock::now();
      next_look_ = end + std::max<Clock::duration>(kLookEvery, kShare * (end - begin));
    }
    return list_;
  }

  /// In a forked child.
  void after_fork() noexcept { ::new (static_cast<void*>(&lock_)) std::mutex; }

 private:
  void look() {
    auto now = std::make_shared<List>();
    for (const auto& file : *list_) {
      if (FileLock::is_held(file->descriptor.get(), WatchName::kOwnerByte)) {
        now->push_back(file);
      } else {
        ::unlink(WatchName::path(prefix_, file->id).c_str());  // as far as it is permitted
      }
    }
    const auto take = [&](const std::string& path, std::uint64_t id) {
      const auto known = [id](const auto& file) { return file->id == id; };
      if (now->size() == kMostFiles || std::any_of(now->begin(), now->end(), known)) return;
      if (auto file = open(path)) now->push_back(std::make_shared<File>(File{std::move(file), id}));
    };
    if (now->size() < kMostFiles) WatchName::for_each(prefix_, take, kLongestLook);
    list_ = std::move(now);
  }
  /// \return nothing if it is not one of a living observer whose user is admitted
  [[nodiscard]] Descriptor open(const std::string& path) const {
    struct stat facts {};
    if (::lstat(path.c_str(), &facts) != 0 || !admits(facts.st_uid)) return {};
    auto file = WatchName::open(path);
    if (!file || ::fstat(file.get(), &facts) != 0 || !admits(facts.st_uid)) return {};
    const auto size = static_cast<std::uint64_t>(facts.st_size);
    if (!Segment::read_header(file.get(), path, size, WatchTable::kPurpose).ok() ||
        size < Segment::kContents + sizeof(WatchTable) ||
        !FileLock::is_held(file.get(), WatchName::kOwnerByte)) {
      return {};
    }
    return file;
  }
  [[nodiscard]] bool admits(::uid_t user) const noexcept {
    return std::find(users_.begin(), users_.end(), std::uint64_t{user}) != users_.end();
  }

  std::mutex lock_;
  std::string prefix_;
  Users users_;
  Clock::time_point next_look_{};
  std::shared_ptr<const List> list_ = std::make_shared<List>();
};

/// The observers that hold one lane back. Its publisher's thread.
class LaneWatch {
  using Clock = WatchFiles::Clock;
  static constexpr std::chrono::milliseconds kExpectEvery{1};

 public:
  /// \param board memory for a LaneBoard, which observers can read
  /// \param lag_limit how long an observer may keep the lane full without reading on
  /// \param longest_claim positions from the publisher's on that a dropped claim may have written
  /// to
  LaneWatch(WatchFiles& files, std::span<std::byte> board, const LaneKey& lane,
            std::chrono::nanoseconds lag_limit, std::size_t longest_claim)
      : files_(files),
        board_(::new (static_cast<void*>(board.data())) LaneBoard),
        lane_(lane),
        lag_limit_(lag_limit),
        longest_claim_(longest_claim) {
    gates_.reserve(2 * LaneBoard::kAnswers);  // those that have an answer, and had one before
    board_->open(lane_, files_.users());
  }

  /// Where the slowest of `readers` and the observers is. \param own position of the publisher,
  /// which is writing nothing \param reach so far back everything is still there
  [[nodiscard]] Sequence slowest(Sequence own, Sequence readers, std::size_t reach) noexcept {
    const auto now = Clock::now();
    const bool first = !asked_at_;
    const bool stands = asked_at_ == own;  // there was not enough room the last time
    asked_at_ = own;
    if (first || now >= next_look_) {
      look(own, reach, first);
      const auto expected = [](const Gate& one) { return one.state == State::kExpected; };
      const bool soon = std::any_of(gates_.begin(), gates_.end(), expected);
      next_look_ = now + (soon ? kExpectEvery : WatchFiles::kLookEvery);
    }
    for (auto& one : gates_) {
      if (!stands) one.still_since = now;
      if (one.state == State::kHeld && refresh(one, own)) one.still_since = now;
    }
    auto slowest = slowest_of(readers);
    bool ended = false;
    for (auto& one : gates_) {
      if (!one.holds()) continue;
      if (one.position != slowest || slowest == own) {
        one.still_since = now;  // another one keeps the lane full
      } else if (now - one.still_since >= lag_limit_) {
        end(one);
        ended = true;
      }
    }
    if (ended) slowest = slowest_of(readers);
    waits_ = slowest != own;
    return slowest;
  }
  /// True if observers may be what the publisher waits for.
  [[nodiscard]] bool holds_back() const noexcept { return waits_ && !gates_.empty(); }

 private:
  enum class State : unsigned char {
    kExpected,  ///< it may not have looked since the lane was made: has no gate yet
    kHeld,
    kEnded,  ///< by the lag limit; the answer stays as long as the gate
    kLetGo,  ///< not there any more
  };
  struct Gate {
    std::shared_ptr<const WatchFiles::File> file;
    std::size_t index = 0;
    std::uint64_t serial = 0;
    std::uint64_t looks = 0;  // expected: how often it had looked then
    State state = State::kHeld;
    std::size_t place = LaneBoard::kAnswers;  // of its answer
    Sequence position = 0;
    Clock::time_point still_since{};

    [[nodiscard]] bool holds() const noexcept {
      return state == State::kHeld || state == State::kExpected;
    }
  };

  [[nodiscard]] Sequence slowest_of(Sequence readers) const noexcept {
    auto slowest = readers;
    for (const auto& one : gates_) {
      if (one.holds()) slowest = earlier(slowest, one.position);
    }
    return slowest;
  }
  /// Who has come and who has gone.
  void look(Sequence own, std::size_t reach, bool first) {
    const auto files = files_.list(first);
    for (auto& one : gates_) {
      const auto same = [&one](const auto& file) { return file == one.file; };
      if (std::none_of(files->begin(), files->end(), same)) one.state = State::kLetGo;
    }
    for (const auto& file : *files) look_into(file, own, reach, first);
    for (auto& one : gates_) {
      if (one.state == State::kEnded) static_cast<void>(is_there(one));
    }
    let_go();
  }
  void look_into(const std::shared_ptr<const WatchFiles::File>& file, Sequence own,
                 std::size_t reach, bool first) {
    std::uint64_t looks = 0;  // before the gates: those that were there by then are in the copy
    if (!file->copy(offsetof(WatchTable, looks), std::as_writable_bytes(std::span(&looks, 1))) ||
        !file->copy(offsetof(WatchTable, gates), copy_)) {
      return;  // the gates that are known notice it themselves
    }
    if (first) expect(file, looks, own);
    bool all_whole = true;
    for (std::size_t i = 0; i < WatchTable::kGates; ++i) {
      const auto gate = std::span(copy_).subspan(i * sizeof(WatchGate), sizeof(WatchGate));
      const auto told = WatchGate::read(gate);
      if (!told) all_whole = all_whole && WatchGate::never_written(gate);
      if (!told || !told->is_of(lane_)) continue;
      const auto known = [&](const Gate& one) {
        return one.file == file && one.index == i && one.serial == told->serial &&
               one.state != State::kExpected;
      };
      if (std::any_of(gates_.begin(), gates_.end(), known)) continue;
      admit(file, i, *told, own, reach);
    }
    for (auto& one : gates_) {
      if (one.state == State::kExpected && one.file == file && looks - one.looks >= 2 &&
          all_whole) {
        one.state = State::kLetGo;  // what it wants it has by now, and it was found
      }
    }
  }
  /// Whatever gate it makes will find everything from the lane's beginning on.
  void expect(const std::shared_ptr<const WatchFiles::File>& file, std::uint64_t looks,
              Sequence own) {
    const auto place = free_place(LaneBoard::kGates, LaneBoard::kAnswers);
    if (!place) return;
    hold({.file = file,
          .looks = looks,
          .state = State::kExpected,
          .place = *place,
          .position = own});
  }
  void admit(const std::shared_ptr<const WatchFiles::File>& file, std::size_t index,
             const WatchGate::Told& told, Sequence own, std::size_t reach) {
    const auto place = free_place(0, LaneBoard::kGates);
    if (!place || distance(told.position, own) < 0) return;
    // almost a lap back, a claim that was dropped may have written there, unless another gate was
    // before it
    const auto back = own - told.position;
    const bool whole = back <= reach && (reach - back >= longest_claim_ || is_held(told.position));
    const auto from = whole ? told.position : own;
    hold({.file = file, .index = index, .serial = told.serial, .place = *place, .position = from});
  }
  [[nodiscard]] bool is_held(Sequence position) const noexcept {
    return std::any_of(gates_.begin(), gates_.end(), [position](const Gate& one) {
      return one.holds() && distance(one.position, position) >= 0;
    });
  }
  void hold(Gate gate) {
    gate.still_since = Clock::now();
    taken_[gate.place] = true;
    answer(gate, LaneBoard::kHeld);
    gates_.push_back(std::move(gate));  // has room: see the constructor
  }
  void answer(const Gate& gate, LaneBoard::State state) noexcept {
    board_->write(gate.place, {gate.file->id, gate.index, gate.serial, state, gate.position});
  }
  /// A free place on the board, of those from `begin` to `end`.
  [[nodiscard]] std::optional<std::size_t> free_place(std::size_t begin,
                                                      std::size_t end) const noexcept {
    for (auto place = begin; place < end; ++place) {
      if (!taken_[place]) return place;
    }
    return std::nullopt;
  }

  /// Looks how far it is. \return true if it has moved
  bool refresh(Gate& one, Sequence own) noexcept {
    const auto told = is_there(one);
    if (!told) {
      if (one.state == State::kLetGo) fence_answers();
      return false;
    }
    const auto position = distance(told->position, own) < 0 ? own : told->position;
    if (distance(one.position, position) <= 0) return false;
    one.position = position;
    return true;
  }
  /// What its gate says. \return nothing if that is not to be had now; if the gate is not there any
  /// more, it is let go
  std::optional<WatchGate::Told> is_there(Gate& one) noexcept {
    std::array<std::byte, sizeof(WatchGate)> copy;
    const auto at = offsetof(WatchTable, gates) + one.index * sizeof(WatchGate);
    const bool copied = one.file->copy(at, copy);
    const auto told = copied ? WatchGate::read(copy) : std::nullopt;
    if (told && told->serial == one.serial && told->is_of(lane_)) return told;
    if (told || !copied) forget(one);
    return std::nullopt;
  }
  /// The answer says so before anything is overwritten.
  void end(Gate& one) noexcept {
    if (one.state == State::kExpected) {
      forget(one);
    } else {
      one.state = State::kEnded;
      answer(one, LaneBoard::kEnded);
    }
    fence_answers();
  }
  void forget(Gate& one) noexcept {
    one.state = State::kLetGo;
    if (one.place == LaneBoard::kAnswers) return;
    board_->write(one.place, {});
    taken_[one.place] = false;
    one.place = LaneBoard::kAnswers;
  }
  void let_go() noexcept {
    for (auto& one : gates_) {
      if (one.state == State::kLetGo) forget(one);
    }
    std::erase_if(gates_, [](const Gate& one) { return one.state == State::kLetGo; });
    fence_answers();
  }
  static void fence_answers() noexcept {
    // seq_cst: the answers, then the messages that may be overwritten from now on
    SharedMemory::fence(std::memory_order_seq_cst);
  }

  WatchFiles& files_;
  LaneBoard* board_;
  LaneKey lane_;
  std::chrono::nanoseconds lag_limit_;
  std::size_t longest_claim_;
  std::vector<Gate> gates_;
  std::array<bool, LaneBoard::kAnswers> taken_{};
  std::optional<Sequence> asked_at_;
  Clock::time_point next_look_{};
  bool waits_ = false;
  std::array<std::byte, sizeof(WatchTable::gates)> copy_;
};

}  // namespace ringway
