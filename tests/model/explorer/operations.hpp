// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What each operation of the memory policy does in a modelled execution: announce it, let the
/// explorer choose among what the memory model allows, perform it, write the trace.

#include <array>
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "explorer/payload.hpp"
#include "explorer/place.hpp"
#include "explorer/scheduler.hpp"
#include "explorer/sites.hpp"

namespace ringway::model {

/// Words are addresses; `initial` is what the word holds if the execution has not touched it yet.
class Operations : protected Scheduler {
 public:
  using Scheduler::on_switch;

  /// Whose execution is running, or null.
  static inline Operations* running = nullptr;
  /// Sites seen and the mutant in force; shared by all searches of the program.
  static inline Sites sites;

  /// A word begins. What the body makes happens before all threads, so it is taken up when it is
  /// first used.
  void construct(const void* word, std::uint64_t initial) {
    const OutsideModel outside;
    if (alone()) {
      model_.forget(word);
    } else {
      add(word, initial, self().memory.current.clock.time[current_]);
    }
  }

  [[nodiscard]] ThreadId running_thread() const { return current_; }

  /// True while the body prepares: what it does to words happens before all threads and is not
  /// recorded.
  [[nodiscard]] bool prepares() const { return !began_; }

  std::uint64_t load(const void* word, std::uint64_t initial, std::memory_order order,
                     const Place& place) {
    const OutsideModel outside;
    order = effective(place, SiteKind::kLoad, order);
    const LocationId id = locate(word, initial);
    announce({Step::kLoad, is_seq_cst(order), id}, place);
    std::size_t count =
        model_.readable(self().memory, id, is_seq_cst(order), self().least, stores_.data());
    if (order == std::memory_order_relaxed && options_.search != Search::kUnreduced) {
      count = model_.without_equals(self().memory, id, false, stores_.data(), count);
    }
    return read(id, pick_store(id, count), order, "load", place);
  }

  void store(const void* word, std::uint64_t initial, std::uint64_t value, std::memory_order order,
             const Place& place) {
    const OutsideModel outside;
    order = effective(place, SiteKind::kStore, order);
    const LocationId id = locate(word, initial);
    announce({Step::kStore, is_seq_cst(order), id}, place);
    std::array<std::uint16_t, kMaxStoresPerLocation> places;
    const std::size_t count = model_.places(self().memory, id, is_seq_cst(order), places.data());
    const std::size_t chosen = choose(may_be_stale() ? count : 1);
    if (chosen != 0) ++stale_;
    touched(id);
    model_.write(self().memory, current_, id, places[chosen], value, order);
    check_room();
    if (tracing_) trace(describe(id) + " store " + hex(value) + " " + name_of(order), place);
  }

  template <class Compute>
  std::uint64_t update(const void* word, std::uint64_t initial, Compute&& compute,
                       std::memory_order order, const Place& place) {
    const OutsideModel outside;
    order = effective(place, SiteKind::kUpdate, order);
    const LocationId id = locate(word, initial);
    announce({Step::kUpdate, is_seq_cst(order), id}, place);
    const std::size_t count = updatable(id, is_seq_cst(order));
    const StoreId source = pick_store(id, count);
    const std::uint64_t before = model_.store_of(id, source).value;
    replace(id, source, compute(before), order, place);
    return before;
  }

