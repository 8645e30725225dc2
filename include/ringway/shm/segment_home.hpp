// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// `SegmentHome`: the home of a bus between processes, and this process's attachment to it.
///
/// *What.* Finds or makes the segment of a name, becomes a participant, and looks after the others:
/// what a dead one left behind is cleaned up by whoever notices first.
///
/// *Protocol.* docs/design/segment.md. What lies in the block is the bus's: it tells how to lay it
/// out, repair it and clean up after a participant (SegmentContents).
///
/// *Synchronisation.* Everything here happens under the lock of the directory (SegmentLock), a lock
/// on a byte of the file that the kernel drops when its holder dies.
///
/// *Progress.* Blocking. A process that is stopped while it binds something holds up those who
/// bind, attach or detach; nobody who publishes or reads.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "ringway/base/result.hpp"
#include "ringway/bus/home.hpp"
#include "ringway/bus/type_description.hpp"
#include "ringway/shm/file_lock.hpp"
#include "ringway/shm/fork_guard.hpp"
#include "ringway/shm/huge_pages.hpp"
#include "ringway/shm/own_segments.hpp"
#include "ringway/shm/participants.hpp"
#include "ringway/shm/segment.hpp"
#include "ringway/shm/shared_memory.hpp"

namespace ringway {

/// What the bus does with the block in a segment; each may be called again after it was
/// interrupted by a death.
struct SegmentContents {
  using Block = std::span<std::byte>;

  std::uint64_t purpose;
  absl::Status (*format)(Block block, const void* how);
  /// Derived data, after the holder of the lock has died. Under the lock.
  void (*repair)(Block block);
  /// Everything that a dead participant held. Under the lock.
  void (*clean_up)(Block block, std::uint32_t participant);
  /// In a forked child, in its private copy: handles answer "closed".
  void (*close)(Block block);
  /// True if something in the block still needs the segment of this number. Under the lock.
  bool (*needs)(Block block, OwnSegments::Number segment);
};

struct SegmentHomeOptions {
  SegmentOptions segment;                        ///< `bytes` of the whole contents
  std::size_t own_bytes = std::size_t{4} << 20;  ///< for lanes, in this process's own segment
  std::uint32_t participants = 32;               ///< processes attached at a time
  std::string participant_name = "";             ///< shown by tools
  /// How others' own segments are mapped.
  Segment::Access others = Segment::Access::kRead;
  /// Whose observers may hold lanes back, besides this user's, root's and the bus's owner's.
  std::vector<::uid_t> observer_users = {};
};

/// The directory's lock: local between threads, on a byte of the file between processes.
class SegmentLock {
 public:
  SegmentLock(int fd, Participants participants, void (*repair)(std::span<std::byte>),
              std::span<std::byte> block) noexcept
      : fd_(fd), participants_(participants), repair_(repair), block_(block) {}

  void lock() {
    local_.lock();
    if (fd_ < 0) return;  // a forked child, on its private copy
    if (!FileLock::take(fd_, kDirectoryByte)) {
      stop_with_message("the kernel refuses the lock of a segment (no memory for locks?)");
    }
    entered();
  }
  [[nodiscard]] bool try_lock() {
    if (!local_.try_lock()) return false;
    if (fd_ < 0) return true;
    if (!FileLock::try_take(fd_, kDirectoryByte)) {
      local_.unlock();
      return false;
    }
    entered();
    return true;
  }
  void unlock() noexcept {
    if (fd_ >= 0) {
      participants_.set_holder(0);
      FileLock::release(fd_, kDirectoryByte);
    }
    local_.unlock();
  }

  /// The participant that takes the lock from now on. Under the lock.
  void set_self(std::uint32_t participant) noexcept { self_ = participant; }

  /// In a forked child: the lock is local, and free.
  void after_fork() noexcept {
    fd_ = -1;
    ::new (static_cast<void*>(&local_)) std::mutex;
  }

 private:
  void entered() {
    if (participants_.holder() != 0) repair_(block_);  // it died inside
    participants_.set_holder(self_ + 1);
  }

