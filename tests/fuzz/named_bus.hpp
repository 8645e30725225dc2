// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What attaching by name, following lanes into another process's own segment, observing and
/// cleaning up make of a bus whose files are changed. Called by the fuzzer (named_bus_fuzz.cpp)
/// and, with seeded inputs, by named_bus_test.cpp.
///
/// Another process stays attached, with publishers, subscriptions and a service, and is stopped
/// (SIGSTOP) once all of it is there: what is alive there does nothing. Its segment and the control
/// segment are changed through mappings of their own and put right again before each input, their
/// names too, since whoever is misled removes them.

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ringway/shm/observer.hpp"
#include "tests/fuzz/shared_block.hpp"

namespace ringway::fuzz {

/// One file of the bus: as it was, and as it lies there. A second name outside the bus's folder
/// keeps it when the first one is removed.
class KeptFile {
 public:
  KeptFile(std::string path, std::string keeper)
      : path_(std::move(path)), keeper_(std::move(keeper)) {
    must(::link(path_.c_str(), keeper_.c_str()) == 0, "no second name");
    fd_ = ::open(keeper_.c_str(), O_RDWR | O_CLOEXEC);
    struct ::stat now {};
    must(fd_ >= 0 && ::fstat(fd_, &now) == 0, "no file");
    inode_ = now.st_ino;
    const auto bytes = static_cast<std::size_t>(now.st_size);
    void* begin = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
    must(begin != MAP_FAILED, "no mapping");
    memory_ = {static_cast<std::byte*>(begin), bytes};
    good_.assign(memory_.begin(), memory_.end());
    for (std::size_t i = 0; i < bytes; ++i) {
      if (good_[i] != std::byte{0}) used_ = i + 1;
    }
  }
  KeptFile(const KeptFile&) = delete;
  KeptFile& operator=(const KeptFile&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::span<const std::byte> good() const { return std::span(good_).first(used_); }
  /// The part that something lies in, and what came behind it since.
  [[nodiscard]] std::span<std::byte> restore() {
    struct ::stat now {};
    if (::stat(path_.c_str(), &now) != 0 || now.st_ino != inode_) {
      ::unlink(path_.c_str());
      must(::link(keeper_.c_str(), path_.c_str()) == 0, "its name is gone");
    }
    must(::fstat(fd_, &now) == 0 && static_cast<std::size_t>(now.st_size) == memory_.size(),
         "its size was changed");
    constexpr std::size_t kPage = 4096;
    const auto front = std::min(memory_.size(), used_ + 32'768);
    for (std::size_t at = 0; at < front; at += kPage) {
      const auto size = std::min(kPage, memory_.size() - at);
      if (std::memcmp(&memory_[at], &good_[at], size) != 0) {
        std::memcpy(&memory_[at], &good_[at], size);
      }
    }
    return memory_.first(used_);
  }

 private:
  std::string path_;
  std::string keeper_;
  int fd_ = -1;
  ::ino_t inode_ = 0;
  std::span<std::byte> memory_;
  std::vector<std::byte> good_;
  std::size_t used_ = 0;
};

/// A bus with a name, in a folder of its own, and whoever stays attached to it.
class NamedBus {
 public:
  static NamedBus& get() {
    static NamedBus bus;
    return bus;
  }
  NamedBus(const NamedBus&) = delete;
  NamedBus& operator=(const NamedBus&) = delete;
  ~NamedBus() {
    if (::getpid() != maker_) return;
    ::kill(holder_, SIGKILL);
    ::waitpid(holder_, nullptr, 0);
    remove_all(folder_ + "/kept");
    remove_all(folder_);
  }

  static constexpr const char* kName = "fuzz";

  [[nodiscard]] SharedBusOptions options() const {
    auto all = small_options();
    all.lane_bytes = std::size_t{1} << 18;
    all.segment.folder = folder_;
    return all;
  }
  [[nodiscard]] const std::string& folder() const { return folder_; }
  [[nodiscard]] KeptFile& control() { return *control_; }
  [[nodiscard]] KeptFile& own() { return *own_; }

  /// Files of those who came and went, or found the bus changed.
  void remove_strangers() {
    for (const auto& path : entries(folder_)) {
      if (path != control_->path() && path != own_->path()) ::unlink(path.c_str());
    }
  }

 private:
  NamedBus() : maker_(::getpid()) {
    std::string folder = "/dev/shm/ringway-fuzz-XXXXXX";
    must(::mkdtemp(folder.data()) != nullptr, "no folder");
    folder_ = folder;
    must(::mkdir((folder_ + "/kept").c_str(), 0700) == 0, "no folder");
    std::array<int, 2> ready{};
    must(::pipe2(ready.data(), O_CLOEXEC) == 0, "no pipe");
    holder_ = ::fork();
    must(holder_ >= 0, "no process");
    if (holder_ == 0) hold(ready[1]);
    ::close(ready[1]);
    char done = 0;
    must(::read(ready[0], &done, 1) == 1, "nobody stays attached");
    ::close(ready[0]);
    ::kill(holder_, SIGSTOP);
    int status = 0;
    must(::waitpid(holder_, &status, WUNTRACED) == holder_ && WIFSTOPPED(status), "not stopped");
    for (const auto& path : entries(folder_)) {
      if (OwnSegments::is_name_of_one(path)) own_.emplace(path, folder_ + "/kept/own");
    }
    must(own_.has_value(), "no segment of its own");
    control_.emplace(folder_ + "/ringway-" + kName, folder_ + "/kept/control");
  }

  [[noreturn]] void hold(int ready) const {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    auto bus = open_shared(kName, options());
    must(bus.ok(), "no bus");
    auto publisher = bus->publisher(Topic<Item>{"a.b", {.capacity = 16, .max_readers = 3}});
    auto family = bus->family_publisher(Topic<Item>{"f.>", {.capacity = 16, .max_readers = 3}});
    const auto topic = family.topic("f.x");
    const ByteTopic bytes{
        "y", {.capacity = 200, .largest = kLargest, .encoding = kEncoding, .max_readers = 3}};
    auto byte_publisher = bus->publisher(bytes);
    Dispatcher<SegmentHome> feed{*bus};
    auto one = feed.subscribe(Topic<Item>{"a.b"}, [](const Item&) {});
    auto raw = feed.subscribe(bytes, [](std::span<const std::byte>) {});
    auto replier = feed.reply(Service<Item(Item)>{"s"}, [](const Item& item) { return item; });
    const std::array<std::byte, kLargest> message{};
    for (std::uint64_t i = 0; i < 40; ++i) {
      static_cast<void>(publisher.publish(Item{i}));
      static_cast<void>(family.publish(topic, Item{i}));
      static_cast<void>(byte_publisher.publish(std::span(message).first(i % (kLargest + 1))));
    }
    must(::write(ready, "+", 1) == 1, "nobody listens");
    for (;;) ::pause();
  }

  static std::vector<std::string> entries(const std::string& folder) {
    std::vector<std::string> found;
    ::DIR* list = ::opendir(folder.c_str());
    if (list == nullptr) return found;
    while (const auto* entry = ::readdir(list)) {
      if (entry->d_type != DT_DIR) found.push_back(folder + "/" + entry->d_name);
    }
    ::closedir(list);
    return found;
  }
  static void remove_all(const std::string& folder) {
    for (const auto& path : entries(folder)) ::unlink(path.c_str());
    ::rmdir(folder.c_str());
  }

  ::pid_t maker_;
  ::pid_t holder_ = -1;
  std::string folder_;
  std::optional<KeptFile> control_;
  std::optional<KeptFile> own_;
};

/// The first byte chooses which file is changed and what is done then. \return true if the bus let
/// somebody in
inline bool use_any_named_bus(std::span<const std::byte> input) {
  auto& named = NamedBus::get();
  named.remove_strangers();
  const auto control = named.control().restore();
  const auto own = named.own().restore();
  const auto how = input.empty() ? 0U : static_cast<unsigned>(input[0]);
  const bool before = how / 2 % 2 == 0;  // attaches before the damage
  const auto change = [&] {
    if (!input.empty()) change_bytes(input.subspan(1), how % 2 == 0 ? control : own);
  };
  if (!before) change();
  std::uint64_t seen = 0;
  const auto count = [&](const Item& item) { seen += item.number; };
  const auto count_bytes = [&](std::span<const std::byte> bytes) {
    must(bytes.size() <= kLargest, "larger than the largest message");
    for (const std::byte b : bytes) seen += static_cast<std::uint64_t>(b);
  };
  const Topic<Item> all{"*.*"};
  const ByteTopic raw{"y", {.largest = kLargest, .encoding = kEncoding}};

  // One who may only read.
  auto observer = observe_shared(
      NamedBus::kName, {.look_every = std::chrono::nanoseconds(0), .folder = named.folder()});
  if (observer.ok()) {
    auto one = observer->try_subscribe(all, count, {.start = Start::kOldest});
    auto two = observer->try_subscribe(raw, count_bytes, {.start = Start::kOldest});
    if (before) change();
    for (int i = 0; i < 2; ++i) static_cast<void>(observer->poll(200));
  } else {
    must(!observer.status().message().empty(), "refused without a word");
    if (before) change();
  }
  if (before) {
    static_cast<void>(named.control().restore());
    static_cast<void>(named.own().restore());
  }

  // One who takes part.
  auto bus = open_shared(NamedBus::kName, named.options());
  if (!bus.ok()) {
    must(!bus.status().message().empty(), "refused without a word");
    return false;
  }
  if (before) change();
  static_cast<void>(participants(*bus));
  static_cast<void>(look_after_others(*bus));
  auto publisher = bus->try_publisher(Topic<Item>{"a.b", {.capacity = 16, .max_readers = 3}});
  auto bytes = bus->try_publisher(raw);
  for (std::uint64_t i = 0; i < 20; ++i) {
    if (publisher.ok()) static_cast<void>(publisher->try_publish(Item{i}));
    if (bytes.ok()) static_cast<void>(bytes->try_publish({}));
  }
  if (how / 4 % 4 == 0) {  // a thread takes as long as all the rest
    auto feed = Dispatcher<SegmentHome>::make(*bus);
    if (feed.ok()) {
      auto one = feed->try_subscribe(all, count, {.start = Start::kOldest});
      auto two = feed->try_subscribe(raw, count_bytes, {.start = Start::kOldest});
    }
  }
  asm volatile("" : : "r"(seen));
  return true;
}

/// Inputs to begin with, of both files.
inline std::vector<std::vector<std::byte>> named_seeds() {
  auto& named = NamedBus::get();
  std::vector<std::vector<std::byte>> all;
  for (const bool control : {true, false}) {
    const auto real = (control ? named.control() : named.own()).good();
    for (auto seed : seeds_of(real)) {
      seed[0] = std::byte(control ? 0 : 1);
      all.push_back(std::move(seed));
    }
  }
  return all;
}

}  // namespace ringway::fuzz