  bool compare_exchange(const void* word, std::uint64_t initial, std::uint64_t& expected,
                        std::uint64_t desired, std::memory_order success, std::memory_order failure,
                        bool weak, const Place& place) {
    const OutsideModel outside;
    success = effective(place, SiteKind::kExchange, success);
    failure = effective(place, SiteKind::kFailure, failure);
    const LocationId id = locate(word, initial);
    const bool seq_cst = is_seq_cst(success) || is_seq_cst(failure);
    announce({Step::kUpdate, seq_cst, id}, place);
    const std::size_t all =
        model_.readable(self().memory, id, seq_cst, self().least, stores_.data());
    std::size_t count = 0;
    StoreId spurious = 0;
    bool may_be_spurious = false;
    for (std::size_t i = 0; i < all; ++i) {
      const StoreId store = stores_[i];
      if (model_.store_of(id, store).value != expected) {
        stores_[count++] = store;
        continue;
      }
      if (weak && !alone() && !may_be_spurious && self().spurious < options_.spurious_failures) {
        may_be_spurious = true;
        spurious = store;
      }
      if (model_.can_update(id, store)) stores_[count++] = store;
    }
    count = limited(id, count);
    const std::size_t taken = choose_or_cut(count + (may_be_spurious ? 1U : 0U));
    const StoreId source = taken < count ? stores_[taken] : spurious;
    if (taken == count) ++self().spurious;
    if (taken < count && source != model_.latest(id)) ++stale_;
    const std::uint64_t before = model_.store_of(id, source).value;
    if (taken < count && before == expected) {
      replace(id, source, desired, success, place);
      return true;
    }
    expected = read(id, source, failure, "failed compare-exchange", place);
    return false;
  }

  void fence(std::memory_order order, const Place& place) {
    if (prepares()) return;
    const OutsideModel outside;
    bool kept = true;
    order = effective(place, SiteKind::kFence, order, &kept);
    if (!kept) return;
    if (is_seq_cst(order)) announce({Step::kSeqCstFence, true}, place);
    model_.fence(self().memory, current_, order);
    if (tracing_) trace(std::string("fence ") + name_of(order), place);
  }

  void light_fence(const Place& place) {
    if (prepares()) return;
    const OutsideModel outside;
    bool kept = true;
    effective(place, SiteKind::kLightFence, std::memory_order_seq_cst, &kept);
    if (!kept) return;
    announce({Step::kLightFence}, place);
    model_.light_fence(self().memory);
    if (tracing_) trace("light fence", place);
  }

  /// What the kernel answers whoever asks beforehand.
  [[nodiscard]] bool grants_heavy_fence() const { return !options_.heavy_refused; }

  bool heavy_fence(const Place& place) {
    const OutsideModel outside;
    if (options_.heavy_refused) return false;
    if (prepares()) return true;
    if (options_.refused_later) return false;
    bool kept = true;
    effective(place, SiteKind::kHeavyFence, std::memory_order_seq_cst, &kept);
    if (!kept) return true;
    announce({Step::kHeavyFence, true}, place);
    model_.heavy_fence(self().memory, current_);
    if (tracing_) trace("heavy fence", place);
    return true;
  }

  void access(const void* pointer, std::size_t bytes, Payload::Access kind, const Place& place) {
    const OutsideModel outside;
    const auto conflict =
        payload_.access(pointer, bytes, kind, current_, self().memory.current.clock, place);
    static constexpr const char* kNames[] = {"read", "write", "free"};
    if (tracing_) {
      trace(std::string("payload ") + kNames[static_cast<int>(kind)] + " " + where(pointer), place);
    }
    if (conflict.what != nullptr) {
      fail(std::string(conflict.what) + " by thread " + std::to_string(conflict.other) + " at " +
           show(conflict.other_place));
    }
  }

  void await(const Place& place) {
    if (!options_.relax_waits) return;
    const OutsideModel outside;
    if (alone()) fail("the body waits, but no other thread is there to end that");
    announce({Step::kAwait}, place);
    Thread& thread = self();
    std::vector<LocationId> news;
    for (const LocationId id : thread.reads) {
      if (model_.has_news(thread.memory, id)) news.push_back(id);
    }
    model_.advance(thread.memory, news[choose(news.size())]);
    thread.reads.clear();
    thread.memory.repeats.fill(0);
    if (tracing_) trace("goes on: something is new", place);
  }

