// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// EventCount and the waiter of the strategies under the explorer: nobody who waits for something
/// that has happened stays asleep.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "models/model.hpp"
#include "ringway/ring/spsc_ring.hpp"
#include "ringway/wait/event_count.hpp"
#include "ringway/wait/wait_strategy.hpp"

namespace ringway::model {

/// Each notifier makes one piece of work and calls notify_one(); each waiter takes one piece.
class ParkProgram {
 public:
  explicit ParkProgram(Explorer& world) : world_(world) {}

  void make() {
    work_.fetch_add(1, std::memory_order_release);
    gate_.notify_one();
  }
  void make_all(unsigned count) {
    work_.fetch_add(count, std::memory_order_release);
    gate_.notify_all();
  }
  void take() {
    while (!try_take()) {
      const auto key = gate_.prepare();
      if (try_take()) {
        gate_.cancel();
        break;
      }
      gate_.wait(key);
    }
    world_.operation();
  }
  void finish() {
    world_.check(work_.load(std::memory_order_relaxed) == 0, "all work was taken");
    world_.check(gate_.waiters_approx() == 0, "nobody is registered any more");
    world_.outcome(std::to_string(gate_.parks()));
  }

 private:
  bool try_take() {
    world_.operation();
    std::uint32_t have = work_.load(std::memory_order_acquire);
    while (have != 0) {
      if (work_.compare_exchange_strong(have, have - 1, std::memory_order_acquire,
                                        std::memory_order_acquire)) {
        return true;
      }
    }
    return false;
  }