  std::mutex local_;
  int fd_;
  Participants participants_;
  void (*repair_)(std::span<std::byte>);
  std::span<std::byte> block_;
  std::uint32_t self_ = Participants::kMost;  // nobody yet
};

/// The attachment; at a fixed address from open() to the end.
class SegmentAttachment final : public ForkGuard {
 public:
  SegmentAttachment(Segment segment, Participants participants, const SegmentContents& contents)
      : segment_(std::move(segment)),
        participants_(participants),
        contents_(contents),
        block_(segment_.contents().subspan(block_offset(participants.most()))),
        lock_(segment_.fd(), participants, contents.repair, block_) {}

  ~SegmentAttachment() override {
    if (!attached_ || forked()) return;
    const std::scoped_lock hold(lock_);
    contents_.clean_up(block_, self_);
    participants_.set_unused(self_);
    if (own_ != nullptr) collect_one(own_->number());  // needs no descriptor, as listing does
    const bool last = !others_alive();
    collect(last);
    if (last) segment_.remove_name();
    FileLock::release(segment_.fd(), kFirstParticipantByte + self_);
  }

  /// Becomes a participant. Under the lock.
  [[nodiscard]] absl::Status attach(const std::string& name) {
    for (std::uint32_t p = 0; p < participants_.most(); ++p) {
      if (participants_.used(p)) continue;
      if (!FileLock::try_take(segment_.fd(), kFirstParticipantByte + p)) continue;
      self_ = p;
      lock_.set_self(p);
      participants_.set_holder(p + 1);
      participants_.set_used(p, name);
      attached_ = true;
      SharedMemory::register_process();
      return absl::OkStatus();
    }
    return absl::ResourceExhaustedError(absl::StrCat(
        segment_.path(), " has ", participants_.most(),
        " processes attached already; its creator can ask for more in SharedBusOptions"));
  }

  /// Makes the segment that this process alone writes. \pre attached, and the control segment has
  /// its name. Under the lock.
  [[nodiscard]] absl::Status make_own(const SegmentHomeOptions& home) {
    if (home.observer_users.size() > OwnSegments::kMostUsers) {
      return absl::InvalidArgumentError(absl::StrCat("observers of ", home.observer_users.size(),
                                                     " users; at most ", OwnSegments::kMostUsers,
                                                     " can be named (observer_users)"));
    }
    auto options = home.segment;
    options.bytes = round_up(OwnSegments::kLanes + home.own_bytes, 4096);
    own_ = std::make_unique<OwnSegments>(segment_, std::move(options), home.others,
                                         home.observer_users);
    return own_->make_own(participants_.generation(self_) + 1);
  }
  /// The number of a participant's segment. Under the lock.
  [[nodiscard]] OwnSegments::Number segment_of(std::uint32_t participant) const noexcept {
    return participant < participants_.most() ? participants_.generation(participant) + 1 : 0;
  }
  /// Null if lanes lie in the control segment.
  [[nodiscard]] OwnSegments* own() const noexcept { return own_.get(); }

  /// Removes the names of segments that nobody needs: their owner is gone, and no lane in them is
  /// used; or of all of them. Under the lock.
  void collect(bool all = false) const {
    if (forked()) return;
    const auto is_needed = [this, all](OwnSegments::Number number) {
      return !all && needed(number);
    };
    if (own_ != nullptr) return own_->collect(is_needed);
    OwnSegments(segment_, {}).collect(is_needed);  // a visitor's, or of an anonymous bus
  }
  /// Removes all names of the bus. \pre nobody in it is alive. Under the lock.
  void remove_names() {
    collect(true);
    segment_.remove_name();
  }
  /// The same for one segment in which a lane was freed.
  void collect_one(OwnSegments::Number number) const noexcept {
    if (own_ != nullptr && !forked() && !needed(number)) own_->remove_name(number);
  }