  /// \return false if it did not sleep
  bool futex_wait(const void* word, std::uint32_t initial, std::uint32_t expected,
                  std::int64_t limit_ns, const Place& place) {
    const OutsideModel outside;
    if (alone()) fail("the body sleeps, but no other thread is there to wake it");
    const LocationId id = locate(word, initial);
    learn_futex(id);
    announce({Step::kFutexWait, false, id}, place);
    Thread& thread = self();
    model_.before_futex_wait(thread.memory, id);
    const std::size_t count = model_.readable(thread.memory, id, false, 0, stores_.data());
    const auto seen =
        read(id, pick_store(id, count), std::memory_order_relaxed, "futex wait: load", place);
    if (static_cast<std::uint32_t>(seen) != expected) return false;
    thread.pending = {Step::kFutexSleep, false, id};
    thread.timed = limit_ns >= 0;
    thread.limit_ns = limit_ns;
    thread.expected = expected;
    yield();
    if (thread.pending.step == Step::kFutexSleep) {
      ++thread.timeouts;
      now_ns_ += limit_ns;
    }
    if (tracing_) {
      trace(thread.pending.step == Step::kFutexSleep ? "sleep timed out" : "woken", place);
    }
    return true;
  }

  void futex_wake(const void* word, std::uint32_t initial, int most, const Place& place) {
    const OutsideModel outside;
    const LocationId id = locate(word, initial);
    learn_futex(id);
    announce({Step::kFutexWake, false, id}, place);
    model_.futex_wake(self().memory, id);
    std::vector<Thread*> sleepers;
    for (std::size_t i = 1; i < thread_count_; ++i) {
      Thread& thread = threads_[i];
      if (thread.alive && thread.pending.step == Step::kFutexSleep &&
          thread.pending.location == id) {
        sleepers.push_back(&thread);
      }
    }
    if (tracing_) {
      trace(describe(id) + " futex wake, sleepers: " + std::to_string(sleepers.size()), place);
    }
    for (; most > 0 && !sleepers.empty(); --most) {
      const bool all = static_cast<std::size_t>(most) >= sleepers.size();
      const auto i = all ? 0 : static_cast<std::ptrdiff_t>(choose(sleepers.size()));
      sleepers[static_cast<std::size_t>(i)]->pending = {};
      sleepers[static_cast<std::size_t>(i)]->asleep = false;
      sleepers.erase(sleepers.begin() + i);
    }
  }

  /// A mutex is a word that is 1 while somebody has it.
  void lock(const void* word, std::uint64_t initial, const Place& place) {
    const OutsideModel outside;
    const LocationId id = locate(word, initial);
    announce({Step::kLock, false, id}, place);
    if (model_.newest_value(id) != 0) fail("the body waits for a mutex that nobody gives back");
    use(id);
    model_.update(self().memory, current_, id, model_.latest(id), 1, std::memory_order_acquire);
    check_room();
    if (tracing_) trace(describe(id) + " lock", place);
  }
  /// No decision: whoever waits for it is enabled, and looks at nothing else.
  void unlock(const void* word, std::uint64_t initial, const Place& place) {
    const OutsideModel outside;
    const LocationId id = locate(word, initial);
    use(id);
    model_.write(self().memory, current_, id, model_.location(id).count, 0,
                 std::memory_order_release);
    check_room();
    if (tracing_) trace(describe(id) + " unlock", place);
  }

  /// The time in nanoseconds: it stands still, but for sleeps that time out and for as many jumps
  /// of an hour as Options::time_jumps allows, each found at any look.
  std::int64_t now_ns() {
    const OutsideModel outside;
    if (alone()) return now_ns_;
    announce({Step::kClock}, {});
    if (jumps_ < options_.time_jumps && choose(2) != 0) {
      ++jumps_;
      now_ns_ += kJump_ns;
      if (tracing_) trace("an hour has passed", {});
    }
    return now_ns_;
  }

