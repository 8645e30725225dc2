// SPDX-License-Identifier: Apache-2.0
/// \file
/// SIGKILL at random moments, under load: a producer and its readers, a process each, run as fast
/// as they can, and their parent kills one after the other, vacates what it held and starts a new
/// one in its place. Every publisher notes what it is about to commit and what it has committed,
/// every reader what it has handled, and the parent compares the notes of the dead with the ring.
// labels: nosan

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <random>
#include <span>
#include <type_traits>
#include <vector>

#include "tests/kill/operations.hpp"

namespace ringway::test {
namespace {

#if defined(__clang__)
constexpr const char* kCompiler = __VERSION__;
#else
constexpr const char* kCompiler = "g++ " __VERSION__;
#endif

enum class Role { kProducer, kReader, kLossyReader };

/// What the parent and all processes share, besides the ring.
struct Board {
  static constexpr std::size_t kSeats = 4;
  std::array<Witness, kSeats> notes;
  std::atomic<bool> producer_ends{false};
  std::atomic<bool> readers_end{false};
  std::atomic<Sequence> end{0};  // where the readers end
};

template <class Kind, std::size_t kWords>
class Stage {
 public:
  using Element = Message<kWords>;
  using Ring = typename Kind::template RingOn<Element, BetweenProcesses>;
  static constexpr bool kLossy = requires(Ring & ring) { ring.reserve_lossy_cursor(); };
  static constexpr bool kTakes = Kind::kTakes;

  explicit Stage(std::uint64_t seed) : random_(seed), scene_(options()) {
    seats_.push_back({.role = Role::kProducer});
    seats_.push_back({.role = Role::kReader});
    if constexpr (!kTakes) seats_.push_back({.role = Role::kReader});
    if constexpr (kLossy) seats_.push_back({.role = Role::kLossyReader});
    for (std::size_t i = 0; i < seats_.size(); ++i) {
      board_.notes[i].reset(kStart);
      reserve(seats_[i]);
    }
    for (std::size_t i = 1; i < seats_.size(); ++i) start(i);
    start(0);
  }
  ~Stage() {
    for (const Seat& seat : seats_) {
      if (seat.process > 0) end(seat);
    }
  }
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  void run(int kills) {
    for (int i = 0; i < kills && tally_.jammed == 0; ++i) {
      await_progress();
      ::usleep(static_cast<useconds_t>(random_() % 500));
      kill_one(random_() % seats_.size());
    }
    await_progress();
    finish();
  }
  [[nodiscard]] const Tally& tally() const noexcept { return tally_; }
  [[nodiscard]] std::uint64_t messages() const noexcept {
    return board_.notes[0].committed() - kStart;
  }

 private:
  struct Seat {
    Role role;
    std::size_t gate = 0;
    pid_t process = -1;
    Sequence began = 0;
  };

  static typename Ring::Options options() {
    auto options = options_of<Ring>(64, kStart);
    if constexpr (requires { options.max_cursors; }) options.max_cursors = 3;
    return options;
  }

  void reserve([[maybe_unused]] Seat& seat) {
    if constexpr (!kTakes) {
      if (seat.role == Role::kReader) seat.gate = scene_.ring.reserve_cursor().value();
    }
    if constexpr (kLossy) {
      if (seat.role == Role::kLossyReader) {
        seat.gate = scene_.ring.reserve_lossy_cursor().value();
      }
    }
  }

  /// Where the next holder of the seat begins.
  [[nodiscard]] Sequence beginning(const Seat& seat) {
    if (seat.role == Role::kProducer) return scene_.ring.producer().value().sequence();
    if constexpr (kLossy) {
      if (seat.role == Role::kLossyReader) {
        return Forsaken(scene_.ring.adopt_lossy_cursor(seat.gate))->sequence();
      }
    }
    if constexpr (kTakes) {
      return scene_.ring.consumer().value().sequence();
    } else {
      return Forsaken(scene_.ring.adopt_cursor(seat.gate))->sequence();
    }
  }

