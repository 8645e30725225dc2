// SPDX-License-Identifier: Apache-2.0
/// \file
/// Rings under real threads: what happened could have been done by a queue, one operation at a
/// time, in an order that time allows. How exact "full" and "empty" are is part of it.

#include <gtest/gtest.h>

#include "tests/stress/judge.hpp"

namespace ringway::stress {
namespace {

template <class Message>
using SpscSubject = TakingSubject<SpscRing, Message>;
template <class Message>
using MpmcSubject = TakingSubject<MpmcRing, Message>;
template <class Message>
using LockFreeMpmcSubject = TakingSubject<LockFreeMpmcRing, Message>;
template <class Message>
using BroadcastSubject = ShowingSubject<BroadcastRing, Message>;
template <class Message>
using LossySubject = ShowingSubject<LossyBroadcastRing, Message>;

class SpscHistory : public testing::TestWithParam<Setting> {};
TEST_P(SpscHistory, IsThatOfAQueue) {
  const Crew crew{crowded(GetParam()) ? 4U : 1U, 1, 1};
  stress_each<SpscSubject>(GetParam(), crew, {}, judge_queue);
}

class MpmcHistory : public testing::TestWithParam<Setting> {};
TEST_P(MpmcHistory, IsThatOfAQueueUnlessBusy) {
  const Crew crew = crowded(GetParam()) ? Crew{1, 4, 4} : Crew{1, 2, 2};
  const Promise promise{.empty = Answer::kUnlessBusy, .full = Answer::kUnlessBusy};
  stress_each<MpmcSubject>(GetParam(), crew, promise, judge_queue);
}

class LockFreeMpmcHistory : public testing::TestWithParam<Setting> {};
TEST_P(LockFreeMpmcHistory, IsThatOfAQueueButFullWhenBusy) {
  const Crew crew = crowded(GetParam()) ? Crew{1, 4, 4} : Crew{1, 2, 2};
  const Promise promise{.empty = Answer::kExact, .full = Answer::kUnlessBusy};
  stress_each<LockFreeMpmcSubject>(GetParam(), crew, promise, judge_queue);
}

class BroadcastHistory : public testing::TestWithParam<Setting> {};
TEST_P(BroadcastHistory, IsThatOfAQueueForEachReader) {
  const Crew crew{1, 1, crowded(GetParam()) ? 7U : 2U};
  stress_each<BroadcastSubject>(GetParam(), crew, {}, judge_broadcast);
}

class LossyBroadcastHistory : public testing::TestWithParam<Setting> {};
TEST_P(LossyBroadcastHistory, IsThatOfAQueueForEachReliableReader) {
  const Crew crew{1, 1, crowded(GetParam()) ? 7U : 2U};
  stress_each<LossySubject>(GetParam(), crew, {}, judge_broadcast);
}

// One message more may fit, since the frames of a ring of bytes lie wherever there is room.
class ByteHistory : public testing::TestWithParam<Setting> {};
TEST_P(ByteHistory, IsThatOfAQueue) {
  const Crew crew{crowded(GetParam()) ? 4U : 1U, 1, 1};
  stress_each<TakingByteSubject>(GetParam(), crew, {.more = 1}, judge_queue);
}

class BroadcastByteHistory : public testing::TestWithParam<Setting> {};
TEST_P(BroadcastByteHistory, IsThatOfAQueueForEachReader) {
  const Crew crew{1, 1, crowded(GetParam()) ? 7U : 2U};
  stress_each<ShowingByteSubject>(GetParam(), crew, {.more = 1}, judge_broadcast);
}

INSTANTIATE_TEST_SUITE_P(Runs, SpscHistory, all_settings(), setting_name);
INSTANTIATE_TEST_SUITE_P(Runs, MpmcHistory, all_settings(), setting_name);
INSTANTIATE_TEST_SUITE_P(Runs, LockFreeMpmcHistory, all_settings(), setting_name);
INSTANTIATE_TEST_SUITE_P(Runs, BroadcastHistory, all_settings(), setting_name);
INSTANTIATE_TEST_SUITE_P(Runs, LossyBroadcastHistory, all_settings(), setting_name);
INSTANTIATE_TEST_SUITE_P(Runs, ByteHistory, all_settings(), setting_name);
INSTANTIATE_TEST_SUITE_P(Runs, BroadcastByteHistory, all_settings(), setting_name);

}  // namespace
}  // namespace ringway::stress
