// SPDX-License-Identifier: Apache-2.0
// labels: notsan
// A process that is attached flips words of the segment while others publish, subscribe, ask,
// answer, attach, bind and clean up. They may be told that something is corrupt, full or closed;
// they do not crash, do not hang, and touch nothing beside the segments: around each file that is
// mapped here, the control segment and everybody's own, lies memory that nobody may touch.
//
// Rounds begin with a new segment: one that has been flipped for long admits nobody any more, and
// then shows nothing. RINGWAY_MUTATOR_SECONDS asks for more than a second, and for more: no
// operation of a victim uses over a second of its thread's own processor time, or waits more often
// than makes a second of the naps between two looks at who is alive (SegmentHome::kLongestNap). The
// clock on the wall is printed alone: on a busy machine it says nothing. What spins or sleeps for
// ever, a dispatcher's thread too, fails after a minute.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ringway/shm/shared_bus.hpp"
#include "shm_support.hpp"

namespace {

/// Mappings of files that have a fence on both sides.
constexpr std::size_t kFence = std::size_t{16} << 20;
constexpr std::size_t kMostFenced = 4096;
std::atomic<std::uintptr_t> fenced[kMostFenced];  // where they begin; 0: unused

std::atomic<std::uintptr_t>* find_fenced(std::uintptr_t begin) noexcept {
  for (auto& each : fenced) {
    if (each == begin) return &each;
  }
  return nullptr;
}
void* system_mmap(void* where, std::size_t bytes, int protection, int flags, int fd,
                  off_t offset) noexcept {
  return reinterpret_cast<void*>(::syscall(SYS_mmap, where, bytes, protection, flags, fd, offset));
}
constexpr std::size_t whole_pages(std::size_t bytes) {
  return (bytes + 4095) / 4096 * 4096;
}

}  // namespace

