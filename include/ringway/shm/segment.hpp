// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// `Segment`: a block of memory that several processes map, found by name or by descriptor.
///
/// *What.* Made without a name, laid out by its maker, then given its name in one step, so nobody
/// ever sees a half-made one and a maker that is killed leaves nothing behind. All of its space is
/// reserved when it is made: a full file system or a limit is an error then and no signal later.
///
/// *Protocol.* A static header (SegmentHeader) at offset 0, contents from kContents on. The header
/// is written by the maker and never again; whoever opens checks it before anything else, from one
/// copy. The word `ready` is stored last.
///
/// *Synchronisation.* "ready": set_ready() stores the word -> check() loads it: the contents are
/// laid out.
///
/// *Progress.* Blocking (the kernel); nothing here is on the path of a message.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "ringway/base/cache_line.hpp"
#include "ringway/shm/file_lock.hpp"
#include "ringway/shm/huge_pages.hpp"

namespace ringway {

struct SegmentOptions {
  std::size_t bytes = 0;  ///< of the contents
  ::mode_t mode = 0600;   ///< of the file: who may attach
  std::optional<::uid_t>
      owner;  ///< give the file to this user; also: accept a segment of this user
  std::optional<::gid_t> group;     ///< give the file to this group
  bool huge_pages = false;          ///< transparent ones, made when it is opened; goes on without
  bool lock_memory = false;         ///< keep it in memory (mlock); goes on without
  bool prefault = false;            ///< touch all pages now rather than at the first use
  std::string folder = "/dev/shm";  ///< where names live; a tmpfs
};

/// The static part of every segment.
struct SegmentHeader {
  static constexpr std::uint64_t kMagic = 0x2d79'6177'676e'6972;  // "ringway-" in memory order
  static constexpr std::uint32_t kLayoutVersion = 1;
  static constexpr std::uint32_t kByteOrder = 0x01020304;

  std::uint64_t magic = 0;
  std::uint32_t layout_version = 0;
  std::uint32_t byte_order = 0;
  std::uint32_t cache_line = 0;
  std::uint32_t contents_offset = 0;
  std::uint64_t total_bytes = 0;
  std::uint64_t purpose = 0;   // what the contents are, and in which version
  std::uint64_t checksum = 0;  // of all before it

  [[nodiscard]] std::uint64_t sum() const noexcept {
    std::uint64_t value = 14695981039346656037ULL;  // FNV-1a over the fields, eight bytes at a time
    for (const std::uint64_t word :
         {magic, std::uint64_t{layout_version} << 32 | byte_order,
          std::uint64_t{cache_line} << 32 | contents_offset, total_bytes, purpose}) {
      value = (value ^ word) * 1099511628211ULL;
    }
    return value;
  }
};

class Segment {
 public:
  /// Offset of the contents in bytes: a page, whatever the header needs.
  static constexpr std::size_t kContents = 4096;