  /// Under the lock: cleans up after everybody whom the kernel calls dead. \return true if somebody
  /// else is alive
  bool bury_the_dead() {
    bool company = false;
    bool any = false;
    for (std::uint32_t p = 0; p < participants_.most(); ++p) {
      if (!participants_.used(p) || (attached_ && p == self_)) continue;
      if (Participants::alive(segment_.fd(), p)) {
        company = true;
        continue;
      }
      contents_.clean_up(block_, p);
      const auto number = segment_of(p);
      // relaxed: a statistic; before its record is free, so that whoever sees that finds it counted
      buried_.fetch_add(1, std::memory_order_relaxed);
      participants_.set_unused(p);
      collect_one(number);
      any = true;
    }
    if (any) collect();
    return company;
  }

  /// Looks whether somebody has died, if the last look is older than kLookEvery. Any thread.
  void look_after_others() {
    using Clock = std::chrono::steady_clock;
    const auto now = Clock::now().time_since_epoch().count();
    auto last = last_look_.load(std::memory_order_relaxed);  // relaxed: who looks does not matter
    if (now - last < std::chrono::nanoseconds(kLookEvery).count()) return;
    // relaxed: likewise; failure means that another thread looks
    if (!last_look_.compare_exchange_strong(last, now, std::memory_order_relaxed)) return;
    look_now();
  }
  /// Looks at once. \return participants that were found dead and cleaned up after
  std::size_t look_now() {
    if (forked() || !somebody_died()) return 0;
    if (!lock_.try_lock()) return 0;  // its holder binds, or cleans up; the next look is near
    const std::lock_guard hold(lock_, std::adopt_lock);
    const auto before = buried();
    bury_the_dead();
    return buried() - before;
  }

  void after_fork() noexcept override {
    segment_.become_private();
    if (own_ != nullptr) own_->after_fork();
    lock_.after_fork();
    // relaxed: the child's only thread
    forked_.store(true, std::memory_order_relaxed);
    contents_.close(block_);
  }

  [[nodiscard]] Segment& segment() noexcept { return segment_; }
  [[nodiscard]] SegmentLock& lock() noexcept { return lock_; }
  [[nodiscard]] std::span<std::byte> block() const noexcept { return block_; }
  [[nodiscard]] std::uint32_t self() const noexcept { return self_; }
  [[nodiscard]] bool forked() const noexcept {
    return forked_.load(std::memory_order_relaxed);  // relaxed: set before the child goes on
  }
  [[nodiscard]] std::uint64_t buried() const noexcept {
    return buried_.load(std::memory_order_relaxed);  // relaxed: a statistic
  }
  [[nodiscard]] std::vector<ParticipantInfo> participants() const {
    std::vector<ParticipantInfo> found;
    for (std::uint32_t p = 0; p < participants_.most(); ++p) {
      if (participants_.used(p)) found.push_back(participants_.info(segment_.fd(), p, self_));
    }
    return found;
  }

  /// Where the block begins within a segment's contents.
  [[nodiscard]] static std::size_t block_offset(std::uint32_t participants) noexcept {
    return round_up(Participants::footprint(participants), 4096);
  }

  static constexpr std::chrono::milliseconds kLookEvery{10};

 private:
  [[nodiscard]] bool needed(OwnSegments::Number number) const {
    for (std::uint32_t p = 0; p < participants_.most(); ++p) {
      if (participants_.used(p) && participants_.generation(p) + 1 == number) return true;
    }
    return contents_.needs(block_, number);
  }
  [[nodiscard]] bool somebody_died() const noexcept {
    for (std::uint32_t p = 0; p < participants_.most(); ++p) {
      if (p != self_ && participants_.used(p) && !Participants::alive(segment_.fd(), p))
        return true;
    }
    return false;
  }
  [[nodiscard]] bool others_alive() const noexcept {
    for (std::uint32_t p = 0; p < participants_.most(); ++p) {
      if (p != self_ && Participants::alive(segment_.fd(), p)) return true;
    }
    return false;
  }

  Segment segment_;
  Participants participants_;
  SegmentContents contents_;
  std::span<std::byte> block_;
  SegmentLock lock_;
  std::unique_ptr<OwnSegments> own_;
  std::uint32_t self_ = 0;
  bool attached_ = false;
  std::atomic<bool> forked_{false};
  std::atomic<std::int64_t> last_look_{0};
  std::atomic<std::uint64_t> buried_{0};
};

class SegmentHome {
 public:
  using Memory = SharedMemory;