// In the place of the C library's, for all of this program: a file that may go anywhere goes into
// the middle of memory that nobody may touch.
extern "C" void* mmap(void* where, std::size_t bytes, int protection, int flags, int fd,
                      off_t offset) noexcept {
  if (where != nullptr || fd < 0 || (flags & MAP_SHARED) == 0) {
    return system_mmap(where, bytes, protection, flags, fd, offset);
  }
  void* hole = system_mmap(nullptr, whole_pages(bytes) + 2 * kFence, PROT_NONE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (hole == MAP_FAILED) return hole;
  auto* begin = static_cast<std::byte*>(hole) + kFence;
  void* data = system_mmap(begin, bytes, protection, flags | MAP_FIXED, fd, offset);
  for (auto& each : fenced) {
    std::uintptr_t unused = 0;
    if (data == MAP_FAILED) break;
    if (each.compare_exchange_strong(unused, reinterpret_cast<std::uintptr_t>(data))) return data;
  }
  ::syscall(SYS_munmap, hole, whole_pages(bytes) + 2 * kFence);
  return MAP_FAILED;
}
extern "C" int munmap(void* where, std::size_t bytes) noexcept {
  auto* known = find_fenced(reinterpret_cast<std::uintptr_t>(where));
  if (known == nullptr || where == nullptr) {
    return static_cast<int>(::syscall(SYS_munmap, where, bytes));
  }
  known->store(0);
  return static_cast<int>(::syscall(SYS_munmap, static_cast<std::byte*>(where) - kFence,
                                    whole_pages(bytes) + 2 * kFence));
}

namespace ringway {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::Process;
using test::SegmentName;
using test::Witness;

using Clock = std::chrono::steady_clock;

struct Item {
  std::uint64_t number;
};
struct Wide {
  std::uint64_t numbers[12];
};

constexpr Topic<Item> kItems{"items", {.capacity = 64}};
constexpr Topic<Wide> kWide{"wide.>", {.capacity = 16}};
constexpr Topic<Item> kStrict{"strict", {.capacity = 8, .max_readers = 4, .admits_lossy = false}};
constexpr ByteTopic kBytes{"bytes", {.capacity = 1000, .largest = 100, .encoding = "test/1"}};
constexpr Service<Item(Item)> kAdd{"add", {.timeout = 20ms}};

SharedBusOptions few() {
  SharedBusOptions options;
  options.lane_bytes = std::size_t{1} << 20;
  options.tables = {.topics = 16,
                    .subscriptions = 24,
                    .endpoints = 24,
                    .lanes = 48,
                    .participants = 12,
                    .types = 8};
  return options;
}

/// What a victim says of itself.
struct Victim {
  std::atomic<std::uint64_t> steps{0};    // operations that came back
  std::atomic<std::uint64_t> refused{0};  // of those: told that something is wrong
  // of one operation, the most:
  std::atomic<std::int64_t> longest_ns{0};
  std::atomic<std::int64_t> longest_cpu_ns{0};  // processor time of its thread
  std::atomic<std::int64_t> most_waits{0};      // how often its thread slept
  std::atomic<std::uint64_t> unfenced{0};       // attachments without a fence around each segment
};
struct Scene {
  static constexpr std::size_t kVictims = 5;
  Victim victims[kVictims];
  std::atomic<std::uint64_t> attached{0};
  std::atomic<std::uint64_t> flips{0};
  std::atomic<bool> stop{false};
};

/// Counts operations, and what the slowest took. One thread.
class Watch {
 public:
  explicit Watch(Victim& victim) : victim_(victim), last_(Spent::now()) {}
  void step(bool accepted) {
    const auto now = Spent::now();
    note(victim_.longest_ns, now.wall_ns - last_.wall_ns);
    note(victim_.longest_cpu_ns, now.cpu_ns - last_.cpu_ns);
    note(victim_.most_waits, now.waits - last_.waits);
    last_ = now;
    if (!accepted) ++victim_.refused;
    ++victim_.steps;
  }

 private:
  struct Spent {
    std::int64_t wall_ns;
    std::int64_t cpu_ns;
    std::int64_t waits;
    static Spent now() {
      timespec cpu{};
      rusage usage{};
      ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
      ::getrusage(RUSAGE_THREAD, &usage);
      return {std::chrono::nanoseconds(Clock::now().time_since_epoch()).count(),
              std::int64_t{cpu.tv_sec} * 1'000'000'000 + cpu.tv_nsec, usage.ru_nvcsw};
    }
  };
  static void note(std::atomic<std::int64_t>& most, std::int64_t value) {
    if (value > most) most = value;
  }

  Victim& victim_;
  Spent last_;
};

/// Attaches, and sees that fences lie around the segments.
absl::StatusOr<SharedBus> open_fenced(const std::string& name, Victim& victim) {
  auto bus = open_shared(name, few());
  if (!bus.ok()) return bus;
  const auto has_fences = [](std::span<std::byte> contents) {
    return find_fenced(reinterpret_cast<std::uintptr_t>(contents.data()) - Segment::kContents) !=
           nullptr;
  };
  auto& attachment = bus->core()->home().attachment();
  if (!has_fences(attachment.segment().contents()) || !has_fences(attachment.own()->own())) {
    ++victim.unfenced;
  }
  return bus;
}

/// A message of bytes, by copy or in place.
bool publish_bytes(BytePublisher<SegmentHome>& publisher, std::uint64_t number) {
  const auto size = number % (kBytes.options.largest + 1);
  std::byte message[kBytes.options.largest];
  std::memset(message, static_cast<int>(number), sizeof(message));
  if (number % 64 == 1) {
    return publisher.publish_for(std::span(message).first(size), 2ms) == PublishStatus::kPublished;
  }
  if (number % 3 != 0) {
    return publisher.try_publish(std::span(message).first(size)) == PublishStatus::kPublished;
  }
  auto claim = publisher.try_claim(sizeof(message));
  if (!claim) return false;
  std::memcpy(claim.bytes().data(), message, size);
  claim.commit(size);
  return true;
}

int publish(const std::string& name, Scene& scene, Victim& victim) {
  Watch watch(victim);
  while (!scene.stop) {
    auto bus = open_fenced(name, victim);
    watch.step(bus.ok());
    if (!bus.ok()) continue;
    ++scene.attached;
    auto items = bus->try_publisher(kItems);
    watch.step(items.ok());
    auto strict = bus->try_publisher(kStrict);
    watch.step(strict.ok());
    auto bytes = bus->try_publisher(kBytes);
    watch.step(bytes.ok());
    auto family = bus->try_family_publisher(kWide);
    watch.step(family.ok());
    std::optional<TopicNumber> topic;
    if (family.ok()) {
      auto made = family->try_topic("wide.a");
      watch.step(made.ok());
      if (made.ok()) topic = *made;
    }
    for (std::uint64_t i = 0; i < 3'000 && !scene.stop; ++i) {
      bool done = true;
      if (items.ok()) done &= items->try_publish(Item{i}) == PublishStatus::kPublished;
      if (strict.ok()) {
        const auto status =
            i % 64 == 0 ? strict->publish_for(Item{i}, 2ms) : strict->try_publish(Item{i});
        done &= status == PublishStatus::kPublished;
      }
      if (topic) done &= family->try_publish(*topic, Wide{{i}}) == PublishStatus::kPublished;
      if (bytes.ok()) done &= publish_bytes(*bytes, i);
      if (i % 128 == 0 && items.ok()) {
        if (auto claim = items->try_claim()) claim.commit();
      }
      watch.step(done);
    }
  }
  return 0;
}

int subscribe(const std::string& name, Scene& scene, Victim& victim) {
  Watch watch(victim);
  while (!scene.stop) {
    auto bus = open_fenced(name, victim);
    watch.step(bus.ok());
    if (!bus.ok()) continue;
    ++scene.attached;
    std::atomic<std::uint64_t> sum{0};
    auto feed = Dispatcher<SegmentHome>::make(*bus, {.name = "feed"});
    watch.step(feed.ok());
    if (!feed.ok()) continue;
    const auto add = [&](const auto& message, const MessageInfo& info) {
      std::uint64_t number = 0;
      std::memcpy(&number, &message, sizeof(number));
      for (const char c : info.topic) number += static_cast<unsigned char>(c);
      sum += number + info.gap;
    };
    std::vector<Subscription> subscriptions;
    const auto keep = [&](auto subscription) {
      watch.step(subscription.ok());
      if (subscription.ok()) subscriptions.push_back(*std::move(subscription));
    };
    keep(feed->try_subscribe(kItems, [&](const Item& m, const MessageInfo& i) { add(m, i); }));
    keep(feed->try_subscribe(kItems, [&](const Item& m, const MessageInfo& i) { add(m, i); },
                             {.lossy = true}));
    keep(feed->try_subscribe(kItems, [&](const Item& m, const MessageInfo& i) { add(m, i); },
                             {.lossy = true, .latest_only = true}));
    keep(feed->try_subscribe(kStrict, [&](const Item& m, const MessageInfo& i) { add(m, i); }));
    keep(feed->try_subscribe(kWide.matching("wide.*"),
                             [&](const Wide& m, const MessageInfo& i) { add(m, i); }));
    keep(feed->try_subscribe(kBytes, [&](std::span<const std::byte> m, const MessageInfo& i) {
      for (const std::byte b : m) sum += static_cast<std::uint64_t>(b);
      sum += i.sequence;
    }));
    for (int i = 0; i < 30 && !scene.stop; ++i) {
      std::this_thread::sleep_for(1ms);
      watch.step(true);
    }
    subscriptions.clear();
    watch.step(true);
  }
  return 0;
}

int answer(const std::string& name, Scene& scene, Victim& victim) {
  Watch watch(victim);
  while (!scene.stop) {
    auto bus = open_fenced(name, victim);
    watch.step(bus.ok());
    if (!bus.ok()) continue;
    ++scene.attached;
    auto feed = Dispatcher<SegmentHome>::make(*bus, {.name = "answers"});
    watch.step(feed.ok());
    if (!feed.ok()) continue;
    auto replier = feed->try_reply(kAdd, [](const Item& item) { return Item{item.number + 1}; });
    watch.step(replier.ok());
    for (int i = 0; i < 30 && !scene.stop; ++i) {
      std::this_thread::sleep_for(1ms);
      watch.step(true);
    }
  }
  return 0;
}

int ask(const std::string& name, Scene& scene, Victim& victim) {
  Watch watch(victim);
  while (!scene.stop) {
    auto bus = open_fenced(name, victim);
    watch.step(bus.ok());
    if (!bus.ok()) continue;
    ++scene.attached;
    auto requester = bus->try_requester(kAdd);
    watch.step(requester.ok());
    if (!requester.ok()) continue;
    for (std::uint64_t i = 0; i < 300 && !scene.stop; ++i) {
      watch.step(requester->request({i}).has_value());
      auto pending = requester->request_async({i});
      watch.step(pending.poll());
    }
  }
  return 0;
}

int come_and_go(const std::string& name, Scene& scene, Victim& victim) {
  Watch watch(victim);
  while (!scene.stop) {
    auto bus = open_fenced(name, victim);
    watch.step(bus.ok());
    if (!bus.ok()) continue;
    ++scene.attached;
    static_cast<void>(participants(*bus));
    look_after_others(*bus);
    static_cast<void>(bus->lanes());
    watch.step(true);
    watch.step(bus->try_publisher(kItems).ok());
    auto& attachment = bus->core()->home().attachment();
    {  // as after the death of a holder of the lock
      const auto lock = bus->core()->lock();
      SharedBusContents::repair(attachment.block());
      SharedBusContents::clean_up(attachment.block(), Participants::kMost);
    }
    watch.step(true);
  }
  return 0;
}

/// A file, mapped for writing; empty if it has gone already.
std::span<std::byte> mapped(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  struct stat facts {};
  if (!file || ::fstat(file.get(), &facts) != 0) return {};
  const auto bytes = static_cast<std::size_t>(facts.st_size);
  void* data = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (data == MAP_FAILED) return {};
  return {static_cast<std::byte*>(data), bytes};
}

/// Flips words of the control segment's file, and of the segments of those who are attached when it
/// begins: as hostile as they could be to each other, and more.
int mutate(const SegmentName& name, Scene& scene, std::uint64_t seed) {
  const auto control = mapped(name.path());
  if (control.empty()) return 0;
  const auto bytes = control.size();
  std::vector<std::span<std::byte>> others;
  for (const auto& file : name.files()) {
    if (file == name.path()) continue;
    if (const auto memory = mapped(file); !memory.empty()) others.push_back(memory);
  }
  std::mt19937_64 random(seed);
  // Tables, and the audiences that are near the front of the arena; the header and the
  // participants' table rarely, or nobody could attach.
  const std::size_t tables =
      Segment::kContents + SegmentAttachment::block_offset(few().tables.participants);
  const std::size_t rings = tables + Directory<SharedMemory>::footprint(few().tables);
  const auto pause = std::chrono::microseconds(1U << random() % 12);
  std::uint64_t noted = 0;
  while (!scene.stop) {
    std::size_t where = 0;
    auto* memory = control.data();
    switch (random() % 16) {
      case 0: where = random() % tables; break;
      case 1:
      case 2:
      case 3:
      case 4:
      case 5: where = tables + random() % (rings - tables); break;
      case 6: where = tables + random() % 512; break;  // the head of the tables
      default: where = rings + random() % std::min<std::size_t>(bytes - rings, 49'152);
    }
    if (!others.empty() && random() % 2 == 0) {  // positions, and the first rings
      const auto& other = others[random() % others.size()];
      memory = other.data();
      const auto begin = Segment::kContents + (random() % 4 == 0 ? 0 : SegmentHome::kFirstLane);
      where = begin + random() % std::min<std::size_t>(other.size() - begin, 49'152);
    }
    const auto at = where / 8 * 8;
    std::uint64_t word = 0;
    std::memcpy(&word, memory + at, sizeof(word));
    switch (random() % 8) {
      case 0: word = random(); break;
      case 1: word = random() >> random() % 64; break;
      case 2: word ^= std::uint64_t{1} << random() % 64; break;
      case 3: word += random() % 5 - 2; break;
      case 4: word = 0; break;
      case 5: word = ~std::uint64_t{0}; break;
      case 6: word = noted; break;  // what lay elsewhere
      default: word ^= random() << 32; break;
    }
    if (random() % 4 == 0) noted = word;
    std::memcpy(memory + at, &word, random() % 4 == 0 ? 4 : 8);
    ++scene.flips;
    if (random() % 4 == 0) std::this_thread::sleep_for(pause);
  }
  return 0;
}

TEST(Mutator, VictimsAreToldAndNeitherCrashNorHang) {
  const char* wanted = std::getenv("RINGWAY_MUTATOR_SECONDS");
  const auto end = Clock::now() + std::chrono::seconds(wanted != nullptr ? std::atoi(wanted) : 1);
  std::random_device device;
  std::uint64_t seed = device();
  if (const char* chosen = std::getenv("RINGWAY_SEED")) seed = std::strtoull(chosen, nullptr, 10);
  std::uint64_t steps = 0;
  std::uint64_t refused = 0;
  std::uint64_t attached = 0;
  std::uint64_t flips = 0;
  std::uint64_t unfenced = 0;
  std::int64_t longest_ns = 0;
  std::int64_t longest_cpu_ns = 0;
  std::int64_t most_waits = 0;
  int rounds = 0;
  do {
    SCOPED_TRACE(testing::Message() << "RINGWAY_SEED=" << seed);
    const SegmentName name;
    Witness<Scene> scene;
    // made whole before anybody flips words of it
    auto keeper = std::make_unique<Process>([&] {
      auto bus = open_shared(name.str(), few());
      if (!bus.ok()) return 1;
      ++scene->attached;
      while (!scene->stop) std::this_thread::sleep_for(1ms);
      return 0;
    });
    ASSERT_TRUE(eventually([&] { return scene->attached != 0; }));
    using Role = int (*)(const std::string&, Scene&, Victim&);
    constexpr Role kRoles[Scene::kVictims] = {publish, subscribe, answer, ask, come_and_go};
    constexpr const char* kNames[] = {"publisher", "subscriber", "replier", "requester", "binder"};
    std::vector<std::unique_ptr<Process>> victims;
    for (std::size_t i = 0; i < Scene::kVictims; ++i) {
      victims.push_back(std::make_unique<Process>(
          [&, i] { return kRoles[i](name.str(), *scene, scene->victims[i]); }));
    }
    // somebody is at work before the first flip
    ASSERT_TRUE(eventually([&] { return scene->victims[0].steps > 10; }));
    Process mutator([&] { return mutate(name, *scene, seed); });
    ASSERT_TRUE(eventually([&] { return scene->flips != 0 || mutator.has_ended(); }));
    std::this_thread::sleep_for(200ms);
    // everybody still comes back from what it does: a minute without is a hang
    for (std::size_t i = 0; i < Scene::kVictims; ++i) {
      const auto seen = scene->victims[i].steps.load();
      EXPECT_TRUE(eventually([&] {
        return scene->victims[i].steps > seen || victims[i]->has_ended();
      })) << kNames[i]
          << " hangs";
      if (testing::Test::HasFailure()) victims[i]->kill();
    }
    scene->stop = true;
    for (std::size_t i = 0; i < Scene::kVictims && !testing::Test::HasFailure(); ++i) {
      EXPECT_TRUE(eventually([&] { return victims[i]->has_ended(); })) << kNames[i] << " hangs";
      if (testing::Test::HasFailure()) break;
      EXPECT_EQ(victims[i]->wait(), 0) << kNames[i] << " crashed (1000 plus the signal)";
    }
    EXPECT_EQ(mutator.wait(), 0);
    EXPECT_EQ(keeper->wait(), 0);
    for (std::size_t i = 0; i < Scene::kVictims; ++i) {
      const auto& victim = scene->victims[i];
      if (wanted != nullptr) {
        EXPECT_LE(victim.longest_cpu_ns, 1'000'000'000) << kNames[i] << " was busy over a second";
        EXPECT_LE(victim.most_waits, 1s / SegmentHome::kLongestNap)
            << kNames[i] << " waited over a second";
      }
      longest_cpu_ns = std::max(longest_cpu_ns, victim.longest_cpu_ns.load());
      most_waits = std::max(most_waits, victim.most_waits.load());
      steps += victim.steps;
      refused += victim.refused;
      unfenced += victim.unfenced;
      longest_ns = std::max(longest_ns, victim.longest_ns.load());
    }
    attached += scene->attached;
    flips += scene->flips;
    ++rounds;
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
  } while (Clock::now() < end && !testing::Test::HasFailure());
  EXPECT_GT(flips, 0u);
  EXPECT_GT(steps, 0u);
  EXPECT_EQ(unfenced, 0u);
  std::printf(
      "%d rounds: %llu words flipped, %llu attachments, %llu operations, %llu of them refused; the "
      "most of one operation: %lld ms, %lld ms of its thread's processor time, %lld waits\n",
      rounds, static_cast<unsigned long long>(flips), static_cast<unsigned long long>(attached),
      static_cast<unsigned long long>(steps), static_cast<unsigned long long>(refused),
      static_cast<long long>(longest_ns / 1'000'000),
      static_cast<long long>(longest_cpu_ns / 1'000'000), static_cast<long long>(most_waits));
}

}  // namespace
}  // namespace ringway