 protected:
  Operations() = default;
  ~Operations() = default;

  void forget_execution() {
    model_.reset();
    model_.stale_limit = options_.stale_limit;
    payload_.reset();
    freed_.clear();
    trace_.clear();
    began_ = false;
    stale_ = 0;
    jumps_ = 0;
    now_ns_ = kJump_ns;
  }

  [[noreturn]] void fail(const std::string& what) final {
    if (tracing_) {
      trace(what, self().place);
      failure_ = what + "\n" + trace_;
    }
    abandon(Status::kFailed);
  }

  void deadlock() final {
    bool lost = false;
    std::string who;
    for (std::size_t id = 1; id < thread_count_; ++id) {
      const Thread& thread = threads_[id];
      if (!thread.alive) continue;
      const bool sleeps = thread.pending.step == Step::kFutexSleep;
      const LocationId word = thread.pending.location;
      lost = lost ||
             (sleeps && static_cast<std::uint32_t>(
                            model_.store_of(word, model_.latest(word)).value) != thread.expected);
      who += "; thread " + std::to_string(id) + (sleeps ? " sleeps at " : " waits at ") +
             show(thread.place);
    }
    fail((lost ? "lost wake-up" : "deadlock") + who);
  }

  /// A deallocation inside the model.
  void freed(const void* begin, std::size_t bytes) {
    const auto first = reinterpret_cast<std::uintptr_t>(begin);
    for (std::size_t i = 0; i < model_.location_count(); ++i) {
      Location& word = model_.location(static_cast<LocationId>(i));
      if (reinterpret_cast<std::uintptr_t>(word.address) - first >= bytes) continue;
      for (ThreadId other = 0; other < kMaxThreads; ++other) {
        if (!self().memory.current.clock.covers(other, word.accessed[other])) {
          fail("memory freed while thread " + std::to_string(other) +
               " may still use a word in it");
        }
      }
      word.freed = true;
    }
    freed_.push_back({first, bytes});
    access(begin, bytes, Payload::Access::kFree, {});
  }

  void trace(const std::string& text, const Place& place) {
    if (!tracing_) return;
    trace_ += "  thread " + std::to_string(current_) + ": " + text;
    if (place.line() != 0) trace_ += "   [" + show(place) + "]";
    trace_ += "\n";
  }

  bool tracing_ = false;
  bool began_ = false;  // the first threads have been started
  std::string failure_;
  std::vector<const void*> learnt_;  // words on which somebody sleeps

 private:
  LocationId add(const void* word, std::uint64_t initial, std::uint32_t at) {
    const LocationId id = model_.add(word, initial, current_, at);
    check_room();
    for (const void* known : learnt_) {
      if (known == word) model_.location(id).futex = true;
    }
    return id;
  }

  LocationId locate(const void* word, std::uint64_t initial) {
    LocationId id = model_.find(word);
    if (id == kNoLocation) {
      id = add(word, initial, 0);
      for (const auto& [begin, bytes] : freed_) {
        if (reinterpret_cast<std::uintptr_t>(word) - begin < bytes)
          model_.location(id).freed = true;
      }
    }
    const Location& location = model_.location(id);
    if (location.freed) fail("access to a word in freed memory");
    if (!self().memory.current.clock.covers(location.made_by, location.made_at)) {
      fail("data race: a word is used, but its construction does not happen before");
    }
    return id;
  }

  void learn_futex(LocationId id) {
    if (model_.location(id).futex) return;
    learnt_.push_back(model_.location(id).address);
    abandon(Status::kRestart);
  }

  void check_room() {
    if (model_.overflow()) fail("the model is too large: raise the limits in view.hpp");
  }

  /// Cuts the execution where every choice was explored before.
  std::size_t choose_or_cut(std::size_t count) {
    if (count == 0) abandon(Status::kRedundant);
    return choose(count);
  }
  StoreId pick_store(LocationId id, std::size_t count) {
    const StoreId store = stores_[choose_or_cut(limited(id, count))];
    if (store != model_.latest(id)) ++stale_;
    return store;
  }