  /// Attaches to the segment of this name; makes it if there is none, or if nobody in it is alive.
  [[nodiscard]] static absl::StatusOr<SegmentHome> open(std::string_view name,
                                                        const SegmentHomeOptions& options,
                                                        const SegmentContents& contents,
                                                        const void* how) {
    constexpr int kMostTries = 1000;
    auto control = options.segment;  // lanes lie elsewhere: it may be too small for huge pages
    control.huge_pages = control.huge_pages && control.bytes >= HugePages::bytes();
    for (int i = 0; i < kMostTries; ++i) {
      auto found = Segment::open(name, control, contents.purpose);
      if (found.ok()) {
        auto joined = join(*std::move(found), options, contents, true);
        if (!absl::IsNotFound(joined.status())) return joined;
        continue;  // its last participant has just gone
      }
      if (!absl::IsNotFound(found.status())) return found.status();
      auto fresh = Segment::make(control, contents.purpose);
      if (!fresh.ok()) return fresh.status();
      auto made = lay_out(*std::move(fresh), options, contents, how);
      if (!made.ok()) return made.status();
      const auto named = (*made)->segment().give_name(name, options.segment);
      if (named.ok()) {
        if (auto status = make_own(**made, options); !status.ok()) return status;
        return SegmentHome(*std::move(made));
      }
      if (!absl::IsAlreadyExists(named)) return named;
    }
    return absl::UnavailableError(
        absl::StrCat("the segment \"", absl::string_view(name.data(), name.size()),
                     "\" comes and goes; somebody keeps opening and closing it"));
  }

  /// A new segment without a name; hand fd() on.
  [[nodiscard]] static absl::StatusOr<SegmentHome> make_anonymous(const SegmentHomeOptions& options,
                                                                  const SegmentContents& contents,
                                                                  const void* how) {
    auto fresh = Segment::make_anonymous(options.segment, contents.purpose);
    if (!fresh.ok()) return fresh.status();
    auto made = lay_out(*std::move(fresh), options, contents, how);
    if (!made.ok()) return made.status();
    return SegmentHome(*std::move(made));
  }
  /// The segment behind a descriptor that was inherited or received; it stays the caller's.
  [[nodiscard]] static absl::StatusOr<SegmentHome> open(int fd, const SegmentHomeOptions& options,
                                                        const SegmentContents& contents) {
    auto found = Segment::open(fd, options.segment, contents.purpose);
    if (!found.ok()) return found.status();
    return join(*std::move(found), options, contents, false);
  }

  [[nodiscard]] std::span<std::byte> block() noexcept { return attachment_->block(); }
  [[nodiscard]] SegmentLock& directory_lock() noexcept { return attachment_->lock(); }

  /// This process's number among the participants.
  [[nodiscard]] std::uint32_t participant() const noexcept { return attachment_->self(); }
  /// Cleans up after those who have died, if the last look was a while ago. Any thread.
  void look_after_others() { attachment_->look_after_others(); }
  /// True in a forked child, for which all of it is a copy of its own.
  [[nodiscard]] bool forked() const noexcept { return attachment_->forked(); }
  /// How long a wait may sleep before it looks.
  static constexpr std::chrono::milliseconds kLongestNap = SegmentAttachment::kLookEvery;

  /// Refuses, when it is compiled, what is not safe between processes (bus/type_description.hpp).
  template <class T>
  static constexpr void check_message() noexcept {
    ringway::check_message<T>();
  }

