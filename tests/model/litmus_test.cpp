// SPDX-License-Identifier: Apache-2.0
/// \file
/// The explorer against programs whose outcomes are known: exactly the allowed ones are observed,
/// all of them, and the same ones without any reduction.
///
/// Load buffering is out of scope: the explorer never reads a store that was not executed yet, so
/// it shows fewer outcomes there than the standard allows (see LoadBufferingIsOutOfScope).
///
/// Sources: J. Alglave et al., "Herding cats", TOPLAS 2014 (the shapes and names); O. Lahav et al.,
/// PLDI 2017 (seq_cst); C++20 [intro.races], [atomics.order], [atomics.fences].

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "litmus.hpp"

namespace ringway::model {
namespace {

// Message passing: data, then a flag.

void message_passing(Explorer& world, std::memory_order publish, std::memory_order observe) {
  Word data{0}, flag{0};
  int f = 0, d = 0;
  world.threads(
      [&] {
        data.store(1, kRelaxed);
        flag.store(1, publish);
      },
      [&] {
        f = flag.load(observe);
        d = data.load(kRelaxed);
      });
  show(world, f, d);
}

TEST(Litmus, MessagePassingRelaxed) {
  expect({"00", "01", "10", "11"}, [](auto& w) { message_passing(w, kRelaxed, kRelaxed); });
}
TEST(Litmus, MessagePassingReleaseAcquire) {
  expect({"00", "01", "11"}, [](auto& w) { message_passing(w, kRelease, kAcquire); });
}
TEST(Litmus, MessagePassingReleaseAlone) {
  expect({"00", "01", "10", "11"}, [](auto& w) { message_passing(w, kRelease, kRelaxed); });
}
TEST(Litmus, MessagePassingAcquireAlone) {
  expect({"00", "01", "10", "11"}, [](auto& w) { message_passing(w, kRelaxed, kAcquire); });
}
TEST(Litmus, MessagePassingSeqCst) {
  expect({"00", "01", "11"}, [](auto& w) { message_passing(w, kSeqCst, kSeqCst); });
}

void message_passing_fences(Explorer& world, bool release, bool acquire) {
  Word data{0}, flag{0};
  int f = 0, d = 0;
  world.threads(
      [&] {
        data.store(1, kRelaxed);
        if (release) ModelMemory::fence(kRelease);
        flag.store(1, kRelaxed);
      },
      [&] {
        f = flag.load(kRelaxed);
        if (acquire) ModelMemory::fence(kAcquire);
        d = data.load(kRelaxed);
      });
  show(world, f, d);
}

TEST(Litmus, MessagePassingWithBothFences) {
  expect({"00", "01", "11"}, [](auto& w) { message_passing_fences(w, true, true); });
}
TEST(Litmus, MessagePassingWithReleaseFenceAlone) {
  expect({"00", "01", "10", "11"}, [](auto& w) { message_passing_fences(w, true, false); });
}
TEST(Litmus, MessagePassingWithAcquireFenceAlone) {
  expect({"00", "01", "10", "11"}, [](auto& w) { message_passing_fences(w, false, true); });
}

// Store buffering: each thread stores one word and loads the other.

template <class Between>
void store_buffering(Explorer& world, std::memory_order store, std::memory_order load,
                     Between&& between) {
  Word x{0}, y{0};
  int a = 0, b = 0;
  world.threads(
      [&] {
        x.store(1, store);
        between(0);
        a = y.load(load);
      },
      [&] {
        y.store(1, store);
        between(1);
        b = x.load(load);
      });
  show(world, a, b);
}
constexpr auto kNothing = [](int) {};

TEST(Litmus, StoreBufferingReleaseAcquire) {
  expect({"00", "01", "10", "11"},
         [](auto& w) { store_buffering(w, kRelease, kAcquire, kNothing); });
}
TEST(Litmus, StoreBufferingSeqCst) {
  expect({"01", "10", "11"}, [](auto& w) { store_buffering(w, kSeqCst, kSeqCst, kNothing); });
}
TEST(Litmus, StoreBufferingSeqCstStoresAlone) {
  expect({"00", "01", "10", "11"},
         [](auto& w) { store_buffering(w, kSeqCst, kAcquire, kNothing); });
}
TEST(Litmus, StoreBufferingSeqCstFences) {
  expect({"01", "10", "11"}, [](auto& w) {
    store_buffering(w, kRelaxed, kRelaxed, [](int) { ModelMemory::fence(kSeqCst); });
  });
}
TEST(Litmus, StoreBufferingOneSeqCstFence) {
  expect({"00", "01", "10", "11"}, [](auto& w) {
    store_buffering(w, kRelaxed, kRelaxed, [](int self) {
      if (self == 0) ModelMemory::fence(kSeqCst);
    });
  });
}
TEST(Litmus, StoreBufferingAcqRelFences) {
  expect({"00", "01", "10", "11"}, [](auto& w) {
    store_buffering(w, kRelaxed, kRelaxed, [](int) { ModelMemory::fence(kAcqRel); });
  });
}
TEST(Litmus, StoreBufferingLightAndHeavyFence) {
  expect({"01", "10", "11"}, [](auto& w) {
    store_buffering(w, kRelaxed, kRelaxed, [](int self) {
      if (self == 0) {
        ModelMemory::light_fence();
      } else {
        ModelMemory::heavy_fence();
      }
    });
  });
}
TEST(Litmus, StoreBufferingTwoLightFences) {
  expect({"00", "01", "10", "11"}, [](auto& w) {
    store_buffering(w, kRelaxed, kRelaxed, [](int) { ModelMemory::light_fence(); });
  });
}
TEST(Litmus, StoreBufferingHeavyFenceAlone) {
  expect({"00", "01", "10", "11"}, [](auto& w) {
    store_buffering(w, kRelaxed, kRelaxed, [](int self) {
      if (self == 1) ModelMemory::heavy_fence();
    });
  });
}
TEST(Litmus, StoreBufferingThroughUpdatesOfOneWord) {
  // Two read-modify-writes of one word are ordered: the second one acquires from the first.
  expect({"01", "10", "11"}, [](Explorer& world) {
    Word x{0}, y{0}, meeting{0};
    int a = 0, b = 0;
    world.threads(
        [&] {
          x.store(1, kRelaxed);
          meeting.fetch_add(0, kAcqRel);
          a = y.load(kRelaxed);
        },
        [&] {
          y.store(1, kRelaxed);
          meeting.fetch_add(0, kAcqRel);
          b = x.load(kRelaxed);
        });
    show(world, a, b);
  });
}

// Load buffering, and why it is not shown.

TEST(Litmus, LoadBufferingIsOutOfScope) {
  // The standard allows 11 with relaxed order; the explorer never shows it.
  expect({"00", "01", "10"}, [](Explorer& world) {
    Word x{0}, y{0};
    int a = 0, b = 0;
    world.threads(
        [&] {
          a = x.load(kRelaxed);
          y.store(1, kRelaxed);
        },
        [&] {
          b = y.load(kRelaxed);
          x.store(1, kRelaxed);
        });
    show(world, a, b);
  });
}

// Coherence of one word.

TEST(Litmus, CoherenceOfReads) {
  expect({"00", "01", "02", "11", "12", "22"}, [](Explorer& world) {
    Word x{0};
    int a = 0, b = 0;
    world.threads(
        [&] {
          x.store(1, kRelaxed);
          x.store(2, kRelaxed);
        },
        [&] {
          a = x.load(kRelaxed);
          b = x.load(kRelaxed);
        });
    show(world, a, b);
  });
}
TEST(Litmus, CoherenceOfReadsOfTwoWriters) {
  // Two readers never disagree about the order of two stores.
  Outcomes allowed;
  for (const Outcomes& readings : {Outcomes{"00", "01", "02", "11", "12", "22"},
                                   Outcomes{"00", "02", "01", "22", "21", "11"}}) {
    for (const std::string& one : readings) {
      for (const std::string& other : readings) allowed.insert(one + other);
    }
  }
  EXPECT_EQ(allowed.size(), 47U);  // 36 in each order of the stores, 25 of them in both
  expect(allowed, [](Explorer& world) {
    Word x{0};
    int a = 0, b = 0, c = 0, d = 0;
    world.threads([&] { x.store(1, kRelaxed); }, [&] { x.store(2, kRelaxed); },
                  [&] {
                    a = x.load(kRelaxed);
                    b = x.load(kRelaxed);
                  },
                  [&] {
                    c = x.load(kRelaxed);
                    d = x.load(kRelaxed);
                  });
    show(world, a, b, c, d);
  });
}
TEST(Litmus, CoherenceOfWriteThenRead) {
  // A thread does not read something older than its own store, and a newer one stays newer.
  expect({"11", "12", "22"}, [](Explorer& world) {
    Word x{0};
    int a = 0, b = 0;
    world.threads(
        [&] {
          x.store(1, kRelaxed);
          a = x.load(kRelaxed);
        },
        [&] { x.store(2, kRelaxed); });
    b = x.load(kRelaxed);
    show(world, a, b);
  });
}
TEST(Litmus, CoherenceOfReadThenWrite) {
  // What was read lies before what the reader writes afterwards: 2 read means 3 is last.
  expect({"02", "03", "23"}, [](Explorer& world) {
    Word x{0};
    int a = 0;
    world.threads([&] { x.store(2, kRelaxed); },
                  [&] {
                    a = x.load(kRelaxed);
                    x.store(3, kRelaxed);
                  });
    show(world, a, x.load(kRelaxed));
  });
}
TEST(Litmus, CoherenceOfTwoWritesOfOneThread) {
  expect({"2"}, [](Explorer& world) {
    Word x{0};
    world.threads([&] {
      x.store(1, kRelaxed);
      x.store(2, kRelaxed);
    });
    show(world, x.load(kRelaxed));
  });
}

// 2+2W: two threads write two words in opposite order; first letter final x, second final y.

void two_plus_two_writes(Explorer& world, std::memory_order order) {
  Word x{0}, y{0};
  world.threads(
      [&] {
        x.store(1, order);
        y.store(2, order);
      },
      [&] {
        y.store(1, order);
        x.store(2, order);
      });
  show(world, x.load(kRelaxed), y.load(kRelaxed));
}
TEST(Litmus, TwoPlusTwoWritesRelaxed) {
  expect({"11", "12", "21", "22"}, [](auto& w) { two_plus_two_writes(w, kRelaxed); });
}
TEST(Litmus, TwoPlusTwoWritesRelease) {
  expect({"11", "12", "21", "22"}, [](auto& w) { two_plus_two_writes(w, kRelease); });
}
TEST(Litmus, TwoPlusTwoWritesSeqCst) {
  expect({"12", "21", "22"}, [](auto& w) { two_plus_two_writes(w, kSeqCst); });
}

// More than two threads.

void independent_reads(Explorer& world, std::memory_order store, std::memory_order load,
                       bool fences) {
  Word x{0}, y{0};
  int a = 0, b = 0, c = 0, d = 0;
  world.threads([&] { x.store(1, store); }, [&] { y.store(1, store); },
                [&] {
                  a = x.load(load);
                  if (fences) ModelMemory::fence(kSeqCst);
                  b = y.load(load);
                },
                [&] {
                  c = y.load(load);
                  if (fences) ModelMemory::fence(kSeqCst);
                  d = x.load(load);
                });
  show(world, a, b, c, d);
}
Outcomes all_of_four_bits() {
  Outcomes all;
  for (unsigned bits = 0; bits < 16; ++bits) {
    std::string text;
    for (unsigned i = 0; i < 4; ++i) text += (bits >> i & 1U) != 0 ? '1' : '0';
    all.insert(text);
  }
  return all;
}
TEST(Litmus, IndependentReadsOfIndependentWritesAcquire) {
  expect(all_of_four_bits(), [](auto& w) { independent_reads(w, kRelease, kAcquire, false); });
}
TEST(Litmus, IndependentReadsOfIndependentWritesSeqCst) {
  Outcomes allowed = all_of_four_bits();
  allowed.erase("1010");
  expect(allowed, [](auto& w) { independent_reads(w, kSeqCst, kSeqCst, false); });
}
TEST(Litmus, IndependentReadsOfIndependentWritesSeqCstFences) {
  Outcomes allowed = all_of_four_bits();
  allowed.erase("1010");
  expect(allowed, [](auto& w) { independent_reads(w, kRelaxed, kRelaxed, true); });
}

void write_to_read_causality(Explorer& world, std::memory_order pass, std::memory_order observe) {
  Word x{0}, y{0};
  int a = 0, b = 0, c = 0;
  world.threads([&] { x.store(1, kRelaxed); },
                [&] {
                  a = x.load(observe);
                  y.store(1, pass);
                },
                [&] {
                  b = y.load(observe);
                  c = x.load(kRelaxed);
                });
  show(world, a, b, c);
}
TEST(Litmus, WriteToReadCausalityReleaseAcquire) {
  expect({"000", "001", "010", "011", "100", "101", "111"},
         [](auto& w) { write_to_read_causality(w, kRelease, kAcquire); });
}
TEST(Litmus, WriteToReadCausalityRelaxed) {
  expect({"000", "001", "010", "011", "100", "101", "110", "111"},
         [](auto& w) { write_to_read_causality(w, kRelaxed, kRelaxed); });
}
TEST(Litmus, IriwLikeChainOfThreeThreads) {
  // ISA2: the causality is handed on through two flags.
  expect({"000", "001", "010", "011", "100", "101", "111"}, [](Explorer& world) {
    Word x{0}, y{0}, z{0};
    int a = 0, b = 0, c = 0;
    world.threads(
        [&] {
          x.store(1, kRelaxed);
          y.store(1, kRelease);
        },
        [&] {
          a = y.load(kAcquire);
          z.store(1, kRelease);
        },
        [&] {
          b = z.load(kAcquire);
          c = x.load(kRelaxed);
        });
    show(world, a, b, c);
  });
}

TEST(Litmus, ReadToWriteCausalityWithSeqCstFences) {
  // R: x=1; fence; y=1 against y=2; fence; read x. y==2 at the end and x read as 0 is forbidden.
  expect({"01", "11", "12"}, [](Explorer& world) {
    Word x{0}, y{0};
    int a = 0;
    world.threads(
        [&] {
          x.store(1, kRelaxed);
          ModelMemory::fence(kSeqCst);
          y.store(1, kRelaxed);
        },
        [&] {
          y.store(2, kRelaxed);
          ModelMemory::fence(kSeqCst);
          a = x.load(kRelaxed);
        });
    show(world, a, y.load(kRelaxed));
  });
}
TEST(Litmus, ReadToWriteWithoutFences) {
  expect({"01", "02", "11", "12"}, [](Explorer& world) {
    Word x{0}, y{0};
    int a = 0;
    world.threads(
        [&] {
          x.store(1, kRelease);
          y.store(1, kRelease);
        },
        [&] {
          y.store(2, kRelease);
          a = x.load(kAcquire);
        });
    show(world, a, y.load(kRelaxed));
  });
}

// Release sequences and updates.

TEST(Litmus, ReleaseSequenceGoesThroughARelaxedUpdate) {
  expect({"00", "01", "11", "21"}, [](Explorer& world) {
    Word data{0}, flag{0};
    int f = 0, d = 0;
    world.threads(
        [&] {
          data.store(1, kRelaxed);
          flag.store(1, kRelease);
        },
        [&] {
          int one = 1;
          flag.compare_exchange_strong(one, 2, kRelaxed, kRelaxed);
        },
        [&] {
          f = flag.load(kAcquire);
          d = data.load(kRelaxed);
        });
    show(world, f, d);
  });
}
TEST(Litmus, ReleaseSequenceEndsAtAPlainStoreOfTheSameThread) {
  // C++20 (P0982): 2 was stored relaxed after the release store of 1; reading it acquires nothing.
  expect({"00", "01", "11", "20", "21"}, [](Explorer& world) {
    Word data{0}, flag{0};
    int f = 0, d = 0;
    world.threads(
        [&] {
          data.store(1, kRelaxed);
          flag.store(1, kRelease);
          flag.store(2, kRelaxed);
        },
        [&] {
          f = flag.load(kAcquire);
          d = data.load(kRelaxed);
        });
    show(world, f, d);
  });
}
TEST(Litmus, ReleaseSequenceGoesBehindAFence) {
  expect({"00", "01", "11"}, [](Explorer& world) {
    Word data{0}, flag{0};
    int f = 0, d = 0;
    world.threads(
        [&] {
          data.store(1, kRelaxed);
          ModelMemory::fence(kRelease);
          flag.fetch_add(1, kRelaxed);
        },
        [&] {
          f = flag.exchange(0, kRelaxed);
          ModelMemory::fence(kAcquire);
          d = data.load(kRelaxed);
        });
    show(world, f, d);
  });
}
TEST(Litmus, UpdatesAreAtomic) {
  expect({"3012", "3021", "3102", "3120", "3201", "3210"}, [](Explorer& world) {
    Word x{0};
    int a = 0, b = 0, c = 0;
    world.threads([&] { a = x.fetch_add(1, kRelaxed); }, [&] { b = x.fetch_add(1, kRelaxed); },
                  [&] { c = x.fetch_add(1, kRelaxed); });
    show(world, x.load(kRelaxed), a, b, c);
  });
}
TEST(Litmus, ChainOfUpdatesHandsOnTheFirstRelease) {
  // 1 and 3 carry the release, in whatever order the two were added; 2 alone does not.
  expect({"00", "01", "11", "20", "21", "31"}, [](Explorer& world) {
    Word data{0}, turn{0};
    int t = 0, d = 0;
    world.threads(
        [&] {
          data.store(1, kRelaxed);
          turn.fetch_add(1, kRelease);
        },
        [&] { turn.fetch_add(2, kRelaxed); },
        [&] {
          t = turn.load(kAcquire);
          d = data.load(kRelaxed);
        });
    show(world, t, d);
  });
}
TEST(Litmus, NothingComesBetweenAnUpdateAndItsSource) {
  // An exchange that read 0 has 2 behind it, else 2 would stand between.
  expect({"02", "21"}, [](Explorer& world) {
    Word x{0};
    int a = 0;
    world.threads([&] { a = x.exchange(1, kRelaxed); }, [&] { x.store(2, kRelaxed); });
    show(world, a, x.load(kRelaxed));
  });
}
TEST(Litmus, CompareExchangeOneWins) {
  expect({"10", "01"}, [](Explorer& world) {
    Word x{0};
    bool a = false, b = false;
    world.threads(
        [&] {
          int zero = 0;
          a = x.compare_exchange_strong(zero, 1, kRelaxed, kRelaxed);
        },
        [&] {
          int zero = 0;
          b = x.compare_exchange_strong(zero, 2, kRelaxed, kRelaxed);
        });
    show(world, a, b);
  });
}
TEST(Litmus, WeakCompareExchangeMayFailSpuriously) {
  expect({"0", "1"}, [](Explorer& world) {
    Word x{0};
    bool done = false;
    world.threads([&] {
      int zero = 0;
      done = x.compare_exchange_weak(zero, 1, kRelaxed, kRelaxed);
      world.check(zero == 0, "the failed exchange told what it read");
    });
    show(world, done);
  });
}
TEST(Litmus, FailureOrderOfACompareExchangeCounts) {
  const auto body = [](Explorer& world, std::memory_order failure) {
    Word data{0}, flag{0};
    int d = 1;
    world.threads(
        [&] {
          data.store(1, kRelaxed);
          flag.store(1, kRelease);
        },
        [&] {
          int expected = 7;
          flag.compare_exchange_strong(expected, 8, kRelaxed, failure);
          if (expected == 1) d = data.load(kRelaxed);
        });
    show(world, d);
  };
  expect({"1"}, [&](auto& w) { body(w, kAcquire); });
  expect({"0", "1"}, [&](auto& w) { body(w, kRelaxed); });
}

// A seqlock: its reader must not accept a torn pair. The writer marks the pair busy (odd) first.

void seqlock(Explorer& world, bool writer_fence, bool reader_fence) {
  ModelMemory::Atomic<unsigned> version{0};
  Word a{0}, b{0};
  int seen_a = -1, seen_b = -1;
  world.threads(
      [&] {
        version.store(1, kRelaxed);
        if (writer_fence) ModelMemory::fence(kRelease);
        a.store(1, kRelaxed);
        b.store(1, kRelaxed);
        version.store(2, kRelease);
      },
      [&] {
        const unsigned before = version.load(kAcquire);
        if (before % 2 != 0) return;
        const int first = a.load(kRelaxed);
        const int second = b.load(kRelaxed);
        if (reader_fence) ModelMemory::fence(kAcquire);
        if (version.load(kRelaxed) != before) return;
        seen_a = first;
        seen_b = second;
      });
  world.outcome(seen_a < 0 ? "refused" : std::to_string(seen_a) + std::to_string(seen_b));
}
TEST(Litmus, SeqlockWithItsFences) {
  expect({"00", "11", "refused"}, [](auto& w) { seqlock(w, true, true); });
}
TEST(Litmus, SeqlockWithoutTheReadersFence) {
  expect({"00", "01", "10", "11", "refused"}, [](auto& w) { seqlock(w, true, false); });
}
TEST(Litmus, SeqlockWithoutTheWritersFence) {
  expect({"00", "01", "10", "11", "refused"}, [](auto& w) { seqlock(w, false, true); });
}

// Mutual exclusion by seq_cst: Dekker with a plain critical section.

void dekker(Explorer& world, std::memory_order order) {
  Word x{0}, y{0};
  int shared = 0;
  const auto enter = [&] {
    ModelMemory::before_write(&shared, sizeof shared);
    ++shared;
  };
  world.threads(
      [&] {
        x.store(1, order);
        if (y.load(order == kSeqCst ? kSeqCst : kAcquire) == 0) enter();
      },
      [&] {
        y.store(1, order);
        if (x.load(order == kSeqCst ? kSeqCst : kAcquire) == 0) enter();
      });
  show(world, shared);
}
TEST(Litmus, DekkerSeqCst) {
  expect({"0", "1"}, [](auto& w) { dekker(w, kSeqCst); });
}
TEST(Litmus, DekkerReleaseAcquireRaces) {
  expect_failure("data race", [](auto& w) { dekker(w, kRelease); });
}

}  // namespace
}  // namespace ringway::model
