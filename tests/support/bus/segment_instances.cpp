// SPDX-License-Identifier: Apache-2.0
/// \file
/// Processes: the bus itself, and the messages and the service of tests that kill them.

#include "support/bus/instances.hpp"

namespace ringway {

template class Directory<SharedMemory>;
template class InlineAudience<SharedMemory>;
template class InlineRegistry<SharedMemory>;
template class SubscriptionCore<SharedMemory>;
template class BusCore<SegmentHome>;
template class DispatcherCore<SegmentHome>;
#if !defined(__clang__)  // 14 instantiates the constructor for the other home, too
template class BasicBus<SegmentHome>;
#endif
template class Dispatcher<SegmentHome>;
template class CleanUp<SharedMemory>;
template class LanePublisher<test::Word, SegmentHome>;
template class LanePublisher<Numbered<test::Word>, SegmentHome>;
template class TopicLanes<test::Word, SegmentHome>;
template class BroadcastRing<test::Word, SharedMemory>;
template class BroadcastRing<Numbered<test::Word>, SharedMemory>;
template class LossyBroadcastRing<test::Word, SharedMemory>;
template class LossyBroadcastRing<Numbered<test::Word>, SharedMemory>;
template class BroadcastPrefix<test::Word, SharedMemory>;
template class LanePublisher<RequestElement<test::Ask>, SegmentHome>;
template class BroadcastRing<RequestElement<test::Ask>, SharedMemory>;
template class LanePublisher<ReplyElement<test::Tell>, SegmentHome>;
template class BroadcastRing<ReplyElement<test::Tell>, SharedMemory>;
template class PendingTable<test::Tell, SharedMemory>;
template class RequesterCore<test::Tell, test::Ask, SegmentHome>;

}  // namespace ringway
