// SPDX-License-Identifier: Apache-2.0
/// \file
/// After set-up a message of the bus, and a request with its answer, cost neither an allocation nor
/// a system call while the dispatcher spins; and where membarrier(2) is refused, everything is
/// still right.
// labels: nosan

#include <gtest/gtest.h>

#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <thread>

#include "bus_support.hpp"
#include "ringway/base/cpu_relax.hpp"
#include "ringway/bus/bus.hpp"
#include "tests/wait/child_process.hpp"

namespace {
std::atomic<std::uint64_t> allocations{0};
}

// glibc's own names for what is replaced below; operator new comes here as well.
extern "C" void* __libc_malloc(std::size_t size);
extern "C" void* __libc_calloc(std::size_t count, std::size_t size);
extern "C" void* __libc_realloc(void* block, std::size_t size);
extern "C" void* __libc_memalign(std::size_t align, std::size_t size);

extern "C" void* malloc(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_malloc(size);
}
extern "C" void* calloc(std::size_t count, std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_calloc(count, size);
}
extern "C" void* realloc(void* block, std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_realloc(block, size);
}
extern "C" void* aligned_alloc(std::size_t align, std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_memalign(align, size);
}

namespace ringway {
namespace {

using test::Number;

constexpr int kNoFilter = 77;
inline constexpr Topic<Number> kNumbers{"numbers", {.capacity = 64}};
inline constexpr Service<int(int)> kNext{"next", {.timeout = std::chrono::seconds(60)}};

/// A handler's first call installs the filter on the dispatcher's thread.
class Filter {
 public:
  void install() noexcept {
    if (!installed_) installed_ = test::forbid_system_calls();
  }

 private:
  bool installed_ = false;
};

// The control: under the same filter, a handler that makes a system call is caught.
TEST(BusHygieneControl, SystemCallOfAHandlerKills) {
  EXPECT_EQ(test::in_child([] {
              Bus bus;
              Dispatcher dispatcher{bus, {.idle = Idle::kSpin}};
              Filter filter;
              auto subscription = dispatcher.subscribe(kNumbers, [&](const Number&) {
                filter.install();
                ::syscall(SYS_getppid);
              });
              auto publisher = bus.publisher(kNumbers);
              publisher.publish({});
              for (;;) cpu_relax();
              return 0;  // not reached
            }),
            1000 + SIGSYS);
}

TEST(BusHygiene, MessageAndRequestMakeNoSystemCallAndNoAllocation) {
  EXPECT_EQ(test::in_child([] {
              Bus bus;
              Dispatcher dispatcher{bus, {.idle = Idle::kSpin}};
              Filter filter;
              std::atomic<bool> forbid{false};
              std::atomic<std::uint64_t> handled{0};
              auto subscription = dispatcher.subscribe(kNumbers, [&](const Number&) {
                if (forbid.load(std::memory_order_acquire)) filter.install();
                handled.fetch_add(1, std::memory_order_release);
              });
              auto replier = dispatcher.reply(kNext, [](int i) { return i + 1; });
              std::uint64_t inlined = 0;
              auto inside = bus.subscribe_inline(kNumbers, [&](const Number&) { ++inlined; });
              auto publisher = bus.publisher(kNumbers);
              auto requester = bus.requester(kNext, {.idle = Idle::kSpin});
              publisher.publish({});
              if (!requester.request(1).has_value()) ::_exit(2);
              forbid.store(true, std::memory_order_release);
              publisher.publish({});
              while (handled.load(std::memory_order_acquire) != 2) cpu_relax();
              if (!test::forbid_system_calls()) ::_exit(kNoFilter);
              const auto before = allocations.load();
              constexpr std::uint64_t kMany = 20'000;
              for (std::uint64_t i = 0; i < kMany; ++i) {
                while (publisher.try_publish({i}) != PublishStatus::kPublished) cpu_relax();
                if (i % 100 == 0) {
                  const auto answer = requester.request(static_cast<int>(i));
                  if (!answer || *answer != static_cast<int>(i) + 1) ::_exit(3);
                }
              }
              while (handled.load(std::memory_order_acquire) != kMany + 2) cpu_relax();
              if (inlined != kMany + 2) ::_exit(4);
              ::_exit(allocations.load() == before ? 0 : 5);
              return 6;  // not reached
            }),
            0);
}

int everything_still_right() {
  Bus bus;
  Dispatcher dispatcher{bus};
  std::uint64_t next = 0;
  bool right = true;
  auto publisher = bus.publisher(kNumbers);
  std::optional<Subscription> subscription =
      dispatcher.subscribe(kNumbers, [&](const Number& n) { right = right && n.value == next++; });
  std::uint64_t inlined = 0;
  std::optional<InlineSubscription> inside =
      bus.subscribe_inline(kNumbers, [&](const Number&) { ++inlined; });
  for (std::uint64_t i = 0; i < 3000; ++i) {
    if (publisher.publish({i}) != PublishStatus::kPublished) return 1;
    if (i % 500 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  if (!test::eventually([&] { return subscription->delivered() == 3000; })) return 2;
  auto replier = dispatcher.reply(kNext, [](int i) { return i + 1; });
  auto requester = bus.requester(kNext);
  for (int i = 0; i < 500; ++i) {
    const auto answer = requester.request(i);
    if (!answer || *answer != i + 1) return 3;
  }
  subscription->end();
  inside->end();
  const auto seen = next;
  for (std::uint64_t i = 0; i < 200; ++i) publisher.publish({i});
  if (!bus.stop({.drain = std::chrono::seconds(60)}).drained) return 4;
  return right && seen == 3000 && next == 3000 && inlined == 3000 ? 0 : 5;
}

TEST(BusHygiene, RefusedMembarrierChangesNothing) {
  for (const int error : {EPERM, ENOSYS}) {
    EXPECT_EQ(test::in_child([error] {
                if (!test::refuse_system_call(SYS_membarrier, error)) return kNoFilter;
                return everything_still_right();
              }),
              0);
  }
}

}  // namespace
}  // namespace ringway
