// SPDX-License-Identifier: Apache-2.0
// labels: nosan
#include <gtest/gtest.h>

#include <cerrno>

#include "child_process.hpp"
#include "ping_pong.hpp"
#include "ringway/base/asymmetric_fence.hpp"
#include "ringway/wait/wait_strategy.hpp"

namespace ringway {
namespace {

constexpr int kNoFilter = 77;

TEST(RefusedMembarrier, TheHeavyFenceSaysSo) {
  for (const int error : {EPERM, ENOSYS}) {
    EXPECT_EQ(test::in_child([&] {
                if (!AsymmetricFence::available()) {
                  return 1;
                }
                if (!test::refuse_system_call(SYS_membarrier, error)) {
                  return kNoFilter;
                }
                return AsymmetricFence::heavy() ? 2 : 0;
              }),
              0);
  }
}

TEST(RefusedMembarrier, AtConstructionSetsTheFenceBitAndThePingPongEnds) {
  EXPECT_EQ(test::in_child([] {
              if (!test::refuse_system_call(SYS_membarrier, ENOSYS)) {
                return kNoFilter;
              }
              test::Court<NativeMemory> left;
              test::Court<NativeMemory> right;
              if (!left.arrival.fence_needed() || !right.arrival.fence_needed()) {
                return 1;
              }
              return test::play_until_slept(left, right, 50'000, 3) > 0 ? 0 : 2;
            }),
            0);
}

TEST(RefusedMembarrier, AfterConstructionSetsTheFenceBitAndThePingPongEnds) {
  EXPECT_EQ(test::in_child([] {
              test::Court<NativeMemory> left;
              test::Court<NativeMemory> right;
              if (left.arrival.fence_needed() || right.arrival.fence_needed()) {
                return 1;
              }
              if (!test::refuse_system_call(SYS_membarrier, EPERM)) {
                return kNoFilter;
              }
              const auto parks = test::play_until_slept(left, right, 50'000, 4);
              return parks > 0 && left.arrival.fence_needed() ? 0 : 2;
            }),
            0);
}

// A sleep in slices still ends at the deadline, and not before.
TEST(RefusedMembarrier, AfterConstructionDeadlinesHold) {
  EXPECT_EQ(test::in_child([] {
              EventCount<> event;
              if (!test::refuse_system_call(SYS_membarrier, EPERM)) {
                return kNoFilter;
              }
              const auto begin = std::chrono::steady_clock::now();
              const auto limit = std::chrono::milliseconds(20);
              if (await<Park, NativeMemory>(
                      event, [] { return false; }, begin + limit)) {
                return 1;
              }
              return std::chrono::steady_clock::now() - begin >= limit ? 0 : 2;
            }),
            0);
}

TEST(SystemCalls, ANotificationThatNobodyWaitsForMakesNone) {
  EXPECT_EQ(test::in_child([] {
              EventCount<> event;
              if (!test::forbid_system_calls()) {
                return kNoFilter;
              }
              for (int i = 0; i < 100'000; ++i) {
                event.notify_one();
                event.notify_all();
              }
              return 0;
            }),
            0);
}

// The control: under the same filter, a notification with somebody waiting is caught.
TEST(SystemCalls, ANotificationThatSomebodyWaitsForIsCaughtByTheFilter) {
  EXPECT_EQ(test::in_child([] {
              EventCount<> event;
              const auto key = event.prepare();
              static_cast<void>(key);
              if (!test::forbid_system_calls()) {
                return kNoFilter;
              }
              event.notify_one();
              return 0;
            }),
            1000 + SIGSYS);
}

TEST(SystemCalls, BusySpinMakesNone) {
  EXPECT_EQ(test::in_child([] {
              OpenGate gate;
              if (!test::forbid_system_calls()) {
                return kNoFilter;
              }
              int looks = 0;
              const auto ready = [&] { return ++looks == 100'000; };
              const auto limit = Deadline::after(std::chrono::hours(1));
              return await<BusySpin, NativeMemory>(gate, ready, limit) ? 0 : 1;
            }),
            0);
}

}  // namespace
}  // namespace ringway
