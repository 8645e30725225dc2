// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The table of processes attached to a segment, and how the kernel tells which of them live.
///
/// *Protocol.* Record p is used from attaching to detaching or to the end of the clean-up after a
/// death; participant p lives as long as byte kFirstParticipantByte + p of the segment's file is
/// locked. Records change under the directory's lock (byte kDirectoryByte), whose holder notes its
/// number in `holder`: whoever takes the lock and finds a number there knows that its last holder
/// died inside.
///
/// *Synchronisation.*
///   "record"  set_used stores a record's `used` -> used() loads it: the record's other fields.
///             The file locks order everything else: each is a system call on both sides
///
/// *Progress.* Wait-free but for the kernel.

#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <new>
#include <span>
#include <string>
#include <string_view>

#include "ringway/base/cache_line.hpp"
#include "ringway/base/copied_once.hpp"
#include "ringway/shm/file_lock.hpp"

namespace ringway {

inline constexpr off_t kDirectoryByte = off_t{1} << 62;
inline constexpr off_t kFirstParticipantByte = kDirectoryByte + 64;

struct alignas(kOwnerSpacing) ParticipantRecord {
  static constexpr std::size_t kLongestName = 63;

  std::atomic<std::uint32_t> used{0};
  std::uint32_t pid = 0;         // for people: in the pid namespace of the process
  std::uint64_t generation = 0;  // how many have attached before it
  std::int64_t since_ns = 0;     // when it attached, on the wall clock
  char name[kLongestName + 1] = {};
};

/// What a tool may know of a participant.
struct ParticipantInfo {
  std::uint32_t number = 0;
  std::uint32_t pid = 0;
  std::uint64_t generation = 0;
  std::string name;
  bool alive = false;
  std::int64_t since_ns = 0;  ///< when it attached, on the wall clock
};

/// A view of the table. Position-independent; lies at the front of a segment's contents.
class Participants {
 public:
  static constexpr std::uint32_t kMost = 4096;

  [[nodiscard]] static std::size_t footprint(std::uint32_t most) noexcept {
    return sizeof(Head) + most * sizeof(ParticipantRecord);
  }
  /// Lays the table out in new, zeroed memory.
  static Participants format(std::span<std::byte> memory, std::uint32_t most) noexcept {
    auto* head = ::new (static_cast<void*>(memory.data())) Head;
    head->most = most;
    for (std::uint32_t p = 0; p < most; ++p) {
      ::new (static_cast<void*>(memory.data() + sizeof(Head) + p * sizeof(ParticipantRecord)))
          ParticipantRecord;
    }
    return Participants(memory.data(), most);
  }
  /// A view of a table that lies there. The size is read once; `most()` is 0 if it is impossible.
  static Participants join(std::span<std::byte> memory) noexcept {
    std::uint32_t most = 0;
    if (memory.size() >= sizeof(Head)) {
      most = copied_once(reinterpret_cast<Head*>(memory.data())->most);
      if (most > kMost || footprint(most) > memory.size()) most = 0;
    }
    return Participants(memory.data(), most);
  }

  [[nodiscard]] std::uint32_t most() const noexcept { return most_; }

  /// \param fd of a description that holds no participant's byte but perhaps its own
  [[nodiscard]] static bool alive(int fd, std::uint32_t p) noexcept {
    return FileLock::is_held(fd, kFirstParticipantByte + p);
  }
  [[nodiscard]] bool used(std::uint32_t p) const noexcept {
    return record(p).used.load(std::memory_order_acquire) != 0;  // acquire "record"
  }
  /// Under the directory's lock, by the process that becomes participant p.
  void set_used(std::uint32_t p, std::string_view name) noexcept {
    auto& mine = record(p);
    mine.pid = static_cast<std::uint32_t>(::getpid());
    mine.generation = head().generation++;
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    mine.since_ns = std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
    const auto length = name.size() < ParticipantRecord::kLongestName
                            ? name.size()
                            : ParticipantRecord::kLongestName;
    std::memset(mine.name, 0, sizeof(mine.name));
    std::memcpy(mine.name, name.data(), length);
    mine.used.store(1, std::memory_order_release);  // release "record"
  }
  /// Under the directory's lock, when nothing of participant p is left.
  void set_unused(std::uint32_t p) noexcept {
    record(p).used.store(0, std::memory_order_release);  // release "record"
  }
  /// Which attachment participant p is, from 0 on. \pre used(p)
  [[nodiscard]] std::uint64_t generation(std::uint32_t p) const noexcept {
    return record(p).generation;
  }
  [[nodiscard]] ParticipantInfo info(int fd, std::uint32_t p, std::uint32_t own) const {
    const auto& seen = record(p);
    char name[ParticipantRecord::kLongestName + 1];
    std::memcpy(name, seen.name, sizeof(name));
    name[ParticipantRecord::kLongestName] = '\0';
    return {p, seen.pid, seen.generation, name, p == own || alive(fd, p), seen.since_ns};
  }

  /// Under the directory's lock: who held it and did not let go; 0 or participant + 1.
  [[nodiscard]] std::uint32_t holder() const noexcept {
    return head().holder.load(std::memory_order_relaxed);  // relaxed: under the lock
  }
  void set_holder(std::uint32_t holder) noexcept {
    // The compiler must not move the tables' changes across it, nor may a signal that kills.
    std::atomic_signal_fence(std::memory_order_seq_cst);     // seq_cst: holder and the tables
    head().holder.store(holder, std::memory_order_relaxed);  // relaxed: under the lock
    std::atomic_signal_fence(std::memory_order_seq_cst);     // seq_cst: holder and the tables
  }

 private:
  struct alignas(kOwnerSpacing) Head {
    std::uint32_t most = 0;  // static
    std::atomic<std::uint32_t> holder{0};
    std::uint64_t generation = 0;
  };

  Participants(std::byte* memory, std::uint32_t most) noexcept : memory_(memory), most_(most) {}

  [[nodiscard]] Head& head() const noexcept { return *reinterpret_cast<Head*>(memory_); }
  [[nodiscard]] ParticipantRecord& record(std::uint32_t p) const noexcept {
    return *reinterpret_cast<ParticipantRecord*>(memory_ + sizeof(Head) +
                                                 p * sizeof(ParticipantRecord));
  }

  std::byte* memory_;
  std::uint32_t most_;
};

}  // namespace ringway
