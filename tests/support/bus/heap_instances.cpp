// SPDX-License-Identifier: Apache-2.0
/// \file
/// Threads of one process: the bus itself, and messages and services of numbers.

#include "support/bus/instances.hpp"

namespace ringway {

template class Directory<NativeMemory>;
template class InlineAudience<NativeMemory>;
template class InlineRegistry<NativeMemory>;
template class SubscriptionCore<NativeMemory>;
template class BusCore<HeapHome>;
template class DispatcherCore<HeapHome>;
template class BasicBus<HeapHome>;
template class Dispatcher<HeapHome>;
template class LanePublisher<int, HeapHome>;
template class LanePublisher<Numbered<int>, HeapHome>;
template class TopicLanes<int, HeapHome>;
template class BroadcastRing<int, NativeMemory>;
template class BroadcastRing<Numbered<int>, NativeMemory>;
template class LossyBroadcastRing<int, NativeMemory>;
template class LossyBroadcastRing<Numbered<int>, NativeMemory>;
template class BroadcastPrefix<int, NativeMemory>;
template class LanePublisher<RequestElement<int>, HeapHome>;
template class BroadcastRing<RequestElement<int>, NativeMemory>;
template class LanePublisher<ReplyElement<int>, HeapHome>;
template class BroadcastRing<ReplyElement<int>, NativeMemory>;
template class PendingTable<int, NativeMemory>;
template class RequesterCore<int, int, HeapHome>;

}  // namespace ringway
