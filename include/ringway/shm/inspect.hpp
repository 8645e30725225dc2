// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// `BusInspector`: what a bus between processes looks like from outside, for tools.
///
/// *What.* Takes no part in the bus: maps nothing of it, locks nothing, writes nothing, needs read
/// permission alone. It copies the tables out of the segment's file with `pread`, into memory of
/// its own, and looks at the copy; so nothing changes between a check and a use, and a file that is
/// made shorter meanwhile is an error and no signal.
///
/// *Protocol.* The block's copy lies at the same offsets as the original, in address space of which
/// only what was copied takes memory, and is read by the bus's own code (Directory, Participants).
/// Since the bus goes on meanwhile, snapshot() copies until two copies in a row agree in what they
/// hold; positions and counters are from the second.
///
/// *Distrust.* Indices, offsets and sizes are checked in the copy. What can not be is told in words
/// (LaneInfo::trouble) or ends in an error. Names may hold any bytes.
///
/// *Progress.* Each copy is a few system calls per lane.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "ringway/bus/lane_keeper.hpp"
#include "ringway/ring/broadcast_byte_ring.hpp"
#include "ringway/ring/line_shape.hpp"
#include "ringway/shm/bus_snapshot.hpp"
#include "ringway/shm/shared_bus.hpp"
#include "ringway/shm/type_encoding.hpp"
#include "ringway/shm/watch.hpp"

namespace ringway {

class BusInspector {
 public:
  using Table = Directory<SharedMemory>;