  /// A new segment without a name; lay the contents out, set_ready(), then give_name().
  [[nodiscard]] static absl::StatusOr<Segment> make(const SegmentOptions& options,
                                                    std::uint64_t purpose) {
    Descriptor file(::open(options.folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (!file) {
      return trouble(
          absl::StrCat("no file for a segment in ", options.folder),
          "it must be a writable tmpfs (df shows it), with descriptors left (ulimit -n)");
    }
    return make_in(std::move(file), options, purpose);
  }
  /// A new segment that never has a name: handed on by its descriptor. `name` is for /proc alone.
  [[nodiscard]] static absl::StatusOr<Segment> make_anonymous(const SegmentOptions& options,
                                                              std::uint64_t purpose,
                                                              const std::string& name = "ringway") {
    Descriptor file(::memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!file)
      return trouble("no anonymous file for a segment", "are descriptors left (ulimit -n)?");
    auto own = reopen(file.get(), Access::kReadWrite);  // the other one is handed on
    if (!own) return trouble("the anonymous file can not be opened anew", "is /proc mounted?");
    auto made = make_in(std::move(own), options, purpose);
    if (!made.ok()) return made;
    if (::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) != 0) {
      return trouble("the segment could not be sealed", "this kernel has no F_ADD_SEALS");
    }
    made->to_hand_on_ = std::move(file);
    return made;
  }

  /// The segment of this name, mapped for reading and writing, or for reading alone.
  enum class Access : unsigned char { kReadWrite, kRead };
  [[nodiscard]] static absl::StatusOr<Segment> open(std::string_view name,
                                                    const SegmentOptions& options,
                                                    std::uint64_t purpose,
                                                    Access access = Access::kReadWrite) {
    auto path = path_of(name, options.folder);
    if (!path.ok()) return path.status();
    return open_path(*path, options, purpose, access);
  }
  /// The same by the file's path.
  [[nodiscard]] static absl::StatusOr<Segment> open_path(const std::string& path,
                                                         const SegmentOptions& options,
                                                         std::uint64_t purpose, Access access) {
    const int flags = access == Access::kRead ? O_RDONLY : O_RDWR;
    Descriptor file(::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!file) {
      if (errno == ENOENT) return absl::NotFoundError(absl::StrCat("there is no segment ", path));
      if (errno == EACCES) return not_permitted(path);
      return trouble(absl::StrCat("can not open ", path),
                     "is it a segment of Ringway's, and are descriptors left (ulimit -n)?");
    }
    return adopt(std::move(file), options, purpose, access, path);
  }
  /// A segment whose descriptor was inherited or received; opens a description of its own.
  [[nodiscard]] static absl::StatusOr<Segment> open(int fd, const SegmentOptions& options,
                                                    std::uint64_t purpose,
                                                    Access access = Access::kReadWrite) {
    auto file = reopen(fd, access);
    if (!file) {
      return trouble(absl::StrCat("can not open the segment behind descriptor ", fd),
                     "is /proc mounted, and is it open?");
    }
    return adopt(std::move(file), options, purpose, access,
                 absl::StrCat("(the segment behind descriptor ", fd, ")"));
  }

  Segment(Segment&& other) noexcept
      : file_(std::move(other.file_)),
        to_hand_on_(std::move(other.to_hand_on_)),
        path_(std::move(other.path_)),
        memory_(std::exchange(other.memory_, {})),
        fell_back_(std::move(other.fell_back_)),
        access_(other.access_) {}
  Segment& operator=(Segment&&) = delete;
  ~Segment() {
    if (!memory_.empty()) ::munmap(memory_.data(), memory_.size());
  }

  /// The contents are laid out.
  void set_ready() noexcept {
    ready_word().store(kReady, std::memory_order_release);  // release "ready"
  }

  /// Makes it findable. AlreadyExists if the name is taken. \pre made by make(), and ready
  [[nodiscard]] absl::Status give_name(std::string_view name, const SegmentOptions& options) {
    auto path = path_of(name, options.folder);
    if (!path.ok()) return path.status();
    return give_path(*std::move(path));
  }
  /// The same by the file's path.
  [[nodiscard]] absl::Status give_path(std::string path) {
    if (::linkat(AT_FDCWD, Link(fd()).text, AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) != 0) {
      if (errno == EEXIST) return absl::AlreadyExistsError(absl::StrCat(path, " exists"));
      return trouble(absl::StrCat("can not name the segment ", path), "is /proc mounted?");
    }
    path_ = std::move(path);
    return absl::OkStatus();
  }
  /// True if the name still leads to this segment.
  [[nodiscard]] bool has_name() const noexcept {
    struct stat own {};
    struct stat named {};
    return ::fstat(fd(), &own) == 0 && own.st_nlink > 0 && ::lstat(path_.c_str(), &named) == 0 &&
           own.st_ino == named.st_ino && own.st_dev == named.st_dev;
  }
  /// Removes the name if it is this segment's. Those who have it mapped go on.
  void remove_name() noexcept {
    if (has_name()) ::unlink(path_.c_str());
  }

  /// Nobody may map it for writing from now on, but for those who have. \pre anonymous
  [[nodiscard]] absl::Status seal_against_writers() {
    constexpr int kFutureWrite = 0x0010;  // F_SEAL_FUTURE_WRITE, since Linux 5.1
    if (::fcntl(fd(), F_ADD_SEALS, kFutureWrite) != 0) {
      return trouble("the segment could not be sealed against writers", "Linux 5.1 can");
    }
    return absl::OkStatus();
  }

  /// In a forked child: what is done to this mapping from now on stays in this process, and no
  /// descriptor is left: the parent's locks are the parent's alone.
  void become_private() noexcept {
    if (!memory_.empty()) {
      // a description of the child's own: a mapping keeps its description, and so its locks, alive
      const auto own = reopen(fd(), Access::kRead);
      const int protection = access_ == Access::kRead ? PROT_READ : PROT_READ | PROT_WRITE;
      if (!own || ::mmap(memory_.data(), memory_.size(), protection, MAP_PRIVATE | MAP_FIXED,
                         own.get(), 0) == MAP_FAILED) {
        copy_in_place();
      }
    }
    file_.close();
    to_hand_on_.close();
  }

  /// For those who take no locks and never fork on it: what is mapped stays.
  void close_descriptor() noexcept { file_.close(); }

  [[nodiscard]] std::span<std::byte> contents() const noexcept {
    return memory_.subspan(kContents);
  }
  /// For locks: a description of this process's own. Not to be handed on.
  [[nodiscard]] int fd() const noexcept { return file_.get(); }
  /// What the maker of an anonymous segment hands on: inherited (clear FD_CLOEXEC first) or sent
  /// over a Unix socket; -1 for others.
  [[nodiscard]] int fd_to_hand_on() const noexcept { return to_hand_on_.get(); }
  /// The file's path, or a description of where the segment came from.
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// Wishes that the machine did not grant, in words; empty if all were.
  [[nodiscard]] const std::string& fell_back() const noexcept { return fell_back_; }

  /// The header of a segment's file, read and checked without mapping the file; an error that says
  /// what is wrong with it. \param size of the file
  [[nodiscard]] static absl::StatusOr<SegmentHeader> read_header(int fd, const std::string& path,
                                                                 std::uint64_t size,
                                                                 std::uint64_t purpose) {
    if (size < kContents) {
      return refused(path, absl::StrCat("it has ", size,
                                        " bytes, fewer than any segment; remove it "
                                        "if no program uses it"));
    }
    SegmentHeader header;
    std::uint32_t ready = 0;
    if (::pread(fd, &header, sizeof(header), 0) != ssize_t{sizeof(header)}) {
      return trouble(absl::StrCat("can not read ", path), "is it a file of this machine?");
    }
    if (::pread(fd, &ready, sizeof(ready), kReadyOffset) != ssize_t{sizeof(ready)} ||
        ready != kReady) {
      return refused(path, "it is not ready: its maker did not finish; remove it");
    }
    if (auto status = check(header, path, size, purpose); !status.ok()) return status;
    return header;
  }

  /// The file that a name stands for.
  [[nodiscard]] static absl::StatusOr<std::string> path_of(std::string_view name,
                                                           const std::string& folder) {
    const auto fine = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '_' || c == '-' || c == '.';
    };
    bool good = !name.empty() && name.size() <= kLongestSegmentName;
    for (const char c : name) good = good && fine(c);
    if (!good) {
      return absl::InvalidArgumentError(absl::StrCat(
          "\"", absl::string_view(name.data(), name.size()), "\" names no segment: use 1 to ",
          kLongestSegmentName, " letters, digits, '_', '-' and '.'"));
    }
    return absl::StrCat(folder, "/ringway-", absl::string_view(name.data(), name.size()));
  }

