// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The segments of one bus by owner: this process's own, which it alone writes, and those of
/// others, mapped here for reading. For SegmentHome; not for users.
///
/// *What.* A process's own segment holds the lanes that it publishes (its answers too) and the
/// positions of its readers. Who reads a lane maps its owner's segment; who publishes to a reader
/// maps the reader's. All of it is found by number: the generation of the participant plus 1.
///
///   name of a segment     ringway-NAME@INODE-NUMBER, INODE being that of the control segment
///   contents              kGates words (OwnGate), then lanes, each of them perhaps with a board
///                         for observers behind it (shm/watch.hpp)
///   place of a word       NUMBER and the word's index (GateFinder)
///
/// *Protocol.* The file is made without a name, laid out, and named under the directory's lock, as
/// the control segment is (shm/segment.hpp). The name goes when its owner is gone and no lane in it
/// is used (collect()); what is mapped stays until whoever maps it lets go. Who is alive the
/// participants' table tells. An owner also holds a lock on its own file, for tools: somebody may
/// have removed the control segment by hand.
///
/// *Synchronisation.* A lock between this process's threads; between processes the directory's lock
/// and the edges of the rings.
///
/// *Progress.* Blocking (the kernel), when somebody is first met; after that a look into a table.

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "ringway/ring/audience.hpp"
#include "ringway/shm/file_lock.hpp"
#include "ringway/shm/lane_watch.hpp"
#include "ringway/shm/segment.hpp"
#include "ringway/shm/shared_memory.hpp"
#include "ringway/shm/watch.hpp"

namespace ringway {

class OwnSegments {
  using Gate = OwnGate<SharedMemory>;
  static constexpr unsigned kIndexBits = 16;  // of a place
  static constexpr std::uint64_t kIndexMask = (std::uint64_t{1} << kIndexBits) - 1;

 public:
  using Number = std::uint64_t;
  using Mapping = std::shared_ptr<const Segment>;
  using Word = SharedMemory::Atomic<Sequence>;

  /// Readers' words that fit; readers beyond have their positions in the control segment.
  static constexpr std::size_t kGates = 256;
  /// Users whose observers are admitted besides those that always are.
  static constexpr std::size_t kMostUsers = LaneBoard::kUsers - 3;
  /// Bytes before the lanes.
  static constexpr std::size_t kLanes = kGates * sizeof(Gate);

  /// The file of a segment. \param control path of the control segment \param inode of it
  [[nodiscard]] static std::string path_of(const std::string& control, ::ino_t inode,
                                           Number number) {
    return absl::StrCat(prefix_of(control, inode), number);
  }
  /// What the name of such a file says.
  struct Name {
    std::string control;  ///< name of the control segment's file
    std::uint64_t inode = 0;
    Number number = 0;
  };
  [[nodiscard]] static std::optional<Name> parse(const std::string& file) {
    const auto mark = file.rfind(kMark);
    const auto dash = file.rfind('-');
    if (mark == std::string::npos || dash == std::string::npos || dash < mark) return std::nullopt;
    Name name;
    name.control = file.substr(0, mark);
    if (!absl::SimpleAtoi(file.substr(mark + 1, dash - mark - 1), &name.inode) ||
        !absl::SimpleAtoi(file.substr(dash + 1), &name.number)) {
      return std::nullopt;
    }
    return name;
  }
  /// True if the owner of a segment is alive, or nobody can tell. \param fd of its file
  [[nodiscard]] static bool owner_alive(int fd) noexcept {
    return FileLock::is_held(fd, WatchName::kOwnerByte);
  }
  /// True if a file's name is that of a process's own segment.
  [[nodiscard]] static bool is_name_of_one(const std::string& file) noexcept {
    return file.find(kMark) != std::string::npos;
  }
  /// What a place means: whose segment, and where in its contents the word lies.
  [[nodiscard]] static constexpr Number number_of(std::uint64_t place) noexcept {
    return place >> kIndexBits;
  }
  [[nodiscard]] static constexpr std::uint64_t offset_of(std::uint64_t place) noexcept {
    return (place & kIndexMask) * sizeof(Gate);
  }

