// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// `OwnWatch`: the watch file of a reliable observer, through which publishers wait for it. Not for
/// users.
///
/// *What.* The observer alone writes it (shm/watch.hpp). Its name is there for as long as the
/// observer lives, and so is the lock by which publishers know that; both are there before anybody
/// can find it.
///
/// *fork.* In a forked child the file is its parent's: no gate moves and nothing is removed.
///
/// *Progress.* make() is blocking (the kernel); gates are wait-free. One thread at a time.

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <random>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "ringway/shm/fork_guard.hpp"
#include "ringway/shm/segment.hpp"
#include "ringway/shm/watch.hpp"

namespace ringway {

class OwnWatch final : public ForkGuard {
 public:
  /// How far the observer is in one lane; publishers that admit it wait for that. Given back at the
  /// end.
  class Gate {
   public:
    Gate() noexcept = default;
    Gate(Gate&& other) noexcept
        : watch_(std::move(other.watch_)), index_(other.index_), told_(other.told_) {}
    Gate& operator=(Gate&& other) noexcept {
      std::swap(watch_, other.watch_);
      std::swap(index_, other.index_);
      std::swap(told_, other.told_);
      return *this;
    }
    ~Gate() {
      if (watch_ != nullptr) watch_->give_back(index_);
    }
    explicit operator bool() const noexcept { return watch_ != nullptr; }

    /// Nothing before `position` is read any more.
    void move(Sequence position) noexcept {
      if (position == told_.position) return;
      told_.position = position;
      watch_->table().gates[index_].write(told_);
    }
    /// What a board says to this gate. \return nothing if it is not mentioned
    [[nodiscard]] std::optional<LaneBoard::Answer> answer_in(
        const LaneBoard::Seen& board) const noexcept {
      std::optional<LaneBoard::Answer> any;
      for (const auto& one : board.answers) {
        if (one.state == LaneBoard::kFree || one.watch != watch_->id_) continue;
        if (one.gate == index_ && one.serial == told_.serial) return one;
        if (one.serial == 0) any = one;
      }
      return any;
    }
    [[nodiscard]] const OwnWatch& watch() const noexcept { return *watch_; }

   private:
    friend OwnWatch;
    Gate(std::shared_ptr<OwnWatch> watch, std::size_t index, const WatchGate::Told& told) noexcept
        : watch_(std::move(watch)), index_(index), told_(told) {}

    std::shared_ptr<OwnWatch> watch_;
    std::size_t index_ = 0;
    WatchGate::Told told_;
  };

  /// A file beside the bus's. \param control path of the control segment \param inode of it
  [[nodiscard]] static absl::StatusOr<std::shared_ptr<OwnWatch>> make(const std::string& control,
                                                                      ::ino_t inode) {
    const auto prefix = WatchName::prefix(control, inode);
    WatchName::remove_dead(prefix);
    SegmentOptions options;
    const auto slash = control.rfind('/');
    options.folder = slash == std::string::npos ? "." : control.substr(0, slash);
    options.bytes = round_up(sizeof(WatchTable), std::size_t{4096});
    options.mode = 0644;  // publishers read it, whoever they are; there is nothing else in it
    auto made = Segment::make(options, WatchTable::kPurpose);
    if (!made.ok()) return told(made.status());
    auto* table = ::new (static_cast<void*>(made->contents().data())) WatchTable;
    table->pid = static_cast<std::uint64_t>(::getpid());
    made->set_ready();
    if (!FileLock::try_take(made->fd(), WatchName::kOwnerByte)) {
      return absl::UnavailableError("the kernel gives no lock on an observer's watch file");
    }
    constexpr int kMostTries = 10;
    std::random_device random;
    std::uint64_t id = 0;
    absl::Status named = absl::AlreadyExistsError("");
    for (int i = 0; i < kMostTries && absl::IsAlreadyExists(named); ++i) {
      id = std::uint64_t{random()} << 32 | random();
      if (id != 0) named = made->give_path(WatchName::path(prefix, id));
    }
    if (!named.ok()) return told(named);
    return std::make_shared<OwnWatch>(*std::move(made), id);
  }

  /// \pre made by make()
  OwnWatch(Segment file, std::uint64_t id) noexcept : file_(std::move(file)), id_(id) {}
  ~OwnWatch() override {
    if (!forked_) file_.remove_name();
  }

  /// A gate for a lane. \return an empty one if all are taken
  [[nodiscard]] static Gate take(const std::shared_ptr<OwnWatch>& watch, const LaneKey& lane,
                                 Sequence position) noexcept {
    for (std::size_t i = 0; i < WatchTable::kGates; ++i) {
      if (watch->taken_[i]) continue;
      watch->taken_[i] = true;
      const WatchGate::Told told{++watch->serials_, lane.word(), lane.segment, position};
      watch->table().gates[i].write(told);
      return {watch, i, told};
    }
    return {};
  }
  /// All lanes of a look have been gone through.
  void has_looked() noexcept {
    const auto looks = table().looks.load(std::memory_order_relaxed);  // relaxed: its own word
    SharedMemory::fence(std::memory_order_seq_cst);  // seq_cst: the gates, then the number of looks
    table().looks.store(looks + 1, std::memory_order_relaxed);  // relaxed: ordered by the fence
  }

  /// True in a forked child: the gates are its parent's.
  [[nodiscard]] bool forked() const noexcept { return forked_; }
  void after_fork() noexcept override {
    file_.become_private();
    forked_ = true;
  }

 private:
  static absl::Status told(const absl::Status& status) {
    return {status.code(), absl::StrCat("a reliable observer needs a file of its own beside the "
                                        "bus's: ",
                                        status.message())};
  }
  [[nodiscard]] WatchTable& table() const noexcept {
    return *std::launder(reinterpret_cast<WatchTable*>(file_.contents().data()));
  }
  void give_back(std::size_t index) noexcept {
    table().gates[index].write({});
    taken_[index] = false;
  }

  Segment file_;
  std::uint64_t id_;
  std::uint64_t serials_ = 0;
  bool taken_[WatchTable::kGates] = {};
  bool forked_ = false;
};

}  // namespace ringway
