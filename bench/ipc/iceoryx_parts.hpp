// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What ipc_iceoryx.hpp needs besides: its daemon with pools that fit the rows, and a process's
/// membership.

#include <grp.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>

#include "iceoryx_hoofs/log/logmanager.hpp"
#include "iceoryx_posh/popo/untyped_publisher.hpp"
#include "iceoryx_posh/popo/untyped_subscriber.hpp"
#include "iceoryx_posh/popo/wait_set.hpp"
#include "iceoryx_posh/runtime/posh_runtime.hpp"
#include "ipc/nursery.hpp"

namespace ringway::bench {

struct IceoryxDaemon {
  static constexpr const char* kProgram = "iox-roudi";

  /// In the nursery. Without monitoring: it stands still between samples.
  static void want(const IpcPlan& plan) {
    const std::string config = plan.folder + "/roudi.toml";
    std::ofstream(config) << "[general]\nversion = 1\n[[segment]]\n"
                             "[[segment.mempool]]\nsize = 128\ncount = 4000\n"
                             "[[segment.mempool]]\nsize = 1088\ncount = 4000\n"
                             "[[segment.mempool]]\nsize = 65664\ncount = 600\n";
    const ::group* const owners = getgrgid(getegid());  // names the segment of the pools
    Nursery::want_daemon({kProgram, "-c", config, "-m", "off", "-l", "error"},
                         {"/dev/shm/iceoryx_mgmt",
                          std::string("/dev/shm/") + (owners == nullptr ? "" : owners->gr_name),
                          "/tmp/roudi", "/tmp/roudi.lock", "/tmp/iox-unique-roudi.lock"});
  }
};

/// This process's membership, and the service of one direction.
struct IceoryxRuntime {
  explicit IceoryxRuntime(const IpcPlan& plan)
      : service(id("bench"), id(plan.name), id(plan.topic)) {
    iox::log::LogManager::GetLogManager().SetDefaultLogLevel(
        iox::log::LogLevel::kError, iox::log::LogLevelOutput::kHideLogLevel);
    // the first call in a process counts
    iox::runtime::PoshRuntime::initRuntime(iox::RuntimeName_t(
        iox::cxx::TruncateToCapacity, plan.name + "-" + std::to_string(getpid())));
  }
  static iox::capro::IdString_t id(const std::string& text) {
    return {iox::cxx::TruncateToCapacity, text};
  }
  iox::capro::ServiceDescription service;
};

/// The daemon connects both sides in its own time; what is published before is lost.
inline void await_subscribed(const iox::popo::UntypedSubscriber& subscriber) {
  while (subscriber.getSubscriptionState() != iox::SubscribeState::SUBSCRIBED) sched_yield();
}

/// Where a reader sleeps.
struct IceoryxSleep {
  explicit IceoryxSleep(iox::popo::UntypedSubscriber& subscriber) {
    waits.attachState(subscriber, iox::popo::SubscriberState::HAS_DATA).or_else([](auto&) {
      throw std::runtime_error("WaitSet::attachState");
    });
  }
  iox::popo::WaitSet<> waits;
};

inline iox::popo::PublisherOptions waiting_publisher() {
  iox::popo::PublisherOptions options;
  options.subscriberTooSlowPolicy = iox::popo::ConsumerTooSlowPolicy::WAIT_FOR_CONSUMER;
  return options;
}
inline iox::popo::SubscriberOptions waiting_subscriber(const IpcPlan& plan) {
  iox::popo::SubscriberOptions options;
  options.queueFullPolicy = iox::popo::QueueFullPolicy::BLOCK_PRODUCER;
  options.queueCapacity = std::min<std::uint64_t>(plan.capacity, 256);
  return options;
}

}  // namespace ringway::bench