  Explorer& world_;
  ModelMemory::Atomic<std::uint32_t> work_{0};
  EventCount<ModelMemory> gate_;
};

/// What the notifier did before notify_one() is seen after wait(), with no other edge between them.
inline void notified_body(Explorer& world) {
  ModelMemory::Atomic<int> done{0};
  int data = 0;
  EventCount<ModelMemory> gate;
  world.threads(
      [&] {
        const auto key = gate.prepare();
        if (done.load(std::memory_order_acquire) != 0) {
          gate.cancel();
        } else {
          gate.wait(key);
          world.check(done.load(std::memory_order_relaxed) == 1, "the change is seen after wait");
        }
        ModelMemory::before_read(&data, sizeof data);
        world.check(data == 1, "the data is seen");
      },
      [&] {
        ModelMemory::before_write(&data, sizeof data);
        data = 1;
        done.store(1, std::memory_order_release);
        gate.notify_one();
      });
  world.outcome(std::to_string(gate.parks()));
}

/// has_waiters() instead of notify's own look, as channels use it.
inline void has_waiters_body(Explorer& world) {
  ModelMemory::Atomic<int> done{0};
  EventCount<ModelMemory> gate;
  world.threads(
      [&] {
        while (done.load(std::memory_order_relaxed) == 0) {
          const auto key = gate.prepare();
          if (done.load(std::memory_order_relaxed) != 0) {
            gate.cancel();
            break;
          }
          gate.wait(key);
          world.operation();
        }
      },
      [&] {
        done.store(1, std::memory_order_relaxed);
        if (gate.has_waiters()) gate.notify_one();
      });
  world.outcome(std::to_string(gate.parks()));
}

/// The kernel refuses the heavy fence from now on. All looks are one operation, so that time, which
/// passes while the waiter sleeps, brings it the change in the end.
inline void late_refusal_body(Explorer& world, bool asks) {
  ModelMemory::Atomic<int> done{0};
  int data = 0;
  EventCount<ModelMemory> gate;
  world.threads(
      [&] {
        while (done.load(std::memory_order_acquire) == 0) {
          const auto key = gate.prepare();
          if (done.load(std::memory_order_acquire) != 0) {
            gate.cancel();
            break;
          }
          gate.wait(key);
        }
        ModelMemory::before_read(&data, sizeof data);
      },
      [&] {
        ModelMemory::before_write(&data, sizeof data);
        done.store(1, std::memory_order_release);
        if (!asks || gate.has_waiters()) gate.notify_one();
      });
  world.check(gate.waiters_approx() == 0, "nobody is registered any more");
  world.outcome(std::to_string(gate.parks()));
}

/// A ring of one slot with a gate on each side: both threads sleep whenever they must.
template <class Strategy>
void parked_ring_body(Explorer& world, unsigned messages) {
  using Ring = SpscRing<Number, ModelMemory>;
  auto ring = Ring::create({.capacity = 1}).value();
  EventCount<ModelMemory> not_empty;
  EventCount<ModelMemory> not_full;
  {
    auto producer = ring.producer().value();
    auto consumer = ring.consumer().value();
    world.threads(
        [&] {
          for (unsigned i = 0; i < messages; ++i) {
            await<Strategy, ModelMemory>(not_full, [&] {
              world.operation();
              return producer.try_push(Number(i));
            });
            not_empty.notify_one();
          }
        },
        [&] {
          for (unsigned i = 0; i < messages; ++i) {
            std::optional<Number> element;
            await<Strategy, ModelMemory>(not_empty, [&] {
              world.operation();
              element.reset();
              if (auto got = consumer.try_pop()) element.emplace(*got);
              return element.has_value();
            });
            world.check(element->number() == i, "in order");
            not_full.notify_one();
          }
        });
  }
  world.outcome(std::to_string(not_empty.parks()) + std::to_string(not_full.parks()));
}

inline Models event_count_models() {
  Models models;
  for (const bool refused : {false, true}) {
    Options options;
    options.heavy_refused = refused;
    const std::string how = refused ? ", heavy fence refused" : "";
    const auto add = [&](const std::string& name, Explorer::Body body, bool tiny, bool quick,
                         bool large = false) {
      Options own = options;
      if (large && refused) {
        own = without_repetition(options);
        own.search = Search::kBounded;
      }
      models.push_back({"EventCount " + name + how, own, std::move(body), tiny, quick, large});
    };
    add(
        "1 waiter x 1 notifier",
        [](Explorer& world) {
          ParkProgram program(world);
          world.threads([&] { program.take(); }, [&] { program.make(); });
          program.finish();
        },
        true, true);
    add(
        "change, notify, wait, look", [](Explorer& world) { notified_body(world); }, true, true);
    add(
        "has_waiters, then notify", [](Explorer& world) { has_waiters_body(world); }, true, true);
    add(
        "2 waiters x 1 notify_all",
        [](Explorer& world) {
          ParkProgram program(world);
          world.threads([&] { program.take(); }, [&] { program.take(); },
                        [&] { program.make_all(2); });
          program.finish();
        },
        false, false);
    add(
        "1 waiter x 2 notifiers",
        [](Explorer& world) {
          ParkProgram program(world);
          world.threads(
              [&] {
                program.take();
                program.take();
              },
              [&] { program.make(); }, [&] { program.make(); });
          program.finish();
        },
        false, false);
    add(
        "2 waiters x 2 notifiers",
        [](Explorer& world) {
          ParkProgram program(world);
          world.threads([&] { program.take(); }, [&] { program.take(); }, [&] { program.make(); },
                        [&] { program.make(); });
          program.finish();
        },
        false, false, true);
    add(
        "ring of one slot, both sides park, 2 messages",
        [](Explorer& world) { parked_ring_body<Park>(world, 2); }, false, true);
  }
  // What a waiter without the fence may miss, it finds when its slice of sleep is over.
  // Since all looks are one operation, a lower limit on stale reads leaves sleeps out.
  Options later;
  later.refused_later = true;
  later.stale_limit = 4;
  const auto add = [&](const std::string& name, Explorer::Body body, bool tiny = false) {
    models.push_back(
        {"EventCount " + name + ", heavy fence refused later", later, std::move(body), tiny, true});
  };
  add(
      "1 waiter x 1 notifier", [](Explorer& world) { late_refusal_body(world, false); }, true);
  add("has_waiters, then notify", [](Explorer& world) { late_refusal_body(world, true); });
  return models;
}

}  // namespace ringway::model
