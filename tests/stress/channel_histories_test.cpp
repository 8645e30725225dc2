// SPDX-License-Identifier: Apache-2.0
/// \file
/// Channels under real threads that wait and do not wait: the same histories as rings have.

#include <gtest/gtest.h>

#include <memory>

#include "tests/stress/judge.hpp"

namespace ringway::stress {
namespace {

template <class Message>
class SpscChannelSubject : public ChannelSubject<decltype(channel<Message>({}))> {
 public:
  explicit SpscChannelSubject(const Shape& shape)
      : ChannelSubject<decltype(channel<Message>({}))>(
            channel<Message>({.capacity = shape.capacity, .start = shape.start}), shape) {}
};
template <class Message>
class MpmcChannelSubject : public ChannelSubject<decltype(mpmc_channel<Message>({}))> {
 public:
  explicit MpmcChannelSubject(const Shape& shape)
      : ChannelSubject<decltype(mpmc_channel<Message>({}))>(
            mpmc_channel<Message>({.capacity = shape.capacity, .start = shape.start}), shape) {}
};

class ChannelHistory : public testing::TestWithParam<Setting> {};
TEST_P(ChannelHistory, IsThatOfAQueue) {
  const Crew crew{crowded(GetParam()) ? 4U : 1U, 1, 1};
  stress_each<SpscChannelSubject>(GetParam(), crew, {}, judge_queue);
}

class MpmcChannelHistory : public testing::TestWithParam<Setting> {};
TEST_P(MpmcChannelHistory, IsThatOfAQueueUnlessBusy) {
  const Crew crew = crowded(GetParam()) ? Crew{1, 4, 4} : Crew{1, 2, 2};
  const Promise promise{.empty = Answer::kUnlessBusy, .full = Answer::kUnlessBusy};
  stress_each<MpmcChannelSubject>(GetParam(), crew, promise, judge_queue);
}

INSTANTIATE_TEST_SUITE_P(Runs, ChannelHistory, all_settings(), setting_name);
INSTANTIATE_TEST_SUITE_P(Runs, MpmcChannelHistory, all_settings(), setting_name);

}  // namespace
}  // namespace ringway::stress