  void start(std::size_t i) {
    Seat& seat = seats_[i];
    seat.began = beginning(seat);
    board_.notes[i].reset(seat.began);
    const std::uint64_t seed = random_();
    std::fflush(nullptr);
    seat.process = ::fork();
    if (seat.process != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (seat.role == Role::kProducer) produce(board_.notes[i], seed);
    if constexpr (kLossy) {
      if (seat.role == Role::kLossyReader) {
        read_some(board_.notes[i], scene_.ring.adopt_lossy_cursor(seat.gate), seed);
      }
    }
    if constexpr (kTakes) {
      read_all(board_.notes[i], scene_.ring.consumer().value(), seed);
    } else {
      read_all(board_.notes[i], scene_.ring.adopt_cursor(seat.gate), seed);
    }
  }

  // -- the children

  [[noreturn]] void produce(Witness& witness, std::uint64_t seed) {
    BetweenProcesses::enter();
    auto producer = scene_.ring.producer().value();
    std::mt19937_64 random(seed);
    std::array<Element, kBatch> batch;
    while (!board_.producer_ends.load()) {
      const Sequence at = producer.sequence();
      const std::size_t count = random() % (kBatch + 1);
      if (count == 0) {
        const Element element = Element::at(at);
        witness.committing(at + 1);
        auto claim = producer.try_claim();
        if (claim) {
          *claim = element;
          claim.commit();
        }
      } else {
        for (std::size_t i = 0; i < count; ++i) batch[i] = Element::at(at + i);
        witness.committing(at + count);
        static_cast<void>(producer.try_push_batch(std::span(batch).first(count)));
      }
      witness.committed(producer.sequence());
      if (producer.sequence() == at) ::sched_yield();
    }
    ::_exit(0);
  }

  template <class Reader>
  [[noreturn]] void read_all(Witness& witness, Reader reader, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    while (!ended(reader.sequence())) {
      std::size_t count = 0;
      if (random() % 2 == 0) {
        if (const auto element = next(reader)) {
          check(witness, *element, reader.sequence() - 1);
          witness.passed(reader.sequence());
          count = 1;
        }
      } else {
        count = reader.drain(
            [&](auto& element) noexcept {
              check(witness, element, witness.passed());
              witness.passed(witness.passed() + 1);
            },
            1 + random() % 20);
      }
      if (count == 0) ::sched_yield();
    }
    ::_exit(0);
  }

  template <class Reader>
  [[noreturn]] void read_some(Witness& witness, Reader reader, std::uint64_t) {
    std::uint64_t passed = witness.passed();
    while (!ended(reader.sequence())) {
      const std::uint64_t lost = reader.lost();
      const auto element = reader.try_read();
      passed += reader.lost() - lost;
      if (element) {
        check(witness, *element, reader.sequence() - 1);
        ++passed;
      } else {
        ::sched_yield();
      }
      witness.passed(passed);  // received + lost
    }
    ::_exit(0);
  }

  [[nodiscard]] bool ended(Sequence position) const noexcept {
    return board_.readers_end.load() && position == board_.end.load();
  }
  static void check(Witness& witness, const Element& element, Sequence position) noexcept {
    if (!element.is_at(position)) witness.count_torn();
  }

  // -- the parent

  static void end(const Seat& seat) {
    ::kill(seat.process, SIGKILL);
    ::waitpid(seat.process, nullptr, 0);
  }

  /// Everybody alive gets on, whoever died before.
  void await_progress() {
    const bool all = comes_true([this] {
      for (std::size_t i = 0; i < seats_.size(); ++i) {
        const Witness& notes = board_.notes[i];
        const Sequence now = seats_[i].role == Role::kProducer ? notes.committed() : notes.passed();
        if (now == seats_[i].began) return false;
      }
      return true;
    });
    if (!all) ++tally_.jammed;
  }

  void kill_one(std::size_t i) {
    Seat& seat = seats_[i];
    end(seat);
    ++tally_.boundaries;
    const Witness& notes = board_.notes[i];
    count_torn(notes);
    if (seat.role == Role::kProducer) {
      scene_.ring.vacate_producer();
      const Sequence head = beginning(seat);
      if (precedes(head, notes.committed())) ++tally_.lost;
      if (precedes(notes.committing(), head)) ++tally_.torn;
      if (head == notes.committing()) {
        ++tally_.committed;
      } else {
        ++(head == notes.committed() ? tally_.not_committed : tally_.partly);
      }
    } else if (seat.role == Role::kReader) {
      if constexpr (kTakes) scene_.ring.vacate_consumer();
      const auto ahead = distance(notes.passed(), beginning(seat));
      if (ahead > 1) ++tally_.lost;
      tally_.taken += ahead == 1 ? 1 : 0;
      tally_.again += ahead < 0 ? static_cast<int>(-ahead) : 0;
    }
    if constexpr (!kTakes) {
      // A lossy reader has no successor; of the others, every second one.
      const bool leaves =
          seat.role == Role::kLossyReader || (seat.role == Role::kReader && random_() % 2 == 0);
      if (leaves) {
        scene_.ring.vacate_cursor(seat.gate);
        reserve(seat);  // while the producer runs
      }
    }
    start(i);
  }

  void finish() {
    board_.producer_ends = true;
    wait(seats_[0]);
    board_.end = board_.notes[0].committed();
    board_.readers_end = true;
    for (std::size_t i = 1; i < seats_.size(); ++i) {
      wait(seats_[i]);
      if (board_.notes[i].passed() != board_.end) ++tally_.lost;
      count_torn(board_.notes[i]);
    }
  }
  void wait(Seat& seat) {
    int status = 0;
    const bool gone = comes_true([&] { return ::waitpid(seat.process, &status, WNOHANG) != 0; });
    if (!gone) end(seat);
    if (!gone || !WIFEXITED(status) || WEXITSTATUS(status) != 0) ++tally_.jammed;
    seat.process = -1;
  }
  void count_torn(const Witness& notes) { tally_.torn += static_cast<int>(notes.torn()); }

  std::mt19937_64 random_;
  Scene<Ring> scene_;
  SharedPages board_pages_{sizeof(Board)};
  Board& board_ = board_pages_.make<Board>();
  std::vector<Seat> seats_;
  Tally tally_;
};

template <class Kind>
class KillAtRandom : public testing::Test {};
using Kinds = testing::Types<Spsc, Broadcast, LossyBroadcast>;
TYPED_TEST_SUITE(KillAtRandom, Kinds);

TYPED_TEST(KillAtRandom, LosesNothingThatWasCommittedAndHangsNobody) {
  const char* wanted = std::getenv("RINGWAY_SEED");
  const std::uint64_t seed =
      wanted != nullptr ? std::strtoull(wanted, nullptr, 0) : std::random_device()();
  std::printf("RINGWAY_SEED=%llu\n", static_cast<unsigned long long>(seed));
  Tally tally;
  std::uint64_t messages = 0;
  const auto run = [&](auto stage_of, int kills) {
    typename decltype(stage_of)::type stage(seed);
    stage.run(kills);
    EXPECT_GT(stage.messages(), 100u);
    tally += stage.tally();
    messages += stage.messages();
  };
  const int kills = kills_wanted();
  run(std::type_identity<Stage<TypeParam, 6>>{}, kills / 2);          // beside the word
  run(std::type_identity<Stage<TypeParam, 8>>{}, kills - kills / 2);  // behind it
  Tally::print_head();
  tally.print(TypeParam::kName, "random moments");
  std::printf("%llu messages\n", static_cast<unsigned long long>(messages));
  std::printf("built with %s\n", kCompiler);
  EXPECT_EQ(tally.torn, 0);
  EXPECT_EQ(tally.lost, 0);
  EXPECT_EQ(tally.jammed, 0);
}

}  // namespace
}  // namespace ringway::test
