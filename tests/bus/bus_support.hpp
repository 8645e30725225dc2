// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What the tests of the bus share: waiting for something that must happen, and a home whose block
/// is mapped at two addresses.

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <utility>

#include "ringway/bus/bus.hpp"
#include "ringway/wait/futex.hpp"
#include "support/bus/messages.hpp"

namespace ringway::test {

/// Waits until `condition()` holds. The limit only tells a hang: \return false after a minute.
template <class Condition>
[[nodiscard]] bool eventually(Condition&& condition) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  for (unsigned rounds = 0; !condition(); ++rounds) {
    if (std::chrono::steady_clock::now() > limit) return false;
    if (rounds < 100) {
      std::this_thread::yield();
    } else {
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
  }
  return true;
}

/// The same for what happens only while nothing else does, as falling asleep between two messages
/// that `condition()` sends: longer and longer pauses between the looks, a minute at last.
template <class Condition>
[[nodiscard]] bool eventually_at_rest(Condition&& condition) {
  for (auto pause = std::chrono::milliseconds(1); !condition(); pause *= 2) {
    if (pause > std::chrono::minutes(1)) return false;
    std::this_thread::sleep_for(pause);
  }
  return true;
}

/// Waits until `count()` has reached `last`, however long that takes. \return false if it stood
/// still for a minute
template <class Count>
[[nodiscard]] bool reaches(Count&& count, std::uint64_t last) {
  for (std::uint64_t seen = count(); seen < last;) {
    if (!eventually([&, before = seen] { return (seen = count()) != before; })) return false;
  }
  return true;
}

/// A door that a handler stands before until the test opens it.
class Door {
 public:
  ~Door() { open(); }
  void open() noexcept { open_.store(true); }
  /// The handler: tells that it is here, and waits.
  void pass() noexcept {
    standing_.fetch_add(1);
    while (!open_.load()) std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
  [[nodiscard]] bool somebody_stands() const noexcept { return standing_.load() != 0; }
  /// \return false if nobody came for a minute
  [[nodiscard]] bool await_somebody() const {
    return eventually([this] { return somebody_stands(); });
  }

 private:
  std::atomic<bool> open_{false};
  std::atomic<int> standing_{0};
};

/// A block of shared memory that is mapped twice, and the lock that both mappings use.
class TwiceMapped {
 public:
  explicit TwiceMapped(std::size_t bytes) : bytes_(bytes) {
    const int file = ::memfd_create("ringway-test", MFD_CLOEXEC);
    if (file < 0 || ::ftruncate(file, static_cast<off_t>(bytes)) != 0) return;
    for (auto& address : addresses_) {
      address = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file, 0);
    }
    ::close(file);
  }
  TwiceMapped(const TwiceMapped&) = delete;
  TwiceMapped& operator=(const TwiceMapped&) = delete;
  ~TwiceMapped() {
    for (auto* address : addresses_) {
      if (address != MAP_FAILED) ::munmap(address, bytes_);
    }
  }
  [[nodiscard]] bool usable() const noexcept {
    return addresses_[0] != MAP_FAILED && addresses_[1] != MAP_FAILED;
  }
  [[nodiscard]] std::span<std::byte> mapping(std::size_t which) const noexcept {
    return {static_cast<std::byte*>(addresses_[which]), bytes_};
  }
  [[nodiscard]] std::mutex& lock() noexcept { return lock_; }

 private:
  std::size_t bytes_;
  void* addresses_[2] = {MAP_FAILED, MAP_FAILED};
  std::mutex lock_;
};

/// One of the two views of such a block, as a home.
class MappedHome {
 public:
  using Memory = NativeSharedMemory;

  MappedHome(std::shared_ptr<TwiceMapped> memory, std::size_t which)
      : memory_(std::move(memory)), which_(which) {}

  [[nodiscard]] std::span<std::byte> block() noexcept { return memory_->mapping(which_); }
  [[nodiscard]] std::mutex& directory_lock() noexcept { return memory_->lock(); }

 private:
  std::shared_ptr<TwiceMapped> memory_;
  std::size_t which_;
};
static_assert(Home<MappedHome>);

/// True if the text holds the part.
[[nodiscard]] inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}
template <class StatusOrStatusOr>
[[nodiscard]] std::string message_of(const StatusOrStatusOr& result) {
  return std::string(result.status().message());
}

}  // namespace ringway::test