 private:
  static constexpr std::uint32_t kReady = 0x79646165;  // "eady"
  static constexpr std::size_t kReadyOffset = 128;
  static constexpr std::size_t kLongestSegmentName = 100;
  static_assert(sizeof(SegmentHeader) <= kReadyOffset);

  Segment(Descriptor file, std::string path, std::span<std::byte> memory, Access access) noexcept
      : file_(std::move(file)), path_(std::move(path)), memory_(memory), access_(access) {}

  static absl::Status trouble(const std::string& what, const char* advice) {
    return absl::ErrnoToStatus(errno, absl::StrCat(what, " (", advice, ")"));
  }
  static absl::Status not_permitted(const std::string& path) {
    struct stat facts {};
    if (::stat(path.c_str(), &facts) != 0) {
      return absl::PermissionDeniedError(absl::StrCat("not permitted to open ", path));
    }
    return absl::PermissionDeniedError(
        absl::StrCat("not permitted to open ", path, ": it belongs to user ", facts.st_uid,
                     ", group ", facts.st_gid, ", mode ", absl::Hex(facts.st_mode >> 6U & 7U),
                     absl::Hex(facts.st_mode >> 3U & 7U), absl::Hex(facts.st_mode & 7U),
                     "; its creator can set mode, owner and group in SegmentOptions"));
  }
  static absl::Status refused(const std::string& path, const std::string& why) {
    return absl::DataLossError(absl::StrCat(path, " is refused: ", why));
  }