  /// A word of this process's own segment; given back at the end.
  class OwnWord {
   public:
    OwnWord() noexcept = default;
    OwnWord(OwnWord&& other) noexcept
        : segments_(std::exchange(other.segments_, nullptr)), index_(other.index_) {}
    OwnWord& operator=(OwnWord&& other) noexcept {
      std::swap(segments_, other.segments_);
      std::swap(index_, other.index_);
      return *this;
    }
    ~OwnWord() {
      if (segments_ != nullptr) segments_->give_back(index_);
    }
    explicit operator bool() const noexcept { return segments_ != nullptr; }
    [[nodiscard]] Gate& gate() const noexcept { return segments_->gates()[index_]; }
    [[nodiscard]] std::uint64_t place() const noexcept {
      return segments_->number() << kIndexBits | index_;
    }

   private:
    friend OwnSegments;
    OwnWord(OwnSegments* segments, std::size_t index) noexcept
        : segments_(segments), index_(index) {}

    OwnSegments* segments_ = nullptr;
    std::size_t index_ = 0;
  };

  /// \param control the segment that all write \param options for this process's own segment
  /// \param others how others' segments are mapped \param observers users whose observers may hold
  /// lanes of this process back, besides its own, root and the bus's; kMostUsers at most
  OwnSegments(const Segment& control, SegmentOptions options,
              Segment::Access others = Segment::Access::kRead,
              std::span<const ::uid_t> observers = {})
      : options_(std::move(options)), others_(others) {
    struct stat facts {};
    if (::fstat(control.fd(), &facts) != 0) return;
    prefix_ = prefix_of(control.path(), facts.st_ino);
    options_.mode = facts.st_mode & 0777U;  // who may attach may read
    options_.owner.reset();
    options_.group.reset();
    control_owner_ = facts.st_uid;
    control_group_ = facts.st_gid;
    WatchFiles::Users users;
    users.fill(LaneBoard::kNoUser);
    std::ranges::copy(observers.first(std::min(observers.size(), kMostUsers)), users.begin());
    users[kMostUsers] = ::geteuid();
    users[kMostUsers + 1] = 0;
    users[kMostUsers + 2] = control_owner_;
    watch_files_.emplace(WatchName::prefix(control.path(), facts.st_ino), users);
  }

  /// Makes this process's own segment and gives it its name. Under the directory's lock.
  [[nodiscard]] absl::Status make_own(Number number) {
    if (prefix_.empty()) return absl::InternalError("the control segment can not be looked at");
    auto made = Segment::make(options_, kPurpose);
    if (!made.ok()) return made.status();
    for (std::size_t i = 0; i < kGates; ++i) {
      ::new (static_cast<void*>(made->contents().data() + i * sizeof(Gate))) Gate;
      free_.push_back(kGates - 1 - i);
    }
    made->set_ready();
    if (!FileLock::try_take(made->fd(), WatchName::kOwnerByte)) {
      return absl::UnavailableError("the kernel gives no lock on a process's own segment");
    }
    if (auto status = share(made->fd()); !status.ok()) return status;
    auto named = made->give_path(path_of(number));
    if (absl::IsAlreadyExists(named)) {
      remove_name(number);  // a leftover of another bus: the number is this process's alone
      named = made->give_path(path_of(number));
    }
    if (!named.ok()) return named;
    number_ = number;
    own_ = std::make_shared<Segment>(*std::move(made));
    return absl::OkStatus();
  }

  [[nodiscard]] Number number() const noexcept { return number_; }
  [[nodiscard]] std::span<std::byte> own() const noexcept { return own_->contents(); }