  // Lanes by owner; see bus/home.hpp.
  struct LaneHold {
    OwnSegments::Mapping mapping;
    OwnSegments::OwnWord word;
  };
  using LaneFinder = OwnSegments::Finder;
  /// The number of the segment that this process alone writes; 0: lanes lie in the block.
  [[nodiscard]] std::uint64_t own_segment() const noexcept {
    return attachment_->own() == nullptr ? 0 : attachment_->own()->number();
  }
  /// Where lanes begin in a segment of one owner, and what this process's own has.
  static constexpr std::size_t kFirstLane = OwnSegments::kLanes;
  static constexpr std::size_t kObserverAnswers = sizeof(LaneBoard);
  [[nodiscard]] std::span<std::byte> own_memory() const noexcept {
    return attachment_->own()->own();
  }
  /// The memory of a segment, for as long as `hold` is there; empty if it can not be had.
  [[nodiscard]] std::span<std::byte> segment(std::uint64_t number, LaneHold& hold) noexcept {
    if (attachment_->own() == nullptr) return {};
    hold.mapping = attachment_->own()->mapping(number);
    return hold.mapping == nullptr ? std::span<std::byte>{} : hold.mapping->contents();
  }
  [[nodiscard]] OwnSegments::OwnWord take_word() noexcept {
    return attachment_->own() == nullptr ? OwnSegments::OwnWord() : attachment_->own()->take_word();
  }
  [[nodiscard]] std::uint64_t segment_of(std::uint32_t participant) const noexcept {
    return attachment_->segment_of(participant);
  }
  [[nodiscard]] std::unique_ptr<LaneFinder> make_finder() const {
    return std::make_unique<LaneFinder>(attachment_->own());
  }
  /// A lane in this segment was freed. Under the lock.
  void lane_freed(std::uint64_t number) const noexcept {
    if (number != 0 && number != own_segment()) attachment_->collect_one(number);
  }

  [[nodiscard]] SegmentAttachment& attachment() noexcept { return *attachment_; }

 private:
  explicit SegmentHome(std::unique_ptr<SegmentAttachment> attachment) noexcept
      : attachment_(std::move(attachment)) {}

  static absl::Status make_own(SegmentAttachment& attachment, const SegmentHomeOptions& options) {
    const std::scoped_lock lock(attachment.lock());
    return attachment.make_own(options);
  }
  static absl::StatusOr<std::unique_ptr<SegmentAttachment>> lay_out(
      Segment segment, const SegmentHomeOptions& options, const SegmentContents& contents,
      const void* how) {
    const auto offset = SegmentAttachment::block_offset(options.participants);
    if (options.participants == 0 || options.participants > Participants::kMost ||
        offset >= segment.contents().size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("no room for ", options.participants, " participants in a segment of ",
                       segment.contents().size(), " bytes; at most ", Participants::kMost));
    }
    const auto participants = Participants::format(segment.contents(), options.participants);
    auto status = contents.format(segment.contents().subspan(offset), how);
    if (!status.ok()) return status;
    segment.set_ready();
    auto made = std::make_unique<SegmentAttachment>(std::move(segment), participants, contents);
    const std::scoped_lock lock(made->lock());
    status = made->attach(options.participant_name);
    if (!status.ok()) return status;
    return made;
  }

  /// \return NotFound if nobody is left in it
  static absl::StatusOr<SegmentHome> join(Segment segment, const SegmentHomeOptions& options,
                                          const SegmentContents& contents, bool named) {
    const auto participants = Participants::join(segment.contents());
    if (participants.most() == 0 ||
        SegmentAttachment::block_offset(participants.most()) >= segment.contents().size()) {
      return absl::DataLossError(
          absl::StrCat(segment.path(),
                       " is refused: its table of participants is corrupt; remove "
                       "it if no program uses it"));
    }
    auto joined = std::make_unique<SegmentAttachment>(std::move(segment), participants, contents);
    {
      const std::scoped_lock lock(joined->lock());
      if (named && !joined->segment().has_name()) return absl::NotFoundError("gone");
      if (!joined->bury_the_dead() && named) {
        joined->remove_names();  // whatever is in it is about the dead alone
        // still there: another user's, in a sticky folder; it is in order, and goes on
        if (!joined->segment().has_name()) return absl::NotFoundError("dead");
      }
      auto status = joined->attach(options.participant_name);
      if (status.ok() && named) status = joined->make_own(options);
      if (!status.ok()) return status;
    }
    return SegmentHome(std::move(joined));
  }

  std::unique_ptr<SegmentAttachment> attachment_;
};

static_assert(OwnerHome<SegmentHome>);

}  // namespace ringway