  /// The path under /proc that leads to an open file.
  struct Link {
    char text[32];
    explicit Link(int fd) noexcept { std::snprintf(text, sizeof(text), "/proc/self/fd/%d", fd); }
  };
  static Descriptor reopen(int fd, Access access) noexcept {
    return Descriptor(
        ::open(Link(fd).text, (access == Access::kRead ? O_RDONLY : O_RDWR) | O_CLOEXEC));
  }
  /// The shared mapping gives way to a copy of it, at the same place.
  void copy_in_place() noexcept {
    void* copy =
        ::mmap(nullptr, memory_.size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (copy == MAP_FAILED) std::abort();  // rather no child than one that writes to its parent's
    std::memcpy(copy, memory_.data(), memory_.size());
    if (::mremap(copy, memory_.size(), memory_.size(), MREMAP_MAYMOVE | MREMAP_FIXED,
                 memory_.data()) == MAP_FAILED) {
      std::abort();
    }
  }

  static absl::StatusOr<Segment> make_in(Descriptor file, const SegmentOptions& options,
                                         std::uint64_t purpose) {
    const std::size_t total = kContents + options.bytes;
    if (options.bytes == 0 || options.bytes > kMostBytes) {
      return absl::InvalidArgumentError(
          absl::StrCat("a segment of ", options.bytes, " bytes can not be made"));
    }
    // asked first: the kernel would not answer, but send SIGXFSZ
    struct rlimit limit {};
    if (::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < total) {
      return absl::ResourceExhaustedError(
          absl::StrCat("a segment of ", total, " bytes is larger than the limit of ",
                       limit.rlim_cur, " for a file; raise it (ulimit -f) or ask for less"));
    }
    int error = 0;
    do {
      error = ::posix_fallocate(file.get(), 0, static_cast<off_t>(total));
    } while (error == EINTR);
    if (error != 0) {
      return absl::ResourceExhaustedError(
          absl::StrCat("no room for a segment of ", total, " bytes in ", options.folder, " (",
                       std::strerror(error),
                       "); ask for less, or make it larger (mount -o remount,size=, "
                       "docker --shm-size)"));
    }
    if (::fchmod(file.get(), options.mode) != 0) {
      return trouble("the segment's mode could not be set", "SegmentOptions::mode");
    }
    if ((options.owner || options.group) &&
        ::fchown(file.get(), options.owner.value_or(static_cast<::uid_t>(-1)),
                 options.group.value_or(static_cast<::gid_t>(-1))) != 0) {
      return trouble("the segment could not be given to that owner or group",
                     "only root may give files away; a group must be one of yours");
    }
    auto made = map(std::move(file), "(a new segment)", total, Access::kReadWrite);
    if (!made.ok()) return made;
    made->settle(options);
    SegmentHeader header;
    header.magic = SegmentHeader::kMagic;
    header.layout_version = SegmentHeader::kLayoutVersion;
    header.byte_order = SegmentHeader::kByteOrder;
    header.cache_line = kCacheLine;
    header.contents_offset = kContents;
    header.total_bytes = total;
    header.purpose = purpose;
    header.checksum = header.sum();
    std::memcpy(made->memory_.data(), &header, sizeof(header));
    return made;
  }

  static absl::StatusOr<Segment> adopt(Descriptor file, const SegmentOptions& options,
                                       std::uint64_t purpose, Access access, std::string path) {
    struct stat facts {};
    if (::fstat(file.get(), &facts) != 0 || !S_ISREG(facts.st_mode)) {
      return refused(path, "it is no regular file");
    }
    // somebody else could have put it there for us to find
    if (facts.st_uid != 0 && facts.st_uid != ::geteuid() &&
        (!options.owner || *options.owner != facts.st_uid)) {
      return absl::PermissionDeniedError(
          absl::StrCat(path, " belongs to user ", facts.st_uid, ", not to this one (", ::geteuid(),
                       "); if that user is trusted, name it in SegmentOptions::owner"));
    }
    const auto size = static_cast<std::uint64_t>(facts.st_size);
    auto header = read_header(file.get(), path, size, purpose);
    if (!header.ok()) return header.status();
    auto opened = map(std::move(file), std::move(path), header->total_bytes, access);
    if (!opened.ok()) return opened;
    static_cast<void>(opened->ready_word().load(std::memory_order_acquire));  // acquire "ready"
    opened->settle(options);
    return opened;
  }

  static absl::Status check(const SegmentHeader& header, const std::string& path,
                            std::uint64_t size, std::uint64_t purpose) {
    if (header.magic != SegmentHeader::kMagic) {
      return refused(path, "it is no segment of Ringway's; choose another name");
    }
    if (header.byte_order != SegmentHeader::kByteOrder) {
      return refused(path, "it was made with another byte order");
    }
    if (header.layout_version != SegmentHeader::kLayoutVersion) {
      return refused(path,
                     absl::StrCat("its layout is version ", header.layout_version,
                                  ", this program knows version ", SegmentHeader::kLayoutVersion,
                                  "; build all programs with one Ringway, or use two names"));
    }
    if (header.checksum != header.sum() || header.contents_offset != kContents) {
      return refused(path, "its header is corrupt; remove it if no program uses it");
    }
    if (header.cache_line != kCacheLine) {
      return refused(path, absl::StrCat("it was made for cache lines of ", header.cache_line,
                                        " bytes, this program for ", kCacheLine));
    }
    if (header.purpose != purpose) {
      return refused(path, "it holds something else than a bus of this version; use another name");
    }
    if (header.total_bytes <= kContents || header.total_bytes > size) {
      return refused(path, absl::StrCat("it is truncated: ", size, " bytes instead of ",
                                        header.total_bytes, "; remove it if no program uses it"));
    }
    return absl::OkStatus();
  }

  static absl::StatusOr<Segment> map(Descriptor file, std::string path, std::size_t total,
                                     Access access) {
    const int protection = access == Access::kRead ? PROT_READ : PROT_READ | PROT_WRITE;
    void* data = ::mmap(nullptr, total, protection, MAP_SHARED, file.get(), 0);
    if (data == MAP_FAILED) {
      return trouble(absl::StrCat("no address space to map ", total, " bytes of ", path),
                     "is there a limit (ulimit -v), or a seal against writers?");
    }
    // The mapping keeps the description that it was made from; locks need one that goes when its
    // descriptor is closed.
    const std::span<std::byte> memory{static_cast<std::byte*>(data), total};
    auto own = reopen(file.get(), access);
    if (!own) {
      const auto status = trouble(absl::StrCat("can not open ", path, " anew"),
                                  "is /proc mounted, and are descriptors left (ulimit -n)?");
      ::munmap(data, total);
      return status;
    }
    return Segment(std::move(own), std::move(path), memory, access);
  }

  /// Wishes that may fail.
  void settle(const SegmentOptions& options) {
    // first: pages that are locked or in use are harder to put together
    if (options.huge_pages) fell_back(HugePages::ask(memory_, fd()));
    if (options.prefault) {
      constexpr int kPopulateWrite = 23;  // MADV_POPULATE_WRITE, since Linux 5.14
      constexpr int kPopulateRead = 22;
      const int advice = access_ == Access::kRead ? kPopulateRead : kPopulateWrite;
      if (::madvise(memory_.data(), memory_.size(), advice) != 0) {
        fell_back(absl::StrCat("not prefaulted (", std::strerror(errno),
                               errno == EINVAL ? "; Linux 5.14 can)" : ")"));
      }
    }
    if (options.lock_memory && ::mlock(memory_.data(), memory_.size()) != 0) {
      fell_back("not locked into memory (ulimit -l)");
    }
  }
  void fell_back(const std::string& what) {
    if (!what.empty()) absl::StrAppend(&fell_back_, fell_back_.empty() ? "" : "; ", what);
  }

  [[nodiscard]] std::atomic<std::uint32_t>& ready_word() const noexcept {
    return *reinterpret_cast<std::atomic<std::uint32_t>*>(memory_.data() + kReadyOffset);
  }

  static constexpr std::size_t kMostBytes = std::size_t{1} << 46;

  Descriptor file_;        // a description of this process's own, which no mapping uses
  Descriptor to_hand_on_;  // of an anonymous segment's maker
  std::string path_;
  std::span<std::byte> memory_;
  std::string fell_back_;
  Access access_ = Access::kReadWrite;
};

}  // namespace ringway