  /// With a bound on stale reads: how many of the first `count` stores of stores_ may be read.
  [[nodiscard]] bool may_be_stale() const {
    return options_.search != Search::kBounded || stale_ < options_.stale_reads;
  }
  [[nodiscard]] std::size_t limited(LocationId id, std::size_t count) const {
    return count > 1 && !may_be_stale() && stores_[0] == model_.latest(id) ? 1 : count;
  }

  /// Puts the stores that an update may read into stores_.
  std::size_t updatable(LocationId id, bool seq_cst) {
    const std::size_t all =
        model_.readable(self().memory, id, seq_cst, self().least, stores_.data());
    std::size_t count = 0;
    for (std::size_t i = 0; i < all; ++i) {
      if (model_.can_update(id, stores_[i])) stores_[count++] = stores_[i];
    }
    return count;
  }

  std::uint64_t read(LocationId id, StoreId source, std::memory_order order, const char* what,
                     const Place& place) {
    const std::uint64_t value = model_.store_of(id, source).value;
    touched(id);
    model_.read(self().memory, id, source, order);
    if (tracing_) {
      trace(describe(id) + " " + what + " -> " + hex(value) + " " + name_of(order) +
                (source == model_.latest(id)
                     ? ""
                     : " (stale: " + hex(model_.store_of(id, model_.latest(id)).value) +
                           " is newer)"),
            place);
    }
    return value;
  }

  void replace(LocationId id, StoreId source, std::uint64_t value, std::memory_order order,
               const Place& place) {
    const std::uint64_t before = model_.store_of(id, source).value;
    touched(id);
    model_.update(self().memory, current_, id, source, value, order);
    check_room();
    if (tracing_) {
      trace(describe(id) + " update " + hex(before) + " -> " + hex(value) + " " + name_of(order),
            place);
    }
  }

  /// Both to be told before the operation, which may advance the thread's clock.
  void use(LocationId id) {
    model_.location(id).accessed[current_] = self().memory.current.clock.time[current_];
  }
  void touched(LocationId id) {
    Thread& thread = self();
    use(id);
    for (const LocationId known : thread.reads) {
      if (known == id) return;
    }
    thread.reads.push_back(id);
  }

  [[nodiscard]] static std::string hex(std::uint64_t value) {
    char text[32];
    std::snprintf(text, sizeof text, value < 1000000 ? "%llu" : "0x%llx",
                  static_cast<unsigned long long>(value));
    return text;
  }
  [[nodiscard]] static std::string where(const void* pointer) {
    return arena().owns(pointer) ? "heap+" + hex(arena().offset(pointer)) : "stack";
  }
  [[nodiscard]] std::string describe(LocationId id) const {
    return "word " + std::to_string(id) + " (" + where(model_.location(id).address) + ")";
  }
  [[nodiscard]] static std::string show(const Place& place) {
    const std::string file = place.file_name();
    return file.substr(file.rfind('/') + 1) + ":" + std::to_string(place.line());
  }

  /// What the body does while nobody else runs can not fail for want of order: no site of a mutant.
  std::memory_order effective(const Place& place, SiteKind kind, std::memory_order order,
                              bool* kept = nullptr) {
    return alone() ? order : sites.effective(place, kind, order, kept);
  }

  static constexpr std::int64_t kJump_ns = 3'600'000'000'000;

  unsigned stale_ = 0;  // reads that missed the newest store
  unsigned jumps_ = 0;
  std::int64_t now_ns_ = 0;
  Payload payload_;
  std::vector<std::pair<std::uintptr_t, std::size_t>> freed_;
  std::string trace_;
  std::array<StoreId, kMaxStoresPerLocation> stores_{};  // the choices of one operation
};

}  // namespace ringway::model