  /// The segment of this number as it is mapped here; null if it can not be had. Any thread.
  [[nodiscard]] Mapping mapping(Number number) noexcept {
    if (number == number_) return own_;
    const std::scoped_lock lock(lock_);
    const auto known = known_.find(number);
    if (known != known_.end()) {
      if (auto mapped = known->second.lock()) return mapped;
    }
    std::erase_if(known_, [](const auto& each) { return each.second.expired(); });
    auto options = options_;
    struct stat facts {};
    const auto path = path_of(number);
    // another user's is accepted where that user may write the control segment
    const bool shared_by_users = (options_.mode & 022U) != 0;
    if (::lstat(path.c_str(), &facts) == 0 && (shared_by_users || facts.st_uid == control_owner_)) {
      options.owner = facts.st_uid;
    }
    // Putting huge pages together takes long, and a publisher may be waiting: its maker asks.
    options.huge_pages = false;
    auto opened = Segment::open_path(path, options, kPurpose, others_);
    if (!opened.ok()) return nullptr;
    opened->close_descriptor();
    auto mapped = std::make_shared<const Segment>(*std::move(opened));
    known_[number] = mapped;
    return mapped;
  }

  /// A word for one more reader; empty if all are in use. Any thread.
  [[nodiscard]] OwnWord take_word() noexcept {
    const std::scoped_lock lock(lock_);
    if (free_.empty()) return {};
    const auto index = free_.back();
    free_.pop_back();
    return {this, index};
  }

  /// Finds the words of one lane's readers; for its publisher's thread.
  class Finder : public GateFinder<SharedMemory> {
   public:
    explicit Finder(OwnSegments* segments) noexcept
        : GateFinder<SharedMemory>{find_word}, segments_(segments) {}

    /// Maps the segment of this number now rather than when its reader's word is looked for.
    void expect(std::size_t gate, Number number) {
      known_[gate] = {number << kIndexBits, nullptr, segments_->mapping(number)};
    }

    /// The lane waits for observers from now on. \param board where they find answers
    void admit_observers(std::span<std::byte> board, std::uint32_t lane, std::uint32_t life,
                         std::chrono::nanoseconds lag_limit, std::size_t longest_claim) {
      watch_ = std::make_unique<LaneWatch>(*segments_->watch_files_, board,
                                           LaneKey{segments_->number(), lane, life}, lag_limit,
                                           longest_claim);
      slowest_of = ask_watch;
    }
    [[nodiscard]] bool waits_for_observers() const noexcept {
      return watch_ != nullptr && watch_->holds_back();
    }

   private:
    struct Known {
      std::uint64_t place = 0;
      const Word* word = nullptr;
      Mapping mapping;  // stays until another reader has the gate: the word may be looked at
    };
    static Sequence ask_watch(const GateFinder<SharedMemory>& self, Sequence own, Sequence slowest,
                              std::size_t capacity) noexcept {
      return static_cast<const Finder&>(self).watch_->slowest(own, slowest, capacity);
    }
    static const Word* find_word(const GateFinder<SharedMemory>& self, std::size_t gate,
                                 std::uint64_t place) noexcept {
      const auto& finder = static_cast<const Finder&>(self);
      auto& known = finder.known_[gate];
      if (known.place != place || known.word == nullptr) [[unlikely]] {
        if (known.mapping != nullptr && known.place >> kIndexBits == place >> kIndexBits) {
          known.place = place;
          return known.word = word_in(*known.mapping, place & kIndexMask);
        }
        auto mapping = finder.segments_->mapping(place >> kIndexBits);
        if (mapping == nullptr) return nullptr;
        known.word = word_in(*mapping, place & kIndexMask);
        known.mapping = std::move(mapping);
        known.place = place;
      }
      return known.word;
    }

    OwnSegments* segments_;
    std::unique_ptr<LaneWatch> watch_;
    mutable Known known_[Attention<SharedMemory>::kMostReaders];
  };

  /// Removes the name of the segment of this number. Under the directory's lock.
  void remove_name(Number number) const noexcept { ::unlink(path_of(number).c_str()); }
  /// Removes the names of segments that `is_needed(number)` denies, and of dead observers' files.
  /// Under the directory's lock.
  template <class IsNeeded>
  void collect(IsNeeded&& is_needed) const {
    if (watch_files_) WatchName::remove_dead(watch_files_->prefix());
    for_each_of(prefix_, [&](Number number) {
      if (!is_needed(number)) remove_name(number);
    });
  }
  /// Removes the names of all segments that belong to a control segment which is gone, and of dead
  /// observers' files.
  static void remove_names_of(const std::string& control, ::ino_t inode) {
    WatchName::remove_dead(WatchName::prefix(control, inode));
    const auto prefix = prefix_of(control, inode);
    for_each_of(prefix, [&](Number number) { ::unlink(absl::StrCat(prefix, number).c_str()); });
  }

