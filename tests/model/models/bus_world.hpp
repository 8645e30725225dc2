// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What the bus needs to run under the explorer as it is: mutexes, threads and the clock of the
/// model, and a home whose block is new in every execution.
///
///     BusWorld begin;                      // first in the body
///     ModelBus bus = model_bus();
///     ModelDispatcher dispatcher(bus, kParkAtOnce);      // its thread waits for...
///     world.threads(model_thread(0), ...);               // ...being run here
///
/// The clock: `std::chrono::steady_clock` asks clock_gettime(), which is replaced here for code
/// under test.

#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>

#include "explorer/model_memory.hpp"
#include "ringway/bus/bus.hpp"

namespace ringway::model {

class ModelMutex {
 public:
  ModelMutex() = default;
  ModelMutex(const ModelMutex&) = delete;
  ModelMutex& operator=(const ModelMutex&) = delete;

  void lock(Place place = Place::current()) {
    if (plain()) {
      locked_ = 1;
    } else {
      Operations::running->lock(&locked_, locked_, place);
    }
  }
  void unlock(Place place = Place::current()) {
    if (plain()) {
      locked_ = 0;
    } else {
      Operations::running->unlock(&locked_, locked_, place);
    }
  }

 private:
  static bool plain() { return Operations::running == nullptr || Operations::running->prepares(); }
  std::uint32_t locked_ = 0;
};

/// A thread that code under test starts while the body prepares. It runs when the body hands
/// `model_thread(i)` to Explorer::threads().
class ModelThread {
 public:
  ModelThread() = default;
  template <class Function>
  explicit ModelThread(Function function) : work_(new Work{std::move(function)}) {
    works[count++] = work_;
  }
  ModelThread(ModelThread&& other) noexcept : work_(std::exchange(other.work_, nullptr)) {}
  ModelThread& operator=(ModelThread&& other) noexcept {
    work_ = std::exchange(other.work_, nullptr);
    return *this;
  }

  [[nodiscard]] bool joinable() const { return work_ != nullptr; }
  void join() {
    while (work_->done.load(std::memory_order_acquire) == 0) ModelMemory::relax();
    work_ = nullptr;
  }

  static void run(std::size_t number) {
    works[number]->function();
    works[number]->done.store(1, std::memory_order_release);
  }
  static void forget_all() { count = 0; }

 private:
  struct Work {
    std::function<void()> function;
    ModelMemory::Atomic<std::uint32_t> done{0};
  };
  static inline std::array<Work*, kMaxThreads> works{};
  static inline std::size_t count = 0;

  Work* work_ = nullptr;  // forgotten with the execution
};

}  // namespace ringway::model

template <>
struct ringway::Platform<ringway::model::ModelMemory> {
  using Mutex = model::ModelMutex;
  using Thread = model::ModelThread;
  using ThreadId = std::uint32_t;
  using Wait = Park;
  static inline Cooling kCooling{};       // NOLINT: a model sets it before its dispatcher begins
  static inline Sequence kLaneStart = 0;  // NOLINT: likewise

  [[nodiscard]] static ThreadId this_thread() noexcept {
    return model::Operations::running->running_thread() + 1U;
  }
  [[nodiscard]] static bool pin(Thread&, int) noexcept { return true; }
  static void set_name(Thread&, const std::string&) noexcept {}
};

namespace ringway::model {

/// One block for all executions, given back to the kernel and so zeroed before each.
class ModelHome {
 public:
  using Memory = ModelMemory;
  static constexpr std::size_t kBytes = std::size_t{1} << 28;

  ModelHome() = default;
  ModelHome(ModelHome&&) noexcept {}
  ModelHome& operator=(ModelHome&&) = delete;
  ~ModelHome() = default;

  [[nodiscard]] std::span<std::byte> block() noexcept { return {memory(), kBytes}; }
  [[nodiscard]] ModelMutex& directory_lock() noexcept { return lock_; }

  static void clear() { ::madvise(memory(), kBytes, MADV_DONTNEED); }

 private:
  static std::byte* memory() {
    static void* const block = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE,
                                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return static_cast<std::byte*>(block);
  }

  ModelMutex lock_;
};
static_assert(Home<ModelHome>);

using ModelBus = BasicBus<ModelHome>;
using ModelDispatcher = Dispatcher<ModelHome>;

/// Threads that have nothing to do sleep at once: what the waiting before that sees, the sleep sees
/// too.
inline const DispatcherOptions kParkAtOnce{.name = "d", .pauses = 0, .yields = 0};

/// Must be made first in the body of a model with a bus.
class BusWorld {
 public:
  BusWorld() {
    ModelHome::clear();
    ModelThread::forget_all();
    Platform<ModelMemory>::kCooling = {};
    running_dispatcher = {};
    saved.fill({});
    Operations::on_switch = [](ThreadId from, ThreadId to) {
      saved[from] = std::exchange(running_dispatcher, saved[to]);
    };
  }

 private:
  static inline std::array<RunningDispatcher, kMaxThreads> saved;
};

[[nodiscard]] inline ModelBus model_bus() {
  return value_or_stop(ModelBus::make(ModelHome{}));
}
[[nodiscard]] inline auto model_thread(std::size_t number) {
  return [number] { ModelThread::run(number); };
}

}  // namespace ringway::model

/// Weak, since every file of a test binary that includes this has one.
extern "C" [[gnu::weak]] int clock_gettime(clockid_t clock, struct timespec* time) noexcept {
  using ringway::model::Operations;
  if (Operations::running == nullptr || !ringway::model::arena().active) {
    return static_cast<int>(::syscall(SYS_clock_gettime, clock, time));
  }
  const std::int64_t now_ns = Operations::running->now_ns();
  time->tv_sec = now_ns / 1'000'000'000;
  time->tv_nsec = now_ns % 1'000'000'000;
  return 0;
}
