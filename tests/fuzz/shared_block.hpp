// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What binding, reading, repairing and cleaning up make of a bus's block, and what attaching makes
/// of a segment's file, after any of their bytes were changed. Called by the fuzzers
/// (shared_block_fuzz.cpp, segment_file_fuzz.cpp) and, with seeded inputs, by
/// shared_block_test.cpp.
///
/// Both begin with what a real bus left: topics of both kinds, a service, readers, free memory. The
/// input changes it, see change_bytes().
///
/// The bus is an anonymous one, whose lanes lie in the block. Attaching by name, and what follows a
/// lane's record into another process's own segment, is in named_bus.hpp.

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ringway/shm/shared_bus.hpp"

namespace ringway::fuzz {

struct Item {
  std::uint64_t number;
};
inline constexpr std::size_t kLargest = 40;  // bytes of a message of the topic of bytes
inline constexpr const char* kEncoding = "fuzz/1";

inline void must(bool right, const char* what) {
  if (right) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

inline SharedBusOptions small_options() {
  SharedBusOptions options;
  options.lane_bytes = std::size_t{1} << 20;
  options.tables = {.topics = 8,
                    .subscriptions = 8,
                    .endpoints = 4,
                    .lanes = 8,
                    .participants = 3,
                    .types = 6};  // the largest records: all are put right for each input
  return options;
}

/// Changes `memory` as the input says. An even first byte: words, each as place (3 bytes, in words)
/// and value (8 bytes). An odd one: a place (2 bytes, in words), then bytes that lie there.
inline void change_bytes(std::span<const std::byte> input, std::span<std::byte> memory) {
  if (input.empty()) return;
  const bool words = static_cast<unsigned>(input[0]) % 2 == 0;
  input = input.subspan(1);
  if (words) {
    constexpr std::size_t kChange = 11;
    for (; input.size() >= kChange; input = input.subspan(kChange)) {
      std::uint32_t place = 0;
      std::memcpy(&place, input.data(), 3);
      const std::size_t at = std::size_t{place} * 8;
      if (at + 8 <= memory.size()) std::memcpy(memory.data() + at, input.data() + 3, 8);
    }
    return;
  }
  if (input.size() < 2) return;
  std::uint16_t place = 0;
  std::memcpy(&place, input.data(), 2);
  const std::size_t at = std::size_t{place} * 8;
  if (at >= memory.size()) return;
  std::memcpy(memory.data() + at, input.data() + 2, std::min(input.size() - 2, memory.size() - at));
}

/// The bytes that a real bus left in its segment. Made once.
class RealBus {
 public:
  static const RealBus& get() {
    static const RealBus* real = new RealBus;
    return *real;
  }
  /// Of the whole file.
  [[nodiscard]] std::span<const std::byte> file() const { return bytes_; }
  [[nodiscard]] std::span<const std::byte> block() const { return file().subspan(block_at_); }
  /// Bytes of the block that something lies in.
  [[nodiscard]] std::size_t block_in_use() const { return in_use_; }
  [[nodiscard]] std::size_t block_at() const { return block_at_; }

 private:
  RealBus() {
    auto bus = make_anonymous_shared(small_options());
    must(bus.ok(), "no bus");
    auto publisher = bus->publisher(Topic<Item>{"a.b", {.capacity = 16, .max_readers = 3}});
    auto family = bus->family_publisher(Topic<Item>{"f.>", {.capacity = 16, .max_readers = 3}});
    const auto topic = family.topic("f.x");
    auto requester = bus->requester(Service<Item(Item)>{"s"});
    const ByteTopic bytes{
        "y", {.capacity = 200, .largest = kLargest, .encoding = kEncoding, .max_readers = 3}};
    auto byte_publisher = bus->publisher(bytes);
    auto gone = bus->publisher(Topic<Item>{"g", {.capacity = 100}});
    Dispatcher<SegmentHome> feed{*bus};
    auto one = feed.subscribe(Topic<Item>{"a.b"}, [](const Item&) {});
    auto all = feed.subscribe(Topic<Item>{"f.>"}, [](const Item&) {});
    auto replier = feed.reply(Service<Item(Item)>{"s"}, [](const Item& item) { return item; });
    auto raw = feed.subscribe(bytes, [](std::span<const std::byte>) {});
    const std::array<std::byte, kLargest> message{};
    for (std::uint64_t i = 0; i < 40; ++i) {
      static_cast<void>(publisher.try_publish(Item{i}));
      static_cast<void>(family.try_publish(topic, Item{i}));
      static_cast<void>(byte_publisher.try_publish(std::span(message).first(i % (kLargest + 1))));
    }
    must(requester.request({7}).has_value(), "no answer");
    {
      const auto ended = std::move(gone);  // leaves a free piece
    }
    auto& directory = bus->core()->directory();
    const auto block = bus->core()->home().block();
    for (std::uint32_t i = 1; i < directory.lanes_used(); ++i) {
      const auto ring = directory.ring_memory(directory.lane(i));
      if (ring.empty()) continue;
      in_use_ =
          std::max(in_use_, static_cast<std::size_t>(ring.data() - block.data()) + ring.size());
    }
    const auto contents = bus->core()->home().attachment().segment().contents();
    const auto* begin = contents.data() - Segment::kContents;
    block_at_ = static_cast<std::size_t>(block.data() - begin);
    // while everybody is still there
    const std::span<const std::byte> whole(begin, Segment::kContents + contents.size());
    bytes_.assign(whole.begin(), whole.end());
  }

  std::vector<std::byte> bytes_;
  std::size_t block_at_ = 0;
  std::size_t in_use_ = 0;
};

/// A copy of the real block in memory of exactly its size, put right again before each input.
class BlockCopy {
 public:
  BlockCopy()
      : bytes_(RealBus::get().block().size()),
        data_(static_cast<std::byte*>(::operator new (bytes_, std::align_val_t{4096}))) {
    std::memcpy(data_, RealBus::get().block().data(), bytes_);
  }
  BlockCopy(const BlockCopy&) = delete;
  BlockCopy& operator=(const BlockCopy&) = delete;
  ~BlockCopy() { ::operator delete (data_, std::align_val_t{4096}); }

  /// What free memory holds beyond a little is left as it is: nobody looks at it.
  void restore() {
    std::memcpy(data_, RealBus::get().block().data(),
                std::min(bytes_, RealBus::get().block_in_use() + 32'768));
  }
  [[nodiscard]] std::span<std::byte> span() const { return {data_, bytes_}; }

 private:
  std::size_t bytes_;
  std::byte* data_;
};

/// One process with one thread: fences would only cost time.
struct Unfenced : SharedMemory {
  static bool heavy_fence() noexcept { return true; }
};

template <class Ring>
void use_ring(std::span<std::byte> memory) {
  using Element = typename Ring::value_type;
  auto ring = Ring::join(memory);
  if (!ring) return;
  std::uint64_t sum = 0;
  const auto read = [&](auto cursor) {
    const auto size = cursor.drain(
        [&](const Element& element) noexcept {
          const auto* at = reinterpret_cast<const std::byte*>(&element);
          sum += static_cast<std::uint64_t>(*at);
        },
        64);
    must(size <= 64, "more than asked for");
    sum += cursor.size_approx() + (cursor.has_news() ? 1 : 0);
    cursor.set_address(1);
  };
  for (std::size_t gate = 0; gate < ring->max_cursors(); ++gate) read(ring->adopt_cursor(gate));
  if (auto cursor = ring->cursor()) read(*std::move(cursor));
  if constexpr (requires { ring->lossy_cursor(); }) {
    if (auto cursor = ring->lossy_cursor()) {
      cursor->skip_to_newest();
      read(*std::move(cursor));
    }
  }
  if (auto producer = ring->producer()) {
    for (int i = 0; i < 20; ++i) {
      if constexpr (std::is_default_constructible_v<Element>) {
        static_cast<void>(producer->try_emplace());
      } else {
        static_cast<void>(producer->try_emplace(Ticket{}, Deadline{}, Item{}));
      }
    }
    must(producer->take_signals() < std::uint64_t{1} << producer->max_cursors(),
         "a signal of nobody");
  }
  asm volatile("" : : "r"(sum));
}

/// The same for a lane of bytes.
inline void use_byte_ring(std::span<std::byte> memory) {
  auto ring = BasicBroadcastByteRing<Unfenced>::join(memory);
  if (!ring) return;
  std::uint64_t sum = 0;
  const auto read = [&](auto cursor) {
    std::array<std::byte, 64> copy;
    const auto size = cursor.drain(
        [&](std::span<const std::byte> message) noexcept {
          must(message.size() <= ring->max_frame(), "larger than the largest message");
          must(
              message.empty() || (message.data() >= memory.data() &&
                                  message.data() + message.size() <= memory.data() + memory.size()),
              "outside the ring");
          for (const std::byte b : message) sum += static_cast<std::uint64_t>(b);
        },
        16);
    must(size <= 16, "more than asked for");
    static_cast<void>(cursor.try_read(copy));
    sum += cursor.size_approx() + (cursor.has_news() ? 1 : 0);
    must(!cursor.corrupt() || !cursor.has_news(), "corrupt, and still reads");
    cursor.set_address(1);
  };
  for (std::size_t gate = 0; gate < ring->max_cursors(); ++gate) read(ring->adopt_cursor(gate));
  if (auto cursor = ring->cursor()) read(*std::move(cursor));
  ring->vacate_producer();
  if (auto producer = ring->producer()) {
    for (std::size_t i = 0; i < 20; ++i) {
      if (auto claim = producer->try_claim(i % 2 == 0 ? i : producer->max_frame())) {
        if (!claim.bytes().empty()) claim.bytes().back() = std::byte{1};
        claim.commit(claim.bytes().size() / 2);
      }
    }
    must(producer->take_signals() < std::uint64_t{1} << producer->max_cursors(),
         "a signal of nobody");
  }
  asm volatile("" : : "r"(sum));
}

inline void use_directory(Directory<Unfenced> table, std::span<std::byte> block, unsigned how) {
  const NameKind kind{type_identity<Item>()};
  const auto inside = [block](std::span<const std::byte> part) {
    must(part.empty() || (part.data() >= block.data() &&
                          part.data() + part.size() <= block.data() + block.size()),
         "outside the block");
  };
  CleanUp<Unfenced> clean_up(table);
  if (how % 4 == 1) clean_up.repair();
  if (how % 4 == 2) clean_up.bury(how / 4 % 4);
  static_cast<void>(table.declare("a.b", kind));
  static_cast<void>(table.declare("new", kind));
  static_cast<void>(table.new_endpoint(1));
  const auto subscription = table.new_subscription("a.*", kind, 1, false);
  if (subscription.ok()) {
    for (std::uint32_t i = 0; i < table.lanes_used(); ++i) {
      static_cast<void>(table.wants(table.subscription(*subscription), table.lane(i)));
    }
  }
  for (std::uint32_t i = 1; i < table.lanes_used(); ++i) {
    const auto memory = table.ring_memory(table.lane(i));
    inside(memory);
    use_ring<BroadcastRing<Item, Unfenced>>(memory);
    use_ring<LossyBroadcastRing<Item, Unfenced>>(memory);
    use_ring<LossyBroadcastRing<Numbered<Item>, Unfenced>>(memory);
    use_ring<BroadcastRing<RequestElement<Item>, Unfenced>>(memory);
    use_byte_ring(memory);
  }
  const auto lane = table.new_lane(LaneKind::kTopic, 0, false, 5'000, 1);
  if (lane.ok()) inside(table.ring_memory(table.lane(*lane)));
  clean_up.bury(how / 16 % 4);
  clean_up.repair();
  const auto other = table.new_lane(LaneKind::kTopic, 0, false, 9'000, 1);
  if (other.ok()) inside(table.ring_memory(table.lane(*other)));
  clean_up.bury(0);
  clean_up.close();
}

/// The first byte chooses the order of things, the rest changes the block. \return true if it was
/// still one
inline bool use_any_block(std::span<const std::byte> input) {
  static BlockCopy& copy = *new BlockCopy;
  if (input.empty()) return false;
  const auto how = static_cast<unsigned>(input[0]);
  copy.restore();
  auto early = Directory<Unfenced>::join(copy.span());  // a view from before the damage
  must(early.ok(), "the real block is refused");
  change_bytes(input.subspan(1), copy.span());
  auto late = Directory<Unfenced>::join(copy.span());
  if (how % 2 == 0 || !late.ok()) {
    use_directory(*early, copy.span(), how / 2);
  } else {
    use_directory(*late, copy.span(), how / 2);
  }
  return late.ok();
}

/// A file in memory with what a real bus left in its own, put right again before each input. Kept
/// mapped: only pages that differ are written.
class FileCopy {
 public:
  FileCopy() : good_(RealBus::get().file()), fd_(::memfd_create("fuzz", MFD_CLOEXEC)) {
    must(fd_ >= 0, "no memory file");
    resize(good_.size());
    void* begin = ::mmap(nullptr, good_.size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
    must(begin != MAP_FAILED, "no mapping");
    memory_ = {static_cast<std::byte*>(begin), good_.size()};
  }
  FileCopy(const FileCopy&) = delete;
  FileCopy& operator=(const FileCopy&) = delete;
  ~FileCopy() {
    ::munmap(memory_.data(), memory_.size());
    ::close(fd_);
  }

  [[nodiscard]] int fd() const { return fd_; }
  /// The part that something lies in, as the real bus left it; the rest is as it is.
  [[nodiscard]] std::span<std::byte> restore() {
    resize(good_.size());
    const auto front = memory_.first(
        std::min(good_.size(), RealBus::get().block_at() + RealBus::get().block_in_use()));
    constexpr std::size_t kPage = 4096;
    for (std::size_t at = 0; at < front.size(); at += kPage) {
      const auto size = std::min(kPage, front.size() - at);
      if (std::memcmp(&front[at], &good_[at], size) != 0) {
        std::memcpy(&front[at], &good_[at], size);
      }
    }
    return front;
  }
  void resize(std::size_t bytes) {
    if (bytes == size_) return;
    must(::ftruncate(fd_, static_cast<off_t>(bytes)) == 0, "no room");
    size_ = bytes;
  }

 private:
  std::span<const std::byte> good_;
  int fd_;
  std::size_t size_ = 0;
  std::span<std::byte> memory_;
};

/// A file like a segment's, attached to as somebody does who was handed its descriptor. \return
/// true if it was let in
inline bool attach_any_file(std::span<const std::byte> input) {
  static FileCopy& file = *new FileCopy;
  const auto front = file.restore();
  if (!input.empty()) {
    change_bytes(input.subspan(1), front);
    // a longer file than its header says is no danger; a shorter one is refused
    if (static_cast<unsigned>(input[0]) % 8 == 0) {
      auto size = static_cast<std::size_t>(input[0]) * 64;
      if (input.size() > 1) size += static_cast<std::size_t>(input[1]) * 4096;
      file.resize(size);
    }
  }
  auto bus = open_shared(file.fd(), small_options());
  if (!bus.ok()) {
    must(!bus.status().message().empty(), "refused without a word");
    return false;
  }
  static_cast<void>(participants(*bus));
  static_cast<void>(bus->lanes());
  static_cast<void>(bus->try_publisher(Topic<Item>{"a.b", {.capacity = 16}}));
  auto raw = bus->try_publisher(ByteTopic{"y", {.largest = kLargest, .encoding = kEncoding}});
  if (raw.ok()) static_cast<void>(raw->try_publish({}));
  return true;
}

/// Inputs to begin with: pieces of the real thing, and single words of it changed.
inline std::vector<std::vector<std::byte>> seeds_of(std::span<const std::byte> real) {
  std::vector<std::vector<std::byte>> all;
  constexpr std::size_t kPiece = 1024;
  for (std::size_t at = 0; at < real.size(); at += kPiece) {
    const auto piece = real.subspan(at, std::min(kPiece, real.size() - at));
    if (std::all_of(piece.begin(), piece.end(), [](std::byte b) { return b == std::byte{0}; })) {
      continue;
    }
    const auto place = static_cast<std::uint16_t>(at / 8);
    std::vector<std::byte> seed{std::byte{1}, std::byte{1}, std::byte(place & 0xFF),
                                std::byte(place >> 8)};
    seed.insert(seed.end(), piece.begin(), piece.end());
    all.push_back(std::move(seed));
    for (std::size_t word = 0; word + 8 <= piece.size(); word += 64) {
      const auto index = (at + word) / 8;
      std::vector<std::byte> change{std::byte{3}, std::byte{0}, std::byte(index & 0xFF),
                                    std::byte(index >> 8 & 0xFF), std::byte(index >> 16 & 0xFF)};
      change.insert(change.end(), piece.begin() + static_cast<std::ptrdiff_t>(word),
                    piece.begin() + static_cast<std::ptrdiff_t>(word + 8));
      change.back() ^= std::byte{1};
      all.push_back(std::move(change));
    }
  }
  return all;
}
inline std::vector<std::vector<std::byte>> block_seeds() {
  const auto& real = RealBus::get();
  return seeds_of(real.block().first(real.block_in_use()));
}
inline std::vector<std::vector<std::byte>> file_seeds() {
  const auto& real = RealBus::get();
  return seeds_of(real.file().first(std::min(real.file().size(), real.block_at() + 8192)));
}

/// A seed with a few more changes, for those who have no fuzzer.
inline std::vector<std::byte> changed(std::vector<std::byte> input, std::mt19937_64& random) {
  input[0] = std::byte(random());
  for (auto changes = random() % 4; changes > 0; --changes) {
    const auto at = 2 + random() % (input.size() - 2);
    const std::uint64_t value = random() >> random() % 64;
    std::memcpy(input.data() + at, &value, std::min<std::size_t>(8, input.size() - at));
  }
  return input;
}

/// For LLVMFuzzerInitialize: puts the seeds into the folder that the command line names last.
inline void write_seeds(int argc, char** argv, const std::vector<std::vector<std::byte>>& all) {
  if (argc < 2 || argv[argc - 1][0] == '-') return;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto path = std::string(argv[argc - 1]) + "/seed-" + std::to_string(i);
    if (std::FILE* file = std::fopen(path.c_str(), "wb")) {
      std::fwrite(all[i].data(), 1, all[i].size(), file);
      std::fclose(file);
    }
  }
}

}  // namespace ringway::fuzz