  /// In a forked child: what it does to its parent's segment stays in the child.
  void after_fork() noexcept {
    ::new (static_cast<void*>(&lock_)) std::mutex;
    if (own_ != nullptr) own_->become_private();
    if (watch_files_) watch_files_->after_fork();
  }

 private:
  static constexpr std::uint64_t kPurpose = 0x0001'0002'6e77'6f72;  // "rown", contents 1.2

  static constexpr char kMark = '@';  // in no name of a bus
  static std::string prefix_of(const std::string& control, ::ino_t inode) {
    return absl::StrCat(control, std::string(1, kMark), inode, "-");
  }
  /// Calls `use(number)` for each segment that bears this prefix.
  template <class Use>
  static void for_each_of(const std::string& prefix, Use&& use) {
    const auto slash = prefix.rfind('/');
    if (slash == std::string::npos) return;
    const std::string folder = prefix.substr(0, slash);
    const std::string start = prefix.substr(slash + 1);
    auto* listing = ::opendir(folder.c_str());
    if (listing == nullptr) return;
    std::vector<Number> found;
    while (const auto* entry = ::readdir(listing)) {
      const std::string name = entry->d_name;
      Number number = 0;
      if (name.rfind(start, 0) != 0) continue;
      if (absl::SimpleAtoi(name.substr(start.size()), &number)) found.push_back(number);
    }
    ::closedir(listing);
    for (const auto number : found) use(number);
  }
  static const Word* word_in(const Segment& segment, std::uint64_t index) noexcept {
    const auto contents = segment.contents();
    if (index >= kGates || contents.size() < kLanes) return nullptr;
    return &reinterpret_cast<const Gate*>(contents.data())[index].position;
  }
  [[nodiscard]] std::string path_of(Number number) const { return absl::StrCat(prefix_, number); }

  /// Gives this process's own segment to the control segment's owner and group, as far as that is
  /// permitted; an error if some of those who may read the control segment could not read it then.
  [[nodiscard]] absl::Status share(int fd) const {
    constexpr auto kSame = static_cast<::uid_t>(-1);
    if (::geteuid() == 0) static_cast<void>(::fchown(fd, control_owner_, kSame) == 0);
    static_cast<void>(::fchown(fd, kSame, control_group_) == 0);
    struct stat facts {};
    if (::fstat(fd, &facts) != 0) return absl::ErrnoToStatus(errno, "fstat of an own segment");
    const auto may = [this](::mode_t bit) { return (options_.mode & bit) != 0; };
    if (may(S_IROTH)) return absl::OkStatus();
    const bool group_reads = !may(S_IRGRP) || facts.st_gid == control_group_;
    // where the group may write it, its members have files of their own
    const bool owner_reads = may(S_IWGRP) || facts.st_uid == control_owner_;
    if (group_reads && owner_reads) return absl::OkStatus();
    return absl::PermissionDeniedError(absl::StrCat(
        "the others could not read what this process publishes: the bus is for ",
        group_reads
            ? absl::StrCat("user ", control_owner_, ", to whom this process may give no file")
            : absl::StrCat("group ", control_group_, ", to which this process does not belong"),
        " (SegmentOptions::mode, owner and group of its creator)"));
  }
  [[nodiscard]] Gate* gates() const noexcept {
    return std::launder(reinterpret_cast<Gate*>(own_->contents().data()));
  }
  void give_back(std::size_t index) noexcept {
    const std::scoped_lock lock(lock_);
    free_.push_back(index);  // has room: it was there before
  }

  SegmentOptions options_;
  Segment::Access others_;
  std::string prefix_;
  ::uid_t control_owner_ = 0;
  ::gid_t control_group_ = 0;
  Number number_ = 0;
  std::shared_ptr<Segment> own_;
  std::mutex lock_;
  std::vector<std::size_t> free_;
  std::map<Number, std::weak_ptr<const Segment>> known_;
  std::optional<WatchFiles> watch_files_;
};

}  // namespace ringway