  /// \param path of the segment's file. NotFound, PermissionDenied, DataLoss (with the reason)
  /// \param flags more of open(2)'s
  [[nodiscard]] static absl::StatusOr<BusInspector> open(const std::string& path, int flags = 0) {
    Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags));
    if (!file) {
      if (errno == ENOENT) return absl::NotFoundError(absl::StrCat("there is no segment ", path));
      return absl::ErrnoToStatus(errno, absl::StrCat("can not open ", path));
    }
    return adopt(std::move(file), path, true);
  }
  /// The same behind a descriptor, of an anonymous bus; it need not be open for writing, and stays
  /// the caller's.
  [[nodiscard]] static absl::StatusOr<BusInspector> open(int fd) {
    Descriptor file(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!file) return absl::ErrnoToStatus(errno, absl::StrCat("no segment behind descriptor ", fd));
    return adopt(std::move(file), absl::StrCat("(the segment behind descriptor ", fd, ")"), false);
  }

  BusInspector(BusInspector&& other) noexcept
      : file_(std::move(other.file_)),
        path_(std::move(other.path_)),
        total_bytes_(other.total_bytes_),
        facts_(other.facts_),
        named_(other.named_),
        parts_(std::move(other.parts_)),
        copy_(std::exchange(other.copy_, {})),
        most_participants_(other.most_participants_),
        block_begin_(other.block_begin_) {}
  BusInspector& operator=(BusInspector&&) = delete;
  ~BusInspector() {
    if (!copy_.empty()) ::munmap(copy_.data(), copy_.size());
  }

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] ::uid_t owner() const noexcept { return facts_.st_uid; }
  [[nodiscard]] ::ino_t inode() const noexcept { return facts_.st_ino; }

  /// What is there now.
  [[nodiscard]] absl::StatusOr<BusSnapshot> snapshot() {
    constexpr int kMostTries = 20;
    auto before = look();
    for (int i = 0; before.ok() && i < kMostTries; ++i) {
      auto now = look();
      if (!now.ok()) return now;
      now->settled = same_things(*before, *now);
      if (now->settled) return now;
      before = std::move(now);
    }
    return before;
  }

  /// True if the path still leads to this segment; false once the bus has ended or begun anew. An
  /// anonymous one never had a name: true.
  [[nodiscard]] bool has_name() const noexcept {
    struct stat named {};
    return !named_ || (::stat(path_.c_str(), &named) == 0 && named.st_ino == facts_.st_ino &&
                       named.st_dev == facts_.st_dev);
  }

  /// True if the lane of this number is still that of this life: what was copied out of its ring
  /// before the call is its own.
  [[nodiscard]] bool has_lane(std::uint32_t number, std::uint32_t life) const noexcept {
    auto table = Table::join(block());
    if (!table.ok() || number >= table->sizes().lanes) return false;
    const auto& record = table->lane(number);
    return refresh(&record, sizeof(record)) && record.used != 0 && record.lives == life;
  }
  /// The file of this segment is not closed as long as it is kept once more than let go, whether
  /// or not the bus still needs it. 0 is always kept.
  void keep(std::uint64_t segment) {
    if (segment != 0) ++parts_[segment].kept;
  }
  void let_go(std::uint64_t segment) noexcept {
    if (const auto known = parts_.find(segment); known != parts_.end()) --known->second.kept;
  }

  /// Copies bytes of the bus's file, or of a process's own. \return false if the file is too short
  /// or not to be had
  [[nodiscard]] bool copy_out(std::uint64_t segment, std::uint64_t offset,
                              std::span<std::byte> to) const noexcept {
    return copy_from(segment == 0 ? file_.get() : file_of(segment), offset, to);
  }

  /// The position after the newest message of a ring. \return nothing if the file is too short
  [[nodiscard]] std::optional<Sequence> head_of(const LaneRing& ring) const noexcept {
    if (ring.of_bytes()) {
      Sequence newest = 0;
      if (!copy_word(ring.segment, ring.offset + ByteRingType::head_offset(), newest)) {
        return std::nullopt;
      }
      return newest;
    }
    constexpr int kMostTries = 1000;  // each is a lap of the ring between two system calls
    Sequence entered = 0;
    for (int i = 0; i < kMostTries; ++i) {
      Sequence published = 0;
      if (!copy_word(ring.segment, ring.offset + offsetof(AnyBlock, front), entered) ||
          !copy_word(ring.segment, ring.lines + ring.line_of(entered) * ring.shape.bytes,
                     published)) {
        return std::nullopt;
      }
      const auto ahead = distance(entered, published);
      if (ahead <= 0) return entered;
      if (ahead <= static_cast<std::int64_t>(ring.shape.items)) return published;
    }
    return entered;
  }

 private:
  /// Every lane's block begins like this one, whatever its elements: see bus/clean_up.hpp.
  using AnyBlock = BroadcastBlock<std::byte, Slot<std::byte>, RingKind::kBroadcast, SharedMemory>;
  using ByteRingType = BasicBroadcastByteRing<SharedMemory>;
  using AudienceType = Audience<SharedMemory>;
  using GateType = Gate<SharedMemory>;

  /// More than any table in use needs; a file that says otherwise would only take memory.
  static constexpr std::uint64_t kMostTableBytes = std::uint64_t{1} << 28;
  /// Likewise of a segment.
  static constexpr std::uint64_t kMostRingBytes = std::uint64_t{1} << 46;

  BusInspector(Descriptor file, std::string path, std::uint64_t total_bytes) noexcept
      : file_(std::move(file)), path_(std::move(path)), total_bytes_(total_bytes) {}

  [[nodiscard]] static absl::StatusOr<BusInspector> adopt(Descriptor file, std::string path,
                                                          bool named) {
    struct stat facts {};
    if (::fstat(file.get(), &facts) != 0 || !S_ISREG(facts.st_mode)) {
      return absl::DataLossError(absl::StrCat(path, " is refused: it is no regular file"));
    }
    auto header = Segment::read_header(file.get(), path, static_cast<std::uint64_t>(facts.st_size),
                                       SharedBusContents::kPurpose);
    if (!header.ok()) return header.status();
    BusInspector opened(std::move(file), std::move(path), header->total_bytes);
    opened.facts_ = facts;
    opened.named_ = named;
    if (auto status = opened.find_block(); !status.ok()) return status;
    return opened;
  }

  [[nodiscard]] absl::Status corrupt(const std::string& why) const {
    return absl::DataLossError(
        absl::StrCat(path_, " is corrupt: ", why, "; remove it if no program uses it"));
  }
  [[nodiscard]] absl::Status too_short() const {
    return absl::DataLossError(absl::StrCat(path_, " has become shorter than it was made"));
  }
  [[nodiscard]] bool copy_word(std::uint64_t segment, std::uint64_t offset,
                               std::uint64_t& word) const noexcept {
    return copy_out(segment, offset, std::as_writable_bytes(std::span(&word, 1)));
  }
  struct Part {
    Descriptor file;
    bool wanted = false;
    std::size_t kept = 0;
  };
  /// A process's own segment; -1 if it can not be opened.
  [[nodiscard]] int file_of(std::uint64_t segment) const noexcept {
    auto& known = parts_[segment];
    known.wanted = true;
    if (!known.file) {
      const auto path = OwnSegments::path_of(path_, facts_.st_ino, segment);
      known.file = Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW));
      if (known.file && !is_trusted(known.file.get())) known.file.close();
    }
    return known.file.get();
  }
  /// True if the file belongs to somebody who could have attached: see OwnSegments::mapping().
  [[nodiscard]] bool is_trusted(int file) const noexcept {
    struct stat own {};
    return ::fstat(file, &own) == 0 && S_ISREG(own.st_mode) &&
           (own.st_uid == facts_.st_uid || own.st_uid == 0 || own.st_uid == ::geteuid() ||
            (facts_.st_mode & 022U) != 0);
  }
  /// Closes the files of those that nobody has asked for since the last time: they are gone.
  void close_unwanted_parts() noexcept {
    std::erase_if(parts_,
                  [](const auto& part) { return !part.second.wanted && part.second.kept == 0; });
    for (auto& part : parts_) part.second.wanted = false;
  }
  /// Brings these bytes of the copy up to date.
  [[nodiscard]] bool refresh(const void* begin, std::size_t bytes) const noexcept {
    const auto at = static_cast<std::size_t>(static_cast<const std::byte*>(begin) - copy_.data());
    if (at > copy_.size() || bytes > copy_.size() - at) return false;
    return copy_out(0, Segment::kContents + at, copy_.subspan(at, bytes));
  }
  [[nodiscard]] std::span<std::byte> block() const noexcept { return copy_.subspan(block_begin_); }

  /// Makes address space for the copy and finds out what does not change.
  [[nodiscard]] absl::Status find_block() {
    const auto bytes = static_cast<std::size_t>(total_bytes_ - Segment::kContents);
    void* data = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (data == MAP_FAILED) {
      return absl::ResourceExhaustedError(absl::StrCat("no address space for a copy of ", path_,
                                                       ", ", bytes, " bytes (ulimit -v)"));
    }
    copy_ = {static_cast<std::byte*>(data), bytes};
    constexpr std::size_t kHead = 4096;
    if (bytes < kHead) return corrupt("it is too small for a bus");
    if (!refresh(copy_.data(), kHead)) return too_short();
    most_participants_ = Participants::join(copy_).most();
    block_begin_ = SegmentAttachment::block_offset(most_participants_);
    if (most_participants_ == 0 || block_begin_ + kHead > bytes) {
      return corrupt("its table of participants is impossible");
    }
    if (!refresh(block().data(), kHead)) return too_short();
    auto table = Table::join(block());
    if (!table.ok()) return corrupt("its directory is impossible");
    if (table->sizes().participants != most_participants_) {
      return corrupt("its directory and its participants do not fit together");
    }
    return absl::OkStatus();
  }

  /// One copy of everything, taken apart.
  [[nodiscard]] absl::StatusOr<BusSnapshot> look() {
    close_unwanted_parts();
    if (!refresh(copy_.data(), Participants::footprint(most_participants_)) ||
        !refresh(block().data(), 4096)) {
      return too_short();
    }
    auto table = Table::join(block());
    if (!table.ok()) return corrupt("its directory is impossible");
    if (table->sizes().participants != most_participants_) {
      return corrupt("its directory and its participants do not fit together");
    }
    BusSnapshot seen;
    seen.bytes = total_bytes_;
    seen.mode = facts_.st_mode & 07777U;
    seen.owner = facts_.st_uid;
    seen.group = facts_.st_gid;
    seen.tables = table->sizes();
    const auto participants = Participants::join(copy_);
    if (participants.most() != most_participants_) return corrupt("its participants changed");
    seen.lock_holder = participants.holder();
    for (std::uint32_t p = 0; p < most_participants_; ++p) {
      if (!participants.used(p)) continue;
      seen.participants.push_back(participants.info(file_.get(), p, Participants::kMost));
      struct stat own {};
      const int file = file_of(participants.generation(p) + 1);
      if (file < 0 || ::fstat(file, &own) != 0) continue;
      const auto bytes = static_cast<std::uint64_t>(own.st_size);
      constexpr auto kFirst = Segment::kContents + OwnSegments::kLanes;
      seen.lane_bytes += bytes > kFirst ? bytes - kFirst : 0;
    }
    if (seen.lane_bytes == 0) seen.lane_bytes = block().size() - Table::footprint(table->sizes());
    if (auto status = copy_tables(*table); !status.ok()) return status;
    list_names(*table, seen);
    for (std::uint32_t i = 0; i < table->lanes_used(); ++i) {
      const auto& lane = table->lane(i);
      seen.made.push_back({lane.lives, lane.segment, lane.used != 0, lane.kind});
      if (table->lane(i).used == 0) continue;
      seen.lanes.push_back(lane_info(*table, i));
      seen.used_bytes += seen.lanes.back().ring_bytes;
    }
    return seen;
  }

  template <class Record>
  [[nodiscard]] absl::Status copy_records(const Record& first, std::uint64_t count) const {
    if (count * sizeof(Record) > kMostTableBytes) {
      return corrupt(absl::StrCat("it claims tables of ", count, " entries"));
    }
    return refresh(&first, static_cast<std::size_t>(count) * sizeof(Record)) ? absl::OkStatus()
                                                                             : too_short();
  }
  [[nodiscard]] absl::Status copy_tables(const Table& table) const {
    auto status = copy_records(table.topic(0), table.topics_used());
    if (status.ok()) {
      status = copy_records(table.subscription(0), table.subscriptions_used());
    }
    if (status.ok()) status = copy_records(table.endpoint(0), table.endpoints_used());
    if (status.ok()) status = copy_records(table.lane(0), table.lanes_used());
    return status;
  }

  static void list_names(const Table& table, BusSnapshot& seen) {
    for (std::uint32_t i = 0; i < table.topics_used(); ++i) {
      const auto& record = table.topic(i);
      if (record.used == 0) {  // a name that was given back: the others keep their numbers
        seen.topics.emplace_back().used = false;
        continue;
      }
      seen.topics.push_back({.name = std::string(record.name.view()),
                             .type_name = std::string(record.type_name.view()),
                             .type_size = record.type_size,
                             .type_align = record.type_align,
                             .service = record.service != 0,
                             .number = table.number_of(i)});
    }
    for (std::uint32_t i = 0; i < table.subscriptions_used(); ++i) {
      const auto& record = table.subscription(i);
      if (record.used == 0 || record.ended != 0) continue;
      seen.subscriptions.push_back({.number = i,
                                    .pattern = std::string(record.pattern.view()),
                                    .type_name = std::string(record.type_name.view()),
                                    .participant = table.participant_of(record.endpoint),
                                    .endpoint = record.endpoint,
                                    .lossy = record.lossy != 0,
                                    .service = record.service != 0});
    }
    for (std::uint32_t i = 0; i < table.endpoints_used(); ++i) {
      const auto& record = table.endpoint(i);
      if (record.used == 0) continue;
      seen.endpoints.push_back({.number = i,
                                .participant = record.participant,
                                .asleep = record.event.waiters_approx() != 0,
                                .parks = record.event.parks()});
    }
  }

  [[nodiscard]] LaneInfo lane_info(const Table& table, std::uint32_t number) const {
    const auto& record = table.lane(number);
    LaneInfo lane;
    lane.number = number;
    lane.kind = record.kind;
    lane.topic = record.topic;
    lane.participant = record.publisher;
    lane.life = record.lives;
    lane.admits_lossy = record.lossy != 0;
    lane.retains = record.retains != 0;
    lane.closed = record.closed();
    lane.left = record.left();
    lane.waiting = record.room.waiters_approx();
    if (lane.kind > LaneKind::kReply) {
      lane.trouble = "it is a lane of no known kind";
    } else if (lane.topic >= table.topics_used()) {
      lane.trouble = absl::StrCat("it names topic ", lane.topic, ", which there is not");
    } else if (auto status = find_ring(table, record, lane); !status.ok()) {
      lane.trouble = std::string(status.message());
    }
    find_type(table, record.type, lane);
    return lane;
  }

  /// What the publisher's version says of its messages.
  void find_type(const Table& table, std::uint32_t number, LaneInfo& lane) const {
    const TypeRecord& record = table.type(number);
    if (number >= table.sizes().types || !refresh(&record, sizeof(record)) || record.used == 0) {
      return;
    }
    const auto known = record.identity();
    lane.type = LaneType{.name = std::string(known.name),
                         .name_hash = known.name_hash,
                         .size = known.size,
                         .align = known.align,
                         .layout = known.layout,
                         .version = known.version,
                         .member_count = static_cast<std::uint32_t>(known.member_count),
                         .members = {known.members.begin(), known.members.end()}};
    for (char& c : lane.type->name) c = c < ' ' || c > '~' ? '?' : c;
    if (!lane.trouble.empty() || known.size > (lane.ring.of_bytes() ? 0 : lane.ring.element_size)) {
      return;
    }
    lane.type_size = known.size;
    if (known.member_count > TypeRecord::kMostMembers) return;
    const MessageType type = known.described();
    std::vector<std::byte> bytes(encoded_size(type));
    if (encode(type, bytes) && decode_message_type(bytes)) lane.description = std::move(bytes);
  }

  /// The shape of a lane's ring and where its head is.
  [[nodiscard]] absl::Status find_ring(const Table& table, const Table::Lane& record,
                                       LaneInfo& lane) const {
    const auto memory = table.ring_memory(record);
    const bool apart = record.segment != 0;  // then `memory` is the audience's
    if (memory.size() < (apart ? 0 : sizeof(AnyBlock)) + sizeof(AudienceType) ||
        record.ring_offset % AnyBlock::kAlign != 0) {
      return absl::DataLossError("its ring lies outside of the segment");
    }
    LaneRing ring;
    ring.segment = record.segment;
    ring.offset =
        Segment::kContents +
        (apart ? record.segment_offset : static_cast<std::uint64_t>(memory.data() - copy_.data()));
    const std::uint64_t ring_bytes = apart ? record.segment_bytes : memory.size();
    if (ring_bytes > kMostRingBytes || ring.offset > kMostRingBytes) {
      return absl::DataLossError("its ring lies outside of the segment");
    }
    lane.ring_bytes = ring_bytes;
    RingHeader header;
    if (!copy_out(ring.segment, ring.offset, std::as_writable_bytes(std::span(&header, 1)))) {
      return apart ? absl::DataLossError("its publisher's segment can not be read") : too_short();
    }
    if (header.magic != RingHeader::kMagic || header.layout_version != RingHeader::kLayoutVersion) {
      return absl::DataLossError("its ring is not there (yet)");
    }
    const bool bytes = header.kind == RingKind::kBroadcastByte;
    const bool lossy = header.kind == RingKind::kLossyBroadcast;
    if (!lossy && !bytes && header.kind != RingKind::kBroadcast) {
      return absl::UnimplementedError("its ring is of a kind that this program does not know");
    }
    const auto align = header.element_align;
    if (header.element_size == 0 || header.element_size > ring_bytes || align == 0 ||
        align > AnyBlock::kAlign || !std::has_single_bit(align) ||
        (!bytes && header.element_size % align != 0) || header.max_cursors == 0 ||
        header.max_cursors > Attention<SharedMemory>::kMostReaders || header.blocks == 0 ||
        header.apart != (apart ? 1U : 0U)) {
      return absl::DataLossError("its ring has an impossible header");
    }
    const auto audience_bytes = AudienceType::bytes(header.max_cursors);
    const auto lines = round_up(sizeof(AnyBlock) + (apart ? 0 : audience_bytes), AnyBlock::kAlign);
    if (lines > ring_bytes || (apart && audience_bytes > memory.size()) || header.capacity == 0) {
      return absl::DataLossError("its ring has an impossible header");
    }
    if (bytes) {
      ByteHeader whole;
      if (!copy_out(ring.segment, ring.offset, std::as_writable_bytes(std::span(&whole, 1)))) {
        return too_short();
      }
      const auto shape = ByteShape::of(header.capacity, whole.max_frame, header.start, lines);
      if (!shape || shape->bytes > ring_bytes || shape->frames != header.blocks * kFrameAlign) {
        return absl::DataLossError("its ring has an impossible header");
      }
      ring.largest = whole.max_frame;
    } else {
      ring.shape = LineShape::of<SharedMemory>(header.element_size, align, lossy);
      if (header.blocks > (ring_bytes - lines) / ring.shape.bytes ||
          header.capacity > header.blocks * ring.shape.items) {
        return absl::DataLossError("its ring has an impossible header");
      }
    }
    if (record.watched != 0 && apart && ring_bytes > sizeof(LaneBoard)) {
      lane.board = ring.offset + ring_bytes - sizeof(LaneBoard);
    }
    ring.lines = ring.offset + lines;
    ring.blocks = header.blocks;
    ring.element_size = header.element_size;
    ring.element_align = align;
    ring.capacity = header.capacity;
    ring.start = header.start;
    lane.ring = ring;
    const auto head = head_of(ring);
    if (!head) return too_short();
    lane.head = *head;
    lane.published = (bytes ? 0 : *head - ring.start) + record.skipped();
    lane.skipped = bytes ? 0 : record.skipped();
    const auto* audience = memory.data() + (apart ? 0 : sizeof(AnyBlock));
    if (!refresh(audience, audience_bytes)) return too_short();
    list_readers(table, std::launder(reinterpret_cast<const AudienceType*>(audience)),
                 header.max_cursors, lane);
    return absl::OkStatus();
  }

  void list_readers(const Table& table, const AudienceType* audience, std::size_t places,
                    LaneInfo& lane) const {
    for (std::size_t i = 0; i < places; ++i) {
      const auto& gate = audience->gate(i);
      // relaxed: a private copy
      const auto state = gate.state.load(std::memory_order_relaxed);
      if (state == GateType::kFree || state > GateType::kLossy) continue;
      // relaxed: a private copy
      const auto address = gate.address.load(std::memory_order_relaxed);
      if (address == LaneKeeper<SegmentHome>::kAddress) continue;  // the publisher's own
      ReaderInfo reader;
      reader.gate = static_cast<std::uint32_t>(i);
      reader.lossy = state == GateType::kLossy;
      reader.joining = state == GateType::kJoining;
      // relaxed: a private copy
      reader.position = gate.position.load(std::memory_order_relaxed);
      // relaxed: a private copy
      const auto place = gate.place.load(std::memory_order_relaxed);
      std::uint64_t own = 0;
      if (place != 0 && copy_word(OwnSegments::number_of(place),
                                  Segment::kContents + OwnSegments::offset_of(place), own)) {
        reader.position = own;
      }
      if (reader.lossy) {
        reader.position = gate.shown_position;
        reader.lost = gate.shown_lost;
      }
      const auto behind = distance(reader.position, lane.head);
      reader.behind = behind > 0 ? static_cast<std::uint64_t>(behind) : 0;
      if (address < table.endpoints_used()) {
        reader.endpoint = static_cast<std::uint32_t>(address);
        reader.participant = table.participant_of(reader.endpoint);
      }
      lane.readers.push_back(reader);
    }
  }

  [[nodiscard]] static bool same_things(const BusSnapshot& a, const BusSnapshot& b) {
    if (a.topics != b.topics || a.subscriptions != b.subscriptions ||
        a.lanes.size() != b.lanes.size() || a.participants.size() != b.participants.size()) {
      return false;
    }
    for (std::size_t i = 0; i < a.participants.size(); ++i) {
      const auto& left = a.participants[i];
      const auto& right = b.participants[i];
      if (left.number != right.number || left.generation != right.generation ||
          left.name != right.name || left.alive != right.alive) {
        return false;
      }
    }
    for (std::size_t i = 0; i < a.lanes.size(); ++i) {
      const auto& left = a.lanes[i];
      const auto& right = b.lanes[i];
      if (left.number != right.number || left.life != right.life || left.kind != right.kind ||
          left.topic != right.topic || left.participant != right.participant ||
          !(left.ring == right.ring)) {
        return false;
      }
    }
    return true;
  }

  Descriptor file_;
  std::string path_;
  std::uint64_t total_bytes_;
  struct stat facts_ {};
  bool named_ = true;
  mutable std::map<std::uint64_t, Part> parts_;  // processes' own segments, by number
  std::span<std::byte> copy_;                    // of the contents, as far as they were copied
  std::uint32_t most_participants_ = 0;
  std::size_t block_begin_ = 0;
};

}  // namespace ringway
