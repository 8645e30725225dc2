// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// A home: the memory that a bus lives in. The bus is written against the concept, so that threads
/// of one process and, with another home, processes of one host share the same code.
///
/// A home supplies one block of memory, as it is mapped here, zeroed when new; a memory policy
/// whose futexes and fences reach everybody who maps it; and a lock for the directory, taken when
/// things are bound and never when a message is published. Everything in the block is an offset, so
/// it may be mapped at different addresses.

#include <sys/mman.h>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "ringway/base/native_memory.hpp"
#include "ringway/ring/audience.hpp"
#include "ringway/wait/futex.hpp"

namespace ringway {

template <class H>
concept Home = requires(H& home) {
  typename H::Memory;
  { home.block() }
  noexcept->std::same_as<std::span<std::byte>>;
  home.directory_lock().lock();
  home.directory_lock().unlock();
};

/// A home of several processes, each of which may die at any instruction: it has a number for each,
/// and somebody has to look after the others from time to time.
template <class H>
concept SharedHome = Home<H> && requires(H& home) {
  { home.participant() }
  noexcept->std::convertible_to<std::uint32_t>;
  home.look_after_others();
  { home.forked() } -> std::same_as<bool>;  // from a process of the bus: this one is none
  H::kLongestNap;
};

/// A shared home in which each participant has memory that it alone writes and others map for
/// reading: the rings of its lanes lie there, and its readers' positions. The block holds the rest.
///   own_segment()             the number of this participant's; 0: all lanes lie in the block
///   segment(number, hold)     the memory of that number as it is mapped here, while `hold` lives
///   take_word()               a word for a reader's position and its place; or none
///   make_finder()             how a producer finds words by their places; expect(gate, number)
///                             readies it for a reader of that number's; admit_observers(memory,
///                             lane, life, lag limit, longest claim) has it wait for observers, who
///                             find answers in the memory; waits_for_observers() tells that it may
///                             just do so
///   kObserverAnswers          bytes of that memory
///   segment_of(participant)   the number of a participant's memory
///   lane_freed(number)        under the directory lock: a lane in that memory is used no more
template <class H>
concept OwnerHome = SharedHome<H> && requires(H& home, typename H::LaneHold& hold) {
  typename H::LaneFinder;
  home.own_segment();
  home.own_memory();
  home.segment(std::uint64_t{}, hold);
  hold.word = home.take_word();
  home.make_finder()->expect(std::size_t{}, home.segment_of(std::uint32_t{}));
  home.make_finder()->admit_observers(home.own_memory(), std::uint32_t{}, std::uint32_t{},
                                      std::chrono::nanoseconds{}, std::size_t{});
  home.make_finder()->waits_for_observers();
  H::kObserverAnswers;
  home.lane_freed(std::uint64_t{});
};

/// What a reader of a lane holds for as long as it reads; and a producer, to find its readers'
/// words. Nothing where all lies in the block.
template <class H>
struct LaneAccess {
  struct Hold {};
  struct Finder {
    [[nodiscard]] static const GateFinder<typename H::Memory>* get() noexcept { return nullptr; }
  };
};
template <OwnerHome H>
struct LaneAccess<H> {
  using Hold = typename H::LaneHold;
  using Finder = std::unique_ptr<typename H::LaneFinder>;
};

struct HeapHomeOptions {
  /// Address space in bytes for everything that the bus will ever hold at a time. Memory is used
  /// only where lanes are made.
  std::size_t bytes = std::size_t{1} << 30;
};

/// The home of a bus between threads of one process.
class HeapHome {
 public:
  using Memory = NativeMemory;

  [[nodiscard]] static absl::StatusOr<HeapHome> create(const HeapHomeOptions& options = {}) {
    void* data = ::mmap(nullptr, options.bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (data == MAP_FAILED) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "no address space for a bus of ", options.bytes,
          " bytes; ask for fewer in HeapHomeOptions::bytes, or raise the limit (ulimit -v)"));
    }
    return HeapHome({static_cast<std::byte*>(data), options.bytes});
  }

  HeapHome(HeapHome&& other) noexcept : block_(std::exchange(other.block_, {})) {}
  HeapHome& operator=(HeapHome&&) = delete;
  ~HeapHome() {
    if (!block_.empty()) ::munmap(block_.data(), block_.size());
  }

  [[nodiscard]] std::span<std::byte> block() noexcept { return block_; }
  [[nodiscard]] std::mutex& directory_lock() noexcept { return lock_; }

 private:
  explicit HeapHome(std::span<std::byte> block) noexcept : block_(block) {}

  std::span<std::byte> block_;
  std::mutex lock_;  // not moved: nobody holds it while a home is still being handed around
};

static_assert(Home<HeapHome>);

}  // namespace ringway
